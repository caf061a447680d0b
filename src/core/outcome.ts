/** Why a run, task or attempt ended or stands still. Closed: extended only here (contract §5). */
export const causes = [
  "completed",
  "self_exit",
  "forced_exit",
  "rate_limited",
  "aborted_before_session",
  "timeout",
  "turn_limit",
  "budget_limit",
  "stuck",
  "cancelled",
  "spawn_error",
  "lost",
  "hollow",
  "gate_failed",
  "dependency_failed",
  "rejected",
  "owner_gone",
  "recovery_limit",
  "disk_full",
  "read_only",
] as const;
export type Cause = (typeof causes)[number];

/** Tokens and US dollars of model calls, each counted once by message id; `turns` are model calls that asked for a tool. */
export interface Usage {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly cost: number;
  readonly turns: number;
}

/** What an attempt tells of itself while it works. */
export interface Progress {
  /** Its total so far. */
  readonly usage: Usage;
  /** The tool that runs now; absent between tools. */
  readonly tool?: string;
  /** One line about what it does now. */
  readonly activity: string;
  /** Known provider wait: silence before this instant (ms since the epoch) is no sign of anything. */
  readonly waitsUntil?: number;
}

export const noUsage: Usage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cost: 0, turns: 0 };

/** The sum of two usages. */
export function addUsage(a: Usage, b: Usage): Usage {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    cost: a.cost + b.cost,
    turns: a.turns + b.turns,
  };
}

/** A file a task leaves behind. `path` is relative to the run's `artifacts/` directory. */
export interface Artifact {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** Hex SHA-256 of the content. */
  readonly sha256: string;
}

/** What an attempt produced. The text is the agent's claim; nothing in it was verified by the engine. */
export interface AttemptResult {
  /** The answer, redacted, at most `limits.outputMaxBytes` long in outcome.json; the journal keeps a shorter head. */
  readonly text: string;
  /** Bytes of the whole answer before any cut. */
  readonly bytes: number;
  readonly truncated: boolean;
  /** Hex SHA-256 of the whole answer. */
  readonly sha256: string;
  /** `submitted` through the `submit_result` tool, or `unstructured`: the final text was taken. */
  readonly form: "submitted" | "unstructured";
  readonly artifacts: readonly Artifact[];
}

/** How an attempt ended. Written first to outcome.json, then recorded once in the journal. */
export type AttemptOutcome =
  | {
      readonly kind: "completed";
      readonly result: AttemptResult;
      readonly usage: Usage;
      readonly model?: string;
    }
  | {
      readonly kind: "failed";
      readonly cause: Cause;
      /** True when another try could end differently. */
      readonly retryable: boolean;
      /** True when the provider, not the work, failed: the next model of the chain is tried first. */
      readonly provider: boolean;
      readonly message: string;
      readonly usage: Usage;
      readonly model?: string;
    }
  /** The worker vanished without telling why (machine restarted, driver died). Costs no retry. */
  | { readonly kind: "lost"; readonly cause: Cause; readonly message: string; readonly usage: Usage }
  /** Ended because it was asked to, and its whole process tree was verified gone. */
  | { readonly kind: "cancelled"; readonly usage: Usage };

/** The content of `attempts/<task>-<n>/outcome.json`. */
export interface OutcomeRecord {
  readonly v: 1;
  readonly runId: string;
  readonly task: string;
  readonly attempt: number;
  /** ISO time. */
  readonly at: string;
  readonly outcome: AttemptOutcome;
}

const journalTextMax = 4_000;

/** The outcome as the journal keeps it: the head of a long answer. The whole of it is in outcome.json. */
export function brief(outcome: AttemptOutcome): AttemptOutcome {
  if (outcome.kind !== "completed" || outcome.result.text.length <= journalTextMax) return outcome;
  // A cut inside a surrogate pair would not survive UTF-8.
  const text = outcome.result.text.slice(0, journalTextMax).toWellFormed();
  return { ...outcome, result: { ...outcome.result, text, truncated: true } };
}
