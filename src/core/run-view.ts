import { atWork, demand } from "./candidates.ts";
import { letterOf, letterStatus, openQuestions } from "./letters.ts";
import type { Letter, Mail } from "./mail.ts";
import { addUsage, noUsage } from "./outcome.ts";
import type { PlannedTask } from "./plan.ts";
import { isWriter, liveAttemptOf, type RunState, type StartedRun, type TaskState } from "./state.ts";
import { isFinalRun } from "./status.ts";
import type { MailView, RunView, TaskView } from "./view.ts";

/** A run as it was, and what was shown of it then. */
interface Before {
  readonly state: StartedRun;
  readonly view: RunView;
}

/**
 * `runView` for who looks at one run again and again: of the same state within a second it is the same view, and a task
 * about which nothing changed is the same object.
 */
export function runViews(): typeof runView {
  let last: (Before & { readonly second: number }) | undefined;
  return (state, now) => {
    const second = Math.floor(now / 1_000);
    if (last?.state === state && last.second === second) return last.view;
    const view = runView(state, now, last);
    last = state.status === "queued" || view === undefined ? undefined : { state, view, second };
    return view;
  };
}

/** What people and models are shown of a run at `now` (ms since the epoch); undefined while it is only queued. */
export function runView(state: RunState, now: number, before?: Before): RunView | undefined {
  if (state.status === "queued") return undefined;
  // What was queued for a task is found in the mail, and what a task waits for in the plan.
  const same =
    before?.state.plan === state.plan && before.state.letters === state.letters ? before : undefined;
  const queued = queuedByTask(state);
  const tasks = state.plan.tasks.flatMap((planned, index) => {
    const task = state.tasks.get(index);
    if (task === undefined) return [];
    const seen = task === same?.state.tasks.get(index) && isStill(task) ? same.view.tasks[index] : undefined;
    return [seen ?? taskView(state, planned, task, queued.get(planned.id), now)];
  });
  const { plan, terms } = state;
  const mailView = (letter: Letter): MailView => {
    return { ...letter.mail, at: letter.at, status: letterStatus(state, letter) };
  };
  const questions = openQuestions(state).map(mailView);
  const status = standing(state, questions.length > 0, now);
  const reason =
    status === "waiting" ? waitReason(questions) : (runReason(state) ?? idleReason(state, tasks));
  return {
    runId: terms.runId,
    goal: plan.goal,
    ...(plan.team !== undefined && { team: plan.team }),
    ...(plan.workflow !== undefined && { workflow: plan.workflow }),
    status,
    ...(state.cause !== undefined && { cause: state.cause }),
    ...(reason !== undefined && { reason }),
    cwd: terms.cwd,
    owner: terms.owner,
    origin: terms.origin,
    ...(state.continuedFrom !== undefined && { continuedFrom: state.continuedFrom }),
    background: terms.background,
    createdAt: state.createdAt,
    // A clock that was set back meanwhile makes no negative duration.
    ...(state.finishedAt !== undefined && { finishedAt: Math.max(state.finishedAt, state.createdAt) }),
    alive: state.active.length,
    counts: state.counts,
    usage: tasks.reduce((sum, task) => addUsage(sum, task.usage), noUsage),
    tasks,
    mail: state.letters.map(mailView),
    questions,
  };
}

/** A run in which nothing moves before somebody answers waits, also when it is parked for want of its owner. */
function standing(state: StartedRun, isAsking: boolean, now: number): RunView["status"] {
  if (!isAsking || state.cancel !== undefined || isFinalRun(state.status)) return state.status;
  const { running, stopping, retrying } = state.counts;
  const isMoving = running + stopping + retrying > 0 || demand(state, now).workers > 0;
  return isMoving || (state.cause !== undefined && state.cause !== "owner_gone") ? state.status : "waiting";
}

function waitReason(questions: readonly Mail[]): string {
  const [first] = questions;
  const more = questions.length > 1 ? ` (and ${questions.length - 1} more)` : "";
  if (first === undefined) return "";
  return first.about?.kind === "plan"
    ? `revision ${first.about.revision} of the plan waits for approval`
    : `task ${first.from} ${askingWords(first)}${more}`;
}

function askingWords({ kind, text }: Mail): string {
  // What follows the first line of an approval is there for whoever decides.
  return kind === "approval" ? `asks for approval: ${text.split("\n", 1)[0]}` : `asks: ${text}`;
}

