import { join } from "node:path";
import type { PlanProblem } from "../core/plan.ts";
import { isFinalTask } from "../core/status.ts";
import type { RunView, TaskView } from "../core/view.ts";
import { countOf, oneLine } from "../lib/wording.ts";
import type { ActionContext, Performed, TaskDetail } from "./context.ts";
import { bounded, problemsMax, problemsText, telling } from "./text.ts";

const detailsTasksMax = 100;
const liveTasksMax = 8;

/** An answer that is about no single run. */
export function answer(text: string, details: Performed["details"] = {}, ok = true): Performed {
  return { ok, text: bounded(text, "ask for less with limit"), details };
}

/** The request is not in order: all that is wrong with it at once. */
export function refusal(problems: readonly PlanProblem[], consequence = "nothing was done"): Performed {
  const count = countOf(problems.length, "problem");
  const text = bounded(`${count}, ${consequence}:\n${problemsText(problems)}`, "correct these first");
  return { ok: false, text, details: { problems: problems.slice(0, problemsMax) } };
}

/** An answer about one run, with its state as data. */
export function aboutRun(
  ok: boolean,
  view: RunView,
  text: string,
  { engine, clock }: ActionContext,
  paths: readonly string[] = [engine.directory(view.runId)],
): Performed {
  const tasks = telling(view.tasks, detailsTasksMax);
  const told = bounded(text, engine.directory(view.runId));
  const questions = view.questions.flatMap(({ id }) => (told.includes(`name=${id}`) ? [id] : []));
  const more = { owner: view.owner.sessionId, ...(questions.length > 0 && { questions }), paths };
  return { ok, text: told, details: { ...runDetails(view, tasks, clock.now()), ...more } };
}

/** Directory of a task's newest attempt. */
export function attemptDirectory(runId: string, task: TaskView, { engine }: ActionContext): string {
  return join(engine.directory(runId), "attempts", `${task.id}-${task.attempts}`);
}

/** Details while a run goes on: small, because the host repeats them in every event it writes. `now` in ms since the epoch. */
export function progressDetails(view: RunView, now: number): Performed["details"] {
  const tasks = view.tasks.filter((task) => task.startedAt !== undefined && !isFinalTask(task.status));
  return runDetails(view, tasks.slice(0, liveTasksMax), now);
}

function runDetails(view: RunView, tasks: readonly TaskView[], now: number): Performed["details"] {
  const { runId, status, usage } = view;
  const counts = Object.fromEntries(Object.entries(view.counts).filter(([, count]) => count > 0));
  return { runId, status, tasks: tasks.map((task) => taskDetail(task, now)), counts, usage };
}

function taskDetail(task: TaskView, now: number): TaskDetail {
  const { id, agent, status, cause, reason, startedAt, finishedAt = now, usage } = task;
  const head = task.result?.text ?? (isFinalTask(status) ? undefined : (task.activity ?? task.tool));
  return {
    id,
    agent,
    status,
    ...(cause !== undefined && { cause }),
    ...(reason !== undefined && { reason: oneLine(reason, 200) }),
    ...(head !== undefined && { head: oneLine(head, 200) }),
    ...(startedAt !== undefined && { tookMs: finishedAt - startedAt }),
    usage,
  };
}
