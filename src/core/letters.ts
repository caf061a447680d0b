import { asks, type Letter, type LetterStatus, type Mail } from "./mail.ts";
import type { PlannedTask, TaskId } from "./plan.ts";
import { attemptKey, type LiveAttempt, type StartedRun, taskAt } from "./state.ts";
import { isFinalRun, isFinalTask } from "./status.ts";

/** Where a letter stands. What is asked is withdrawn once its asker is over; a message to one who is over expired unread. */
export function letterStatus(state: StartedRun, letter: Letter): LetterStatus {
  const { mail } = letter;
  if (asks(mail)) {
    if (letter.isAnswered) return "answered";
    if (isWithdrawn(state, mail)) return "withdrawn";
    return letter.isExpired ? "expired" : "produced";
  }
  if (letter.isWithdrawn) return "withdrawn";
  if (letter.consumed.length > 0 || isForEngine(state, mail)) return "consumed";
  const reader = taskAt(state, mail.to)?.task.status;
  if (reader !== undefined && isFinalTask(reader)) return "expired";
  return letter.offered.length > 0 ? "offered" : "produced";
}

function isWithdrawn(state: StartedRun, { id, from, about }: Mail): boolean {
  if (about?.kind === "plan")
    return isFinalRun(state.status) || state.proposedAt === undefined || about.revision !== state.revision;
  const asker = taskAt(state, from)?.task;
  if (asker === undefined || isFinalTask(asker.status)) return true;
  // Whatever its worker still asked when it was done.
  return "done" in asker && asker.question !== id;
}

/** True for the answer to what the engine itself asked: it was read with being recorded. */
function isForEngine(state: StartedRun, { replyTo = "" }: Mail): boolean {
  const about = replyTo === "" ? undefined : letterOf(state, replyTo)?.mail.about?.kind;
  return about === "plan" || about === "step";
}

/** Id of the mail that asks for the approval of what this attempt has done. */
export function stepApproval({ task, attempt }: { readonly task: TaskId; readonly attempt: number }): string {
  return `${task}-${attempt}-gate`;
}

/** Id of the mail that asks for the approval of a plan, in this revision. */
export function planApproval(revision: number): string {
  return `plan-${revision}`;
}

/** The revision whose approval a mail of this id asks for; undefined for every other mail. */
export function revisionOf(id: string): number | undefined {
  const digits = /^plan-(\d+)$/.exec(id)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The letter of this id, if there is one. */
export function letterOf(state: StartedRun, id: string): Letter | undefined {
  // What is looked for is mostly new.
  return state.letters.findLast(({ mail }) => mail.id === id);
}

/** The first answer to a question or approval: the one that counts. */
export function answerTo(state: StartedRun, question: string): Letter | undefined {
  return state.letters.find(({ mail }) => mail.kind === "answer" && mail.replyTo === question);
}

/** Questions and approvals that wait for somebody, oldest first; those past their deadline too, as long as nobody answered. */
export function openQuestions(state: StartedRun): readonly Letter[] {
  return state.letters.filter((letter) => {
    if (!asks(letter.mail) || letter.isAnswered) return false;
    const status = letterStatus(state, letter);
    return status === "produced" || status === "expired";
  });
}

/** The question or approval that this task waits for. A task asks one at a time. */
export function questionOf(state: StartedRun, task: TaskId): Letter | undefined {
  return state.letters.length === 0 ? undefined : openQuestions(state).find(({ mail }) => mail.from === task);
}

/** What the conversation of an attempt begins with: everything that concerned its task before it was started. */
export function earlierMail(
  state: StartedRun,
  planned: PlannedTask,
  attempt: LiveAttempt,
): readonly Letter[] {
  return state.letters.filter(
    ({ seq, mail, isWithdrawn }) =>
      seq < attempt.sinceSeq &&
      !isWithdrawn &&
      (isFor(mail, planned) || (asks(mail) && mail.from === planned.id)),
  );
}

/** What came for a living attempt since it began and is not yet in its conversation, or done with it; oldest first. */
export function dueMail(state: StartedRun, planned: PlannedTask, attempt: LiveAttempt): readonly Letter[] {
  const key = attemptKey(planned.id, attempt.number);
  return state.letters.filter(
    ({ seq, mail, consumed, isWithdrawn, isAnswered }) =>
      seq > attempt.sinceSeq &&
      !isWithdrawn &&
      !consumed.includes(key) &&
      (isFor(mail, planned) || (isStop(mail) && mail.from === planned.id && !isAnswered)),
  );
}

/** True for what stands for a task that somebody stopped. */
export function isStop({ kind, interrupt }: Mail): boolean {
  return kind === "question" && interrupt === true;
}

/** True when the mail is meant for this task. What goes to `all` is read along, and wakes nobody. */
export function isFor(mail: Mail, { id, role }: PlannedTask): boolean {
  return mail.from !== id && (mail.to === id || (role !== undefined && mail.to === `role:${role}`));
}
