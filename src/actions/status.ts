import type { StoredEvent } from "../core/events.ts";
import { finalRunStatuses, isFinalRun } from "../core/status.ts";
import type { RunView, TaskView } from "../core/view.ts";
import { attemptDirectory } from "./await-run.ts";
import type { ActionContext, Perform } from "./context.ts";
import { onRun } from "./observe.ts";
import { aboutRun, answer } from "./result.ts";
import { nextStep, oneLine, runHeader, runLine, taskLine, taskTable, usageText } from "./text.ts";

const otherRunsMax = 10;

/** Where a run stands and why each task that is not running is not; or the story of one task. */
export const status: Perform = async (parameters, context) => {
  const isOpen = parameters.run === undefined && parameters.task === undefined;
  if (isOpen && (await context.engine.list()).length === 0) {
    return answer('No run in this project yet. Start one: team run goal="…".');
  }
  return onRun(parameters, context, ({ view, task, events, others }) => {
    if (task !== undefined) return aboutRun(true, view, taskStory(view, task, events, context), context);
    const now = context.clock.now();
    const live = others
      .flatMap((listing) => ("manifest" in listing ? [listing] : []))
      .filter(({ manifest }) => !finalRunStatuses.some((final) => final === manifest.status))
      .slice(0, otherRunsMax)
      .map(({ manifest, driver }) => `- ${runLine(manifest, driver, now)}`);
    const usage = `Usage: ${usageText(view.usage)}.`;
    const text = [runHeader(view, now), taskTable(view, now), usage, nextStep(view)].filter(Boolean);
    return aboutRun(
      true,
      view,
      [...text, ...(live.length > 0 ? ["Other live runs:", ...live] : [])].join("\n"),
      context,
    );
  });
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
