import { type Badge, badges, column, columns, standing } from "../../core/board.ts";
import type { ReadListing, RunListing } from "../../core/ports.ts";
import { isFinalRun, type RunStatus } from "../../core/status.ts";
import { formatCost, formatDuration } from "../../lib/wording.ts";
import { glyphOf } from "../glyph.ts";
import { marker, windowTop } from "../listing.ts";
import type { Part } from "../screen.ts";
import { words } from "../strings.ts";
import type { Color } from "../theme.ts";
import { reasonOf } from "../widget.ts";
import { type Line, measure, plain, type Span, whole, wrap, wrapSpan } from "../width.ts";
import { chosenRun, doneOf, endedAgo, listedRuns, openView } from "./runs.ts";
import type { Dashboard, Moment, Scene } from "./scene.ts";

/** Of a card: columns at least, and rows at most: two of its goal, facts, two of why it stands, badges, and none below it. */
const cardColumnsMin = 22;
const cardRows = 7;
/** Of a column without cards, where there is room for it. */
const foldedColumns = 3;
const barColumns = 3;

type Looked = Pick<Moment, "state" | "scene">;

/** True while runs are chosen on the board. */
export function isOnBoard({ isBoard, focus }: Dashboard): boolean {
  return isBoard && focus === "runs";
}

/** How many cards of a column are seen on so many rows, at least. */
export function cardsSeen(rows: number): number {
  return Math.max(1, Math.floor((rows - 1) / cardRows));
}

/** The runs that match what is looked for, by column; live ones first, then the newest. */
function cards({ state, scene }: Looked): ReadonlyMap<RunStatus, readonly RunListing[]> {
  const all = new Map(columns.map((status): [RunStatus, RunListing[]] => [status, []]));
  for (const run of listedRuns(state, scene)) all.get(column(run, openView(run, scene)))?.push(run);
  return all;
}

/** The cards of the chosen run's column and of all that hold any, from left to right, and which of them that column is. */
function chosenColumn({ state, scene }: Looked) {
  const all = cards({ state, scene });
  const chosen = chosenRun(state, scene);
  const full = columns.filter((status) => all.get(status)?.length !== 0);
  const at = chosen && full.indexOf(column(chosen, openView(chosen, scene)));
  return { all, full, chosen, at: at ?? 0 };
}

/** The runs between which `up` and `down` go. */
export function cardsBeside(looked: Looked): readonly RunListing[] {
  const { all, full, at } = chosenColumn(looked);
  return all.get(full[at] ?? "queued") ?? [];
}

/** The card beside the chosen one, so many columns with cards to the right; undefined beyond the last. */
export function cardAcross(looked: Looked, by: number): RunListing | undefined {
  const { all, full, chosen, at } = chosenColumn(looked);
  const row = chosen === undefined ? 0 : cardsBeside(looked).indexOf(chosen);
  const next = all.get(full[at + by] ?? "queued") ?? [];
  return full[at + by] === undefined ? undefined : next[Math.min(row, next.length - 1)];
}

/** How many runs stand where: in words, in signs, or in signs alone, as there is room. */
export function boardTitle(moment: Moment, width: number): Line {
  const { all, full, at } = chosenColumn(moment);
  const counts = (isLong: boolean): Line =>
    columns.map((status): Span => {
      const { glyph, word, color } = glyphOf(status);
      const text = [glyph, ...(isLong ? [word] : []), all.get(status)?.length].join(" ");
      const isChosen = status === full[at];
      return [full.includes(status) ? color : "dim", isChosen ? `[${text}]` : text];
    });
  const { filter } = moment.state;
  const sought: Line = filter === "" ? [] : [["warning", `/${filter}`]];
  const title: Span = ["toolTitle", words.title];
  const fits = (line: Line): boolean => measure(line.map(([, text]) => plain(text)).join(" ")) <= width;
  const candidates = [
    [title, ...counts(true), ...sought],
    [title, ...counts(false), ...sought],
  ];
  return candidates.find(fits) ?? [...counts(false), ...sought];
}

