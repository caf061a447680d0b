import type { OutcomeRecord } from "./outcome.ts";

/**
 * A process as it can be recognised later: a pid alone may be recycled. `startTime` is the kernel's own
 * spelling (clock ticks since boot on Linux), `bootId` names the boot it belongs to.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
}

/** The third answer is for machines and moments where the process table cannot be read: it never kills and never deletes. */
export type Liveness = "alive" | "gone" | "indeterminate";

/** True for what lives, and for what cannot be asked. */
export function mayLive(liveness: Liveness | "none" | undefined): boolean {
  return liveness === "alive" || liveness === "indeterminate";
}

/** What is to be thought of an attempt that has no recorded end. */
export type Verdict = "result_ok" | "result_failed" | Liveness;

/** All that can be known of an attempt from outside. Instants and spans in ms. */
export interface AttemptEvidence {
  /** What its outcome.json holds. */
  readonly record: OutcomeRecord | "unreadable" | undefined;
  /** Its recorded worker; absent where none was recorded. */
  readonly worker?: Liveness;
  /** The newest of its start, spawn, readiness and progress. */
  readonly lastSignAt: number;
  /** How long a sign stands for life where the process cannot be asked; a start is such a sign. */
  readonly graceMs: number;
}

/**
 * The one judgement about an attempt. A result that is there counts, whatever became of its worker; a process that lives
 * is alive, however long it was silent; gone is only what the kernel says is gone, and has left no file that may be a
 * result. Everything else is indeterminate: nobody ends or deletes anything for it.
 */
export function verdictOf({ record, worker, lastSignAt, graceMs }: AttemptEvidence, now: number): Verdict {
  if (typeof record === "object") return record.outcome.kind === "completed" ? "result_ok" : "result_failed";
  if (worker === "alive") return "alive";
  if (worker === "gone") return record === "unreadable" ? "indeterminate" : "gone";
  return now - lastSignAt < graceMs ? "alive" : "indeterminate";
}

/** What is done about a worker that gives no sign of life, before it is ended. */
export interface Escalation {
  /** `nudge`: it is told to go on or to submit. `abort`: what it does is aborted, and it is asked to go on. */
  readonly step: "nudge" | "abort";
  /** Ms without a sign of life until then. */
  readonly quietMs: number;
}
