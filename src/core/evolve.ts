import { applyMail, readPrompt } from "./delivery.ts";
import type { RunEvent, StoredEvent } from "./events.ts";
import { graphOf } from "./graph.ts";
import { invariant } from "./invariant.ts";
import { questionOf, stepApproval } from "./letters.ts";
import { addUsage, noUsage } from "./outcome.ts";
import type { Plan } from "./plan.ts";
import { completed } from "./settings.ts";
import { addReady, historyOf, type Next, replace, settle, withoutStale } from "./settle.ts";
import {
  countsAsLoss,
  emptyState,
  isClockRunning,
  type LiveAttempt,
  liveAttemptOf,
  type RunState,
  type StartedRun,
  switchesModel,
  type TaskState,
  taskAt,
} from "./state.ts";
import { isFinalRun, liveTaskStatuses, type TaskStatus } from "./status.ts";
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
  return evolveTo(state, event, event.epoch, Date.parse(event.at));
}

/** The same for an event that follows in this epoch but was not stored yet. `at` is ms since the epoch. */
export function evolveTo(state: RunState, event: RunEvent, epoch: number, at: number): RunState {
  const seq = state.seq + 1;
  if (event.type === "lease.taken") return { ...leaseTaken(state, event, at), seq, epoch, updatedAt: at };
  if (event.type === "journal.repaired") return { ...clocked(state, at), seq, epoch, updatedAt: at };
  if (event.type === "run.started") return { ...started(state, event, at), seq, epoch, updatedAt: at };
  invariant(state.status !== "queued", `${event.type} before run.started`);
  const next: Next = { ...clocked(state, at), seq, epoch, updatedAt: at };
  apply(next, event, at);
  return next;
}

/** The state with what passed since the last event left out of its clock, if that stood. */
function clocked<S extends RunState>(state: S, at: number, stood = !isClockRunning(state)): S {
  if (state.status === "queued" || !stood) return state;
  return { ...state, idleMs: state.idleMs + Math.max(0, at - state.updatedAt) };
}

function leaseTaken(
  state: RunState,
  event: Extract<RunEvent, { type: "lease.taken" }>,
  at: number,
): RunState {
  const driver = { pid: event.pid, startTime: event.startTime, bootId: event.bootId };
  // Nothing goes on without a driver. A run that only waits for people kills none.
  const held = clocked(state, at, true);
  if (held.status !== "running" || onlyWaits(held)) return { ...held, driver };
  return {
    ...held,
    driver,
    recoveries: held.recoveries + 1,
    recovered: { epoch: held.epoch + 1, tasks: held.active },
  };
}

function onlyWaits({ proposedAt, counts }: StartedRun): boolean {
  if (proposedAt !== undefined) return true;
  const { waiting, blocked, running, stopping, retrying } = counts;
  return waiting + blocked > 0 && running + stopping + retrying === 0;
}

function started(state: RunState, event: Extract<RunEvent, { type: "run.started" }>, at: number): StartedRun {
  invariant(state.status === "queued", "a run starts once");
  const { terms, continued } = event;
  const settings = completed(terms.settings);
  const run: Next = {
    ...state,
    status: "running",
    ...planned(event.plan),
    revision: 1,
    ...(settings.requireApproval && continued?.isApproved !== true && { proposedAt: at }),
    terms: { ...terms, settings },
    recoveries: 0,
    createdAt: at,
    idleMs: 0,
    requests: [event.request],
    ...(continued && { continuedFrom: continued.from }),
    letters: [],
    refusals: new Map(),
    usage: noUsage,
    active: [],
    retrying: [],
    doomed: null,
  };
  addFirst(run);
  for (const { task, run: reusedFrom, result, model } of continued?.reused ?? []) {
    const done = {
      status: "completed",
      finishedAt: at,
      result,
      attempts: 1,
      attempt: 1,
      reusedFrom,
    } as const;
    settle(run, task, (history) => ({ ...history, ...done, ...(model !== undefined && { model }) }));
  }
  return run;
}

/** A plan of which nothing was done yet. */
function planned(plan: Plan) {
  const { tasks } = plan;
  const pending = tasks.map(
    ({ dependsOn }): TaskState => ({
      status: "pending",
      unmet: dependsOn.length,
      attempts: 0,
      failures: 0,
      losses: 0,
      modelIndex: 0,
      usage: noUsage,
    }),
  );
  return {
    plan,
    tasks: Table.of(pending),
    graph: graphOf(tasks),
    counts: { ...noTasks, pending: tasks.length },
    readyReaders: null,
    readyWriters: null,
  };
}

