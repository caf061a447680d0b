import type { RunTerms } from "./events.ts";
import type { Graph } from "./graph.ts";
import type { Heap } from "./heap.ts";
import type { Letter } from "./mail.ts";
import type { AttemptOutcome, AttemptResult, Cause, Usage } from "./outcome.ts";
import type { Plan, PlannedTask, RunId, TaskId } from "./plan.ts";
import type { Escalation, ProcessIdentity } from "./process.ts";
import type { FinalRunStatus, TaskStatus } from "./status.ts";
import type { Table } from "./table.ts";

/** What is known of a task whatever its status. Instants are ms since the epoch. */
export interface TaskHistory {
  /** Attempts started so far. */
  readonly attempts: number;
  /** Failures that cost a retry. */
  readonly failures: number;
  readonly losses: number;
  /** Position in the task's chain of models. */
  readonly modelIndex: number;
  /** Sum over ended attempts. */
  readonly usage: Usage;
  readonly startedAt?: number;
  readonly model?: string;
  /** Tool calls that its workers were kept from. */
  readonly denied?: number;
  /** How the previous attempt ended, when it did not complete. */
  readonly last?: { readonly attempt: number; readonly cause: Cause; readonly message: string };
}

/** An attempt whose worker lives, or may live. */
export interface LiveAttempt {
  readonly number: number;
  readonly epoch: number;
  /** Sequence number of its start: what was written before is in its prompt, what came later is delivered. */
  readonly sinceSeq: number;
  readonly model?: string;
  readonly startedAt: number;
  readonly worker?: ProcessIdentity;
  readonly mark?: string;
  readonly isReady: boolean;
  readonly lastSignAt: number;
  readonly usage: Usage;
  readonly tool?: string;
  readonly activity?: string;
  readonly waitsUntil?: number;
  /** The newest step against its silence, and when; over once a sign of life came. */
  readonly escalation?: Escalation & { readonly at: number; readonly isOver: boolean };
}

/** What a task left, and by which attempt. */
export interface Done {
  readonly result: AttemptResult;
  readonly attempt: number;
}

export type TaskState = TaskHistory &
  (
    | { readonly status: "pending" /** Dependencies that have not completed. */; readonly unmet: number }
    | { readonly status: "running"; readonly attempt: LiveAttempt }
    | { readonly status: "stopping"; readonly attempt: LiveAttempt; readonly cause: Cause }
    /**
     * It asked something, or `done` waits for approval; `blocked` once the deadline of that mail, `question`, passed. Without
     * an attempt: its worker ended.
     */
    | {
        readonly status: "waiting" | "blocked";
        readonly question: string;
        readonly since: number;
        readonly attempt?: LiveAttempt;
        readonly done?: Done;
      }
    | { readonly status: "retrying"; readonly retryAt: number }
    | ({
        readonly status: "completed";
        readonly finishedAt: number;
        /** The earlier run that did the work. */
        readonly reusedFrom?: RunId;
      } & Done)
    | {
        readonly status: "failed";
        readonly finishedAt: number;
        readonly cause: Cause;
        readonly message: string;
      }
    | { readonly status: "skipped"; readonly finishedAt: number; readonly because: TaskId }
    | { readonly status: "cancelled"; readonly finishedAt: number }
  );

/** A task that can no longer run because one it depends on did not complete. */
export type Doomed = { readonly task: number; readonly because: TaskId; readonly next: Doomed } | null;

interface RunBase {
  /** Sequence number of the last event folded in. */
  readonly seq: number;
  readonly epoch: number;
  /** The newest lease's holder. */
  readonly driver?: ProcessIdentity;
  /** Instant of the last event; 0 before the first. */
  readonly updatedAt: number;
}

/** A run that exists but was not started: nothing is known of its plan yet. */
export interface QueuedRun extends RunBase {
  readonly status: "queued";
}

