import type { StoredEvent } from "../core/events.ts";
import { isFinalRun } from "../core/status.ts";
import type { RunView, TaskView } from "../core/view.ts";
import type { Action } from "./action.ts";
import { attemptDirectory } from "./await-run.ts";
import type { ActionContext } from "./context.ts";
import { observe } from "./observe.ts";
import { aboutRun, answer, refusal } from "./result.ts";
import { nextStep, oneLine, runHeader, runLine, taskLine, taskTable, usageText } from "./text.ts";
import { unknownTask } from "./unknown-task.ts";

const otherRunsMax = 10;

export const status: Action = {
  name: "status",
  group: "watch",
  summary: "where a run stands (default: last), why a task does not run; with task: its story",
  parameters: ["run", "task"],
  rest: "run",
  async run(parameters, context) {
    if (parameters.run === undefined && (await context.engine.list()).length === 0) {
      return answer("status", 'No run in this project yet. Start one: team run goal="…".');
    }
    const observation = await observe(parameters.run ?? "last", context);
    if (!observation.ok) return refusal("status", observation.problems, "no run is shown");
    const { view, events, problem } = observation.run;
    if (problem !== undefined)
      return refusal("status", [problem], `run ${view.runId} was ${view.status} up to there`);
    const now = context.clock.now();
    if (parameters.task !== undefined) {
      const task = view.tasks.find(({ id }) => id === parameters.task);
      if (task === undefined)
        return refusal("status", [unknownTask(parameters.task, view)], "no task is shown");
      return aboutRun("status", true, view, taskStory(view, task, events, context), context);
    }
    const others = observation.others
      .flatMap((listing) => ("manifest" in listing ? [listing] : []))
      .filter(({ manifest }) => ["queued", "running", "waiting", "blocked"].includes(manifest.status));
    const text = [
      runHeader(view, now),
      taskTable(view, now),
      `Usage: ${usageText(view.usage)}.`,
      nextStep(view),
      ...(others.length > 0 ? ["Other live runs:"] : []),
      ...others
        .slice(0, otherRunsMax)
        .map(({ manifest, driver }) => `- ${runLine(manifest, driver === "gone", now)}`),
    ];
    return aboutRun("status", true, view, text.join("\n"), context);
  },
};

/** How far each attempt came, and what would help. */
function taskStory(
  view: RunView,
  task: TaskView,
  events: readonly StoredEvent[],
  context: ActionContext,
): string {
  const directory = attemptDirectory(view, task, context);
  return [
    taskLine(task, context.clock.now()),
    ...(task.dependsOn.length > 0 ? [`Depends on: ${task.dependsOn.join(", ")}.`] : []),
    ...attempts(task, events),
    ...(task.attempts === 0 ? ["It was never started."] : []),
    `Usage: ${usageText(task.usage)}.`,
    ...(directory === undefined ? [] : [`Newest attempt: ${directory}`]),
    ...(task.result === undefined ? [] : [`Its result: team get run=${view.runId} task=${task.id}.`]),
    ...(isFinalRun(view.status) ? [] : [nextStep(view)]),
  ].join("\n");
}

/** One line an attempt: the last point of its life that was recorded, and how it ended. */
function attempts(task: TaskView, events: readonly StoredEvent[]): string[] {
  const points = new Map<number, string>();
  const ends = new Map<number, string>();
  for (const event of events) {
    if (!("task" in event) || event.task !== task.id || !("attempt" in event)) continue;
    if (event.type === "attempt.started") points.set(event.attempt, "allocated, never spawned");
    if (event.type === "attempt.spawned")
      points.set(event.attempt, `spawned as pid ${event.worker.pid}, never became ready`);
    if (event.type === "attempt.ready") points.set(event.attempt, "became ready, showed no activity");
    if (event.type === "attempt.progressed")
      points.set(event.attempt, `worked, last seen at "${oneLine(event.activity, 100)}"`);
    if (event.type === "attempt.ended") {
      const { outcome } = event;
      const cause = "cause" in outcome ? ` (${outcome.cause}): ${oneLine(outcome.message, 500)}` : "";
      const retry = event.retryAt === undefined ? "" : "; it was to be tried again";
      ends.set(event.attempt, `${outcome.kind}${cause}${retry}`);
    }
  }
  return [...points].map(
    ([attempt, point]) => `Attempt ${attempt}: ${point}${ends.has(attempt) ? `; ${ends.get(attempt)}` : ""}.`,
  );
}
