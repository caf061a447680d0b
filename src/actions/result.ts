import type { PlanProblem } from "../core/plan.ts";
import type { RunView } from "../core/view.ts";
import type { ActionContext, ActionDetails, ActionResult } from "./context.ts";
import { bounded, problemsText, telling } from "./text.ts";

const detailsTasksMax = 100;
const detailsProblemsMax = 50;

/** A plain answer that is about no single run. */
export function answer(action: string, text: string, extra: Partial<ActionDetails> = {}): ActionResult {
  const ok = extra.ok ?? true;
  return { ok, text: bounded(text, "ask for less with limit"), details: { ...extra, action, ok } };
}

/** The request is not in order: all that is wrong with it at once. */
export function refusal(action: string, problems: readonly PlanProblem[], consequence: string): ActionResult {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const text = bounded(
    `team ${action}: ${count}, ${consequence}.\n${problemsText(problems)}`,
    "correct these first",
  );
  const details = { action, ok: false, problems: problems.slice(0, detailsProblemsMax) };
  return { ok: false, text, details };
}

/** An answer about one run, with its state as data. */
export function aboutRun(
  action: string,
  ok: boolean,
  view: RunView,
  text: string,
  context: ActionContext,
  extra: Partial<ActionDetails> = {},
): ActionResult {
  const directory = context.engine.directory(view.runId);
  const details: ActionDetails = {
    runId: view.runId,
    status: view.status,
    tasks: telling(view.tasks, detailsTasksMax).map(({ id, agent, status, cause }) => ({
      id,
      agent,
      status,
      ...(cause !== undefined && { cause }),
    })),
    usage: view.usage,
    paths: [directory],
    ...extra,
    action,
    ok,
  };
  return { ok, text: bounded(text, directory), details };
}
