import { saysHow } from "../core/explain.ts";
import type { Manifest } from "../core/ports.ts";
import { isFinalRun } from "../core/status.ts";
import type { MailView, RunView, TaskView } from "../core/view.ts";
import { formatDuration, formatQuiet, formatUsage } from "../lib/wording.ts";
import { bar, glyphOf } from "./glyph.ts";
import { words } from "./strings.ts";
import type { Theme } from "./theme.ts";
import { cell, drawLine, measure, plain, type Span } from "./width.ts";

/** How long a finished run stays in the widget, ms: a failure longer, because it is to be seen. */
const successLingersMs = 6_000;
const failureLingersMs = 30_000;
/** Columns of a run's bar, and the most that ids take before they are cut. */
const barColumns = 8;
const idColumnsMax = 20;
const causeWords: ReadonlyMap<string, string> = new Map(Object.entries(words.cause));
type Reasoned = Pick<Manifest, "status" | "cause" | "reason">;

/** True while the run belongs into the widget: it is live, or it ended a moment ago. */
export function isShown(view: RunView, now: number): boolean {
  if (!isFinalRun(view.status)) return true;
  const lingersMs = view.status === "failed" ? failureLingersMs : successLingersMs;
  return view.finishedAt !== undefined && now - view.finishedAt < lingersMs;
}

/**
 * The status widget: a line per run, what it needs of a person, and its busiest tasks; oldest first, so that no row jumps, and
 * where not all fits, those first that need somebody.
 * Nothing when idle. `now` in ms since the epoch; every line fits `width` columns, and there are at most `linesMax`.
 */
export function widgetLines(
  views: readonly RunView[],
  now: number,
  width: number,
  theme: Theme,
  linesMax = 10,
): string[] {
  if (!(width >= 1 && linesMax >= 1)) return [];
  const headOf = (view: RunView) => [runHeader(view, now), ...needs(view).map((need) => needLine(need))];
  const all = shownRuns(views, now);
  const isFitting = all.reduce((sum, view) => sum + headOf(view).length, 0) <= linesMax;
  const asks = (view: RunView): number => Number(needs(view).length > 0);
  // Of more than fits, nothing hides what waits for a person.
  const shown = isFitting ? all : [...all].sort((a, b) => asks(b) - asks(a));
  const heads = shown.map(headOf);
  const lines: Span[][] = [];
  let left = linesMax - heads.reduce((sum, head) => sum + head.length, 0);
  for (const [index, view] of shown.entries()) {
    const tasks = taskLines(view, now, Math.max(0, left));
    lines.push(...(heads[index] ?? []), ...tasks);
    left -= tasks.length;
  }
  const hidden = lines.length > linesMax ? shown.length - runsWithin(heads, linesMax - 1) : 0;
  if (hidden > 0) lines.splice(linesMax - 1, lines.length, [["dim", words.moreRuns(hidden)]]);
  return lines.map((line) => drawLine(line, width, theme));
}

/** The same in a few words, for the host's footer; undefined when idle. */
export function statusText(views: readonly RunView[], now: number): string | undefined {
  const live = views.filter((view) => !isFinalRun(view.status));
  if (live.length === 0) {
    const last = shownRuns(views, now).at(-1);
    return last && `${glyphOf(last.status).glyph} ${words.team} ${glyphOf(last.status).word}`;
  }
  const sum = (count: (view: RunView) => number): number => live.reduce((all, view) => all + count(view), 0);
  const needing = live.filter((view) => needs(view).length > 0).length;
  const done = `${sum((view) => view.counts.completed)}/${sum((view) => view.tasks.length)}`;
  const facts = [words.runsLive(live.length), done, words.atWork(sum(({ counts }) => counts.running))];
  const sign = glyphOf(needing > 0 ? "waiting" : "running").glyph;
  return `${sign} ${words.team} ${[...facts, needing > 0 ? words.needYou(needing) : ""].filter(Boolean).join(" · ")}`;
}

/** What a person has to do before the run can go on, most pressing first, and the command that does it. */
export function needs(view: RunView): readonly { readonly what: string; readonly command: string }[] {
  if (isFinalRun(view.status)) return [];
  const [first] = view.questions;
  const more = view.questions.length > 1 ? ` (${words.more(view.questions.length - 1)})` : "";
  if (first !== undefined) return [{ what: askedBy(first) + more, command: words.answerBy(view.runId) }];
  if (view.status !== "blocked" || view.isComing) return [];
  return [{ what: reasonOf(view) ?? words.status.blocked, command: words.resumeBy(view.runId) }];
}

function askedBy({ kind, from, text }: MailView): string {
  if (kind !== "approval") return words.asks(from, text);
  return words.approves(words.asker(from), text.split("\n", 1).join());
}

function shownRuns(views: readonly RunView[], now: number): readonly RunView[] {
  return views.filter((view) => isShown(view, now)).sort((a, b) => a.createdAt - b.createdAt);
}

