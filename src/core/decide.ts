import { advance } from "./advance.ts";
import { revise } from "./approval.ts";
import { type Command, type Room, unlimitedRoom } from "./commands.ts";
import { expire, firstStepMs, isQuiet } from "./deadline.ts";
import { Draft } from "./draft.ts";
import type { Owner, RunEvent } from "./events.ts";
import { decideMail } from "./mailroom.ts";
import { type AttemptOutcome, brief, type Cause, type Progress, type Usage } from "./outcome.ts";
import { retryTime } from "./retry.ts";
import type { Limits } from "./settings.ts";
import {
  attemptKey,
  type LiveAttempt,
  liveAttemptOf,
  type RunState,
  type StartedRun,
  type TaskState,
  taskAt,
} from "./state.ts";
import { isFinalRun } from "./status.ts";

/**
 * The new facts a command brings about: what it says, what time has let expire, and what follows. A command that no
 * longer applies yields nothing: races between cancel, result and deadline are settled here and nowhere else.
 */
export function decide(state: RunState, command: Command, room: Room = unlimitedRoom): readonly RunEvent[] {
  return step(state, command, room).events;
}

/**
 * The same, with the state that the events lead to once they are recorded in order. Nothing expires while more commands
 * of the same instant are to come: one of them may be the sign of life that was missing.
 */
export function step(
  state: RunState,
  command: Command,
  room: Room = unlimitedRoom,
  isMoreToCome = false,
): { readonly events: readonly RunEvent[]; readonly state: RunState } {
  const draft = new Draft(state, command.at);
  react(draft, command);
  if (!isMoreToCome) expire(draft);
  advance(draft, room);
  return draft;
}

function react(draft: Draft, command: Command): void {
  const { state } = draft;
  if (command.kind === "start") {
    if (state.status === "queued") {
      const { id: request, plan, terms, continued } = command;
      draft.add({ type: "run.started", request, plan, terms, ...(continued && { continued }) });
    }
    return;
  }
  if (state.status === "queued" || isFinalRun(state.status)) return;
  switch (command.kind) {
    case "cancel":
      if (state.cancel !== undefined || state.requests.includes(command.id)) return;
      requestCancel(draft, command);
      return;
    case "resume":
      resume(draft, state, command);
      return;
    case "owner_gone":
      if (
        state.terms.background ||
        state.terms.settings.onOwnerLoss === "continue" ||
        state.status === "blocked"
      )
        return;
      draft.add({
        type: "run.parked",
        cause: "owner_gone",
        message: "the session that asked for this run has ended; resume goes on where it stands",
      });
      return;
    case "revise":
      revise(draft, state, command);
      return;
    case "respond":
    case "post":
    case "stop":
    case "wrote":
    case "offered":
    case "consumed":
      decideMail(draft, state, command);
      return;
    case "take_over":
      takeOver(draft, state, command.salvaged);
      return;
    case "spawned":
    case "ready":
    case "progress":
    case "denied":
    case "ended":
      report(draft, state, command);
      return;
    case "tick":
      return;
  }
}

function resume(
  draft: Draft,
  state: StartedRun,
  { id: request, owner, background, reason = "", from }: Extract<Command, { kind: "resume" }>,
): void {
  // A run that only lost its driver goes on by being driven again; its new owner is worth a record.
  const { terms } = state;
  const isOwners = isSameOwner(terms.owner, owner) && terms.background === background;
  if (state.status === "running" && state.recoveries === 0 && isOwners) return;
  if (state.cancel !== undefined || state.requests.includes(request) || state.refusals.has(request)) return;
  const { sessionId } = terms.owner;
  if (from !== undefined && !isSameOwner(terms.owner, from) && sessionId !== owner.sessionId)
    draft.add({ type: "request.refused", request, reason: `session ${sessionId} goes on with it already` });
  else draft.add({ type: "run.resumed", request, owner, background, ...(reason !== "" && { reason }) });
}

function requestCancel(
  draft: Draft,
  { id: request, by, reason }: Extract<Command, { kind: "cancel" }>,
): void {
  draft.add({ type: "run.cancel_requested", request, by, reason, cause: "cancelled" });
}

/** A session in another host is another owner: it may have come back meanwhile. */
function isSameOwner(one: Owner, other: Owner): boolean {
  return (
    one.sessionId === other.sessionId &&
    one.host?.pid === other.host?.pid &&
    one.host?.startTime === other.host?.startTime
  );
}

function takeOver(draft: Draft, state: StartedRun, salvaged: ReadonlyMap<string, AttemptOutcome>): void {
  for (const index of state.active) {
    const planned = state.plan.tasks[index];
    const attempt = liveAttemptOf(state.tasks.get(index));
    if (planned === undefined || attempt === undefined) continue;
    const { number, usage } = attempt;
    const lost: AttemptOutcome = {
      kind: "lost",
      cause: "lost",
      message: "the driver that ran this attempt is gone, and the worker with it",
      usage,
    };
    const kept = salvaged.get(attemptKey(planned.id, number));
    ended(
      draft,
      planned.id,
      number,
      kept === undefined ? lost : { ...kept, usage: larger(kept.usage, usage) },
    );
  }
  limitRecoveries(draft);
}

