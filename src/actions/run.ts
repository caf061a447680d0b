import { AlreadyAsked } from "../core/failure.ts";
import type { Plan } from "../core/plan.ts";
import { sha256 } from "../lib/hash.ts";
import { countOf } from "../lib/wording.ts";
import type { Parameters } from "./action.ts";
import { compileAsk, withWarnings } from "./ask.ts";
import type { ActionContext, Perform, Performed } from "./context.ts";
import { ownerOf } from "./foreign.ts";
import { tooDeep } from "./nesting.ts";
import { onRun } from "./observe.ts";
import { aboutRun, answer, refusal } from "./result.ts";
import { awaitRun } from "./wait.ts";

/** Starts a run and, unless it is a background run, waits for its end. */
export const run: Perform = (parameters, context) => begun(parameters, context, false);

/** The same; `isProposed`: nothing of it starts before its plan is approved, whatever the settings say. */
export async function begun(
  parameters: Parameters,
  context: ActionContext,
  isProposed: boolean,
): Promise<Performed> {
  const deep = tooDeep(context.requester);
  if (deep !== undefined) return refusal([deep], "nothing was started");
  const asked = await compileAsk(parameters, context);
  if (!asked.ok) return refusal(asked.problems);
  if (context.signal?.aborted) return answer("Interrupted before anything was started.", {}, false);
  const { cwd, origin, model, trusted } = context.requester;
  const background = parameters.background ?? false;
  // Children are never taken for one another: who starts them knows what it does.
  const isTop = (context.requester.nesting?.depth ?? 0) === 0;
  const submission = {
    plan: asked.plan,
    ...(isTop && !parameters.force && { once: askKey(asked.plan, cwd) }),
    terms: {
      cwd,
      owner: ownerOf(context.requester),
      origin,
      background,
      ...(model !== undefined && { model }),
      trusted,
      settings: { ...asked.settings, ...(isProposed && { requireApproval: true }) },
    },
  };
  const runId = await context.engine.submit(submission).catch((error: unknown) => {
    if (error instanceof AlreadyAsked) return error;
    throw error;
  });
  if (runId instanceof AlreadyAsked) return alreadyAsked(runId, context);
  const waits = isProposed || asked.requireApproval;
  return withWarnings(asked.warnings, await follow(runId, background, waits, context));
}

/** What makes two calls ask for the same: what is to be done, by whom and by which model, what is approved, and where. */
function askKey({ goal, team = "", workflow = "", tasks }: Plan, cwd: string): string {
  const words = (text: string): string => text.trim().replace(/\s+/g, " ");
  const work = tasks.map(({ id, agent, prompt, dependsOn, models, gate = "" }) => {
    return [id, agent, words(prompt), dependsOn, models, gate];
  });
  return sha256(JSON.stringify([words(goal), team, workflow, work, cwd]));
}

function alreadyAsked({ by, message }: AlreadyAsked, context: ActionContext): Promise<Performed> {
  return onRun({ run: by }, context, ({ view }) => {
    const text = `Nothing was started: ${message}, which is ${view.status}. Next: team wait run=${by}. Another one on purpose: team run force=true with the same words.`;
    return aboutRun(true, view, text, context);
  });
}

/** From here on there is a run: whatever breaks, the asker learns its id. `waits`: its plan is soon asked to be approved. */
async function follow(
  runId: string,
  background: boolean,
  waits: boolean,
  context: ActionContext,
): Promise<Performed> {
  try {
    if (background || (context.returnsAtOnce && !waits)) return await started(runId, background, context);
    return await awaitRun(runId, context, "cancel");
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const remedy = `team status run=${runId} says where it stands`;
    const problem = { where: runId, message: context.redact(error.message), remedy };
    const refused = refusal([problem], `run ${runId} was started and goes on`);
    return { ...refused, details: { ...refused.details, runId } };
  }
}

/** Says that the run exists and what becomes of it. */
function started(runId: string, background: boolean, context: ActionContext): Promise<Performed> {
  const end = !background
    ? "It ends with this session unless it is over before"
    : context.requester.staysAlive
      ? "You are told once when it ends or needs somebody; do not poll"
      : "It goes on when this session ends; ask for its summary later";
  return onRun({ run: runId }, context, ({ view }) => {
    const text = `Started run ${runId} with ${countOf(view.tasks.length, "task")}. ${end}.\nLook: team status run=${runId}. End it: team cancel run=${runId}.`;
    return aboutRun(true, view, text, context);
  });
}
