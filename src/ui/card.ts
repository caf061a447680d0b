import type { Usage } from "../core/outcome.ts";
import { isFinalTask } from "../core/status.ts";
import type { RunView, TaskView } from "../core/view.ts";
import { formatDuration } from "./duration.ts";
import { glyphOf } from "./glyph.ts";
import type { Theme } from "./theme.ts";
import { formatUsage } from "./usage.ts";
import { fitLine, plain, wrap } from "./width.ts";

/** What a card shows of a task; everything but the first three only where it is known. */
export interface CardTask {
  readonly id: string;
  readonly agent: string;
  readonly status: string;
  readonly cause?: string;
  readonly reason?: string;
  /** First line of what it left or does. */
  readonly head?: string;
  /** Milliseconds it ran. */
  readonly tookMs?: number;
  readonly usage?: Usage;
}

/** What a card shows of a call: the tool's `details`, as far as they could be read back from a session file. */
export interface Card {
  readonly action?: string;
  readonly ok: boolean;
  readonly runId?: string;
  readonly status?: string;
  readonly tasks: readonly CardTask[];
  /** All tasks of the run by status, where `tasks` holds only some. */
  readonly counts?: Readonly<Record<string, number>>;
  readonly usage?: Usage;
  readonly paths: readonly string[];
}

const previewRows = 3;
/** Expanded cards stop here too: the file holds the rest. */
const rowsMax = 500;
const reasonMax = 200;
const liveTasksMax = 8;

/** The call in one line: action, what it is about, and its goal. Arguments may be incomplete or wrong. */
export function callLines(args: unknown, width: number, theme: Theme): string[] {
  if (!(width >= 1)) return [];
  const members = membersOf(args);
  const { tasks, background } = members;
  const word = (key: string): string => plain(textOf(members[key]) ?? "");
  const subject = ["workflow", "team", "agent", "run", "task", "resource", "name", "key"]
    .map(word)
    .filter(Boolean);
  const count = Array.isArray(tasks) ? tasks.length : 0;
  const tail = [
    ...(count > 0 ? [`${count} task${count === 1 ? "" : "s"}`] : []),
    ...(background === true ? ["background"] : []),
    ...[word("goal"), word("reason")].filter(Boolean),
  ];
  const line = [
    theme.fg("toolTitle", theme.bold(`team ${word("action")}`.trim())),
    ...(subject.length > 0 ? [theme.fg("accent", subject.join(" "))] : []),
    ...(tail.length > 0 ? [theme.fg("muted", tail.join(" · "))] : []),
  ].join(" ");
  return [fitLine(line, width)];
}

/**
 * The result. Collapsed: status, counts, usage, three rows and "+N more". Expanded: every task with cause, reason,
 * result head and usage, and where the files are. `text` stands in where there are no tasks to show.
 */
export function resultLines(
  result: { readonly details: unknown; readonly text: string },
  state: { readonly expanded: boolean; readonly isPartial: boolean },
  width: number,
  theme: Theme,
): string[] {
  if (!(width >= 1)) return [];
  const card = readCard(result.details);
  const rows =
    card.tasks.length > 0
      ? taskRows(card, state.expanded, theme)
      : textRows(result.text, width, theme, card.ok);
  const limit = state.expanded ? rowsMax : previewRows;
  const total = state.expanded ? rows.length : Math.max(rows.length, hiddenTasks(card) + rows.length);
  const shown = rows.slice(0, limit);
  const lines = [...headLine(card, state.isPartial, theme), ...shown];
  if (total > shown.length) lines.push(theme.fg("dim", `+${total - shown.length} more`));
  if (state.expanded) lines.push(...card.paths.map((path) => theme.fg("dim", `files: ${plain(path)}`)));
  return lines.map((line) => fitLine(line, width));
}

/** `details` of an update while a run goes on: small, because the host repeats them in every event it writes. */
export function progressDetails(action: string, view: RunView, now: number): Record<string, unknown> {
  const tasks = view.tasks.filter((task) => task.startedAt !== undefined && !isFinalTask(task.status));
  return {
    action,
    ok: true,
    runId: view.runId,
    status: view.status,
    tasks: tasks.slice(0, liveTasksMax).map((task) => cardTask(task, now)),
    counts: present(view.counts),
    usage: view.usage,
  };
}

/** Final details with what the view knows beyond them, so that the expanded card needs no file. */
export function enrichDetails(details: object, view: RunView, now: number): Record<string, unknown> {
  const byId = new Map(view.tasks.map((task) => [task.id, task]));
  const members = membersOf(details);
  const tasks = readCard(details).tasks.map((task) => {
    const known = byId.get(task.id);
    return known === undefined || known.status !== task.status ? task : { ...task, ...cardTask(known, now) };
  });
  return { ...members, ...(tasks.length > 0 && { tasks, counts: present(view.counts) }) };
}

/** Reads a card out of whatever a session file holds; what does not fit is left out. */
export function readCard(details: unknown): Card {
  const { action, ok, runId, status, tasks, counts, usage, paths } = membersOf(details);
  return {
    ...textMember("action", action),
    ok: ok !== false,
    ...textMember("runId", runId),
    ...textMember("status", status),
    tasks: listOf(tasks).flatMap(readTask),
    ...(isRecord(counts) && { counts: numbersOf(counts) }),
    ...usageMember(usage),
    paths: listOf(paths).filter((path) => typeof path === "string"),
  };
}

