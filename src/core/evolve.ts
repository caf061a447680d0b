import type { RunEvent, StoredEvent } from "./events.ts";
import { graphOf } from "./graph.ts";
import { type Heap, pop, push } from "./heap.ts";
import { invariant } from "./invariant.ts";
import { addUsage, noUsage } from "./outcome.ts";
import {
  countsAsLoss,
  type Doomed,
  emptyState,
  isWriter,
  type LiveAttempt,
  type RunState,
  type StartedRun,
  switchesModel,
  type TaskHistory,
  type TaskState,
  taskAt,
} from "./state.ts";
import { isFinalTask, liveTaskStatuses, type TaskStatus } from "./status.ts";
import { Table } from "./table.ts";

/** Folds a journal from its first event. */
export function fold(events: Iterable<StoredEvent>, from: RunState = emptyState): RunState {
  let state = from;
  for (const event of events) state = evolve(state, event);
  return state;
}

/**
 * The state after one more event. Total over what `decide` produces; an event that contradicts the state is a broken
 * journal and throws InvariantViolation.
 */
export function evolve(state: RunState, event: StoredEvent): RunState {
  invariant(event.seq === state.seq + 1, `event ${event.seq} follows ${state.seq}`);
  const at = Date.parse(event.at);
  const next = apply(state, event, at);
  return { ...next, seq: event.seq, epoch: event.epoch, updatedAt: at };
}

function apply(state: RunState, event: StoredEvent, at: number): RunState {
  switch (event.type) {
    case "lease.taken":
      return leaseTaken(state, event, at);
    case "run.started":
      return started(state, event, at);
    default:
      invariant(state.status !== "queued", `${event.type} before run.started`);
      return applyStarted(state, event, at);
  }
}

function leaseTaken(
  state: RunState,
  event: Extract<RunEvent, { type: "lease.taken" }>,
  at: number,
): RunState {
  const driver = { pid: event.pid, startTime: event.startTime, bootId: event.bootId };
  if (state.status !== "running") return { ...state, driver };
  return { ...state, driver, idleMs: state.idleMs + Math.max(0, at - state.updatedAt) };
}

function started(state: RunState, event: Extract<RunEvent, { type: "run.started" }>, at: number): StartedRun {
  invariant(state.status === "queued", "a run starts once");
  const graph = graphOf(event.plan.tasks);
  const tasks = event.plan.tasks.map(
    (task): TaskState => ({
      status: "pending",
      unmet: task.dependsOn.length,
      attempts: 0,
      failures: 0,
      losses: 0,
      modelIndex: 0,
      usage: noUsage,
    }),
  );
  const run: StartedRun = {
    ...state,
    status: "running",
    plan: event.plan,
    terms: event.terms,
    createdAt: at,
    idleMs: 0,
    requests: [event.request],
    tasks: Table.of(tasks),
    graph,
    counts: { ...noTasks, pending: tasks.length },
    usage: noUsage,
    active: [],
    retrying: [],
    readyReaders: null,
    readyWriters: null,
    doomed: null,
  };
  return withReady(
    run,
    tasks.flatMap((task, index) => (task.status === "pending" && task.unmet === 0 ? [index] : [])),
  );
}

type LaterEvent = Exclude<StoredEvent, { type: "lease.taken" | "run.started" }>;

function applyStarted(state: StartedRun, event: LaterEvent, at: number): StartedRun {
  switch (event.type) {
    case "run.cancel_requested": {
      const { by, reason, cause } = event;
      return { ...state, cancel: { by, reason, cause, at }, requests: [...state.requests, event.request] };
    }
    case "run.parked":
      return { ...state, status: "blocked", cause: event.cause, reason: event.message, parkedAt: at };
    case "run.resumed": {
      const { cause: _cause, reason: _reason, parkedAt = at, ...rest } = state;
      const terms = { ...state.terms, owner: event.owner, background: event.background };
      const idleMs = state.idleMs + Math.max(0, at - parkedAt);
      return { ...rest, status: "running", terms, idleMs, requests: [...state.requests, event.request] };
    }
    case "run.finished":
      invariant(live(state) === 0, "a run ends with its last task");
      return { ...state, status: event.status, cause: event.cause, finishedAt: at };
    case "task.skipped":
      return settle(state, event.task, (history) => ({
        ...history,
        status: "skipped",
        finishedAt: at,
        because: event.because,
      }));
    case "task.cancelled":
      return settle(state, event.task, (history) => ({ ...history, status: "cancelled", finishedAt: at }));
    default:
      return applyToAttempt(state, event, at);
  }
}

type AttemptEvent = Extract<StoredEvent, { attempt: number }>;