/** How many whole heads fit into so many lines. */
function runsWithin(heads: readonly (readonly Span[][])[], lines: number): number {
  let used = 0;
  return heads.filter(({ length }) => {
    used += length;
    return used <= lines;
  }).length;
}

/** One line about a run: how far it is, for how long and at which price. */
export function runHeader(view: RunView, now: number): Span[] {
  const { glyph, word, color } = glyphOf(view.status);
  const { running, waiting, blocked, completed, failed, retrying } = view.counts;
  const isLive = !isFinalRun(view.status);
  const counted = { running, retrying, waiting, blocked };
  // "waiting" of one task that waits is said by the run's own word.
  const count = ([status, count]: readonly [string, number]): string =>
    count === 1 && status === view.status && status !== "running" ? "" : some(count, glyphOf(status).word);
  const facts = [
    `${completed}/${view.tasks.length}`,
    ...Object.entries(isLive ? counted : {}).map(count),
    count(["failed", failed]),
    formatDuration((view.finishedAt ?? now) - view.createdAt),
    formatUsage({ ...view.usage, cacheRead: 0, cacheWrite: 0 }),
  ];
  return [
    [color, glyph],
    ["toolTitle", view.workflow ?? view.team ?? words.team],
    [color, view.status === "running" ? "" : word],
    [color, isLive ? bar(completed, view.tasks.length, barColumns) : ""],
    ["muted", facts.filter(Boolean).join(" · ")],
    [color, needs(view).length > 0 ? "" : (reasonOf(view) ?? "")],
    ["dim", view.goal],
  ];
}

function needLine({ what, command }: { readonly what: string; readonly command: string }): Span[] {
  // The command stands first: of a long question the rest may be cut.
  return [
    ["warning", `  ${glyphOf("waiting").glyph} ${words.needsYou(command)}`],
    ["text", what],
  ];
}

/** What a person would look at now: what works, by start, then what wants something; at most `linesMax` lines. */
function taskLines({ status, tasks }: RunView, now: number, linesMax: number): Span[][] {
  if (isFinalRun(status) || linesMax === 0) return [];
  const isRunning = (task: TaskView): number => Number(task.status === "running");
  const busy = tasks
    .filter((task) => ["running", "stopping", "retrying", "waiting", "blocked"].includes(task.status))
    .sort((a, b) => isRunning(b) - isRunning(a) || (a.startedAt ?? 0) - (b.startedAt ?? 0));
  const shown = busy.slice(0, busy.length > linesMax ? linesMax - 1 : linesMax);
  const idColumns = Math.min(idColumnsMax, Math.max(0, ...shown.map(({ id }) => measure(plain(id)))));
  const lines = shown.map((task) => taskLine(task, idColumns, now));
  return busy.length > shown.length
    ? [...lines, [["dim", `  ${words.more(busy.length - shown.length)}`]]]
    : lines;
}

function taskLine(task: TaskView, idColumns: number, now: number): Span[] {
  const { glyph, word, color } = glyphOf(task.status);
  const isRunning = task.status === "running";
  const quiet = task.escalation && formatQuiet({ lastSignAt: now, ...task }, now);
  return [
    [color, `  ${glyph}`],
    ["text", cell(task.id, idColumns)],
    ["muted", task.role ?? task.agent],
    ["dim", modelName(task.model)],
    ["muted", task.startedAt === undefined ? "" : formatDuration(now - task.startedAt)],
    ["dim", formatUsage({ ...task.usage, cacheRead: 0, cacheWrite: 0 })],
    ["warning", quiet ?? ""],
    ["dim", [isRunning || saysHow(task) ? "" : word, tellsOf(task)].filter(Boolean).join(": ")],
  ];
}

/** What a task's worker does right now, in one line. */
function activityOf({ tool = "", activity: does = "" }: TaskView): string {
  return (does.startsWith(tool) ? does : [tool, does].filter(Boolean).join(": ")) || words.starting;
}

/** A model without its provider: "anthropic/haiku:low" is "haiku:low". */
export function modelName(model = ""): string {
  return model.slice(model.indexOf("/") + 1);
}

/** What a task does right now, or why it stands or ended as it did. */
export function tellsOf(task: TaskView): string {
  return task.status === "running" ? activityOf(task) : (reasonOf(task) ?? "");
}

/** Why it stands or ended as it did, without the word for that, beside which it is shown; undefined where that says all. */
export function reasonOf({ status, cause, reason }: Reasoned): string | undefined {
  const why = reason ?? (cause === status ? undefined : (causeWords.get(cause ?? "") ?? cause));
  return why?.startsWith(status) ? why.slice(status.length).replace(/^:? /, "") : why;
}

function some(count: number, word: string): string {
  return count > 0 ? `${count} ${word}` : "";
}