/** The tasks that depend on none may start. */
function addFirst(next: Next): void {
  addReady(
    next,
    next.plan.tasks.flatMap(({ dependsOn }, index) => (dependsOn.length === 0 ? [index] : [])),
  );
}

function revised(next: Next, { plan, revision, request }: Extract<RunEvent, { type: "plan.revised" }>): void {
  invariant(next.proposedAt !== undefined, "a plan is revised before it is approved");
  Object.assign(next, planned(plan));
  addFirst(next);
  next.revision = revision;
  next.requests = [...next.requests, request];
}

type LaterEvent = Exclude<RunEvent, { type: "lease.taken" | "journal.repaired" | "run.started" }>;

function apply(next: Next, event: LaterEvent, at: number): void {
  switch (event.type) {
    case "run.cancel_requested": {
      const { by, reason, cause } = event;
      next.cancel = { by, reason, cause, at };
      next.requests = [...next.requests, event.request];
      return;
    }
    case "plan.revised":
      revised(next, event);
      return;
    case "run.parked":
      next.status = "blocked";
      next.cause = event.cause;
      next.reason = event.message;
      return;
    case "run.resumed":
      next.status = "running";
      next.terms = { ...next.terms, owner: event.owner, background: event.background };
      next.requests = [...next.requests, event.request];
      next.recoveries = 0;
      delete next.cause;
      delete next.reason;
      return;
    case "run.imported": {
      const { owner, cwd, trusted, settings } = event;
      next.terms = { ...next.terms, owner, cwd, trusted, settings: completed(settings), background: false };
      if (isFinalRun(next.status)) return;
      next.status = "blocked";
      next.cause = "owner_gone";
      next.reason = "it was imported from another place; resume goes on here, where it stands";
      return;
    }
    case "run.finished":
      invariant(live(next) === 0, "a run ends with its last task");
      next.status = event.status;
      next.cause = event.cause;
      next.finishedAt = at;
      return;
    case "task.skipped": {
      const { because } = event;
      settle(next, event.task, (history) => ({ ...history, status: "skipped", finishedAt: at, because }));
      return;
    }
    case "task.cancelled":
      settle(next, event.task, (history) => ({ ...history, status: "cancelled", finishedAt: at }));
      return;
    case "attempt.started":
      attemptStarted(next, event, at);
      return;
    case "attempt.ended":
      attemptEnded(next, event, at);
      return;
    case "mail.posted":
    case "mail.offered":
    case "mail.consumed":
    case "mail.expired":
    case "mail.withdrawn":
    case "request.refused":
      applyMail(next, event, at);
      return;
    default:
      applyToLiving(next, event, at);
  }
}

type LivingEvent = Exclude<
  Extract<RunEvent, { attempt: number }>,
  { type: "attempt.started" | "attempt.ended" | "mail.offered" | "mail.consumed" }
>;

function applyToLiving(next: Next, event: LivingEvent, at: number): void {
  const found = taskAt(next, event.task);
  invariant(found !== undefined, `${event.type} of unknown task ${event.task}`);
  const { index, task } = found;
  const living = liveAttemptOf(task);
  invariant(
    isAlive(task) && living?.number === event.attempt,
    `${event.type} of ${event.task}/${event.attempt}, which is not alive`,
  );
  switch (event.type) {
    case "attempt.spawned": {
      const { worker, mark } = event;
      replace(next, index, { ...task, attempt: { ...living, worker, mark, lastSignAt: at } });
      return;
    }
    case "attempt.ready":
      readPrompt(next, found.planned, living);
      replace(next, index, { ...task, attempt: { ...living, isReady: true, lastSignAt: at } });
      return;
    case "attempt.progressed": {
      const { escalation } = living;
      const attempt: LiveAttempt = {
        ...betweenTools(living),
        ...(escalation !== undefined && { escalation: { ...escalation, isOver: true } }),
        isReady: true,
        lastSignAt: at,
        usage: event.usage,
        activity: event.activity,
        ...(event.tool !== undefined && { tool: event.tool }),
        ...(event.waitsUntil !== undefined && { waitsUntil: event.waitsUntil }),
      };
      replace(next, index, { ...task, attempt });
      return;
    }
    case "attempt.escalated": {
      const { step, quietMs } = event;
      const escalation = { step, quietMs, at, isOver: false };
      replace(next, index, { ...task, attempt: { ...living, escalation } });
      return;
    }
    case "attempt.denied":
      replace(next, index, { ...task, denied: (task.denied ?? 0) + (event.times ?? 1) });
      return;
    case "attempt.stopping":
      replace(next, index, { ...historyOf(task), attempt: living, status: "stopping", cause: event.cause });
      return;
  }
}