function applyToAttempt(state: StartedRun, event: AttemptEvent, at: number): StartedRun {
  if (event.type === "attempt.started") return attemptStarted(state, event, at);
  if (event.type === "attempt.ended") return attemptEnded(state, event, at);
  const found = taskAt(state, event.task);
  invariant(found !== undefined, `${event.type} of unknown task ${event.task}`);
  const { task } = found;
  invariant(
    (task.status === "running" || task.status === "stopping") && task.attempt.number === event.attempt,
    `${event.type} of ${event.task}/${event.attempt}, which is not alive`,
  );
  switch (event.type) {
    case "attempt.spawned":
      return replaced(
        state,
        found.index,
        withAttempt(task, { worker: event.worker, mark: event.mark, lastSignAt: at }),
      );
    case "attempt.ready":
      return replaced(state, found.index, withAttempt(task, { isReady: true, lastSignAt: at }));
    case "attempt.progressed": {
      const { tool: _tool, waitsUntil: _waitsUntil, ...rest } = task.attempt;
      const attempt: LiveAttempt = {
        ...rest,
        isReady: true,
        lastSignAt: at,
        usage: event.usage,
        activity: event.activity,
        ...(event.tool !== undefined && { tool: event.tool }),
        ...(event.waitsUntil !== undefined && { waitsUntil: event.waitsUntil }),
      };
      return replaced(state, found.index, { ...task, attempt });
    }
    case "attempt.stopping":
      return replaced(state, found.index, { ...task, status: "stopping", cause: event.cause });
  }
}

function attemptStarted(
  state: StartedRun,
  event: Extract<StoredEvent, { type: "attempt.started" }>,
  at: number,
): StartedRun {
  const found = taskAt(state, event.task);
  invariant(found !== undefined, `attempt of unknown task ${event.task}`);
  const { task, index } = found;
  invariant(
    task.status === "retrying" || (task.status === "pending" && task.unmet === 0),
    `attempt ${event.task}/${event.attempt} starts while the task is ${task.status}`,
  );
  invariant(event.attempt === task.attempts + 1, `attempt ${event.task}/${event.attempt} is out of turn`);
  const attempt: LiveAttempt = {
    number: event.attempt,
    epoch: event.epoch,
    startedAt: at,
    isReady: false,
    lastSignAt: at,
    usage: noUsage,
    ...(event.model !== undefined && { model: event.model }),
  };
  const next: TaskState = {
    ...historyOf(task),
    status: "running",
    attempt,
    attempts: event.attempt,
    startedAt: task.startedAt ?? at,
    ...(event.model !== undefined && { model: event.model }),
  };
  const run = replaced(state, index, next);
  return {
    ...run,
    active: [...run.active, index],
    retrying: run.retrying.filter((other) => other !== index),
    readyReaders: withoutStale(run, run.readyReaders),
    readyWriters: withoutStale(run, run.readyWriters),
  };
}

function attemptEnded(
  state: StartedRun,
  event: Extract<StoredEvent, { type: "attempt.ended" }>,
  at: number,
): StartedRun {
  const { outcome, retryAt } = event;
  const run: StartedRun = { ...state, usage: addUsage(state.usage, outcome.usage) };
  const ended = settle(run, event.task, (history, planned) => {
    const usage = addUsage(history.usage, outcome.usage);
    if (outcome.kind === "completed") {
      const model = outcome.model ?? history.model;
      const done = { ...history, usage, ...(model !== undefined && { model }) };
      return { ...done, status: "completed", finishedAt: at, result: outcome.result, attempt: event.attempt };
    }
    if (outcome.kind === "cancelled" && retryAt === undefined) {
      return { ...history, usage, status: "cancelled", finishedAt: at };
    }
    const cause = outcome.kind === "cancelled" ? "cancelled" : outcome.cause;
    const message = outcome.kind === "cancelled" ? "stopped on request" : outcome.message;
    const last = { attempt: event.attempt, cause, message };
    const wasLoss = countsAsLoss(outcome);
    const switches = retryAt !== undefined && switchesModel(planned, history, outcome);
    const counted = {
      ...history,
      usage,
      last,
      losses: history.losses + (wasLoss ? 1 : 0),
      failures: history.failures + (outcome.kind === "failed" && !wasLoss && !switches ? 1 : 0),
      modelIndex: history.modelIndex + (switches ? 1 : 0),
    };
    if (retryAt !== undefined) return { ...counted, status: "retrying", retryAt };
    return { ...counted, status: "failed", finishedAt: at, cause, message };
  });
  const task = taskAt(ended, event.task)?.task;
  if (task?.status !== "failed" || ended.firstFailure !== undefined) return ended;
  return { ...ended, firstFailure: { task: event.task, cause: task.cause, message: task.message } };
}

