import type { Draft } from "./draft.ts";
import { expireMail, mailDeadline } from "./mailroom.ts";
import type { Cause } from "./outcome.ts";
import type { PlannedTask } from "./plan.ts";
import type { Limits } from "./settings.ts";
import type { LiveAttempt, RunState, StartedRun } from "./state.ts";
import { isFinalRun } from "./status.ts";

/** When a running attempt is to be stopped, and why, if nothing more is heard of it. */
export function attemptDeadline(
  planned: PlannedTask,
  attempt: LiveAttempt,
  limits: Limits,
): { at: number; cause: Cause } {
  const wall = { at: attempt.startedAt + planned.attemptMaxMs, cause: "timeout" } as const;
  const sign = attempt.isReady
    ? ({
        // Silence during a known provider wait, or while a tool works, is no sign of a hang.
        at:
          Math.max(attempt.lastSignAt, attempt.waitsUntil ?? 0) +
          (attempt.tool === undefined ? limits.silenceMaxMs : limits.toolMaxMs),
        cause: "stuck",
      } as const)
    : ({ at: attempt.lastSignAt + limits.startMaxMs, cause: "aborted_before_session" } as const);
  return sign.at < wall.at ? sign : wall;
}

/** Adds what time has let expire by `draft.at`: attempts past their deadline, the run past its own. */
export function expire(draft: Draft): void {
  const state = draft.state;
  if (state.status === "queued" || isFinalRun(state.status)) return;
  const { limits } = state.terms.settings;
  if (state.cancel === undefined) expireMail(draft, state);
  if (state.cancel === undefined && isClockRunning(state) && draft.at >= runDeadline(state)) {
    draft.add({
      type: "run.cancel_requested",
      request: "run-deadline",
      by: "muster",
      reason: `the run reached limits.runMaxMs (${limits.runMaxMs} ms)`,
      cause: "timeout",
    });
    return;
  }
  for (const { planned, attempt } of runningAttempts(state)) {
    const deadline = attemptDeadline(planned, attempt, limits);
    if (draft.at < deadline.at) continue;
    draft.add({ type: "attempt.stopping", task: planned.id, attempt: attempt.number, cause: deadline.cause });
  }
}

/**
 * The one timer the driver needs, in ms since the epoch; undefined when only a report or a request can change anything.
 * `decidedAt` is the instant of the newest decision, which may have recorded nothing.
 */
export function nextDeadline(state: RunState, decidedAt: number = state.updatedAt): number | undefined {
  if (state.status === "queued" || isFinalRun(state.status)) return undefined;
  const { limits } = state.terms.settings;
  const instants: number[] = [];
  for (const { planned, attempt } of runningAttempts(state)) {
    instants.push(attemptDeadline(planned, attempt, limits).at);
  }
  if (state.status === "running") {
    for (const index of state.retrying) {
      const task = state.tasks.get(index);
      // One that was due then waits for room, not for time.
      if (task?.status === "retrying" && task.retryAt > decidedAt) instants.push(task.retryAt);
    }
    if (state.cancel === undefined && isClockRunning(state)) instants.push(runDeadline(state));
  }
  const mail = state.cancel === undefined ? mailDeadline(state) : undefined;
  if (mail !== undefined) instants.push(mail);
  return instants.length === 0 ? undefined : Math.min(...instants);
}

/** People take the time that they need: a run that waits for one of them does not run out of its own. */
function isClockRunning({ status, counts }: StartedRun): boolean {
  return status === "running" && counts.waiting + counts.blocked === 0;
}

/** The run's wall clock stands while it is parked and while no driver lives. */
function runDeadline(state: StartedRun): number {
  return state.createdAt + state.idleMs + state.terms.settings.limits.runMaxMs;
}

function* runningAttempts(state: StartedRun): Iterable<{ planned: PlannedTask; attempt: LiveAttempt }> {
  for (const index of state.active) {
    const task = state.tasks.get(index);
    const planned = state.plan.tasks[index];
    if (task?.status === "running" && planned !== undefined) yield { planned, attempt: task.attempt };
  }
}
