import { membersOf } from "../../lib/json.ts";
import { keyLines } from "../binding.ts";
import { glyphOf } from "../glyph.ts";
import { marker, windowTop } from "../listing.ts";
import { airyRows, bottomRows, frame, type Part } from "../screen.ts";
import { words } from "../strings.ts";
import type { Theme } from "../theme.ts";
import { needs, runHeader } from "../widget.ts";
import { type Line, measure, type Span, wrapSpan } from "../width.ts";
import { boardParts, boardTitle, cardsSeen, isOnBoard } from "./board.ts";
import { changesStory } from "./changes-pane.ts";
import { mailAt, mailOrder } from "./fact-panes.ts";
import { bindings } from "./keys.ts";
import { bodyOf } from "./panes.ts";
import { taskLines } from "./preview.ts";
import { chosenRun, listedRuns, runRow, runsTitle } from "./runs.ts";
import { type Body, type Dashboard, type Moment, panes, type Scene } from "./scene.ts";
import { chosenTask, isTaskList, textOf } from "./work-panes.ts";

/** From these columns on, list and pane stand side by side. */
const wideColumns = 90;
const answerLinesMax = 2_000;
const recordLinesMax = 1_000;
const pageLinesMax = 1e6;

/** Where everything is on a screen of this size. */
interface Plan {
  readonly listColumns: number;
  readonly paneColumns: number;
  /** Rows between title and bottom. */
  readonly rows: number;
}

function planOf({ focus, isAlone }: Dashboard, width: number, height: number): Plan {
  const isWide = width >= wideColumns && !isAlone;
  const listColumns = isWide
    ? Math.max(30, Math.min(48, Math.floor(width * 0.28)))
    : focus === "runs"
      ? width
      : 0;
  const rows = Math.max(1, height - (height >= airyRows ? 5 : height >= bottomRows ? 2 : 0));
  return { listColumns, paneColumns: isWide ? width - listColumns - 3 : width, rows };
}

/** The moment of a key on a screen of this size: how much of the pane's text is seen is known here. */
export function momentOf(state: Dashboard, scene: Scene, now: number, width: number, height: number): Moment {
  const plan = planOf(state, width, height);
  const moment = { state, scene, now, columns: Math.max(1, plan.paneColumns - 2) };
  // Only a pane's own rows depend on what is in it.
  if (state.page !== undefined) return { ...moment, rows: plan.rows };
  if (isOnBoard(state)) return { ...moment, rows: cardsSeen(plan.rows) };
  if (state.focus === "runs") return { ...moment, rows: plan.rows };
  return { ...moment, rows: paneParts(moment, plan.rows, bodyOf(moment)).rows };
}

/** The screen: exactly `height` lines of at most `width` columns; none when either is less than 1. `now` in ms since the epoch. */
export function draw(
  state: Dashboard,
  scene: Scene,
  now: number,
  width: number,
  height: number,
  theme: Theme,
): string[] {
  if (!(width >= 1 && height >= 1)) return [];
  const plan = planOf(state, width, height);
  const { rows, paneColumns } = plan;
  const moment: Moment = { state, scene, now, columns: Math.max(1, paneColumns - 2), rows };
  const parts = partsOf(moment, plan, width);
  const given = { title: titleLine(moment, width), parts, foot: [], more: words.answerPage };
  return frame(moment, bindings, given, [width, height], theme);
}

/** What stands between the rules: a page, the board, the list, the pane, or the last two. */
function partsOf(moment: Moment, { listColumns, paneColumns, rows }: Plan, width: number): readonly Part[] {
  const { state } = moment;
  const page = pageLines(moment, Math.max(1, width - 1));
  if (page !== undefined) {
    const from = Math.max(0, Math.min(state.at.page ?? 0, page.length - rows));
    return [{ columns: width, lines: page.slice(from, from + rows) }];
  }
  if (isOnBoard(state)) return boardParts(moment, width);
  const list = { columns: listColumns, lines: listColumns > 0 ? listLines(moment, rows) : [] };
  const pane = { columns: paneColumns, lines: listColumns < width ? paneLines(moment, rows) : [] };
  if (listColumns === width) return [list];
  return listColumns > 0 ? [list, pane] : [pane];
}

function titleLine(moment: Moment, width: number): Line {
  const { state, scene } = moment;
  return isOnBoard(state)
    ? boardTitle(moment, width)
    : [["toolTitle", words.title], ...runsTitle(state, scene)];
}

function listLines({ state, scene, now }: Moment, rows: number): readonly Line[] {
  const runs = listedRuns(state, scene);
  const chosen = chosenRun(state, scene);
  const at = chosen === undefined ? 0 : runs.indexOf(chosen);
  const top = windowTop(at, runs.length, rows);
  if (runs.length === 0) {
    const text = scene.listings.length === 0 ? words.runs.none : words.runs.noMatch;
    return wrapSpan(["dim", text], 28, rows);
  }
  return runs
    .slice(top, top + rows)
    .map((run): Line => [marker(run === chosen, state.focus === "runs"), ...runRow(run, scene, now)]);
}