/** A run that kills its drivers stops. What was salvaged counts as finished, and a cancel goes on to its end. */
function limitRecoveries(draft: Draft): void {
  const { state } = draft;
  if (state.status !== "running" || state.cancel !== undefined) return;
  const { max } = state.terms.settings.recovery;
  if (state.recoveries <= max) return;
  const message = `${max} new drivers in a row died before a task was finished; resume goes on and counts afresh`;
  draft.add({ type: "run.parked", cause: "recovery_limit", message });
}

/** A result written inside the worker counts no usage: what the journal knew by then stands. */
function larger(written: Usage, recorded: Usage): Usage {
  return written.input + written.output >= recorded.input + recorded.output ? written : recorded;
}

type AttemptReport = Extract<Command, { kind: "spawned" | "ready" | "progress" | "denied" | "ended" }>;

function report(draft: Draft, state: StartedRun, command: AttemptReport): void {
  const found = taskAt(state, command.task);
  if (found === undefined) return;
  const { task } = found;
  const living = liveAttemptOf(task);
  if (living === undefined || living.number !== command.attempt) return;
  const { task: id, attempt } = command;
  switch (command.kind) {
    case "spawned":
      draft.add({ type: "attempt.spawned", task: id, attempt, worker: command.worker, mark: command.mark });
      return;
    case "ready":
      if (!living.isReady) draft.add({ type: "attempt.ready", task: id, attempt });
      return;
    case "progress": {
      if (isNews(living, command, draft.at, state.terms.settings.limits)) {
        const { usage, tool, activity, waitsUntil } = command;
        draft.add({
          type: "attempt.progressed",
          task: id,
          attempt,
          usage,
          activity,
          ...(tool !== undefined && { tool }),
          ...(waitsUntil !== undefined && { waitsUntil }),
        });
      }
      const over = overLimit(found.planned, command.usage);
      if (over !== undefined && task.status === "running") {
        draft.add({ type: "attempt.stopping", task: id, attempt, cause: over });
      }
      return;
    }
    case "denied":
      draft.add({ type: "attempt.denied", task: id, attempt, ...command.call });
      return;
    case "ended":
      ended(draft, id, attempt, command.outcome);
      return;
  }
}

const progressMinMs = 5_000;

/**
 * Telemetry is recorded when the tool or the turn changes or a silence ends, and else once in five seconds, or more often
 * where silence is measured in less.
 */
function isNews(attempt: LiveAttempt, progress: Progress, at: number, limits: Limits): boolean {
  return (
    !attempt.isReady ||
    isQuiet(attempt) ||
    attempt.tool !== progress.tool ||
    attempt.usage.turns !== progress.usage.turns ||
    attempt.waitsUntil !== progress.waitsUntil ||
    at - attempt.lastSignAt >= Math.min(progressMinMs, firstStepMs(limits) / 4)
  );
}

function overLimit(
  planned: StartedRun["plan"]["tasks"][number],
  usage: { readonly turns: number; readonly cost: number },
): Cause | undefined {
  if (planned.turnsMax !== undefined && usage.turns > planned.turnsMax) return "turn_limit";
  if (planned.costMax !== undefined && usage.cost > planned.costMax) return "budget_limit";
  return undefined;
}

/** Records an attempt's outcome once, with the next try if there is to be one. */
function ended(draft: Draft, id: string, attempt: number, reported: AttemptOutcome): void {
  const state = draft.state;
  if (state.status === "queued") return;
  const found = taskAt(state, id);
  if (found === undefined) return;
  const outcome = brief(judged(found.task, reported));
  const retryAt = retryTime(state, found.planned, found.task, outcome, draft.at);
  draft.add({ type: "attempt.ended", task: id, attempt, outcome, ...(retryAt !== undefined && { retryAt }) });
}

/** What the outcome means, given why the attempt was being stopped. A durable result stands, whatever came after it. */
function judged(task: TaskState, outcome: AttemptOutcome): AttemptOutcome {
  if (outcome.kind === "completed") return outcome;
  const { usage } = outcome;
  if (task.status !== "stopping") {
    // A driver that ended took its worker along: nobody wanted the task itself to end.
    return outcome.kind === "cancelled"
      ? { kind: "lost", cause: "lost", message: "the driver ended before this attempt did", usage }
      : outcome;
  }
  switch (task.cause) {
    case "cancelled":
    case "owner_gone":
      return { kind: "cancelled", usage };
    case "stuck":
      return { kind: "lost", cause: "stuck", message: stuckMessage(task.attempt), usage };
    case "aborted_before_session":
      return {
        kind: "lost",
        cause: "aborted_before_session",
        message: "the worker never became ready",
        usage,
      };
    default:
      return {
        kind: "failed",
        cause: task.cause,
        retryable: false,
        provider: false,
        message: stopMessage(task.cause),
        usage,
      };
  }
}

function stuckMessage({ escalation, tool }: LiveAttempt): string {
  const during = tool === undefined ? "" : ` while ${tool} ran`;
  if (escalation?.isOver !== false) return `the worker gave no sign of life${during}`;
  const after = escalation.step === "nudge" ? "it was nudged" : "its turn was aborted";
  return `the worker gave no sign of life${during}, also after ${after}`;
}

function stopMessage(cause: Cause): string {
  if (cause === "timeout") return "the attempt reached its wall clock";
  if (cause === "turn_limit") return "the attempt used more turns than its agent allows";
  if (cause === "budget_limit") return "the attempt cost more than its agent allows";
  return `stopped: ${cause}`;
}
