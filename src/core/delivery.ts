import { decisionOf } from "./decision.ts";
import type { RunEvent } from "./events.ts";
import { answerTo, earlierMail, letterOf } from "./letters.ts";
import { asks, type Letter, type Mail } from "./mail.ts";
import type { PlannedTask } from "./plan.ts";
import { historyOf, type Next, replace, settle } from "./settle.ts";
import { attemptKey, type LiveAttempt, taskAt } from "./state.ts";

type MailEvent = Extract<RunEvent, { type: `mail.${string}` | "request.refused" }>;

const refusalsMax = 200;

/** What an event about mail changes. */
export function applyMail(next: Next, event: MailEvent, at: number): void {
  switch (event.type) {
    case "mail.posted": {
      const { mail, request } = event;
      const hasAnswer = asks(mail) && answerTo(next, mail.id) !== undefined;
      const answered = hasAnswer && ({ isAnswered: true } as const);
      const letter = { mail, seq: next.seq, at, offered: [], consumed: [], isExpired: false, ...answered };
      next.letters = [...next.letters, letter];
      if (request !== undefined) next.requests = [...next.requests, request];
      if (asks(mail)) {
        if (!hasAnswer) beginWait(next, mail, at);
      } else if (mail.kind === "answer" && mail.replyTo !== undefined) endWait(next, mail, mail.replyTo, at);
      return;
    }
    case "mail.offered":
    case "mail.consumed": {
      const key = attemptKey(event.task, event.attempt);
      const list = event.type === "mail.offered" ? "offered" : "consumed";
      const read = list === "consumed" ? { readSeq: next.seq } : {};
      change(next, [event.mail], (letter) => ({ ...letter, ...read, [list]: [...letter[list], key] }));
      return;
    }
    case "mail.withdrawn":
      change(next, event.mail, (letter) => ({ ...letter, isWithdrawn: true }));
      next.requests = [...next.requests, event.request];
      return;
    case "mail.expired": {
      change(next, [event.mail], (letter) => ({ ...letter, isExpired: true }));
      const found = taskAt(next, letterOf(next, event.mail)?.mail.from ?? "");
      if (found?.task.status === "waiting") replace(next, found.index, { ...found.task, status: "blocked" });
      return;
    }
    case "request.refused": {
      const kept = [...next.refusals].slice(1 - refusalsMax);
      next.refusals = new Map([...kept, [event.request, event.reason]]);
      return;
    }
  }
}

/** A rejection ends the run, and is all the record that this needs. */
function isRejected(next: Next, { from, by = from, text }: Mail, at: number): boolean {
  const decision = decisionOf(text);
  if (decision?.verdict === "approve") return false;
  next.cancel ??= { by, reason: decision?.reason ?? text, cause: "rejected", at };
  return true;
}

/** A worker that is ready has been told what came before it. */
export function readPrompt(next: Next, planned: PlannedTask, attempt: LiveAttempt): void {
  const ids = earlierMail(next, planned, attempt).map(({ mail }) => mail.id);
  const key = attemptKey(planned.id, attempt.number);
  change(next, ids, (letter) => ({ ...letter, consumed: [...letter.consumed, key], readSeq: next.seq }));
}

function change(next: Next, ids: readonly string[], to: (letter: Letter) => Letter): void {
  if (ids.length === 0) return;
  const letters = [...next.letters];
  for (const id of ids) {
    const at = letters.findLastIndex(({ mail }) => mail.id === id);
    const letter = letters[at];
    if (letter !== undefined) letters[at] = to(letter);
  }
  next.letters = letters;
}

function beginWait(next: Next, { id, from }: Mail, at: number): void {
  const found = taskAt(next, from);
  if (found?.task.status !== "running" && found?.task.status !== "retrying") return;
  const { index, task } = found;
  const wait = { status: "waiting", question: id, since: at } as const;
  if (task.status === "retrying") next.retrying = next.retrying.filter((other) => other !== index);
  const living = task.status === "running" ? { attempt: task.attempt } : {};
  replace(next, index, { ...historyOf(task), ...wait, ...living });
}

/** The asker goes on; the time it waited does not count against its attempt. */
function endWait(next: Next, answer: Mail, question: string, at: number): void {
  change(next, [question], (letter) => ({ ...letter, isAnswered: true }));
  const asked = letterOf(next, question)?.mail;
  if (asked?.about?.kind === "plan" && !isRejected(next, answer, at)) delete next.proposedAt;
  const found = taskAt(next, asked?.from ?? "");
  const task = found?.task;
  if (found === undefined || (task?.status !== "waiting" && task?.status !== "blocked")) return;
  const { done } = task;
  if (done !== undefined) {
    if (task.question !== question || isRejected(next, answer, at)) return;
    settle(next, found.planned.id, (history) => ({
      ...history,
      status: "completed",
      finishedAt: at,
      ...done,
    }));
    return;
  }
  const waited = Math.max(0, at - task.since);
  if (task.attempt === undefined) {
    replace(next, found.index, { ...historyOf(task), status: "retrying", retryAt: at });
    next.retrying = [...next.retrying, found.index];
    return;
  }
  const attempt = { ...task.attempt, startedAt: task.attempt.startedAt + waited, lastSignAt: at };
  replace(next, found.index, { ...historyOf(task), status: "running", attempt });
}