function cardTask(task: TaskView, now: number): CardTask {
  const head = task.result?.text ?? (isFinalTask(task.status) ? undefined : (task.activity ?? task.tool));
  return {
    id: task.id,
    agent: task.agent,
    status: task.status,
    ...(task.cause !== undefined && { cause: task.cause }),
    ...(task.reason !== undefined && { reason: shortened(task.reason) }),
    ...(head !== undefined && { head: shortened(head) }),
    ...(task.startedAt !== undefined && { tookMs: (task.finishedAt ?? now) - task.startedAt }),
    usage: task.usage,
  };
}

function headLine(card: Card, isPartial: boolean, theme: Theme): string[] {
  if (card.status === undefined && card.tasks.length === 0) return [];
  const { glyph, word, color } = glyphOf(card.status ?? (card.ok ? "completed" : "failed"));
  const counts = Object.entries(card.counts ?? countsOf(card.tasks)).map(
    ([status, count]) => `${count} ${plain(status)}`,
  );
  const usage = card.usage === undefined ? "" : formatUsage(card.usage);
  const facts = [...(counts.length > 0 ? [counts.join(", ")] : []), ...(usage === "" ? [] : [usage])];
  return [
    [
      theme.fg(color, `${glyph} ${plain(word)}${isPartial && word === "completed" ? "…" : ""}`),
      ...(facts.length > 0 ? [theme.fg("muted", facts.join(" · "))] : []),
      ...(card.runId === undefined ? [] : [theme.fg("dim", plain(card.runId))]),
    ].join(" "),
  ];
}

/** Collapsed a line a task, what failed or works first; expanded in the plan's order with what it left below. */
function taskRows(card: Card, expanded: boolean, theme: Theme): string[] {
  const rank = (task: CardTask): number => (task.status === "failed" ? 0 : task.status === "running" ? 1 : 2);
  const tasks = expanded ? card.tasks : [...card.tasks].sort((a, b) => rank(a) - rank(b));
  return tasks.slice(0, rowsMax).flatMap((task) => {
    const { glyph, word, color } = glyphOf(task.status);
    const cause = task.cause !== undefined && task.cause !== task.status ? ` (${plain(task.cause)})` : "";
    const usage = task.usage === undefined ? "" : formatUsage(task.usage);
    const told = plain(task.reason ?? task.head ?? "");
    const row = [
      theme.fg(color, `${glyph} ${plain(task.id)}`),
      theme.fg("muted", plain(task.agent)),
      theme.fg(color, plain(word) + cause),
      ...(task.tookMs === undefined ? [] : [theme.fg("muted", formatDuration(task.tookMs))]),
      ...(usage === "" ? [] : [theme.fg("dim", usage)]),
    ];
    if (!expanded) return [[...row, theme.fg("dim", told)].join(" ")];
    const below = [task.reason, task.head].filter((line) => line !== undefined && line !== "");
    return [row.join(" "), ...below.map((line) => theme.fg("toolOutput", `    ${plain(line ?? "")}`))];
  });
}

function textRows(text: string, width: number, theme: Theme, ok: boolean): string[] {
  return wrap(text.trim(), width, rowsMax).map((line) => theme.fg(ok ? "toolOutput" : "error", line));
}

/** Tasks that the details leave out. */
function hiddenTasks(card: Card): number {
  const all = Object.values(card.counts ?? {}).reduce((sum, count) => sum + count, 0);
  return Math.max(0, all - card.tasks.length);
}

function countsOf(tasks: readonly CardTask[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of tasks) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

function present(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

function readTask(value: unknown): CardTask[] {
  const { id, agent, status, cause, reason, head, tookMs, usage } = membersOf(value);
  if (typeof id !== "string" || typeof status !== "string") return [];
  return [
    {
      id,
      agent: typeof agent === "string" ? agent : "",
      status,
      ...textMember("cause", cause),
      ...textMember("reason", reason),
      ...textMember("head", head),
      ...(typeof tookMs === "number" && { tookMs }),
      ...usageMember(usage),
    },
  ];
}

function usageMember(value: unknown): { readonly usage?: Usage } {
  if (!isRecord(value)) return {};
  const { input = 0, output = 0, cacheRead = 0, cacheWrite = 0, cost = 0, turns = 0 } = numbersOf(value);
  return { usage: { input, output, cacheRead, cacheWrite, cost, turns } };
}

function numbersOf(value: Record<string, unknown>): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const [key, member] of Object.entries(value)) if (typeof member === "number") numbers[key] = member;
  return numbers;
}

function textMember<K extends string>(key: K, value: unknown): { readonly [P in K]?: string } {
  // A computed key is typed as an index signature; it is this key.
  return typeof value === "string" ? ({ [key]: value } as { readonly [P in K]?: string }) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function membersOf(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One line, and short: it is kept in the session file. */
function shortened(text: string): string {
  const line = plain(text);
  return line.length <= reasonMax ? line : `${line.slice(0, reasonMax - 1)}…`;
}
