export const mailKinds = [
  "message",
  "progress",
  "blocked",
  "handoff",
  "question",
  "approval",
  "answer",
] as const;
export type MailKind = (typeof mailKinds)[number];

/** True for mail that waits for an answer, which is one of mail of its own. */
export function asks({ kind }: { readonly kind: MailKind }): boolean {
  return kind === "question" || kind === "approval";
}

/** What an approval is about. */
export type Matter =
  | { readonly kind: "plan"; readonly revision: number }
  /** What its task has done. */
  | { readonly kind: "step" }
  /** A tool call that `rule` leaves to people; `input` is a summary of its arguments. */
  | { readonly kind: "tool"; readonly tool: string; readonly input: string; readonly rule: string };

/** One message of a run. Addresses are a task's id, `role:<role>`, `all` (everyone who reads along) or `lead`. */
export interface Mail {
  /** Unique in its run. */
  readonly id: string;
  /** A task's id, `lead`, or `muster` for what the engine itself answers. */
  readonly from: string;
  readonly to: string;
  readonly kind: MailKind;
  readonly text: string;
  /** What an answer is to. */
  readonly replyTo?: string;
  /** Answers that a question proposes (others are allowed), or the verdicts that an approval takes. */
  readonly options?: readonly string[];
  /** The answer that counts when nobody gave one by the deadline. */
  readonly fallback?: string;
  /** Ms since the epoch; a question or approval without one waits for ever. */
  readonly deadline?: number;
  /** Of an approval. */
  readonly about?: Matter;
  /** The session or person behind `lead`. */
  readonly by?: string;
  /** What its reader does is aborted for it. A question with this mark is asked for a task that somebody stopped. */
  readonly interrupt?: true;
}

/** A mail as its writer hands it in: who wrote it, and when it expires, is for others to say. */
export type WrittenMail = Omit<Mail, "from" | "deadline" | "by" | "interrupt">;

/** A mail with the instant of its record, ms since the epoch. */
export interface DatedMail extends Mail {
  readonly at: number;
}

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
  /** A question or approval whose deadline passed without an answer of its own. */
  readonly isExpired: boolean;
  /** A question or approval that has its answer. */
  readonly isAnswered?: true;
  /** Taken back before anybody was given it. */
  readonly isWithdrawn?: true;
  /** Sequence number of the record that it was read, the newest one. */
  readonly readSeq?: number;
}

export type LetterStatus = "produced" | "offered" | "consumed" | "answered" | "expired" | "withdrawn";