/** The columns: those with cards as wide as may be, as many as there is room for; those without, folded, where some is left. */
export function boardParts(moment: Moment, width: number): readonly Part[] {
  const { all, full, at } = chosenColumn(moment);
  if (full.length === 0) {
    const text = moment.scene.listings.length === 0 ? words.runs.none : words.runs.noMatch;
    return [{ columns: width, lines: wrapSpan(["dim", text], width, moment.rows) }];
  }
  const fitting = Math.max(1, Math.floor((width + barColumns) / (cardColumnsMin + barColumns)));
  const shown = full.slice(windowTop(at, full.length, fitting)).slice(0, fitting);
  const folds = columns.length - full.length;
  const least =
    shown.length * (cardColumnsMin + barColumns) + folds * (foldedColumns + barColumns) - barColumns;
  const isRoomy = shown.length === full.length && least <= width;
  const drawn = columns.filter((status) => shown.includes(status) || (isRoomy && !full.includes(status)));
  const folded = (drawn.length - shown.length) * foldedColumns;
  const room = width - folded - (drawn.length - 1) * barColumns;
  const each = Math.floor(room / shown.length);
  return drawn.map((status) => {
    const runs = all.get(status) ?? [];
    const isLast = status === shown.at(-1);
    const own = isLast ? room - each * (shown.length - 1) : each;
    const columns = runs.length === 0 ? foldedColumns : own;
    return { columns, lines: columnLines(moment, status, runs, columns) };
  });
}

function columnLines(moment: Moment, status: RunStatus, runs: readonly RunListing[], width: number): Line[] {
  const { state, scene, rows } = moment;
  const { glyph, word, color } = glyphOf(status);
  const head: Span[] = [
    [color, glyph],
    [color, runs.length > 0 ? word : ""],
    ["muted", String(runs.length)],
  ];
  const lines: Line[] = rows > 1 ? [head] : [];
  const chosen = chosenRun(state, scene);
  const top = windowTop(chosen === undefined ? 0 : runs.indexOf(chosen), runs.length, cardsSeen(rows));
  let at = top;
  for (; at < runs.length && lines.length < rows; at++) {
    const run = runs[at];
    if (run !== undefined) lines.push(...cardLines(run, moment, run === chosen, width - 2), []);
  }
  head.push(["dim", `${top > 0 ? "↑" : ""}${at < runs.length || lines.length > rows + 1 ? "↓" : ""}`]);
  return lines;
}

const colors: Readonly<Partial<Record<Badge, Color>>> = {
  ...{ unreadable: "error", "needs you": "warning", "no driver": "warning", hindered: "warning" },
  ...{ silent: "warning", "task failed": "warning" },
};

/** A text in two rows, the second as long as it is. */
function rowsOf(text: string, width: number): readonly string[] {
  const [first = ""] = wrap(text, width, 1);
  return [first, text.slice(first.length).trim()].filter(Boolean);
}

/** A run as a card: what it is for, how far it is, since when and at which price, why it stands, and what is to be known of it. */
function cardLines(run: RunListing, { scene, now }: Moment, isChosen: boolean, width: number): Line[] {
  const view = openView(run, scene);
  const at = column(run, view);
  const { color } = glyphOf(at);
  const isRead = "manifest" in run;
  const [first = "", ...rest] = rowsOf(plain(isRead ? run.manifest.goal : run.runId), width);
  const marks = badges(run, scene.sessionId, view).map(
    (badge): Span => [
      colors[badge] ?? "muted",
      `${words.badge[badge]}${isRead && badge === "foreign" ? ` ${run.manifest.owner.sessionId.slice(0, 8)}` : ""}`,
    ],
  );
  // Told where something is wrong: what is left over of worse times is not.
  const isWrong = ["waiting", "blocked", "failed", "cancelled"].includes(standing(run, view));
  const why = plain(isWrong && isRead ? (reasonOf(view ?? run.manifest) ?? "") : standing(run, view));
  return [
    [marker(isChosen, true), [isFinalRun(at) ? "muted" : "text", first]],
    ...rest.map((text) => indented(["muted", text])),
    indented(["muted", isRead ? cardFacts(run, scene, now, width) : run.problem]),
    ...(why === at ? [] : rowsOf(why, width)).map((text) => indented([color, text])),
    ...(marks.length === 0
      ? []
      : [indented(...marks.flatMap((mark, nth) => (nth > 0 ? [dot, mark] : [mark])))]),
  ];
}

const dot: Span = ["dim", "·"];

/** How far it is, since when or how long ago, at which price, and by which workflow. */
function cardFacts(run: ReadListing, scene: Scene, now: number, width: number): string {
  const { createdAt, status, usage, tasks, workflow, team } = run.manifest;
  const view = openView(run, scene);
  const { cost } = view?.usage ?? usage;
  const facts = [
    `${doneOf(run, scene)}/${tasks.length}`,
    isFinalRun(view?.status ?? status)
      ? endedAgo(run, scene, now)
      : formatDuration(now - Date.parse(createdAt)),
    cost > 0 ? formatCost(cost) : "",
    workflow || team,
  ];
  return whole(facts.filter(Boolean), width);
}

function indented(...spans: readonly Span[]): Line {
  return [["text", " "], ...spans];
}
