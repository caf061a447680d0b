import { addUsage, noUsage } from "./outcome.ts";
import type { PlannedTask } from "./plan.ts";
import { isWriter, liveAttemptOf, type RunState, type StartedRun, type TaskState } from "./state.ts";
import type { RunView, TaskView } from "./view.ts";

/** What people and models are shown of a run at `now` (ms since the epoch); undefined while it is only queued. */
export function runView(state: RunState, now: number): RunView | undefined {
  if (state.status === "queued") return undefined;
  const tasks = state.plan.tasks.flatMap((planned, index) => {
    const task = state.tasks.get(index);
    return task === undefined ? [] : [taskView(state, planned, task, now)];
  });
  const { plan, terms } = state;
  const reason = runReason(state);
  return {
    runId: terms.runId,
    goal: plan.goal,
    ...(plan.team !== undefined && { team: plan.team }),
    ...(plan.workflow !== undefined && { workflow: plan.workflow }),
    status: state.status,
    ...(state.cause !== undefined && { cause: state.cause }),
    ...(reason !== undefined && { reason }),
    cwd: terms.cwd,
    owner: terms.owner,
    origin: terms.origin,
    background: terms.background,
    createdAt: state.createdAt,
    ...(state.finishedAt !== undefined && { finishedAt: state.finishedAt }),
    alive: state.active.length,
    counts: state.counts,
    usage: tasks.reduce((sum, task) => addUsage(sum, task.usage), noUsage),
    tasks,
  };
}

function runReason(state: StartedRun): string | undefined {
  if (state.cancel !== undefined) {
    const { by, reason } = state.cancel;
    return reason === "" ? `cancelled by ${by}` : `cancelled by ${by}: ${reason}`;
  }
  if (state.status === "failed" && state.firstFailure !== undefined) {
    return `task ${state.firstFailure.task} failed: ${state.firstFailure.message}`;
  }
  return state.reason;
}

function taskView(state: StartedRun, planned: PlannedTask, task: TaskState, now: number): TaskView {
  const reason = taskReason(state, planned, task, now);
  const attempt = liveAttemptOf(task);
  const cause = "cause" in task ? task.cause : task.status === "skipped" ? "dependency_failed" : undefined;
  const model = attempt?.model ?? task.model;
  return {
    id: planned.id,
    agent: planned.agent,
    ...(planned.role !== undefined && { role: planned.role }),
    status: task.status,
    ...(cause !== undefined && { cause }),
    ...(reason !== undefined && { reason }),
    dependsOn: planned.dependsOn,
    attempts: task.attempts,
    ...(task.startedAt !== undefined && { startedAt: task.startedAt }),
    ...("finishedAt" in task && { finishedAt: task.finishedAt }),
    ...(model !== undefined && { model }),
    ...(attempt?.tool !== undefined && { tool: attempt.tool }),
    ...(attempt?.activity !== undefined && { activity: attempt.activity }),
    ...(attempt !== undefined && { lastSignAt: attempt.lastSignAt }),
    usage: attempt === undefined ? task.usage : addUsage(task.usage, attempt.usage),
    ...(task.status === "completed" && { result: task.result }),
  };
}

/** What went wrong, or why the task is not running yet. */
function taskReason(
  state: StartedRun,
  planned: PlannedTask,
  task: TaskState,
  now: number,
): string | undefined {
  switch (task.status) {
    case "pending":
      return pendingReason(state, planned, task.unmet);
    case "retrying": {
      const seconds = Math.max(0, Math.ceil((task.retryAt - now) / 1000));
      const why = task.last === undefined ? "" : ` after ${task.last.cause}: ${task.last.message}`;
      return seconds > 0 ? `tries again in ${seconds} s${why}` : `tries again when there is room${why}`;
    }
    case "stopping":
      return `is being ended (${task.cause})`;
    case "failed":
      return task.message;
    case "skipped":
      return `needs ${task.because}, which did not complete`;
    case "running":
    case "completed":
    case "cancelled":
      return undefined;
  }
}

function pendingReason(state: StartedRun, planned: PlannedTask, unmet: number): string {
  if (unmet > 0) {
    const open = planned.dependsOn.filter((id) => {
      const index = state.graph.indexOf.get(id);
      return index === undefined || state.tasks.get(index)?.status !== "completed";
    });
    return `waits for ${open.join(", ")}`;
  }
  if (state.status === "blocked") return "the run is parked";
  const writer = state.active.flatMap((index) => {
    const other = state.plan.tasks[index];
    return other !== undefined && isWriter(other) ? [other.id] : [];
  })[0];
  if (isWriter(planned) && writer !== undefined)
    return `waits for the shared checkout, where ${writer} writes`;
  if (state.active.length >= state.terms.settings.concurrency)
    return `waits for one of ${state.active.length} workers`;
  return "waits for a free worker on this machine";
}
