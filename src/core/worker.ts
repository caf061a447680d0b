import type { DeniedCall } from "./assignment.ts";
import type { DatedMail, WrittenMail } from "./mail.ts";
import type { AttemptOutcome, Cause, Progress } from "./outcome.ts";
import type { AgentSpec, PlannedTask, RunId, TaskId } from "./plan.ts";
import type { Escalation, ProcessIdentity } from "./process.ts";
import type { Settings } from "./settings.ts";

/** What one attempt has to do: everything a worker needs, nothing that belongs to somebody else. */
export interface Work {
  readonly runId: RunId;
  readonly epoch: number;
  readonly goal: string;
  readonly task: PlannedTask;
  readonly agent: AgentSpec;
  readonly attempt: number;
  /** `provider/id[:thinking]`; absent means the host's default. */
  readonly model?: string;
  /** The workspace, absolute. */
  readonly cwd: string;
  /** `attempts/<task>-<n>/`, absolute: prompt.md, session.jsonl, stderr.log, outcome.json go here. */
  readonly directory: string;
  /** `artifacts/`, absolute. */
  readonly artifacts: string;
  /** Results of the tasks it depends on, in the order of `dependsOn`. */
  readonly inputs: readonly WorkInput[];
  /** What was written to the task, asked by it and answered before this attempt, oldest first. */
  readonly mail: readonly DatedMail[];
  /** Why the previous attempt did not do; absent for the first. */
  readonly previous?: { readonly attempt: number; readonly cause: Cause; readonly message: string };
  readonly trusted: boolean;
  readonly settings: Settings;
}
export interface WorkInput {
  readonly task: TaskId;
  /** Its result text as far as outcome.json holds it. */
  readonly text: string;
  readonly truncated: boolean;
  /** Where the whole of it is. */
  readonly path: string;
}

/** What a living worker tells while it works, in order. */
export type WorkerSignal =
  | { readonly kind: "spawned"; readonly worker: ProcessIdentity; readonly mark: string }
  | { readonly kind: "ready" }
  /**
   * A sign of life: the work itself said something. Answers to what the driver asked or sent are none, nor is what a
   * timer could say. At most four a second.
   */
  | ({ readonly kind: "progress" } & Progress)
  /** It was kept from a tool call; bounded in number. */
  | { readonly kind: "denied"; readonly call: DeniedCall }
  /** It wrote a mail, and waits until that is acknowledged; a question waits for its answer instead. */
  | { readonly kind: "wrote"; readonly mail: WrittenMail; readonly deadlineMs?: number }
  /** This mail is in its conversation now. */
  | { readonly kind: "consumed"; readonly mail: string }
  /** Processes that outlived SIGKILL so far; the slot stays taken and the ending goes on. */
  | { readonly kind: "survivors"; readonly processes: readonly ProcessIdentity[] };

/** One attempt in progress. */
export interface Worker {
  /** Ends when the outcome is known. Read once. */
  readonly signals: AsyncIterable<WorkerSignal>;
  /**
   * Never rejects. Resolves only after outcome.json is durable and the whole process tree was verified gone:
   * whatever the worker did, this is the first moment its slot may be used again.
   */
  readonly outcome: Promise<AttemptOutcome>;
  /**
   * Starts the ending ladder; safe to call at any time and more than once (the first cause wins). A result that was
   * durable before the stop still counts as completed. `cancelled` and `lost` end as they are; every other cause
   * ends as `failed` with that cause.
   */
  stop(cause: Cause): void;
  /**
   * Tells a worker that gave no sign of life to go on or to submit what it has, for `abort` after what it does was
   * aborted; its session goes on. Safe to call at any time; what comes of it is seen in its signals, if anything.
   */
  escalate(escalation: Escalation): void;
  /**
   * Gives it mail, oldest first: messages before its next model call, an answer to the question that waits for it. One
   * that interrupts has its turn aborted first; a stop (a question of its own that interrupts) leaves it at rest, and is
   * consumed when nothing of the turn runs any more.
   */
  deliver(mail: readonly DatedMail[]): void;
  /** Tells it that a mail which it wrote is recorded, or why it is not. */
  acknowledge(mail: string, refusal?: string): void;
}

/** Where attempts run. */
export interface WorkerBackend {
  /** Returns at once and never throws: what goes wrong is the outcome. */
  start(work: Work): Worker;
  /**
   * Ends what earlier drivers of this run left behind: the recorded processes that still have their recorded identity,
   * and everything marked with the run in its environment, except the caller. Resolves with what could not be ended.
   */
  reap(runId: RunId, recorded: readonly ProcessIdentity[]): Promise<readonly ProcessIdentity[]>;
  /** Ends nothing; releases what the backend itself holds. */
  close(): Promise<void>;
}
