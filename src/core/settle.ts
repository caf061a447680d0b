import { type Heap, pop, push } from "./heap.ts";
import { invariant } from "./invariant.ts";
import type { PlannedTask } from "./plan.ts";
import { type Doomed, isWriter, type StartedRun, type TaskHistory, type TaskState, taskAt } from "./state.ts";
import { isFinalTask } from "./status.ts";

/** The state in the making: a copy that nobody else has seen, so that one event costs one copy. */
export type Next = { -readonly [Key in keyof StartedRun]: StartedRun[Key] };

/** Gives a live task its next status and lets its dependents know when that is final. */
export function settle(
  next: Next,
  id: string,
  after: (history: TaskHistory, planned: PlannedTask) => TaskState,
): void {
  const found = taskAt(next, id);
  invariant(found !== undefined, `unknown task ${id}`);
  const { index, planned, task } = found;
  invariant(!isFinalTask(task.status), `task ${id} is already ${task.status}`);
  const settled = after(historyOf(task), planned);
  replace(next, index, settled);
  next.active = next.active.filter((other) => other !== index);
  if (task.status === "retrying") next.retrying = next.retrying.filter((other) => other !== index);
  if (settled.status === "retrying") next.retrying = [...next.retrying, index];
  if (settled.status === "completed") releaseDependents(next, index);
  else if (isFinalTask(settled.status)) doomDependents(next, index, id);
}

function releaseDependents(next: Next, index: number): void {
  const changes = new Map<number, TaskState>();
  const ready: number[] = [];
  for (const dependent of next.graph.dependents[index] ?? []) {
    const task = next.tasks.get(dependent);
    if (task?.status !== "pending") continue;
    changes.set(dependent, { ...task, unmet: task.unmet - 1 });
    if (task.unmet === 1) ready.push(dependent);
  }
  next.tasks = next.tasks.with(changes);
  addReady(next, ready);
}

function doomDependents(next: Next, index: number, id: string): void {
  let doomed: Doomed = next.doomed;
  for (const task of next.graph.dependents[index] ?? []) doomed = { task, because: id, next: doomed };
  // Whoever is settled now needs no further notice.
  while (doomed !== null && isFinalTask(next.tasks.get(doomed.task)?.status ?? "skipped"))
    doomed = doomed.next;
  next.doomed = doomed;
}

/** Tasks whose last dependency has completed: they may start. */
export function addReady(next: Next, indexes: readonly number[]): void {
  const before = startsBefore(next.graph.height);
  for (const index of indexes) {
    const planned = next.plan.tasks[index];
    if (planned !== undefined && isWriter(planned))
      next.readyWriters = push(next.readyWriters, index, before);
    else next.readyReaders = push(next.readyReaders, index, before);
  }
}

/** The heap without its leading tasks that are not pending any more. */
export function withoutStale(state: StartedRun, heap: Heap): Heap {
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

/** Gives the task at this position its next state, and keeps the counts right. */
export function replace(next: Next, index: number, task: TaskState): void {
  const old = next.tasks.get(index);
  invariant(old !== undefined, `no task at ${index}`);
  next.tasks = next.tasks.set(index, task);
  if (old.status === task.status) return;
  next.counts = {
    ...next.counts,
    [old.status]: next.counts[old.status] - 1,
    [task.status]: next.counts[task.status] + 1,
  };
}

/** What is known of a task whatever its status, without what belongs to the present one. */
export function historyOf(task: TaskState): TaskHistory {
  const { attempts, failures, losses, modelIndex, usage, startedAt, model, denied, last } = task;
  return {
    attempts,
    failures,
    losses,
    modelIndex,
    usage,
    ...(startedAt !== undefined && { startedAt }),
    ...(model !== undefined && { model }),
    ...(denied !== undefined && { denied }),
    ...(last !== undefined && { last }),
  };
}
