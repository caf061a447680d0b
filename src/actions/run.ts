import type { Action } from "./action.ts";
import { askParameters, compileAsk } from "./ask.ts";
import { awaitRun } from "./await-run.ts";
import type { ActionContext, ActionResult } from "./context.ts";
import { observe } from "./observe.ts";
import { aboutRun, answer, refusal } from "./result.ts";
import { problemsText } from "./text.ts";

export const run: Action = {
  name: "run",
  group: "do",
  summary: "have a team achieve a goal, or run inline tasks; waits for the end",
  parameters: [...askParameters, "background"],
  rest: "goal",
  async run(parameters, context) {
    const asked = await compileAsk(parameters, context);
    if (!asked.ok) return refusal("run", asked.problems, "nothing was started");
    if (context.signal?.aborted)
      return answer("run", "Interrupted before anything was started.", { ok: false });
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
    const result =
      background || context.returnsAtOnce
        ? await started(runId, background, context)
        : await awaitRun("run", runId, context, "cancel");
    if (asked.warnings.length === 0) return result;
    const text = `${result.text}\nWarnings:\n${problemsText(asked.warnings)}`;
    return { ...result, text, details: { ...result.details, problems: asked.warnings } };
  },
};

async function started(runId: string, background: boolean, context: ActionContext): Promise<ActionResult> {
  const observation = await observe(runId, context);
  if (!observation.ok) return refusal("run", observation.problems, `run ${runId} was started`);
  const { view } = observation.run;
  const end = !background
    ? "It ends with this session unless it is over before"
    : context.requester.staysAlive
      ? "You are told once when it ends or needs somebody; do not poll"
      : "It goes on when this session ends; ask for its summary later";
  const text = `Started run ${runId} with ${view.tasks.length} tasks. ${end}.\nLook: team status run=${runId}. End it: team cancel run=${runId}.`;
  return aboutRun("run", true, view, text, context);
}
