import { staleRevision } from "../core/approval.ts";
import type { Request } from "../core/commands.ts";
import { decisionOf } from "../core/decision.ts";
import type { StoredEvent } from "../core/events.ts";
import { fold } from "../core/evolve.ts";
import { revisionOf } from "../core/letters.ts";
import { asks } from "../core/mail.ts";
import type { PlanProblem } from "../core/plan.ts";
import { isFinalRun, isFinalTask } from "../core/status.ts";
import type { MailView, RunView, TaskView } from "../core/view.ts";
import { countOf, oneLine } from "../lib/wording.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import type { InlineTask } from "../resources/compile.ts";
import { revisePlan } from "../resources/revise.ts";
import { chooseFrom } from "../resources/suggest.ts";
import type { Parameters } from "./action.ts";
import type { ActionContext, Perform, Performed } from "./context.ts";
import { ownerOf } from "./foreign.ts";
import { type Observed, observe, onRun } from "./observe.ts";
import { aboutRun, answer, refusal } from "./result.ts";
import { taken } from "./resume.ts";
import { mailLine, questionText } from "./text.ts";

/** A driver records a request within a fraction of this, and a worker reads at its next step. */
const recordedMaxMs = 20_000;
const readMaxMs = 5_000;
const mailMax = 100;
/** As much as a worker may write in one. */
const messageMaxBytes = 32_000;

/** Answers the question that is meant: the only open one, or the one that is named. The first answer counts. */
export const respond: Perform = ({ tasks, ...parameters }, context) =>
  tasks !== undefined
    ? edited(tasks, parameters, context)
    : onLiveRun(parameters, context, (observed) => {
        const asked = questionMeant(observed.view, parameters.name);
        return "message" in asked ? refusal([asked]) : answerTo(asked, observed, parameters, context);
      });

/** Puts these tasks in the place of those of a plan that waits for approval; with `approve` they are approved at once. */
async function edited(
  tasks: readonly InlineTask[],
  parameters: Parameters,
  context: ActionContext,
): Promise<Performed> {
  const { message = "" } = parameters;
  const isApproved = decisionOf(message)?.verdict === "approve";
  if (message.trim() !== "" && !isApproved) {
    const remedy = 'send message="approve" with them, or none: then they wait for approval';
    return refusal([
      { where: "message", message: "edited tasks say by themselves what is to change", remedy },
    ]);
  }
  return onRun(parameters, context, async (observed) => {
    const { runId } = observed.view;
    const state = fold(observed.events);
    if (state.status === "queued" || state.proposedAt === undefined || isFinalRun(state.status)) {
      const remedy = "team steer tells a task something; team cancel and another run change the rest";
      return refusal([{ where: "tasks", message: `the plan of run ${runId} waits for no approval`, remedy }]);
    }
    const stale = staleRevision(state, revisionOf(parameters.name ?? "") ?? state.revision);
    if (stale !== undefined) {
      const remedy = "look at it again: sent once more for that revision, these tasks take its place";
      return refusal([{ where: "name", message: stale, remedy }]);
    }
    const redacted = tasks.map((task) => ({ ...task, task: context.redact(task.task) }));
    const catalogue = await loadCatalogue(context.places);
    const revised = revisePlan(catalogue, state.plan, redacted, state.terms.settings);
    if (!revised.ok) return refusal(revised.problems);
    const { newId, requester } = context;
    const change = { kind: "revise", by: requester.sessionId, revision: state.revision } as const;
    const receipt = await handOver(observed, { id: newId(), ...change, plan: revised.plan }, context);
    if (receipt.refusal !== undefined) return refusal([{ where: "tasks", ...receipt.refusal }]);
    const now = await observe({ run: runId }, context);
    if ("message" in now) return refusal([now]);
    const asked = now.view.questions.find(({ about }) => about?.kind === "plan");
    if (isApproved && asked !== undefined) return answerTo(asked, now, parameters, context);
    const text = [receipt.isRecorded ? "The plan is another one now." : notYet];
    return aboutRun(
      true,
      now.view,
      [...text, ...questionText(now.view, context.clock.now())].join("\n"),
      context,
    );
  });
}

/**
 * A message that a task's worker reads before its next model call, or with `force` at once, what it does being aborted;
 * with what became of it. `stop` alone aborts too, takes back what was not delivered, and has the task wait.
 */
