import type { PlanProblem } from "../core/plan.ts";
import type { RunView } from "../core/view.ts";
import type { ActionContext, Performed } from "./context.ts";
import { bounded, problemsText, telling } from "./text.ts";

const detailsTasksMax = 100;
/** Problems in `details`; the text tells as many. */
export const problemsMax = 50;

/** An answer that is about no single run. */
export function answer(text: string, details: Performed["details"] = {}, ok = true): Performed {
  return { ok, text: bounded(text, "ask for less with limit"), details };
}

/** The request is not in order: all that is wrong with it at once. */
export function refusal(problems: readonly PlanProblem[], consequence: string): Performed {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const text = bounded(`${count}, ${consequence}:\n${problemsText(problems)}`, "correct these first");
  return { ok: false, text, details: { problems: problems.slice(0, problemsMax) } };
}

/** An answer about one run, with its state as data. */
export function aboutRun(
  ok: boolean,
  view: RunView,
  text: string,
  context: ActionContext,
  details: Performed["details"] = {},
): Performed {
  const directory = context.engine.directory(view.runId);
  const tasks = telling(view.tasks, detailsTasksMax).map(({ id, agent, status, cause }) => ({
    id,
    agent,
    status,
    ...(cause !== undefined && { cause }),
  }));
  return {
    ok,
    text: bounded(text, directory),
    details: {
      runId: view.runId,
      status: view.status,
      tasks,
      usage: view.usage,
      paths: [directory],
      ...details,
    },
  };
}
