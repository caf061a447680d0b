import { questionOf } from "./letters.ts";
import type { AttemptOutcome } from "./outcome.ts";
import type { PlannedTask } from "./plan.ts";
import type { Retries } from "./settings.ts";
import { countsAsLoss, type StartedRun, switchesModel, type TaskState } from "./state.ts";

/**
 * When the task is tried again after this outcome (ms since the epoch), or undefined when it is not. Failures and
 * losses are bounded apart, and the chain of models by its length, so every loop ends.
 */
export function retryTime(
  state: StartedRun,
  planned: PlannedTask,
  task: TaskState,
  outcome: AttemptOutcome,
  at: number,
): number | undefined {
  if (outcome.kind === "completed" || state.cancel !== undefined) return undefined;
  const { retries } = state.terms.settings;
  // Interrupted, not failed: the run is parked and will go on.
  if (outcome.kind === "cancelled") {
    return task.status === "stopping" && task.cause === "owner_gone" ? at : undefined;
  }
  if (countsAsLoss(outcome)) {
    // It goes on with its answer, however often its worker was lost meanwhile.
    if (questionOf(state, planned.id) !== undefined) return at;
    return task.losses < retries.lostMax ? at + backoffMs(task.losses, retries) : undefined;
  }
  if (switchesModel(planned, task, outcome)) return at;
  if (outcome.kind === "failed" && outcome.retryable && task.failures < planned.retries) {
    return at + backoffMs(task.failures, retries);
  }
  return undefined;
}

/** Doubles from `backoffMs` with every earlier try, up to `backoffMaxMs`. */
export function backoffMs(earlier: number, retries: Retries): number {
  return Math.min(retries.backoffMs * 2 ** Math.min(earlier, 30), retries.backoffMaxMs);
}