export const steer: Perform = (parameters, context) =>
  onLiveRun(parameters, context, (observed) => {
    const { view, task } = observed;
    const live = view.tasks.filter(({ status }) => !isFinalTask(status)).map(({ id }) => id);
    const remedy = `name one of its tasks: ${live.join(", ")}`;
    if (task === undefined) return refusal([{ where: "task", message: "whom to steer is not said", remedy }]);
    if (/^\s*stop[.!]?\s*$/i.test(parameters.message ?? "")) return stop(observed, task, context);
    const stopped = view.questions.find(({ from, interrupt }) => from === task.id && interrupt);
    return stopped === undefined
      ? post(observed, task.id, parameters, context, task.status === "running" ? readMaxMs : 0)
      : answerTo(stopped, observed, parameters, context);
  });

/** A message to a task, a role or everyone who reads along. */
export const send: Perform = ({ task: to = "all", ...parameters }, context) =>
  onLiveRun(parameters, context, (observed) => post(observed, to, parameters, context, 0));

/** The mail of a run, or of one of its tasks, and what became of it. */
export const inbox: Perform = (parameters, context) =>
  onRun(parameters, context, ({ view, task }) => {
    const mail = view.mail.filter(({ from, to }) => task === undefined || from === task.id || to === task.id);
    if (mail.length === 0) return aboutRun(true, view, `Nobody has written in run ${view.runId}.`, context);
    const now = context.clock.now();
    const lines = mail.slice(-mailMax).map((one) => mailLine(one, now));
    const older = mail.length > mailMax ? [`(${mail.length - mailMax} older ones are in team events)`] : [];
    return aboutRun(true, view, [...older, ...lines, ...questionText(view, now)].join("\n"), context);
  });

async function answerTo(
  { id, from }: MailView,
  observed: Observed,
  parameters: Parameters,
  context: ActionContext,
): Promise<Performed> {
  const { runId } = observed.view;
  const owner = ownerOf(context.requester);
  const request = { ...written(parameters, context), kind: "respond", question: id, owner } as const;
  const receipt = await handOver(observed, request, context);
  if (receipt.refusal !== undefined) return refusal([{ where: "message", ...receipt.refusal }]);
  // A parked run goes on with its answer, and somebody drives it again.
  if (observed.driver !== "alive") await taken(observed, context);
  const who = from === "muster" ? "The plan" : `Task ${from}`;
  const text = `${receipt.isRecorded ? `${who} has its answer` : notYet}. Next: team wait run=${runId}.`;
  return told(runId, text, context);
}

async function stop(
  observed: Observed,
  { id, status }: TaskView,
  context: ActionContext,
): Promise<Performed> {
  const { runId } = observed.view;
  const request = { id: context.newId(), kind: "stop", by: context.requester.sessionId, task: id } as const;
  const receipt = await handOver(observed, request, context, status === "running" ? readMaxMs : 0);
  if (receipt.refusal !== undefined) return refusal([{ where: "task", ...receipt.refusal }]);
  const { isRecorded, isRead, withdrawn } = receipt;
  const became = {
    running: isRead
      ? `Stopped: nothing of ${id} runs any more`
      : `${id} was stopped; its worker has not confirmed that and is ended`,
    retrying: `${id} does not try again before it is told`,
    pending: `${id} has not begun, and does so in its turn (team cancel ends the run)`,
  };
  const waits = status === "running" || status === "retrying";
  const now = waits || status === "pending" ? became[status] : `${id} is ${status}: nothing of it runs`;
  const queue = `${countOf(withdrawn, "undelivered instruction")} withdrawn`;
  const next = waits ? ` It waits: team steer run=${runId} task=${id} message="…".` : "";
  return told(runId, isRecorded ? `${now}. ${queue}.${next}` : notYet, context);
}

async function post(
  observed: Observed,
  to: string,
  parameters: Parameters,
  context: ActionContext,
  patienceMs: number,
): Promise<Performed> {
  const { runId, questions } = observed.view;
  const asked = questions.find(({ from }) => from === to);
  if (asked?.about?.kind === "step") {
    const message = `${to} is done and waits for approval; nobody there would read it`;
    const remedy = `team respond run=${runId} name=${asked.id} message="approve" or message="reject: <reason>"`;
    return refusal([{ where: "task", message, remedy }]);
  }
  const { force = false } = parameters;
  const interrupts = force ? ({ interrupt: true } as const) : {};
  const request = { ...written(parameters, context), kind: "post", to, ...interrupts } as const;
  const receipt = await handOver(observed, request, context, patienceMs);
  if (receipt.refusal !== undefined) return refusal([{ where: "task", ...receipt.refusal }]);
  const status = !receipt.isRecorded
    ? notYet
    : receipt.isRead
      ? `Delivered: ${to} has it in its conversation`
      : to === "all"
        ? "Recorded for everyone who reads along; it wakes nobody"
        : asked !== undefined
          ? `Recorded: ${to} waits for an answer and reads this after it (team respond run=${runId} name=${asked.id} message="…")`
          : force && observed.task?.status === "running"
            ? `Recorded: what ${to} does is being aborted for it`
            : `Recorded: ${to} gets it before its next model call, or with its prompt when it starts`;
  return told(runId, `${status}. Its fate: team inbox run=${runId}.`, context);
}

