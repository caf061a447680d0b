import { isFinalRun } from "../core/status.ts";
import type { RunView, TaskView } from "../core/view.ts";
import { formatCost, formatDuration, formatQuiet, formatUsage } from "../lib/wording.ts";
import { glyphOf } from "./glyph.ts";
import type { Theme } from "./theme.ts";
import { drawLine, type Span } from "./width.ts";

/** How long a finished run stays in the widget, ms: a failure longer, because it is to be seen. */
const successLingersMs = 6_000;
const failureLingersMs = 30_000;
const runsMax = 3;
const tasksMax = 4;

/** True while the run belongs into the widget: it is live, or it ended a moment ago. */
export function isShown(view: RunView, now: number): boolean {
  if (!isFinalRun(view.status)) return true;
  const lingersMs = view.status === "failed" ? failureLingersMs : successLingersMs;
  return view.finishedAt !== undefined && now - view.finishedAt < lingersMs;
}

/**
 * The status widget: a header per run and its busiest tasks, oldest first, so that no row jumps. Nothing when idle.
 * `now` in ms since the epoch; every line fits `width` columns.
 */
export function widgetLines(views: readonly RunView[], now: number, width: number, theme: Theme): string[] {
  if (!(width >= 1)) return [];
  const shown = views.filter((view) => isShown(view, now)).sort((a, b) => a.createdAt - b.createdAt);
  const lines = shown.slice(0, runsMax).flatMap((view) => [header(view, now), ...taskLines(view, now)]);
  if (shown.length > runsMax) lines.push([["dim", `+${shown.length - runsMax} more runs · /team-list`]]);
  return lines.map((line) => drawLine(line, width, theme));
}

function header(view: RunView, now: number): Span[] {
  const { glyph, word, color } = glyphOf(view.status);
  const { completed, failed } = view.counts;
  const facts = [
    `${completed}/${view.tasks.length}`,
    failed > 0 ? `${failed} failed` : "",
    formatDuration((view.finishedAt ?? now) - view.createdAt),
    view.usage.cost > 0 ? formatCost(view.usage.cost) : "",
  ];
  return [
    [color, glyph],
    ["toolTitle", view.workflow ?? view.team ?? "team"],
    [color, view.status === "running" ? "" : word],
    ["muted", facts.filter(Boolean).join(" · ")],
    [color, view.status === "running" || view.status === "completed" ? "" : (reasonOf(view) ?? "")],
    ["dim", `${view.runId} ${view.goal}`],
  ];
}

/** What a person would look at now: what works, by start, then what wants something. */
function taskLines({ status, tasks }: RunView, now: number): Span[][] {
  if (isFinalRun(status)) return [];
  const isRunning = (task: TaskView): number => Number(task.status === "running");
  const busy = tasks
    .filter((task) => ["running", "stopping", "retrying", "waiting", "blocked"].includes(task.status))
    .sort((a, b) => isRunning(b) - isRunning(a) || (a.startedAt ?? 0) - (b.startedAt ?? 0));
  const lines = busy.slice(0, tasksMax).map((task) => taskLine(task, now));
  return busy.length > tasksMax ? [...lines, [["dim", `  +${busy.length - tasksMax} more`]]] : lines;
}

function taskLine(task: TaskView, now: number): Span[] {
  const { glyph, word, color } = glyphOf(task.status);
  const { tool = "", activity: does = "" } = task;
  const activity = (does.startsWith(tool) ? does : [tool, does].filter(Boolean).join(": ")) || "starting";
  const quiet = task.escalation && formatQuiet({ lastSignAt: now, ...task }, now);
  return [
    [color, `  ${glyph}`],
    ["text", task.id],
    ["muted", task.agent],
    ["muted", task.startedAt === undefined ? "" : formatDuration(now - task.startedAt)],
    ["dim", formatUsage(task.usage)],
    ["warning", quiet ?? ""],
    ["dim", task.status === "running" ? activity : `${word}: ${reasonOf(task) ?? "no reason given"}`],
  ];
}

function reasonOf(of: { readonly cause?: string; readonly reason?: string }): string | undefined {
  return of.reason ?? of.cause;
}
