import { staleRevision } from "./approval.ts";
import type { Command } from "./commands.ts";
import { decisionOf, noVerdict } from "./decision.ts";
import { decideStop } from "./dispatch.ts";
import type { Draft } from "./draft.ts";
import { answerTo, letterOf, openQuestions, questionOf } from "./letters.ts";
import { asks, type Letter, type Mail, type WrittenMail } from "./mail.ts";
import { attemptKey, liveAttemptOf, type StartedRun, taskAt } from "./state.ts";
import { isFinalTask } from "./status.ts";

type MailCommand = Extract<Command, { kind: "respond" | "post" | "stop" | "wrote" | "offered" | "consumed" }>;

/** Settles what is to become of a mail, or of an answer. A second answer to a question is refused, and one to an approval that decides nothing. */
export function decideMail(draft: Draft, state: StartedRun, command: MailCommand): void {
  switch (command.kind) {
    case "respond":
    case "post":
    case "stop": {
      if (state.requests.includes(command.id) || state.refusals.has(command.id)) return;
      const { kind, id } = command;
      const reason =
        kind === "respond"
          ? noAnswer(state, command)
          : noPost(state, kind === "post" ? command.to : command.task);
      if (reason !== undefined) draft.add({ type: "request.refused", request: id, reason });
      else if (kind === "respond") answer(draft, state, command);
      else if (kind === "stop") decideStop(draft, state, command);
      else {
        const { to, interrupt } = command;
        post(draft, id, { ...written(command), kind: "message", to, ...(interrupt && { interrupt }) });
      }
      return;
    }
    case "wrote":
      wrote(draft, state, command);
      return;
    case "offered":
    case "consumed": {
      const letter = letterOf(state, command.mail);
      const { kind, mail, task, attempt } = command;
      if (letter === undefined || letter[kind].includes(attemptKey(task, attempt))) return;
      draft.add({ type: `mail.${kind}`, mail, task, attempt });
      return;
    }
  }
}

/** Questions and approvals that nobody can answer, or did by their deadline: what stands in, or the word that nobody came. */
export function expireMail(draft: Draft): void {
  const { state } = draft;
  if (state.status === "queued" || state.cancel !== undefined) return;
  for (const { mail: asked, isExpired } of openQuestions(state)) {
    const { id, from, deadline, fallback } = asked;
    const isOver = !isExpired && deadline !== undefined && draft.at >= deadline;
    const text = standIn(state, asked) ?? (isOver ? fallback : undefined);
    if (text !== undefined) {
      const mail: Mail = { id: `${id}-default`, from: "muster", to: from, kind: "answer", text, replyTo: id };
      draft.add({ type: "mail.posted", mail });
    } else if (isOver) draft.add({ type: "mail.expired", mail: id });
  }
}

/**
 * What `headless` answers where nobody can be there: in a background run of a host that ends with its prompt, whose model
 * cannot be woken. While such a host waits for its run, its model is somebody: the call comes back with the question.
 */
function standIn({ terms }: StartedRun, { kind, fallback }: Mail): string | undefined {
  const { headless } = terms.settings;
  if (headless === "wait" || !terms.background || terms.owner.attended !== false) return undefined;
  if (headless === "default") return fallback;
  return kind === "approval"
    ? "reject: nobody is there to approve it"
    : "Nobody is there to answer: go on without, and say in your result what you assumed or could not do.";
}

/** When the next question expires, ms since the epoch. */
export function mailDeadline(state: StartedRun): number | undefined {
  const open = openQuestions(state).filter(({ isExpired }) => !isExpired);
  const deadlines = open.flatMap(({ mail }) => mail.deadline ?? []);
  return deadlines.length === 0 ? undefined : Math.min(...deadlines);
}

function written({ id, by, text }: { id: string; by: string; text: string }) {
  return { id, from: "lead", by, text };
}

function post(draft: Draft, request: string, mail: Mail): void {
  draft.add({ type: "mail.posted", request, mail });
}

function answer(draft: Draft, state: StartedRun, command: Extract<Command, { kind: "respond" }>): void {
  const to = letterOf(state, command.question)?.mail.from ?? "";
  post(draft, command.id, { ...written(command), kind: "answer", to, replyTo: command.question });
  // One that was rejected ends where it stands.
  const after = draft.state;
  if (state.status !== "blocked" || (after.status !== "queued" && after.cancel !== undefined)) return;
  const { owner } = command;
  draft.add({ type: "run.resumed", request: command.id, owner, background: state.terms.background });
}

