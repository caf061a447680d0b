import type { RunEvent } from "./events.ts";
import { answerTo, letterOf } from "./letters.ts";
import { asks, type Letter, type Mail } from "./mail.ts";
import { historyOf, type Next, replace } from "./settle.ts";
import { attemptKey, taskAt } from "./state.ts";

type MailEvent = Extract<RunEvent, { type: `mail.${string}` | "request.refused" }>;

const refusalsMax = 200;

/** What an event about mail changes. */
export function applyMail(next: Next, event: MailEvent, at: number): void {
  switch (event.type) {
    case "mail.posted": {
      const { mail, request } = event;
      const letter = { mail, seq: next.seq, at, offered: [], consumed: [], isExpired: false };
      next.letters = [...next.letters, letter];
      if (request !== undefined) next.requests = [...next.requests, request];
      if (asks(mail)) beginWait(next, mail, at);
      else if (mail.kind === "answer" && mail.replyTo !== undefined) endWait(next, mail.replyTo, at);
      return;
    }
    case "mail.offered":
    case "mail.consumed": {
      const key = attemptKey(event.task, event.attempt);
      const list = event.type === "mail.offered" ? "offered" : "consumed";
      change(next, event.mail, (letter) => ({ ...letter, [list]: [...letter[list], key] }));
      return;
    }
    case "mail.expired": {
      change(next, event.mail, (letter) => ({ ...letter, isExpired: true }));
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

function change(next: Next, id: string, to: (letter: Letter) => Letter): void {
  next.letters = next.letters.map((letter) => (letter.mail.id === id ? to(letter) : letter));
}

function beginWait(next: Next, { id, from }: Mail, at: number): void {
  const found = taskAt(next, from);
  if (found?.task.status !== "running" || answerTo(next, id) !== undefined) return;
  const { attempt } = found.task;
  const wait = { status: "waiting", question: id, since: at, attempt } as const;
  replace(next, found.index, { ...historyOf(found.task), ...wait });
}

/** The asker goes on; the time it waited does not count against its attempt. */
function endWait(next: Next, question: string, at: number): void {
  const found = taskAt(next, letterOf(next, question)?.mail.from ?? "");
  const task = found?.task;
  if (found === undefined || (task?.status !== "waiting" && task?.status !== "blocked")) return;
  const waited = Math.max(0, at - task.since);
  if (task.attempt === undefined) {
    replace(next, found.index, { ...historyOf(task), status: "retrying", retryAt: at });
    next.retrying = [...next.retrying, found.index];
    return;
  }
  const attempt = { ...task.attempt, startedAt: task.attempt.startedAt + waited, lastSignAt: at };
  replace(next, found.index, { ...historyOf(task), status: "running", attempt });
}