type Alive = Extract<TaskState, { status: "running" | "stopping" | "waiting" | "blocked" }>;

function isAlive(task: TaskState): task is Alive {
  return liveAttemptOf(task) !== undefined;
}

function betweenTools(attempt: LiveAttempt): LiveAttempt {
  if (attempt.tool === undefined && attempt.waitsUntil === undefined) return attempt;
  const { tool: _tool, waitsUntil: _waitsUntil, ...rest } = attempt;
  return rest;
}

function attemptStarted(next: Next, event: Extract<RunEvent, { type: "attempt.started" }>, at: number): void {
  const found = taskAt(next, event.task);
  invariant(found !== undefined, `attempt of unknown task ${event.task}`);
  const { task, index } = found;
  invariant(
    task.status === "retrying" || (task.status === "pending" && task.unmet === 0),
    `attempt ${event.task}/${event.attempt} starts while the task is ${task.status}`,
  );
  invariant(event.attempt === task.attempts + 1, `attempt ${event.task}/${event.attempt} is out of turn`);
  const attempt: LiveAttempt = {
    number: event.attempt,
    epoch: next.epoch,
    sinceSeq: next.seq,
    startedAt: at,
    isReady: false,
    lastSignAt: at,
    usage: noUsage,
    ...(event.model !== undefined && { model: event.model }),
  };
  replace(next, index, {
    ...historyOf(task),
    status: "running",
    attempt,
    attempts: event.attempt,
    startedAt: task.startedAt ?? at,
    ...(event.model !== undefined && { model: event.model }),
  });
  next.active = [...next.active, index];
  if (task.status === "retrying") next.retrying = next.retrying.filter((other) => other !== index);
  next.readyReaders = withoutStale(next, next.readyReaders);
  next.readyWriters = withoutStale(next, next.readyWriters);
}

function attemptEnded(next: Next, event: Extract<RunEvent, { type: "attempt.ended" }>, at: number): void {
  const { outcome, retryAt } = event;
  next.usage = addUsage(next.usage, outcome.usage);
  settle(next, event.task, (history, planned) => {
    const usage = addUsage(history.usage, outcome.usage);
    if (outcome.kind === "completed") {
      const model = outcome.model ?? history.model;
      next.recoveries = 0;
      const done = { ...history, usage, ...(model !== undefined && { model }) };
      const left = { result: outcome.result, attempt: event.attempt };
      if (planned.gate === undefined) return { ...done, status: "completed", finishedAt: at, ...left };
      return { ...done, status: "waiting", question: stepApproval(event), since: at, done: left };
    }
    if (outcome.kind === "cancelled" && retryAt === undefined) {
      return { ...history, usage, status: "cancelled", finishedAt: at };
    }
    const cause = outcome.kind === "cancelled" ? "cancelled" : outcome.cause;
    const message = outcome.kind === "cancelled" ? "stopped on request" : outcome.message;
    const last = { attempt: event.attempt, cause, message };
    const asked = retryAt === undefined ? undefined : questionOf(next, event.task);
    // A loss while it waits for an answer costs nothing: it goes on with that.
    const wasLoss = countsAsLoss(outcome) && asked === undefined;
    const switches = retryAt !== undefined && switchesModel(planned, history, outcome);
    const counted = {
      ...history,
      usage,
      last,
      losses: history.losses + (wasLoss ? 1 : 0),
      failures: history.failures + (outcome.kind === "failed" && !wasLoss && !switches ? 1 : 0),
      modelIndex: history.modelIndex + (switches ? 1 : 0),
    };
    // Without the answer another try would only ask again.
    if (asked !== undefined) {
      const status = asked.isExpired ? "blocked" : "waiting";
      return { ...counted, status, question: asked.mail.id, since: asked.at };
    }
    if (retryAt !== undefined) return { ...counted, status: "retrying", retryAt };
    next.firstFailure ??= { task: event.task, cause, message };
    return { ...counted, status: "failed", finishedAt: at, cause, message };
  });
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
