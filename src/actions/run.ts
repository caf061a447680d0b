import { compileAsk } from "./ask.ts";
import { awaitRun } from "./await-run.ts";
import type { ActionContext, Perform, Performed } from "./context.ts";
import { onRun } from "./observe.ts";
import { aboutRun, answer, problemsMax, refusal } from "./result.ts";
import { bounded, problemsText } from "./text.ts";

/** Starts a run and, unless it is a background run, waits for its end. */
export const run: Perform = async (parameters, context) => {
  const asked = await compileAsk(parameters, context);
  if (!asked.ok) return refusal(asked.problems, "nothing was started");
  if (context.signal?.aborted) return answer("Interrupted before anything was started.", {}, false);
  const { requester } = context;
  const background = parameters.background ?? false;
  const runId = await context.engine.submit({
    plan: asked.plan,
    terms: {
      cwd: requester.cwd,
      owner: { sessionId: requester.sessionId, ...(requester.host && { host: requester.host }) },
      origin: requester.origin,
      background,
      ...(requester.model !== undefined && { model: requester.model }),
      trusted: requester.trusted,
      settings: asked.settings,
    },
  });
  const result = await follow(runId, background, context);
  if (asked.warnings.length === 0) return result;
  const text = bounded(
    `Warnings:\n${problemsText(asked.warnings)}\n\n${result.text}`,
    context.engine.directory(runId),
  );
  const problems = [...(result.details.problems ?? []), ...asked.warnings].slice(0, problemsMax);
  return { ...result, text, details: { ...result.details, problems } };
};

/** From here on there is a run: whatever breaks, the asker learns its id. */
async function follow(runId: string, background: boolean, context: ActionContext): Promise<Performed> {
  try {
    if (background || context.returnsAtOnce) return await started(runId, background, context);
    return await awaitRun(runId, context, "cancel");
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const remedy = `team status run=${runId} says where it stands`;
    const problem = { where: runId, message: context.redact(error.message), remedy };
    const { text, details } = refusal([problem], `run ${runId} was started and goes on`);
    return { ok: false, text, details: { ...details, runId } };
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
    const text = `Started run ${runId} with ${view.tasks.length} tasks. ${end}.\nLook: team status run=${runId}. End it: team cancel run=${runId}.`;
    return aboutRun(true, view, text, context);
  });
}
