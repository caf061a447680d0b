import { isFinalRun } from "../core/status.ts";
import type { RunView, TaskView } from "../core/view.ts";
import { formatDuration } from "./duration.ts";
import { glyphOf } from "./glyph.ts";
import type { Theme } from "./theme.ts";
import { formatCost, formatUsage } from "./usage.ts";
import { fitLine, plain } from "./width.ts";

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
  const shown = views.filter((view) => isShown(view, now)).sort((a, b) => a.createdAt - b.createdAt);
  const lines = shown.slice(0, runsMax).flatMap((view) => runLines(view, now, theme));
  if (shown.length > runsMax)
    lines.push(theme.fg("dim", `+${shown.length - runsMax} more runs · /team-list`));
  return width >= 1 ? lines.map((line) => fitLine(line, width)) : [];
}

function runLines(view: RunView, now: number, theme: Theme): string[] {
  const tasks = view.tasks.filter(isBusy).sort(byStart);
  const lines = [headerLine(view, now, theme)];
  if (isFinalRun(view.status)) return lines;
  for (const task of tasks.slice(0, tasksMax)) lines.push(taskLine(task, now, theme));
  if (tasks.length > tasksMax) lines.push(theme.fg("dim", `  +${tasks.length - tasksMax} more`));
  return lines;
}

function headerLine(view: RunView, now: number, theme: Theme): string {
  const { glyph, word, color } = glyphOf(view.status);
  const done = view.counts.completed;
  const facts = [
    `${done}/${view.tasks.length}`,
    ...(view.counts.failed > 0 ? [`${view.counts.failed} failed`] : []),
    formatDuration((view.finishedAt ?? now) - view.createdAt),
    ...(view.usage.cost > 0 ? [formatCost(view.usage.cost)] : []),
  ];
  const name = plain(view.workflow ?? view.team ?? "team");
  const why = view.status === "running" || view.status === "completed" ? undefined : reasonOf(view);
  return [
    theme.fg(color, glyph),
    theme.bold(name),
    ...(view.status === "running" ? [] : [theme.fg(color, word)]),
    theme.fg("muted", facts.join(" · ")),
    ...(why === undefined ? [] : [theme.fg(color, plain(why))]),
    theme.fg("dim", `${plain(view.runId)} ${plain(view.goal)}`),
  ].join(" ");
}

function reasonOf(view: { readonly cause?: string; readonly reason?: string }): string | undefined {
  return view.reason ?? view.cause;
}

function taskLine(task: TaskView, now: number, theme: Theme): string {
  const { glyph, word, color } = glyphOf(task.status);
  const doing =
    task.status === "running" ? activityOf(task) : `${word}: ${reasonOf(task) ?? "no reason given"}`;
  const usage = formatUsage(task.usage);
  return [
    `  ${theme.fg(color, glyph)}`,
    plain(task.id),
    theme.fg("muted", plain(task.agent)),
    ...(task.startedAt === undefined ? [] : [theme.fg("muted", formatDuration(now - task.startedAt))]),
    ...(usage === "" ? [] : [theme.fg("dim", usage)]),
    theme.fg("dim", plain(doing)),
  ].join(" ");
}

function activityOf(task: TaskView): string {
  if (task.tool !== undefined && task.activity) return `${task.tool}: ${task.activity}`;
  return task.tool ?? task.activity ?? "starting";
}

/** What a person would look at now: it works, or it wants something. */
function isBusy(task: TaskView): boolean {
  return ["running", "stopping", "retrying", "waiting", "blocked"].includes(task.status);
}

function byStart(a: TaskView, b: TaskView): number {
  return (
    Number(b.status === "running") - Number(a.status === "running") || (a.startedAt ?? 0) - (b.startedAt ?? 0)
  );
}