/** A run with a plan. Everything below `tasks` is derived and kept only so that a step costs little. */
export interface StartedRun extends RunBase {
  readonly status: "running" | "blocked" | FinalRunStatus;
  readonly cause?: Cause;
  readonly reason?: string;
  readonly plan: Plan;
  /** Of the plan, from 1: one more with every edit. */
  readonly revision: number;
  /** Set while this revision waits for approval, ms since the epoch: until then nothing starts. */
  readonly proposedAt?: number;
  readonly terms: RunTerms;
  /** The run that this one goes on with. */
  readonly continuedFrom?: RunId;
  readonly createdAt: number;
  readonly finishedAt?: number;
  /** Time up to the last event that does not count against the run's wall clock: parked, waiting for people, or without a driver. */
  readonly idleMs: number;
  /** New drivers since a task was finished or somebody resumed the run: what `recovery.max` bounds. */
  readonly recoveries: number;
  /** The newest time that a driver took over while the run went on: its epoch, and the positions of the tasks at work then. */
  readonly recovered?: { readonly epoch: number; readonly tasks: readonly number[] };
  readonly cancel?: {
    readonly by: string;
    readonly reason: string;
    readonly cause: Cause;
    readonly at: number;
  };
  /** Ids of the requests that took effect. */
  readonly requests: readonly string[];
  readonly tasks: Table<TaskState>;
  readonly graph: Graph;
  readonly counts: Readonly<Record<TaskStatus, number>>;
  /** All mail, oldest first. */
  readonly letters: readonly Letter[];
  /** Why the newest refused requests were refused, by their id. */
  readonly refusals: ReadonlyMap<string, string>;
  /** Usage of ended attempts. */
  readonly usage: Usage;
  /** Positions of running and stopping tasks, in order of their start. */
  readonly active: readonly number[];
  readonly retrying: readonly number[];
  /** Pending tasks with every dependency completed, longest chain first; may hold stale entries. */
  readonly readyReaders: Heap;
  readonly readyWriters: Heap;
  readonly doomed: Doomed;
  /** The first task that failed, which gives a failed run its cause. */
  readonly firstFailure?: { readonly task: TaskId; readonly cause: Cause; readonly message: string };
}

export type RunState = QueuedRun | StartedRun;

/** The attempt of a task whose worker lives, or may live; undefined when none does. */
export function liveAttemptOf(task: TaskState | undefined): LiveAttempt | undefined {
  return task !== undefined && "attempt" in task && typeof task.attempt === "object"
    ? task.attempt
    : undefined;
}

/** True while the run's wall clock goes: it stands while the run is parked and while its plan or a task waits for people. */
export function isClockRunning(state: RunState): boolean {
  if (state.status !== "running" || state.proposedAt !== undefined) return false;
  return state.counts.waiting + state.counts.blocked === 0;
}

/** The state before the first event. */
export const emptyState: RunState = { status: "queued", seq: 0, epoch: 0, updatedAt: 0 };

/** True when the task needs the checkout for itself while it works. */
export function isWriter(task: PlannedTask): boolean {
  return task.writes !== "none";
}

/** The task's plan entry and state by id, or undefined when the run has no such task. */
export function taskAt(
  state: StartedRun,
  id: TaskId,
): { index: number; planned: PlannedTask; task: TaskState } | undefined {
  const index = state.graph.indexOf.get(id);
  if (index === undefined) return undefined;
  const planned = state.plan.tasks[index];
  const task = state.tasks.get(index);
  return planned !== undefined && task !== undefined ? { index, planned, task } : undefined;
}

/** Key of an attempt in maps and effects: `task/3`. */
export function attemptKey(task: TaskId, attempt: number): string {
  return `${task}/${attempt}`;
}

/** True when this failure makes the next model of the chain the remedy, so that it costs no retry. */
export function switchesModel(planned: PlannedTask, task: TaskHistory, outcome: AttemptOutcome): boolean {
  return outcome.kind === "failed" && outcome.provider && task.modelIndex + 1 < planned.models.length;
}

/** True when the attempt's end says nothing about the work: it vanished, hung, or never began. Bounded by `retries.lostMax`. */
export function countsAsLoss(outcome: AttemptOutcome): boolean {
  return outcome.kind === "lost" || (outcome.kind === "failed" && outcome.cause === "aborted_before_session");
}