/** What stands above and below the pane's own rows, as far as there is room. */
function paneParts(
  { state, scene, now, columns }: Omit<Moment, "rows">,
  height: number,
  { head, foot, length }: Body,
) {
  const { run } = scene;
  const above: Line[] = [];
  if (height >= 4) above.push(tabs(state, scene, columns));
  if (run !== undefined && height >= 6) {
    above.push(runHeader(run.view, now));
    for (const { what, command } of needs(run.view))
      above.push([
        ["warning", `${glyphOf("waiting").glyph} ${words.needsYou(what)}`],
        // In here it means the run that is looked at.
        ["dim", run.view.status === "blocked" ? command.split(" ", 1).join() : ""],
      ]);
  }
  if (height >= 14) above.push([]);
  const heads = height >= 8 ? head.length : 0;
  // Below a short list there is more room.
  const free = Math.max(Math.floor(height / 3), height - above.length - heads - length - 1);
  const feet = height >= above.length + heads + 4 ? Math.min(foot.length, free) : 0;
  return {
    above,
    heads,
    feet,
    rows: Math.max(1, height - above.length - heads - feet - (feet > 0 && height >= 14 ? 1 : 0)),
  };
}

function paneLines(moment: Moment, height: number): readonly Line[] {
  const { state, scene, columns } = moment;
  const body = bodyOf(moment);
  const { above, heads, feet, rows } = paneParts(moment, height, body);
  const chosen = chosenRow(state, scene, body);
  const top = body.isList ? windowTop(chosen, body.length, rows) : topOf(state, body, rows);
  const isFocused = state.focus === "pane";
  const sought = state.search.toLowerCase();
  const shown: Line[] = [];
  for (let at = top; at < Math.min(body.length, top + rows); at++) {
    const line = body.row(at, columns);
    const isFound = sought !== "" && textOf(body, at, columns).includes(sought);
    if (body.isList) shown.push([marker(at === chosen, isFocused), ...line]);
    else shown.push(isFound ? [...line, ["accent", "←"]] : line);
  }
  const foot = body.foot.slice(0, feet);
  while (shown.length < rows) shown.push([]);
  const lines = [...above, ...body.head.slice(0, heads), ...shown];
  while (lines.length + foot.length < height) lines.push([]);
  return [...lines, ...foot];
}

function chosenRow(state: Dashboard, { run }: Scene, body: Body): number {
  if (state.pane === "mail" && run !== undefined) return mailAt(state, run.view);
  const last = body.length - 1;
  if (!isTaskList(state) || run === undefined)
    return Math.min(state.at[state.pane] ?? (body.isFollowing ? last : 0), last);
  return run.graph.rowOf.get(chosenTask(state, run.view)?.id ?? "") ?? 0;
}

function topOf({ at, pane }: Dashboard, { length, isFollowing }: Body, rows: number): number {
  const last = Math.max(0, length - rows);
  return Math.min(at[pane] ?? (isFollowing ? last : 0), last);
}

function tabs(state: Dashboard, { run }: Scene, columns: number): Line {
  const open = run?.view.questions.length ?? 0;
  const label = (at: number): string => {
    const name = panes[at] ?? "tasks";
    const text = `${at + 1} ${words.panes[name]}${name === "mail" && open > 0 ? ` (${open})` : ""}`;
    return name === state.pane ? `[${text}]` : text;
  };
  const all = panes.map(
    (name, at): Span => [
      name === state.pane ? "toolTitle" : name === "mail" && open > 0 ? "warning" : "dim",
      label(at),
    ],
  );
  const isFitting = measure(all.map(([, text]) => text).join(" ")) <= columns;
  if (isFitting) return all;
  const at = panes.indexOf(state.pane);
  return [
    ["dim", "←"],
    ["toolTitle", label(at)],
    ["dim", `→ ${at + 1}/${panes.length}`],
  ];
}

/** The page over everything, if one is open. */
function pageLines({ state, scene, now }: Moment, columns: number): readonly Line[] | undefined {
  const { page } = state;
  const { answer, run } = scene;
  if (page === "changes")
    return run === undefined ? [] : changesStory({ state, scene, run, now, columns }, pageLinesMax);
  if (page === "task" && run !== undefined)
    return taskLines(run, chosenTask(state, run.view), columns, answerLinesMax);
  const event = run?.events[state.at.events ?? 0];
  if (page === "event") {
    if (run === undefined || event === undefined) return [];
    const made = (): readonly Line[] => recordLines(event, run.directory, columns);
    return scene.drawings?.once(event, String(columns), made) ?? made();
  }
  const letter = run && mailOrder(run.view)[mailAt(state, run.view)];
  if (page === "letter" || page === "answer")
    return wrapSpan(["text", (page === "letter" ? letter : answer)?.text ?? ""], columns, answerLinesMax);
  if (page === undefined) return undefined;
  return keyLines(bindings);
}

/** A record of the journal; of a huge one the beginning, and where all of it is. */
function recordLines(event: object, directory: string, columns: number): readonly Line[] {
  const made: string[] = [];
  for (const line of membersIn(event)) if (made.push(line) > recordLinesMax) break;
  const lines = wrapSpan(["text", made.join("\n")], columns, recordLinesMax + 1);
  const left = wrapSpan(["dim", words.recordLeft(directory)], columns, recordLinesMax);
  return lines.length > recordLinesMax ? [...lines.slice(0, -1), ...left] : lines;
}

/** A member a line, texts with their line breaks and in pieces that are drawn whole; made only as far as somebody reads. */
function* membersIn(value: unknown, indent = "", name = ""): Generator<string, undefined> {
  const members = Object.entries(membersOf(value));
  const text = members.length > 0 ? "" : `${JSON.stringify(value)}`;
  const told = name + text.replace(/\\(.)/g, (whole, sign) => (sign === "n" ? "\n" : whole));
  for (const line of told.split("\n")) yield* (indent + line).match(/.{1,2000}/gsu) ?? [];
  for (const [at, one] of members) yield* membersIn(one, `${indent}  `, `${at}: `);
}
