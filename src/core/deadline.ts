import { batchTimes, unheardStops } from "./dispatch.ts";
import type { Draft } from "./draft.ts";
import { expireMail, mailDeadline } from "./mailroom.ts";
import type { Cause } from "./outcome.ts";
import type { PlannedTask } from "./plan.ts";
import type { Escalation } from "./process.ts";
import type { Limits } from "./settings.ts";
import { isClockRunning, type LiveAttempt, type RunState, type StartedRun } from "./state.ts";
import { isFinalRun } from "./status.ts";

/** What is due for an attempt if nothing more is heard of it. `at` is ms since the epoch. */
export type Due = { readonly at: number } & (
  | { readonly kind: "step"; readonly step: Escalation["step"] }
  | { readonly kind: "stop"; readonly cause: Cause }
);

/** The next thing that is done about a running attempt if it gives no sign of life: a step, or its end. */
export function attemptDeadline(planned: PlannedTask, attempt: LiveAttempt, limits: Limits): Due {
  const wall = { at: attempt.startedAt + planned.attemptMaxMs, kind: "stop", cause: "timeout" } as const;
  const next = attempt.isReady
    ? nextStep(attempt, limits)
    : ({
        at: attempt.lastSignAt + limits.startMaxMs,
        kind: "stop",
        cause: "aborted_before_session",
      } as const);
  return next.at < wall.at ? next : wall;
}

/** The ladder, from below: each step that is on, and the silence after which it is taken. */
function steps({ nudgeAfterMs, abortAfterMs, silenceMaxMs }: Limits) {
  const all = [
    { step: "nudge", afterMs: nudgeAfterMs },
    { step: "abort", afterMs: abortAfterMs },
  ] as const;
  return all.filter(({ afterMs }) => afterMs > 0 && afterMs < silenceMaxMs);
}

/** The silence, ms, after which anything at all is done about a worker. */
export function firstStepMs(limits: Limits): number {
  return Math.min(limits.silenceMaxMs, ...steps(limits).map(({ afterMs }) => afterMs));
}

/** True from a step against an attempt's silence on until its next sign of life. */
export function isQuiet({ escalation }: LiveAttempt): boolean {
  return escalation?.isOver === false;
}

/** No step is taken twice in one attempt, so that one which goes silent again and again comes to its end. */
function nextStep(attempt: LiveAttempt, limits: Limits): Due {
  const { escalation, lastSignAt, waitsUntil = 0, tool } = attempt;
  // Silence during a known provider wait, or while a tool works, is no sign of a hang.
  const silentFrom =
    Math.max(lastSignAt, waitsUntil) +
    (tool === undefined ? 0 : Math.max(0, limits.toolMaxMs - limits.silenceMaxMs));
  const ladder = steps(limits);
  const taken = ladder.findIndex(({ step }) => step === escalation?.step);
  const next = ladder[taken + 1];
  const afterMs = next?.afterMs ?? limits.silenceMaxMs;
  // Each step has its time to work, also when nobody looked at the clock for long.
  const sinceStep =
    escalation?.isOver === false ? escalation.at + afterMs - (ladder[taken]?.afterMs ?? 0) : 0;
  const at = Math.max(silentFrom + afterMs, sinceStep);
  return next === undefined ? { at, kind: "stop", cause: "stuck" } : { at, kind: "step", step: next.step };
}

/** Adds what time has let expire by `draft.at`: attempts past their deadline, the run past its own. */
export function expire(draft: Draft): void {
  expireMail(draft);
  const state = draft.state;
  if (state.status === "queued" || isFinalRun(state.status)) return;
  const { limits } = state.terms.settings;
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
  for (const { task, attempt, at } of unheardStops(state)) {
    if (draft.at >= at) draft.add({ type: "attempt.stopping", task, attempt, cause: "stuck" });
  }
  for (const { planned, attempt } of runningAttempts(state)) {
    const wallAt = attempt.startedAt + planned.attemptMaxMs;
    const next = attemptDeadline(planned, attempt, limits);
    // A step that the wall clock leaves no time for is not taken.
    const isLate = next.kind === "step" && draft.at >= wallAt;
    const due: Due = isLate ? { at: wallAt, kind: "stop", cause: "timeout" } : next;
    if (draft.at < due.at) continue;
    const of = { task: planned.id, attempt: attempt.number };
    const quietMs = draft.at - attempt.lastSignAt;
    draft.add(
      due.kind === "stop"
        ? { type: "attempt.stopping", ...of, cause: due.cause }
        : { type: "attempt.escalated", ...of, step: due.step, quietMs },
    );
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
  instants.push(...batchTimes(state).filter((at) => at > decidedAt));
  instants.push(...unheardStops(state).map(({ at }) => at));
  return instants.length === 0 ? undefined : Math.min(...instants);
}

/** Of use only while the clock is running. */
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
