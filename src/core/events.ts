import type { DeniedCall } from "./assignment.ts";
import type { Mail } from "./mail.ts";
import type { AttemptOutcome, AttemptResult, Cause, Progress } from "./outcome.ts";
import type { Plan, RunId, TaskId } from "./plan.ts";
import type { Escalation, ProcessIdentity } from "./process.ts";
import type { Settings } from "./settings.ts";

/** Version of the journal's records. A newer one than this is read-only to us. */
export const schemaVersion = 1;

/** The lead: the host session that asked for the run. */
export interface Owner {
  readonly sessionId: string;
  /** The host process; absent where it cannot be told. */
  readonly host?: ProcessIdentity;
  /** False where the host ends with its prompt, so that nobody can be reached there later. */
  readonly attended?: boolean;
}

/** Who or what started something, for people who ask later. */
export interface Origin {
  readonly kind: "agent" | "user" | "system" | "trigger";
  /** Tool call id, command name, or the like; never empty. */
  readonly id: string;
}

/** What a run is started with, besides its plan. */
export interface RunTerms {
  readonly runId: string;
  /** Directory the workers work in. */
  readonly cwd: string;
  readonly owner: Owner;
  readonly origin: Origin;
  /** A background run does not depend on its owner's life. */
  readonly background: boolean;
  /** The lead's model at submission, `provider/id[:thinking]`: used where a task names none. */
  readonly model?: string;
  /** True when the project's own resources and settings may be used by workers. */
  readonly trusted: boolean;
  /** Effective settings, frozen for the run. */
  readonly settings: Settings;
}

/** What a run takes over from one that ended before. */
export interface Continuation {
  readonly from: RunId;
  /** This very plan was approved there. */
  readonly isApproved?: true;
  /** Tasks that are completed from the start; their files were copied, as those of attempt 1. */
  readonly reused: readonly ReusedTask[];
  /** The others, and why each is done again. */
  readonly again: readonly { readonly task: TaskId; readonly why: string }[];
}
export interface ReusedTask {
  readonly task: TaskId;
  /** The run that did the work, which may lie further back than `Continuation.from`. */
  readonly run: RunId;
  readonly result: AttemptResult;
  readonly model?: string;
}

/**
 * Facts that cannot be derived. ("Ready" is not one.) Past tense; what follows from them is `evolve`'s business.
 * Every stored event also carries `v seq epoch at` (see `StoredEvent`).
 */