function noAnswer(
  state: StartedRun,
  { question, text }: { readonly question: string; readonly text: string },
): string | undefined {
  const asked = letterOf(state, question);
  if (asked === undefined || !asks(asked.mail)) return `there is no question ${question}`;
  const given = answerTo(state, question)?.mail;
  if (given !== undefined) return `it was answered already, by ${given.by ?? given.from}: ${given.text}`;
  const { about, from } = asked.mail;
  const over =
    state.cancel !== undefined
      ? "the run is being cancelled"
      : about?.kind === "plan"
        ? staleRevision(state, about.revision)
        : overOf(state, from);
  return over ?? (asked.mail.kind === "approval" ? noVerdict(asked.mail, text) : undefined);
}

function noPost(state: StartedRun, to: string): string | undefined {
  if (state.cancel !== undefined) return "the run is being cancelled";
  if (to === "all") return undefined;
  const role = to.startsWith("role:") ? to.slice("role:".length) : undefined;
  if (role === undefined) return overOf(state, to);
  const ofRole = state.plan.tasks.filter((task) => task.role === role);
  if (ofRole.length === 0) return `the run has no role ${role}`;
  return ofRole.every(({ id }) => overOf(state, id) !== undefined)
    ? `every task of role ${role} is over`
    : undefined;
}

/** Why the task reads no more mail. */
function overOf(state: StartedRun, id: string): string | undefined {
  const task = taskAt(state, id)?.task;
  if (task === undefined) return `the run has no task ${id}`;
  return isFinalTask(task.status) ? `task ${id} is ${task.status} and reads no more mail` : undefined;
}

/** What nobody decides in time is decided by a verdict, too. */
function badFallback(mail: Mail): string | undefined {
  return mail.kind === "approval" && mail.fallback !== undefined ? noVerdict(mail, mail.fallback) : undefined;
}

function wrote(draft: Draft, state: StartedRun, command: Extract<Command, { kind: "wrote" }>): void {
  const { task: from, mail, deadlineMs } = command;
  const living = liveAttemptOf(taskAt(state, from)?.task);
  if (living?.number !== command.attempt) return;
  if (letterOf(state, mail.id) !== undefined || state.refusals.has(mail.id)) return;
  const { mailMax } = state.terms.settings.limits;
  const isFeed = mail.to === "lead" || mail.to === "all";
  const isSecond = asks(mail) && questionOf(state, from) !== undefined;
  const reason =
    state.letters.filter((letter) => letter.mail.from === from).length >= mailMax
      ? `task ${from} has written ${mailMax} messages, which is all it may`
      : isSecond
        ? `task ${from} waits for the answer to another question`
        : isFeed
          ? badFallback({ ...mail, from })
          : noPost(state, mail.to);
  if (reason !== undefined) draft.add({ type: "request.refused", request: mail.id, reason });
  else {
    const deadline = deadlineMs === undefined ? {} : { deadline: draft.at + deadlineMs };
    // The answer first: who reads along never sees it open, and nobody is told.
    const granted = grantFor(state, from, mail);
    if (granted !== undefined) {
      const { text, by } = granted.mail;
      const id = grantedId(mail.id);
      const answer = { id, from: "muster", to: from, kind: "answer", text, replyTo: mail.id } as const;
      draft.add({ type: "mail.posted", mail: { ...answer, ...(by !== undefined && { by }) } });
    }
    draft.add({ type: "mail.posted", mail: { ...mail, from, ...deadline } });
  }
}

function grantedId(approval: string): string {
  return `${approval}-granted`;
}

/** The answer by which somebody approved, for this task or for the run, what an approval asks of the same rule and tool. */
function grantFor(state: StartedRun, task: string, { about }: WrittenMail): Letter | undefined {
  if (about?.kind !== "tool") return undefined;
  return state.letters.find(({ mail: { id, kind, to, text, replyTo = "" } }) => {
    // What a grant answered says no more than the grant itself.
    if (kind !== "answer" || id === grantedId(replyTo)) return false;
    const decision = decisionOf(text);
    if (decision?.verdict !== "approve") return false;
    if (decision.scope !== "run" && (decision.scope !== "task" || to !== task)) return false;
    const before = letterOf(state, replyTo)?.mail.about;
    return before?.kind === "tool" && before.tool === about.tool && before.rule === about.rule;
  });
}
