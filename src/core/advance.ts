import { requestApprovals } from "./approval.ts";
import { atWork, Candidates } from "./candidates.ts";
import type { Room } from "./commands.ts";
import type { Draft } from "./draft.ts";
import { live } from "./evolve.ts";
import { expireMail } from "./mailroom.ts";
import type { Cause } from "./outcome.ts";
import { liveAttemptOf, type StartedRun } from "./state.ts";
import { isFinalRun, isFinalTask } from "./status.ts";

/** Adds everything that follows from the state by itself: skips, cancellations, starts as far as there is room, the end. */
export function advance(draft: Draft, room: Room): void {
  skipDoomed(draft);
  // Where nobody can be there, what was just asked has its answer at once.
  if (requestApprovals(draft)) expireMail(draft);
  const state = draft.state;
  if (state.status === "queued" || isFinalRun(state.status)) return;
  if (state.cancel !== undefined) cancelEverything(draft, state);
  else if (state.status === "blocked") stopActive(draft, state, "owner_gone");
  else startReady(draft, room);
  finish(draft);
}

function skipDoomed(draft: Draft): void {
  for (;;) {
    const state = draft.state;
    if (state.status === "queued" || state.cancel !== undefined) return;
    let doomed = state.doomed;
    while (doomed !== null && isFinalTask(state.tasks.get(doomed.task)?.status ?? "skipped"))
      doomed = doomed.next;
    const planned = doomed === null ? undefined : state.plan.tasks[doomed.task];
    if (doomed === null || planned === undefined) return;
    draft.add({ type: "task.skipped", task: planned.id, because: doomed.because });
  }
}

function cancelEverything(draft: Draft, state: StartedRun): void {
  stopActive(draft, state, "cancelled");
  const { pending, retrying, waiting, blocked } = state.counts;
  if (pending + retrying + waiting + blocked === 0) return;
  for (const [index, planned] of state.plan.tasks.entries()) {
    const task = state.tasks.get(index);
    if (task !== undefined && !isFinalTask(task.status) && liveAttemptOf(task) === undefined)
      draft.add({ type: "task.cancelled", task: planned.id });
  }
}

function stopActive(draft: Draft, state: StartedRun, cause: Cause): void {
  for (const index of state.active) {
    const task = state.tasks.get(index);
    const planned = state.plan.tasks[index];
    const attempt = liveAttemptOf(task);
    if (task?.status === "stopping" || attempt === undefined || planned === undefined) continue;
    draft.add({ type: "attempt.stopping", task: planned.id, attempt: attempt.number, cause });
  }
}

function startReady(draft: Draft, room: Room): void {
  const state = draft.state;
  if (state.status !== "running" || state.proposedAt !== undefined) return;
  let free = Math.min(state.terms.settings.concurrency - atWork(state), room.workers);
  if (free <= 0) return;
  const candidates = new Candidates(state, draft.at, room.writer);
  for (; free > 0; free--) {
    const index = candidates.take();
    const planned = index === undefined ? undefined : state.plan.tasks[index];
    const task = index === undefined ? undefined : state.tasks.get(index);
    if (planned === undefined || task === undefined) return;
    const model = planned.models[task.modelIndex] ?? state.terms.model;
    draft.add({
      type: "attempt.started",
      task: planned.id,
      attempt: task.attempts + 1,
      ...(model !== undefined && { model }),
    });
  }
}

function finish(draft: Draft): void {
  const state = draft.state;
  if (state.status === "queued" || isFinalRun(state.status) || live(state) > 0) return;
  if (state.cancel !== undefined) {
    const { cause } = state.cancel;
    const status = cause === "cancelled" || cause === "rejected" ? "cancelled" : "failed";
    draft.add({ type: "run.finished", status, cause });
  } else if (state.firstFailure !== undefined) {
    draft.add({ type: "run.finished", status: "failed", cause: state.firstFailure.cause });
  } else {
    draft.add({ type: "run.finished", status: "completed", cause: "completed" });
  }
}