const notYet = "It lies in the run's inbox; no driver has taken it yet";

async function onLiveRun(
  parameters: Parameters,
  context: ActionContext,
  tell: (observed: Observed) => Performed | Promise<Performed>,
): Promise<Performed> {
  if ((parameters.message ?? "").trim() === "") {
    const remedy = 'write message="…"';
    return refusal([{ where: "message", message: "there is nothing to say", remedy }]);
  }
  if (Buffer.byteLength(parameters.message ?? "") > messageMaxBytes) {
    const message = `a message may have ${messageMaxBytes} bytes`;
    return refusal([{ where: "message", message, remedy: "write the rest to a file and name it" }]);
  }
  const observed = await observe(parameters, context);
  if ("message" in observed) return refusal([observed]);
  const { view, problem } = observed;
  if (problem !== undefined) return refusal([problem]);
  if (!isFinalRun(view.status)) return tell(observed);
  const message = `run ${view.runId} is over (${view.status}); nobody reads mail there`;
  return refusal([{ where: "run", message, remedy: "team list shows the live ones" }]);
}

function questionMeant(
  { runId, questions, mail }: RunView,
  name: string | undefined,
): MailView | PlanProblem {
  const ids = questions.map(({ id }) => id);
  const [first] = questions;
  if (name !== undefined) {
    // What is over is passed on: the driver tells why it takes no answer.
    const meant =
      questions.find(({ id, from }) => id === name || from === name) ??
      mail.find((one) => one.id === name && asks(one));
    const message = `run ${runId} has no open question "${oneLine(name, 60)}"`;
    return meant ?? { where: "name", message, remedy: chooseFrom(name, ids) };
  }
  if (first === undefined) {
    const remedy = "team steer tells a task something unasked";
    return { where: "run", message: `run ${runId} asks nothing`, remedy };
  }
  const several = questions.map(({ id, text }) => `${id} (${oneLine(text, 60)})`).join("; ");
  return questions.length === 1
    ? first
    : { where: "name", message: "several questions are open", remedy: `name one: ${several}` };
}

function written({ message = "" }: Parameters, { newId, requester, redact }: ActionContext) {
  return { id: newId(), by: requester.sessionId, text: redact(message.trim()) };
}

interface Receipt {
  readonly isRecorded: boolean;
  readonly isRead: boolean;
  readonly withdrawn: number;
  readonly refusal?: { readonly message: string; readonly remedy: string };
}

/** Sends and waits until it is recorded or refused, and then up to `patienceMs` until somebody has read it. */
async function handOver(
  { view: { runId }, events }: Observed,
  request: Request,
  { engine, clock }: ActionContext,
  patienceMs = 0,
): Promise<Receipt> {
  const stop = new AbortController();
  let receipt: Receipt = { isRecorded: false, isRead: false, withdrawn: 0 };
  const watch = async (): Promise<void> => {
    for await (const event of engine.follow(runId, (events.at(-1)?.seq ?? 0) + 1, stop.signal)) {
      const { isRecorded } = receipt;
      receipt = after(receipt, event, request.id);
      if (receipt.refusal !== undefined || receipt.isRead) return;
      if (isRecorded || !receipt.isRecorded) continue;
      if (patienceMs === 0) return;
      void clock.sleep(patienceMs, stop.signal).then(() => stop.abort());
    }
  };
  try {
    const watching = watch();
    // Sending may fail first; what watching says is heard in the race, or nowhere.
    watching.catch(() => false);
    await engine.send(runId, request);
    await Promise.race([watching, clock.sleep(recordedMaxMs, stop.signal)]);
    return receipt;
  } finally {
    stop.abort();
  }
}

function after(receipt: Receipt, event: StoredEvent, id: string): Receipt {
  if ((event.type === "mail.posted" || event.type === "plan.revised") && event.request === id)
    return { ...receipt, isRecorded: true };
  if (event.type === "mail.withdrawn" && event.request === id)
    return { ...receipt, isRecorded: true, withdrawn: event.mail.length };
  if (event.type === "mail.consumed" && event.mail === id) return { ...receipt, isRead: true };
  if (event.type !== "request.refused" || event.request !== id) return receipt;
  const remedy = "team status shows where the run stands";
  return { ...receipt, refusal: { message: event.reason, remedy } };
}

async function told(runId: string, text: string, context: ActionContext): Promise<Performed> {
  const now = await observe({ run: runId }, context);
  return "message" in now ? answer(text, { runId }) : aboutRun(true, now.view, text, context);
}
