import type { PlanProblem } from "../core/plan.ts";
import type { RunView } from "../core/view.ts";
import { chooseFrom } from "../resources/suggest.ts";

/** A task id that the run does not have, with those it has. */
export function unknownTask(id: string, view: RunView): PlanProblem {
  const message = `run ${view.runId} has no task "${id.slice(0, 60)}"`;
  return {
    where: "task",
    message,
    remedy: chooseFrom(
      id,
      view.tasks.map((task) => task.id),
    ),
  };
}
