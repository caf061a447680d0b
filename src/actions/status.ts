import { estimateRest } from "../core/estimate.ts";
import type { StoredEvent } from "../core/events.ts";
import { type AttemptStory, attemptsOf, explainRun, explainTask, nextStep } from "../core/explain.ts";
import type { Verdict } from "../core/process.ts";
import { attemptKey } from "../core/state.ts";
import { isFinalRun } from "../core/status.ts";
import type { RunView, TaskView } from "../core/view.ts";
import {
  countOf,
  formatDuration,
  formatEstimate,
  formatOutcome,
  formatPoint,
  formatUsage,
  oneLine,
} from "../lib/wording.ts";
import type { ActionContext, Perform } from "./context.ts";
import { manifestsOf, onRun } from "./observe.ts";
import { aboutRun, attemptDirectory } from "./result.ts";
import { questionText, runHeader, runLine, taskLine, taskTable } from "./text.ts";

const otherRunsMax = 10;

/** Where a run stands and why each task that is not running is not; or the story of one task. */
export const status: Perform = (parameters, context) =>
  onRun(parameters, context, async ({ view, task, events, others, problems }) => {
    if (task !== undefined)
      return aboutRun(true, view, await taskStory(view, task, events, context), context);
    const now = context.clock.now();
    const rest = estimateRest(view, events, manifestsOf(others), now);
    const live = others
      .flatMap((listing) => ("manifest" in listing ? [listing] : []))
      .filter(({ manifest }) => !isFinalRun(manifest.status))
      .slice(0, otherRunsMax)
      .map((listing) => `- ${runLine(listing, context.requester.sessionId, now)}`);
    const text = [
      runHeader(view, now),
      taskTable(view, now),
      ...explainRun(view),
      rest && `${formatEstimate(rest)}, counted from now.`,
      lastRecord(events, now),
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
    ...explainTask(view, task).slice(1),
    ...attemptsOf(events)
      .filter((story) => story.task === task.id)
      .map(attemptLine),
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
function attemptLine({ attempt, point, outcome, retryAt }: AttemptStory): string {
  const again = retryAt === undefined ? "" : "; it was to be tried again";
  return `Attempt ${attempt}: ${formatPoint(point)}${outcome ? `; ${formatOutcome(outcome)}` : ""}${again}.`;
}

/** `Last record: attempt.ended of build, 42s ago.` */
function lastRecord(events: readonly StoredEvent[], now: number): string {
  const last = events.at(-1);
  if (last === undefined) return "";
  const of = "task" in last ? ` of ${last.task}` : "";
  return `Last record: ${last.type}${of}, ${formatDuration(now - Date.parse(last.at))} ago.`;
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
