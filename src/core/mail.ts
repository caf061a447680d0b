export const mailKinds = ["message", "progress", "blocked", "handoff", "question", "answer"] as const;
export type MailKind = (typeof mailKinds)[number];

/** One message of a run. Addresses are a task's id, `role:<role>`, `all` (everyone who reads along) or `lead`. */
export interface Mail {
  /** Unique in its run. */
  readonly id: string;
  /** A task's id, `lead`, or `muster` for what the engine itself answers. */
  readonly from: string;
  readonly to: string;
  readonly kind: MailKind;
  readonly text: string;
  /** The question that an answer is to. */
  readonly replyTo?: string;
  /** Answers that a question proposes; others are allowed. */
  readonly options?: readonly string[];
  /** The answer that counts when nobody gave one by the deadline. */
  readonly fallback?: string;
  /** Ms since the epoch; a question without one waits for ever. */
  readonly deadline?: number;
  /** The session or person behind `lead`. */
  readonly by?: string;
}

/** A mail as its writer hands it in: who wrote it, and when it expires, is for others to say. */
export type WrittenMail = Omit<Mail, "from" | "deadline" | "by">;

/** A mail in its run, and what became of it. */
export interface Letter {
  readonly mail: Mail;
  /** Sequence number and instant (ms since the epoch) of its record. */
  readonly seq: number;
  readonly at: number;
  /** Attempts (`task/2`) whose worker was given it, */
  readonly offered: readonly string[];
  /** and those whose conversation holds it. */
  readonly consumed: readonly string[];
  /** A question whose deadline passed without an answer of its own. */
  readonly isExpired: boolean;
}

export type LetterStatus = "produced" | "offered" | "consumed" | "answered" | "expired" | "withdrawn";
