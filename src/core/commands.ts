import type { DeniedCall } from "./assignment.ts";
import type { Continuation, Owner, RunTerms } from "./events.ts";
import type { WrittenMail } from "./mail.ts";
import type { AttemptOutcome, Progress } from "./outcome.ts";
import type { Plan, RunId, TaskId } from "./plan.ts";
import type { ProcessIdentity } from "./process.ts";

/** What anyone may ask of a run: one file in its inbox. Idempotent by `id`. */
export type Request =
  | {
      readonly id: string;
      readonly kind: "start";
      readonly plan: Plan;
      readonly terms: RunTerms;
      readonly continued?: Continuation;
    }
  /** `by` names the session or person; `reason` is theirs and may be empty. */
  | { readonly id: string; readonly kind: "cancel"; readonly by: string; readonly reason: string }
  /**
   * `reason` is the person's, where the run is taken from a session that lives. `from`: who owned it when it was
   * asked for; whose it has become meanwhile keeps it. Absent: it is taken from whoever owns it.
   */
  | {
      readonly id: string;
      readonly kind: "resume";
      readonly owner: Owner;
      readonly background: boolean;
      readonly reason?: string;
      readonly from?: Owner;
    }
  /** Answers a question or an approval. A run that is parked goes on with it, owned by who answered. */
  | {
      readonly id: string;
      readonly kind: "respond";
      readonly by: string;
      readonly question: string;
      readonly text: string;
      readonly owner: Owner;
    }
  /** Another plan in place of the one of this revision, which waits for approval. */
  | {
      readonly id: string;
      readonly kind: "revise";
      readonly by: string;
      readonly revision: number;
      readonly plan: Plan;
    }
  /** A message to a task, `role:<role>` or `all`. */
  | {
      readonly id: string;
      readonly kind: "post";
      readonly by: string;
      readonly to: string;
      readonly text: string;
      /** To a task: aborts what it does at the moment. */
      readonly interrupt?: true;
    }
  /** Aborts what a task does, takes back what it was not given yet, and has it wait for what it is to do. */
  | { readonly id: string; readonly kind: "stop"; readonly by: string; readonly task: TaskId };

/** Leave to make a run only where the same, named by `key`, was not asked for a moment ago and is under way. */
export interface Once {
  readonly key: string;
  isUnderWay(runId: RunId): Promise<boolean>;
}

/** What the driver itself reports. `at` is ms since the epoch, read from the driver's clock. */
export type Report =
  /** The lease was just taken: attempts of older epochs have no worker any more. Salvaged outcomes by `task/attempt`. */
  | { readonly kind: "take_over"; readonly salvaged: ReadonlyMap<string, AttemptOutcome> }
  | {
      readonly kind: "spawned";
      readonly task: TaskId;
      readonly attempt: number;
      readonly worker: ProcessIdentity;
      readonly mark: string;
    }
  | { readonly kind: "ready"; readonly task: TaskId; readonly attempt: number }
  | ({ readonly kind: "progress"; readonly task: TaskId; readonly attempt: number } & Progress)
  | {
      readonly kind: "denied";
      readonly task: TaskId;
      readonly attempt: number;
      readonly call: DeniedCall;
    }
  | {
      readonly kind: "ended";
      readonly task: TaskId;
      readonly attempt: number;
      readonly outcome: AttemptOutcome;
    }
  /** The worker wrote a mail. `deadlineMs` counts from now on. */
  | {
      readonly kind: "wrote";
      readonly task: TaskId;
      readonly attempt: number;
      readonly mail: WrittenMail;
      readonly deadlineMs?: number;
    }
  /** What became of a mail that is due to this attempt. */
  | {
      readonly kind: "offered" | "consumed";
      readonly task: TaskId;
      readonly attempt: number;
      readonly mail: string;
    }
  | { readonly kind: "owner_gone" }
  /** Nothing happened but time, or room became free. */
  | { readonly kind: "tick" };

export type Command = (Request | Report) & { readonly at: number };

/**
 * What the machine allows beyond what is alive already: `workers` more processes, and whether the shared
 * checkout is free for a writer of this run.
 */
export interface Room {
  readonly workers: number;
  readonly writer: boolean;
}
export const unlimitedRoom: Room = { workers: Number.POSITIVE_INFINITY, writer: true };