/** Gives a live task its next status and lets its dependents know when that is final. */
function settle(
  state: StartedRun,
  id: string,
  next: (history: TaskHistory, planned: StartedRun["plan"]["tasks"][number]) => TaskState,
): StartedRun {
  const found = taskAt(state, id);
  invariant(found !== undefined, `unknown task ${id}`);
  const { index, planned, task } = found;
  invariant(!isFinalTask(task.status), `task ${id} is already ${task.status}`);
  const after = next(historyOf(task), planned);
  let run = replaced(state, index, after);
  run = {
    ...run,
    active: run.active.filter((other) => other !== index),
    retrying: [
      ...run.retrying.filter((other) => other !== index),
      ...(after.status === "retrying" ? [index] : []),
    ],
  };
  if (after.status === "completed") return releaseDependents(run, index);
  if (isFinalTask(after.status)) return doomDependents(run, index, id);
  return run;
}

function releaseDependents(state: StartedRun, index: number): StartedRun {
  const changes = new Map<number, TaskState>();
  const ready: number[] = [];
  for (const dependent of state.graph.dependents[index] ?? []) {
    const task = state.tasks.get(dependent);
    if (task?.status !== "pending") continue;
    changes.set(dependent, { ...task, unmet: task.unmet - 1 });
    if (task.unmet === 1) ready.push(dependent);
  }
  return withReady({ ...state, tasks: state.tasks.with(changes) }, ready);
}

function doomDependents(state: StartedRun, index: number, id: string): StartedRun {
  let doomed: Doomed = state.doomed;
  for (const task of state.graph.dependents[index] ?? []) doomed = { task, because: id, next: doomed };
  // Whoever is settled now needs no further notice.
  while (doomed !== null && isFinalTask(state.tasks.get(doomed.task)?.status ?? "skipped"))
    doomed = doomed.next;
  return { ...state, doomed };
}

function withReady(state: StartedRun, indexes: readonly number[]): StartedRun {
  const { height } = state.graph;
  const before = startsBefore(height);
  let readers: Heap = state.readyReaders;
  let writers: Heap = state.readyWriters;
  for (const index of indexes) {
    const planned = state.plan.tasks[index];
    if (planned !== undefined && isWriter(planned)) writers = push(writers, index, before);
    else readers = push(readers, index, before);
  }
  return { ...state, readyReaders: readers, readyWriters: writers };
}

function withoutStale(state: StartedRun, heap: Heap): Heap {
  const before = startsBefore(state.graph.height);
  let left = heap;
  while (left !== null && state.tasks.get(left.item)?.status !== "pending") left = pop(left, before);
  return left;
}

/** Critical path first, then the plan's own order. */
export function startsBefore(height: readonly number[]): (a: number, b: number) => boolean {
  return (a, b) => {
    const difference = (height[a] ?? 0) - (height[b] ?? 0);
    return difference === 0 ? a < b : difference > 0;
  };
}

function replaced(state: StartedRun, index: number, task: TaskState): StartedRun {
  const old = state.tasks.get(index);
  invariant(old !== undefined, `no task at ${index}`);
  const tasks = state.tasks.with(new Map([[index, task]]));
  if (old.status === task.status) return { ...state, tasks };
  const counts = {
    ...state.counts,
    [old.status]: state.counts[old.status] - 1,
    [task.status]: state.counts[task.status] + 1,
  };
  return { ...state, tasks, counts };
}

function withAttempt(
  task: Extract<TaskState, { attempt: LiveAttempt }>,
  change: Partial<LiveAttempt>,
): TaskState {
  return { ...task, attempt: { ...task.attempt, ...change } };
}

function historyOf(task: TaskState): TaskHistory {
  const { attempts, failures, losses, modelIndex, usage, startedAt, model, last } = task;
  return {
    attempts,
    failures,
    losses,
    modelIndex,
    usage,
    ...(startedAt !== undefined && { startedAt }),
    ...(model !== undefined && { model }),
    ...(last !== undefined && { last }),
  };
}

/** Tasks that are not final yet. */
export function live(state: StartedRun): number {
  return liveTaskStatuses.reduce((sum, status) => sum + state.counts[status], 0);
}

/** The count of each status before anything is counted. */
export const noTasks: Readonly<Record<TaskStatus, number>> = {
  pending: 0,
  running: 0,
  waiting: 0,
  stopping: 0,
  retrying: 0,
  blocked: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  skipped: 0,
};
