import type { PlanProblem } from "../core/plan.ts";
import { oneLine } from "../lib/wording.ts";
import { chooseFrom } from "../resources/suggest.ts";
import { artifacts } from "./artifacts.ts";
import { compileAsk } from "./ask.ts";
import { cancel } from "./cancel.ts";
import { cleanup } from "./cleanup.ts";
import { asCommands, parseLine } from "./command-line.ts";
import { config } from "./config.ts";
import type { ActionContext, ActionResult, Perform, Performed } from "./context.ts";
import { doctor } from "./doctor.ts";
import { events } from "./events.ts";
import { forget } from "./forget.ts";
import { get } from "./get.ts";
import { help } from "./help.ts";
import { list } from "./list.ts";
import { inbox, respond, send, steer } from "./mail.ts";
import { goneSince } from "./observe.ts";
import { normalise, surplusProblems } from "./parameters.ts";
import { plan } from "./plan.ts";
import { prune } from "./prune.ts";
import { recommend } from "./recommend.ts";
import { refusal } from "./result.ts";
import { resume } from "./resume.ts";
import { retry } from "./retry.ts";
import { run } from "./run.ts";
import { status } from "./status.ts";
import { summary } from "./summary.ts";
import { type ActionName, actionNamed, actions } from "./table.ts";
import { exportRun, importRun } from "./transfer.ts";
import { validate } from "./validate.ts";
import { wait } from "./wait.ts";

const performers: Readonly<Record<ActionName, Perform>> = {
  run,
  plan,
  recommend,
  status,
  wait,
  list,
  summary,
  get,
  events,
  artifacts,
  cancel,
  resume,
  retry,
  respond,
  steer,
  send,
  inbox,
  forget,
  prune,
  cleanup,
  export: exportRun,
  import: importRun,
  validate,
  config,
  doctor,
  help,
};

/**
 * The only entrance: what the tool, the commands and the overlays ask for goes through here. Never rejects: what is
 * wrong with the request, or with the world, is the result. A person is told the next step as a command.
 */
export async function perform(
  name: string,
  raw: unknown,
  context: ActionContext,
  earlier: readonly PlanProblem[] = [],
): Promise<ActionResult> {
  // Everything else that waits lets the process end; a host that exits when nothing is left would lose the answer.
  const over = new AbortController();
  void context.clock.stay?.(Number.MAX_SAFE_INTEGER, over.signal);
  try {
    const { ok, text, details } = await performed(name, raw, context, earlier);
    const isTyped = context.requester.origin.kind === "user" && !quoting.includes(name);
    return { ok, text: isTyped ? asCommands(text) : text, details: { ...details, action: name, ok } };
  } finally {
    over.abort();
  }
}

/** Answers that quote what others wrote: they stay as they are. */
const quoting: readonly string[] = ["get", "events", "inbox"] satisfies ActionName[];

/** The same for a slash command's arguments as they were typed. */
export async function performLine(name: string, line: string, context: ActionContext): Promise<ActionResult> {
  const action = actionNamed(name);
  const { raw, problems } = action === undefined ? { raw: {}, problems: [] } : parseLine(action, line);
  return perform(name, raw, context, problems);
}

async function performed(
  name: string,
  raw: unknown,
  context: ActionContext,
  earlier: readonly PlanProblem[],
): Promise<Performed> {
  const action = actionNamed(name);
  const { parameters, problems } = normalise(raw);
  const wrong = [...earlier, ...problems];
  if (action === undefined) {
    const known = actions.map((candidate) => candidate.name);
    const message = `there is no action "${oneLine(name, 60)}"`;
    return refusal([{ where: "action", message, remedy: chooseFrom(name, known) }, ...wrong]);
  }
  wrong.push(...surplusProblems(action, parameters));
  try {
    if (wrong.length === 0) return await performers[action.name](parameters, context);
    // What planning would refuse as well, so that it is not told one call later; nothing where that would be a guess.
    const isPlanned = action.name === "run" || action.name === "plan";
    const isGuess = wrong.some(({ where }) => /^(goal|tasks|arguments)/.test(where));
    const asked = isPlanned && !isGuess ? await compileAsk(parameters, context) : undefined;
    return refusal(asked === undefined || asked.ok ? wrong : [...wrong, ...asked.problems]);
  } catch (error) {
    const gone = await goneSince(error, { ...(parameters.run && { runId: parameters.run }) }, context);
    if (gone !== undefined) return refusal([gone]);
    // The world failed (or we did): the asker is told what is known, because the host would only see a broken tool.
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const remedy = "team doctor looks for causes; team list shows which runs exist";
    return refusal([{ where: name, message: context.redact(message), remedy }], "it broke off");
  }
}
