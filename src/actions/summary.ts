import { isFinalRun } from "../core/status.ts";
import type { RunView } from "../core/view.ts";
import type { Action } from "./action.ts";
import { attemptDirectory, outcomeText } from "./await-run.ts";
import type { ActionContext } from "./context.ts";
import { observe } from "./observe.ts";
import { aboutRun, refusal } from "./result.ts";

export const summary: Action = {
  name: "summary",
  group: "watch",
  summary: "report of a run: outcome, costs, claims, and where the evidence lies",
  parameters: ["run"],
  rest: "run",
  async run(parameters, context) {
    const observation = await observe(parameters.run ?? "last", context);
    if (!observation.ok) return refusal("summary", observation.problems, "there is no report");
    const { view, problem } = observation.run;
    if (problem !== undefined)
      return refusal("summary", [problem], `run ${view.runId} was ${view.status} up to there`);
    const open = isFinalRun(view.status) ? "" : "The run is not over: this is what is known now.\n";
    return aboutRun(
      "summary",
      true,
      view,
      `${open}${outcomeText(view, context)}\n\n${evidence(view, context)}`,
      context,
    );
  },
};

/** What the engine itself recorded of each task that was tried: nothing here is an agent's word. */
function evidence(view: RunView, context: ActionContext): string {
  const lines = view.tasks.flatMap((task) => {
    const directory = attemptDirectory(view, task, context);
    if (directory === undefined) return [];
    const { result } = task;
    const left = result?.artifacts.map(({ name }) => name).join(", ");
    const facts = [
      `${task.attempts} attempt${task.attempts === 1 ? "" : "s"}`,
      `$${task.usage.cost.toFixed(4)}`,
      ...(result === undefined ? [] : [`result ${result.bytes} bytes, ${result.form}`]),
      ...(left ? [`left ${left}`] : []),
    ];
    return [`- ${task.id}: ${facts.join(", ")}; ${directory}`];
  });
  return ["What the engine recorded:", ...(lines.length === 0 ? ["- no task was tried"] : lines)].join("\n");
}