export type RunEvent =
  /** First record of every segment: a driver took the lease, and seals what came before. Written by the store. */
  | {
      readonly type: "lease.taken";
      readonly pid: number;
      readonly startTime: string;
      readonly bootId: string;
      readonly sealed: readonly { readonly segment: string; readonly bytes: number }[];
    }
  /**
   * What could not be read was given up: the seals of this segment leave it out, its bytes stay where they are. Written
   * by the store, next to the lease that did it; what else proves that work was done follows as ordinary events.
   */
  | {
      readonly type: "journal.repaired";
      readonly by: string;
      /** May be empty. */
      readonly reason: string;
      /** The bad place, and what was wrong there. */
      readonly where: string;
      readonly message: string;
      /** Names of the segments in which the bytes lie that count no more. */
      readonly evidence: readonly string[];
      /** How many lines these are. */
      readonly givenUp: number;
    }
  | {
      readonly type: "run.started";
      readonly request: string;
      readonly plan: Plan;
      readonly terms: RunTerms;
      readonly continued?: Continuation;
    }
  /** Somebody edited the plan while it waited for approval; what was approved or asked for before is about another one. */
  | {
      readonly type: "plan.revised";
      readonly request: string;
      /** From 2; the plan that the run was started with is the first. */
      readonly revision: number;
      readonly plan: Plan;
      readonly by: string;
    }
  | {
      readonly type: "run.cancel_requested";
      readonly request: string;
      readonly by: string;
      readonly reason: string;
      /** `cancelled` for a person's wish; `timeout` when the run's own wall clock asked. */
      readonly cause: Cause;
    }
  /** The run stands still: its workers are to end, nothing is lost, `run.resumed` goes on. */
  | { readonly type: "run.parked"; readonly cause: Cause; readonly message: string }
  | {
      readonly type: "run.resumed";
      readonly request: string;
      readonly owner: Owner;
      readonly background: boolean;
      /** Why it was taken from a session that lived. */
      readonly reason?: string;
    }
  /** It came here in a bundle, and goes on here or not at all: nothing recorded before names a process of this place. */
  | ({
      readonly type: "run.imported";
      /** Hex SHA-256 of the bundle's last line, which lists all that is in it. */
      readonly bundle: string;
      /** Why, where it had to be forced. */
      readonly reason: string;
    } & Pick<RunTerms, "owner" | "cwd" | "trusted" | "settings">)
  | {
      readonly type: "run.finished";
      readonly status: "completed" | "failed" | "cancelled";
      readonly cause: Cause;
    }
  | {
      readonly type: "attempt.started";
      readonly task: TaskId;
      readonly attempt: number;
      /** The model asked for; absent means the worker's own default. */
      readonly model?: string;
    }
  /** The child exists. Its identity lets a later driver end it. */
  | {
      readonly type: "attempt.spawned";
      readonly task: TaskId;
      readonly attempt: number;
      readonly worker: ProcessIdentity;
      /** Value of PI_MUSTER_WORKER that marks its whole tree. */
      readonly mark: string;
    }
  /** The child spoke: its session is open and its tools are there. */
  | { readonly type: "attempt.ready"; readonly task: TaskId; readonly attempt: number }
  /** Throttled telemetry; the only kind of record that may be lost with an unsynced tail. */
  | ({ readonly type: "attempt.progressed"; readonly task: TaskId; readonly attempt: number } & Progress)
  /** It gave no sign of life for `quietMs`, and this is done about it: each step once an attempt, in their order. */
  | ({ readonly type: "attempt.escalated"; readonly task: TaskId; readonly attempt: number } & Escalation)
  /** Its worker was kept from a tool call. */
  | ({ readonly type: "attempt.denied"; readonly task: TaskId; readonly attempt: number } & DeniedCall)
  /** It is to end for this reason; its slot stays occupied until it is verified gone. */
  | {
      readonly type: "attempt.stopping";
      readonly task: TaskId;
      readonly attempt: number;
      readonly cause: Cause;
    }
  /** Recorded exactly once an attempt. `retryAt` (ms since the epoch) is set when another try follows. */
  | {
      readonly type: "attempt.ended";
      readonly task: TaskId;
      readonly attempt: number;
      readonly outcome: AttemptOutcome;
      readonly retryAt?: number;
    }
  /** A message exists. A question or approval of a task's worker makes the task wait; its answer makes it go on. */
  | { readonly type: "mail.posted"; readonly mail: Mail; readonly request?: string }
  /** It was given to this attempt's host, */
  | {
      readonly type: "mail.offered";
      readonly mail: string;
      readonly task: TaskId;
      readonly attempt: number;
    }
  /** and it is in the conversation: the model sees it with its next request. */
  | {
      readonly type: "mail.consumed";
      readonly mail: string;
      readonly task: TaskId;
      readonly attempt: number;
    }
  /** Mail to a task that was stopped, which its worker was not given yet. */
  | {
      readonly type: "mail.withdrawn";
      readonly request: string;
      readonly task: TaskId;
      readonly mail: readonly string[];
    }
  /** A question's deadline passed, and it names no answer to fall back to. It can still be answered. */
  | { readonly type: "mail.expired"; readonly mail: string }
  /** Somebody asked for what could not be done. `request` is the id of the request, or of the mail. */
  | { readonly type: "request.refused"; readonly request: string; readonly reason: string }
  | { readonly type: "task.skipped"; readonly task: TaskId; readonly because: TaskId }
  /** A task that had no living attempt when the run was cancelled. */
  | { readonly type: "task.cancelled"; readonly task: TaskId };

/** Where an event stands in its journal. */
export interface EventEnvelope {
  readonly v: number;
  /** Contiguous from 1 over all segments. */
  readonly seq: number;
  readonly epoch: number;
  /** ISO time. Order is by `seq`, never by this. */
  readonly at: string;
}
export type StoredEvent = RunEvent & EventEnvelope;

/** True for records that must be durable before anything follows from them. */
export function isControl(event: RunEvent): boolean {
  return event.type !== "attempt.progressed";
}