function runReason(state: StartedRun): string | undefined {
  if (state.cancel !== undefined) {
    const { by, reason, cause } = state.cancel;
    const what = cause === "rejected" ? cause : "cancelled";
    const isOwn = by === state.terms.owner.sessionId;
    const whence = by === "muster" ? "by muster" : isOwn ? "from its own session" : "from another session";
    // Why comes first.
    return reason === "" ? `${what} ${whence}` : `${what}: ${reason} (${whence})`;
  }
  if (state.status === "failed" && state.firstFailure !== undefined) {
    return `task ${state.firstFailure.task} failed: ${state.firstFailure.message}`;
  }
  return state.reason;
}

/** Why nothing is at work in a run that could go on. */
function idleReason(state: StartedRun, tasks: readonly TaskView[]): string | undefined {
  if (state.status !== "running" || state.active.length + state.retrying.length > 0) return undefined;
  return tasks.find(({ status }, index) => status === "pending" && isReady(state, index))?.reason;
}

function isReady({ tasks }: StartedRun, index: number): boolean {
  const task = tasks.get(index);
  return task?.status === "pending" && task.unmet === 0;
}

/** True of a task of which everything that is shown follows from itself, the plan and the mail. */
function isStill(task: TaskState): boolean {
  return task.status === "pending" ? task.unmet > 0 : task.status !== "retrying";
}

function taskView(
  state: StartedRun,
  planned: PlannedTask,
  task: TaskState,
  queued: TaskView["queued"],
  now: number,
): TaskView {
  const reason = taskReason(state, planned, task, now);
  const attempt = liveAttemptOf(task);
  const cause = "cause" in task ? task.cause : task.status === "skipped" ? "dependency_failed" : undefined;
  const model = attempt?.model ?? task.model;
  const left = "done" in task ? task.done : task.status === "completed" ? task : undefined;
  // A worker that is ready has its prompt, and tells more at its next beat only.
  const activity = attempt?.activity ?? (attempt?.isReady ? "thinks" : undefined);
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
    ...("finishedAt" in task && { finishedAt: Math.max(task.finishedAt, task.startedAt ?? 0) }),
    ...(model !== undefined && { model }),
    ...(attempt?.tool !== undefined && { tool: attempt.tool }),
    ...(activity !== undefined && { activity }),
    ...(attempt !== undefined && { lastSignAt: attempt.lastSignAt }),
    ...(attempt?.escalation?.isOver === false && {
      escalation: { step: attempt.escalation.step, at: attempt.escalation.at },
    }),
    ...(task.denied !== undefined && { denied: task.denied }),
    ...(queued !== undefined && { queued }),
    usage: attempt === undefined ? task.usage : addUsage(task.usage, attempt.usage),
    ...(left !== undefined && { result: left.result }),
    ...("reusedFrom" in task && { reusedFrom: task.reusedFrom }),
  };
}

function queuedByTask(state: StartedRun): ReadonlyMap<string, NonNullable<TaskView["queued"]>> {
  const queued = new Map<string, NonNullable<TaskView["queued"]>>();
  for (const letter of state.letters) {
    const { to, kind } = letter.mail;
    if (kind === "answer" || !["produced", "offered"].includes(letterStatus(state, letter))) continue;
    const { count, since } = queued.get(to) ?? { count: 0, since: letter.at };
    queued.set(to, { count: count + 1, since });
  }
  return queued;
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
      const when = state.status === "blocked" ? "the run goes on" : "there is room";
      return seconds > 0 ? `tries again in ${seconds} s${why}` : `tries again when ${when}${why}`;
    }
    case "waiting":
    case "blocked": {
      const asked = letterOf(state, task.question)?.mail;
      if (asked === undefined) return undefined;
      return task.status === "waiting"
        ? askingWords(asked)
        : `nobody answered in time; it ${askingWords(asked)}`;
    }
    case "failed":
      return task.message;
    case "skipped":
      return `needs ${task.because}, which did not complete`;
    case "running":
    case "stopping":
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
  if (state.proposedAt !== undefined) return "the plan waits for approval";
  if (state.status === "blocked") return "the run is parked";
  const writer = state.active.flatMap((index) => {
    const other = state.plan.tasks[index];
    return other !== undefined && isWriter(other) ? [other.id] : [];
  })[0];
  if (isWriter(planned) && writer !== undefined)
    return `waits for the shared checkout, where ${writer} writes`;
  if (atWork(state) >= state.terms.settings.concurrency) return `waits for one of ${atWork(state)} workers`;
  return "waits for a free worker on this machine";
}
