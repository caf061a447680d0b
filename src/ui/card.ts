import { membersOf } from "../lib/json.ts";
import { countOf, formatCounts, formatDuration, formatStatus, formatUsage } from "../lib/wording.ts";
import { glyphOf } from "./glyph.ts";
import { words } from "./strings.ts";
import type { Theme } from "./theme.ts";
import { drawLine, type Line, type Span, wrap, wrapSpan } from "./width.ts";

const previewRows = 3;
/** Expanded cards stop here too: the file holds the rest. */
const rowsMax = 500;
/** Of a message: a screenful, and what stops an endless one. */
const messageRows = { preview: 24, most: 2_000 };

/** The call in one line: action, what it is about, and its goal. Arguments may be incomplete or wrong. */
export function callLines(args: unknown, width: number, theme: Theme): string[] {
  if (!(width >= 1)) return [];
  const members = membersOf(args);
  const told = (...keys: readonly string[]): string[] =>
    keys
      .map((key) => members[key])
      .filter((value) => typeof value === "string" && value !== "")
      .map(String);
  const count = Array.isArray(members.tasks) ? members.tasks.length : 0;
  const tail = [
    ...(count > 0 ? [countOf(count, "task")] : []),
    ...(members.background === true ? [words.background] : []),
    ...told("goal", "reason"),
  ];
  const line: Span[] = [
    ["toolTitle", [words.team, ...told("action")].join(" ")],
    ["accent", told("workflow", "team", "agent", "run", "task", "resource", "name", "key").join(" ")],
    ["muted", tail.join(" · ")],
  ];
  return [drawLine(line, width, theme)];
}

/**
 * The result. Collapsed: status, counts, usage, three rows and "+N more". Expanded: every task with cause, reason,
 * result head and usage, and where the files are. `text` stands in where there are no tasks to show, and
 * for a run that the call only set going: the card stays in the chat, the run does not stay as it was. `isPartial`: the
 * call still waits for it.
 */
export function resultLines(
  result: { readonly details: unknown; readonly text: string; readonly isPartial?: boolean },
  expanded: boolean,
  width: number,
  theme: Theme,
): string[] {
  if (!(width >= 1)) return [];
  const card = readCard(result.details);
  const isBegun = result.isPartial !== true && isSetGoing(card);
  const tasks = isBegun ? [] : card.tasks;
  const all = isBegun ? 0 : Object.values(card.counts).reduce((sum, count) => sum + count, 0);
  const rows = tasks.length > 0 ? taskRows(tasks, expanded) : textRows(result.text, width, card.ok ?? true);
  const shown = rows.slice(0, expanded ? rowsMax : previewRows);
  const hidden = Math.max(rows.length, expanded ? 0 : rows.length + all - tasks.length) - shown.length;
  const lines = [
    ...(isBegun ? [] : headLine(card)),
    ...shown,
    ...(hidden > 0 ? [[["dim", words.more(hidden, !expanded)]] satisfies Span[]] : []),
    ...(expanded ? card.paths.map((path): Span[] => [["dim", words.files(path)]]) : []),
  ];
  return lines.map((line) => drawLine(line, width, theme));
}

function isSetGoing({ action = "", status = "" }: Card): boolean {
  return ["run", "retry", "resume"].includes(action) && ["queued", "running"].includes(status);
}

/**
 * A message of ours: what became of the run first, with its sign; tasks with theirs, what is asked and what helps next stand
 * out. A screenful, all when expanded.
 */
export function messageLines(
  { details, text }: { readonly details: unknown; readonly text: string },
  expanded: boolean,
  width: number,
  theme: Theme,
): string[] {
  const { status } = readCard(details);
  const head = status === undefined ? undefined : glyphOf(status);
  const lines = wrap(head === undefined ? text : `${head.glyph} ${text}`, width, messageRows.most);
  const shown = expanded ? lines : lines.slice(0, messageRows.preview);
  const hidden = lines.length - shown.length;
  const spans = shown.map((line, row) =>
    row === 0 && head ? ([head.color, line] as const) : messageSpan(line),
  );
  const more: readonly Span[] = hidden > 0 ? [["dim", words.more(hidden, !expanded)]] : [];
  return [...spans, ...more].map((span) => drawLine([span], width, theme));
}

