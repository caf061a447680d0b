import type { Draft } from "./draft.ts";
import { dueMail, isFor, isStop, letterOf } from "./letters.ts";
import type { Letter } from "./mail.ts";
import type { PlannedTask, TaskId } from "./plan.ts";
import {
  attemptKey,
  type LiveAttempt,
  liveAttemptOf,
  type StartedRun,
  type TaskState,
  taskAt,
} from "./state.ts";

/**
 * Instructions go to a task in batches, one at a time: what comes while one is unread goes in right after that was read.
 * A message on its own goes at once; what follows another that was read already, within `mail.windowMs`, waits for more.
 * An interrupt takes everything along at once. While the task waits for an answer, only that goes to its worker.
 */
interface Batch {
  readonly letters: readonly Letter[];
  /** Ms since the epoch. */
  readonly at: number;
}

/** What the worker of this task is to be given by `now` (ms since the epoch), oldest first; also what it was just given. */
export function dueBatch(state: StartedRun, id: TaskId, now: number): readonly Letter[] {
  const found = taskAt(state, id);
  const batch = found && nextBatch(state, found.planned, found.task);
  if (batch === undefined) return [];
  // A clock that was set back makes nobody wait.
  return batch.at <= now || batch.letters.some(({ at }) => at > now) ? batch.letters : [];
}

/** When batches are due, ms since the epoch; those of the past are due already. */
export function batchTimes(state: StartedRun): readonly number[] {
  return [...livingTasks(state)].flatMap(({ planned, task }) => nextBatch(state, planned, task)?.at ?? []);
}

/** Workers that were stopped and have not confirmed it by `at` (ms since the epoch): then they are ended. */
export function unheardStops(
  state: StartedRun,
): readonly { readonly task: TaskId; readonly attempt: number; readonly at: number }[] {
  if (state.counts.waiting === 0) return [];
  const { killAfterMs } = state.terms.settings.limits;
  return [...livingTasks(state)].flatMap(({ planned, task, attempt }) => {
    const stop = task.status === "waiting" ? letterOf(state, task.question) : undefined;
    if (stop === undefined || !isStop(stop.mail)) return [];
    if (stop.consumed.includes(attemptKey(planned.id, attempt.number))) return [];
    return [{ task: planned.id, attempt: attempt.number, at: stop.at + killAfterMs }];
  });
}

/** Takes back what the task was not given yet; one that works, or is about to, waits for what it is to do. */
export function decideStop(
  draft: Draft,
  state: StartedRun,
  { id, task, by }: { readonly id: string; readonly task: TaskId; readonly by: string },
): void {
  const found = taskAt(state, task);
  if (found === undefined) return;
  const living = liveAttemptOf(found.task);
  const queued = state.letters.filter((letter) => isQueued(letter, task, living));
  draft.add({ type: "mail.withdrawn", request: id, task, mail: queued.map(({ mail }) => mail.id) });
  if (found.task.status !== "running" && found.task.status !== "retrying") return;
  const text = "It was stopped. What is it to do now?";
  draft.add({
    type: "mail.posted",
    mail: { id, from: task, to: "lead", kind: "question", text, by, interrupt: true },
  });
}

/** True while an instruction to this task can still be taken back: no conversation holds it, and no host was given it. */
function isQueued(letter: Letter, task: TaskId, living: LiveAttempt | undefined): boolean {
  const { mail, seq, consumed, offered, isWithdrawn } = letter;
  if (mail.from !== "lead" || mail.to !== task || mail.kind !== "message") return false;
  if (isWithdrawn || consumed.length > 0) return false;
  return (
    living === undefined || (seq > living.sinceSeq && !offered.includes(attemptKey(task, living.number)))
  );
}

function nextBatch(state: StartedRun, planned: PlannedTask, task: TaskState): Batch | undefined {
  const attempt = liveAttemptOf(task);
  if (state.letters.length === 0 || attempt?.isReady !== true || task.status === "stopping") return undefined;
  const key = attemptKey(planned.id, attempt.number);
  const due = dueMail(state, planned, attempt);
  const queued = due.filter(({ offered }) => !offered.includes(key));
  const pressing = queued.filter(({ mail }) => mail.kind === "answer" || isStop(mail));
  const [first] = queued;
  if (first === undefined) return undefined;
  if (task.status !== "running") return pressing.length > 0 ? { letters: pressing, at: first.at } : undefined;
  if (pressing.length > 0 || queued.some(({ mail }) => mail.interrupt))
    return { letters: queued, at: first.at };
  if (due.length > queued.length) return undefined;
  return { letters: queued, at: windowEnd(state, planned, first, queued) };
}

function windowEnd(
  state: StartedRun,
  planned: PlannedTask,
  first: Letter,
  queued: readonly Letter[],
): number {
  const { windowMs, holdMaxMs } = state.terms.settings.mail;
  const before = state.letters.findLast(
    ({ seq, mail, isWithdrawn }) => seq < first.seq && !isWithdrawn && isFor(mail, planned),
  );
  const isAlone = before === undefined || first.at - before.at >= windowMs;
  // It waited long enough for its turn.
  if (isAlone || (before.readSeq ?? 0) > first.seq) return first.at;
  return Math.min((queued.at(-1) ?? first).at + windowMs, first.at + holdMaxMs);
}

function* livingTasks(
  state: StartedRun,
): Iterable<{ readonly planned: PlannedTask; readonly task: TaskState; readonly attempt: LiveAttempt }> {
  for (const index of state.letters.length === 0 ? [] : state.active) {
    const [planned, task] = [state.plan.tasks[index], state.tasks.get(index)];
    const attempt = liveAttemptOf(task);
    if (planned !== undefined && task !== undefined && attempt !== undefined)
      yield { planned, task, attempt };
  }
}
