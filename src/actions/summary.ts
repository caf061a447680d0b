import { isFinalRun } from "../core/status.ts";
import type { RunView } from "../core/view.ts";
import { attemptDirectory, outcomeText } from "./await-run.ts";
import type { ActionContext, Perform } from "./context.ts";
import { onRun } from "./observe.ts";
import { aboutRun } from "./result.ts";

/** The report of a run, over or not: what was claimed and what was recorded, kept apart. */
export const summary: Perform = (parameters, context) =>
  onRun(parameters, context, ({ view }) => {
    const open = isFinalRun(view.status) ? "" : "The run is not over: this is what is known now.\n";
    return aboutRun(
      true,
      view,
      `${open}${outcomeText(view, context)}\n\n${evidence(view, context)}`,
      context,
    );
  });

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