function messageSpan(line: string): Span {
  const [, status] = /^- \S+ \[[^\]]*\] (\w+)/.exec(line) ?? [];
  if (status !== undefined) return [glyphOf(status).color, `${glyphOf(status).glyph}${line.slice(1)}`];
  if (/^[?!] /.test(line)) return ["warning", line];
  return [/^\s*(?:Next|Answer|The lead or a person|It stands still)\b/.test(line) ? "accent" : "text", line];
}

type Card = ReturnType<typeof readCard>;
type CardTask = Card["tasks"][number];

/** Reads the tool's `details` out of whatever a session file holds; what does not fit is left out. */
export function readCard(details: unknown) {
  const { tasks, counts, usage, paths } = membersOf(details);
  const read = listOf(tasks).map((task) => ({
    id: "",
    agent: "",
    status: "",
    ...pick(task, { id: "string", agent: "string", status: "string", cause: "string" }),
    ...pick(task, { reason: "string", head: "string", tookMs: "number" }),
    usage: usageOf(membersOf(task).usage),
  }));
  const known = Object.entries(membersOf(counts)).filter(([, count]) => typeof count === "number");
  const told = read.filter(({ id, status }) => id !== "" && status !== "");
  return {
    ...pick(details, { ok: "boolean", action: "string", runId: "string", status: "string" }),
    tasks: told,
    /** All tasks of the run by status: `tasks` may hold only some. */
    counts:
      known.length > 0
        ? Object.fromEntries(known.map(([key, count]) => [key, Number(count)]))
        : countsOf(told),
    usage: usageOf(usage),
    paths: listOf(paths).filter((path) => typeof path === "string"),
  };
}

function headLine({ status, tasks, counts, usage, runId, ok }: Card): Span[][] {
  if (status === undefined && tasks.length === 0) return [];
  const { glyph, word, color } = glyphOf(status ?? (ok === false ? "failed" : "completed"));
  const facts = [formatCounts(counts), usage].filter(Boolean).join(" · ");
  return [
    [
      [color, `${glyph} ${word}`],
      ["muted", facts],
      ["dim", runId ?? ""],
    ],
  ];
}

/** Collapsed a line a task, what failed or works first; expanded in the plan's order with what it left below. */
function taskRows(given: readonly CardTask[], expanded: boolean): Span[][] {
  const telling = ["failed", "waiting", "blocked", "running"];
  const rank = ({ status }: CardTask): number =>
    telling.includes(status) ? telling.indexOf(status) : telling.length;
  const tasks = expanded ? given : [...given].sort((a, b) => rank(a) - rank(b));
  return tasks.slice(0, rowsMax).flatMap((task) => {
    const { glyph, color } = glyphOf(task.status);
    const told = [task.reason, task.head].filter((text) => text !== undefined && text !== "");
    const row: Span[] = [
      [color, `${glyph} ${task.id}`],
      ["muted", task.agent],
      [color, formatStatus(task)],
      ["muted", task.tookMs === undefined ? "" : formatDuration(task.tookMs)],
      ["dim", task.usage],
    ];
    if (!expanded) return [[...row, ["dim", told[0] ?? ""]]];
    return [row, ...told.map((text): Span[] => [["toolOutput", `    ${text}`]])];
  });
}

function textRows(text: string, width: number, ok: boolean): readonly Line[] {
  return wrapSpan([ok ? "toolOutput" : "error", text.trim()], width, rowsMax);
}

function countsOf(tasks: readonly { readonly status: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of tasks) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

function usageOf(value: unknown): string {
  const cache = pick(value, { cacheRead: "number", cacheWrite: "number" });
  return formatUsage({ ...pick(value, { input: "number", output: "number", cost: "number" }), ...cache });
}

interface TypeOf {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
}

/** Those of the wanted members that are there and of the wanted type. */
function pick<W extends Record<string, keyof TypeOf>>(value: unknown, wanted: W) {
  const found = Object.entries(membersOf(value)).filter(
    ([key, member]) => Object.hasOwn(wanted, key) && typeof member === wanted[key],
  );
  // Every member was compared with the type that it has here.
  return Object.fromEntries(found) as { readonly [K in keyof W]?: TypeOf[W[K]] };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
