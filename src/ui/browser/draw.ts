import { glyphOf } from "../glyph.ts";
import { marker, windowTop } from "../listing.ts";
import { airyRows, bottomRows, frame } from "../screen.ts";
import { words } from "../strings.ts";
import type { Theme } from "../theme.ts";
import { cell, type Line, measure, plain, type Span, wrap } from "../width.ts";
import type { Entry } from "./entries.ts";
import { type Browser, bindings, chosenEntry, listed, type Moment, pageLines, type Scene } from "./keys.ts";

/** From these columns on, source and note have a place. */
const wideColumns = 50;
const valueColumnsMax = 24;

function feetOf({ page }: Browser, height: number): number {
  return height < airyRows || page !== undefined ? 0 : Math.min(8, Math.floor(height / 3));
}

/** The moment of a key on a screen of this size. */
export function momentOf(state: Browser, scene: Scene, width: number, height: number): Moment {
  const feet = feetOf(state, height);
  const rows =
    height >= airyRows ? height - feet - (feet > 0 ? 5 : 4) : height >= bottomRows ? height - 2 : height;
  return { state, scene, rows: Math.max(1, rows), columns: Math.max(1, width - 2) };
}

/** The screen: exactly `height` lines of at most `width` columns; none when either is less than 1. */
export function draw(state: Browser, scene: Scene, width: number, height: number, theme: Theme): string[] {
  if (!(width >= 1 && height >= 1)) return [];
  const moment = momentOf(state, scene, width, height);
  const feet = feetOf(state, height);
  const page = pageLines(moment)?.map((line): Line => [["text", " "], ...line]);
  const top = Math.max(0, Math.min(state.top, (page?.length ?? 0) - moment.rows));
  const lines = page?.slice(top) ?? listLines(moment, width);
  const parts = [{ columns: width, lines }];
  const given = { title: titleLine(moment), parts, ...(feet > 0 && { foot: footLines(moment, feet) }) };
  return frame(moment, bindings, given, [width, height], theme);
}

function titleLine({ state, scene }: Moment): Line {
  const { entries, problems, files, title } = scene;
  const own = entries.filter(({ isBuiltin }) => !isBuiltin).length;
  const file = files[state.scope];
  return [
    ["toolTitle", title],
    ["dim", words.browser.counts(entries.length, own)],
    ["warning", problems.length === 0 ? "" : words.browser.problems(problems.length)],
    ["accent", state.filter === "" ? "" : words.browser.filtered(state.filter)],
    ["text", file === undefined ? "" : words.browser.writes(state.scope, file)],
  ];
}

function listLines(moment: Moment, width: number): Line[] {
  const entries = listed(moment);
  const chosen = chosenEntry(moment);
  if (chosen === undefined) return [[["dim", words.browser.noMatch]]];
  const widest = (texts: readonly string[]): number => Math.max(...texts.map((text) => measure(plain(text))));
  const nameColumns = Math.min(widest(entries.map(({ name }) => name)), Math.floor(width * 0.45));
  const valueColumns = Math.min(widest(entries.map(({ value }) => value)), valueColumnsMax);
  const top = windowTop(entries.indexOf(chosen), entries.length, moment.rows);
  return entries.slice(top, top + moment.rows).map((entry): Line => {
    const start: Line = [marker(entry === chosen, true), ["text", cell(entry.name, nameColumns)]];
    if (width < wideColumns) return [...start, sign(entry), [valueColor(entry), entry.value]];
    return [
      ...start,
      sign(entry),
      [valueColor(entry), cell(entry.value, valueColumns)],
      [valueColor(entry), cell(entry.source, 7)],
      ["dim", entry.note],
    ];
  });
}

function valueColor({ isBuiltin }: Entry): Span[0] {
  return isBuiltin ? "muted" : "accent";
}

function sign({ problems }: Entry): Span {
  const { glyph, color } = glyphOf("failed");
  return problems.length === 0 ? ["text", " "] : [color, glyph];
}

/** What was refused first, then all about the chosen entry. */
function footLines(moment: Moment, feet: number): readonly Line[] {
  const { scene, columns } = moment;
  const { facts = [], problems = [] } = chosenEntry(moment) ?? {};
  const part = (color: Span[0], texts: readonly string[]): readonly Line[] =>
    texts.flatMap((text) =>
      wrap(text, columns, feet).map(
        (line): Line => [
          [color, ""],
          ["text", " "],
          [color, line],
        ],
      ),
    );
  const refused = scene.answer?.ok === false ? [scene.answer.text] : [];
  const lines = [...part("error", refused), ...part("error", problems), ...part("text", facts)];
  return Array.from({ length: feet }, (_, at) => lines[at] ?? []);
}
