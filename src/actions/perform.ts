import type { PlanProblem } from "../core/plan.ts";
import { chooseFrom } from "../resources/suggest.ts";
import { parseLine } from "./command-line.ts";
import type { ActionContext, ActionResult } from "./context.ts";
import { normalise, surplusProblems } from "./parameters.ts";
import { refusal } from "./result.ts";
import { actions } from "./table.ts";
import { oneLine } from "./text.ts";

/**
 * The only entrance: what the tool, the commands and the overlays ask for goes through here. Never rejects: what is
 * wrong with the request, or with the world, is the result.
 */
export async function perform(name: string, raw: unknown, context: ActionContext): Promise<ActionResult> {
  return performAll(name, raw, [], context);
}

/** The same for a slash command's arguments as they were typed. */
export async function performLine(name: string, line: string, context: ActionContext): Promise<ActionResult> {
  const action = actions.find((candidate) => candidate.name === name);
  const { raw, problems } = action === undefined ? { raw: {}, problems: [] } : parseLine(action, line);
  return performAll(name, raw, problems, context);
}

async function performAll(
  name: string,
  raw: unknown,
  earlier: readonly PlanProblem[],
  context: ActionContext,
): Promise<ActionResult> {
  const action = actions.find((candidate) => candidate.name === name);
  const { parameters, problems } = normalise(raw);
  if (action === undefined) {
    const remedy = chooseFrom(
      name,
      actions.map((candidate) => candidate.name),
    );
    const unknown = { where: "action", message: `there is no action "${oneLine(name, 60)}"`, remedy };
    return refusal("help", [...earlier, unknown, ...problems], "nothing was done");
  }
  const wrong = [...earlier, ...problems, ...surplusProblems(name, action.parameters, parameters)];
  if (wrong.length > 0) return refusal(name, wrong, "nothing was done");
  try {
    return await action.run(parameters, context);
  } catch (error) {
    // The world failed (or we did): the asker is told what is known, because the host would only see a broken tool.
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const remedy = "team doctor looks for causes; team list shows which runs exist";
    return refusal(name, [{ where: name, message: context.redact(message), remedy }], "it broke off");
  }
}
