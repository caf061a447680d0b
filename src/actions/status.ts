import type { StoredEvent } from "../core/events.ts";
import type { Verdict } from "../core/process.ts";
import { attemptKey } from "../core/state.ts";
import { isFinalRun } from "../core/status.ts";
import type { RunView, TaskView } from "../core/view.ts";
import { countOf, formatDuration, formatStep, formatUsage, oneLine } from "../lib/wording.ts";
import type { ActionContext, Perform } from "./context.ts";
import { onRun } from "./observe.ts";
import { aboutRun, attemptDirectory } from "./result.ts";
import { nextStep, questionText, runHeader, runLine, taskLine, taskTable } from "./text.ts";

const otherRunsMax = 10;

/** Where a run stands and why each task that is not running is not; or the story of one task. */
export const status: Perform = (parameters, context) =>
  onRun(parameters, context, async ({ view, task, events, others, problems }) => {
    if (task !== undefined)
      return aboutRun(true, view, await taskStory(view, task, events, context), context);
    const now = context.clock.now();
    const live = others
      .flatMap((listing) => ("manifest" in listing ? [listing] : []))
      .filter(({ manifest }) => !isFinalRun(manifest.status))
      .slice(0, otherRunsMax)
      .map(({ manifest, driver }) => `- ${runLine(manifest, driver, now)}`);
    const text = [
      runHeader(view, now),
      taskTable(view, now),
      ...questionText(view, now),
      usageLine(view),
      ...problems.map(({ where, message, remedy }) => `In its way: ${where}: ${message}. ${remedy}.`),
      nextStep(view),
      ...(live.length > 0 ? ["Other live runs:", ...live] : []),
    ];
    return aboutRun(true, view, text.filter(Boolean).join("\n"), context);
  });

const verdictWords: Readonly<Record<Verdict, string>> = {
  result_ok: "its result is on disk and counts, whatever becomes of its worker",
  result_failed: "it has failed, and says so on disk",
  alive: "its worker lives",
  gone: "its worker is gone and left no result",
  indeterminate: "nothing tells what became of it; nobody ends or deletes anything for that",
};

/** How far each attempt came, and what would help. */
async function taskStory(
  view: RunView,
  task: TaskView,
  events: readonly StoredEvent[],
  context: ActionContext,
): Promise<string> {
  const verdict = (await context.engine.verdicts(view.runId)).get(attemptKey(task.id, task.attempts));
  const newest = attemptDirectory(view.runId, task, context);
  const text = [
    taskLine(task, context.clock.now()),
    task.dependsOn.length > 0 ? `Depends on: ${task.dependsOn.join(", ")}.` : "",
    ...attempts(task, events),
    ...denials(task, events),
    verdict && `Seen from outside, ${verdictWords[verdict]}.`,
    task.attempts === 0 ? "It was never started." : `Newest attempt: ${newest}`,
    usageLine(task),
    task.result && `Its result: team get run=${view.runId} task=${task.id}.`,
    isFinalRun(view.status) ? "" : nextStep(view),
  ];
  return text.filter(Boolean).join("\n");
}

function usageLine({ usage }: RunView | TaskView): string {
  const counted = formatUsage(usage);
  return counted && `Usage: ${counted}.`;
}

/** One line an attempt: the last point of its life that was recorded, and how it ended. */
function attempts(task: TaskView, events: readonly StoredEvent[]): string[] {
  const points = new Map<number, string>();
  const ends = new Map<number, string>();
  for (const event of events) {
    if (!("attempt" in event) || event.task !== task.id) continue;
    const { attempt } = event;
    if (event.type === "attempt.started") points.set(attempt, "allocated, never spawned");
    if (event.type === "attempt.spawned")
      points.set(attempt, `spawned as pid ${event.worker.pid}, never became ready`);
    if (event.type === "attempt.ready") points.set(attempt, "became ready, showed no activity");
    if (event.type === "attempt.progressed")
      points.set(attempt, `worked, last seen at "${oneLine(event.activity, 100)}"`);
    if (event.type === "attempt.escalated")
      points.set(
        attempt,
        `${formatStep(event.step)} after ${formatDuration(event.quietMs)} without a sign of life`,
      );
    if (event.type === "attempt.ended") {
      const { outcome, retryAt } = event;
      const cause = "cause" in outcome ? ` (${outcome.cause}): ${oneLine(outcome.message, 500)}` : "";
      ends.set(
        attempt,
        `; ${outcome.kind}${cause}${retryAt === undefined ? "" : "; it was to be tried again"}`,
      );
    }
  }
  return [...points].map(([attempt, point]) => `Attempt ${attempt}: ${point}${ends.get(attempt) ?? ""}.`);
}

const denialsMax = 10;

/** The newest calls that its workers were kept from, and why. */
function denials({ id, denied = 0 }: TaskView, events: readonly StoredEvent[]): string[] {
  if (denied === 0) return [];
  const lines = events.flatMap((event) => {
    if (event.type !== "attempt.denied" || event.task !== id) return [];
    const { tool, what, reason, by, times = 1 } = event;
    return [
      `- ${tool} ${oneLine(what, 100)}${times > 1 ? ` (×${times})` : ""}, by ${by}: ${oneLine(reason, 200)}`,
    ];
  });
  return [`${countOf(denied, "call")} denied, newest last:`, ...lines.slice(-denialsMax)];
}
