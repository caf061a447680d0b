import { eastAsianWidth } from "get-east-asian-width";
import type { Color, Theme } from "./theme.ts";

/**
 * Columns of terminal text, measured on the safe side: never less than what the host's own measure says, because
 * the host (0.73.1) dies of a line that is wider than its terminal. A test compares the two.
 */

/** Longer texts are cut before anything looks at their characters, so that a huge one costs no time. */
const textMaxUnits = 16_384;

// biome-ignore lint/suspicious/noControlCharactersInRegex: what is looked for. Alternatives: CSI, strings up to their end, two-byte escapes.
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]_PX^][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences that change colours and weight.
const colors = /(\u001b\[[\d;:]*m)/;
const breaks = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;
/** Control characters, half surrogates, and what turns the writing direction of the rest of the screen. */
const unprintable = /[\p{Control}\p{Surrogate}\u202a-\u202e\u2066-\u2069]/gu;
const invisible = /^[\p{Default_Ignorable_Code_Point}\p{Mark}]+$/u;
const invisibleStart = /^[\p{Default_Ignorable_Code_Point}\p{Format}\p{Mark}]+/u;
const pictorial = /\p{Extended_Pictographic}|\p{Regional_Indicator}|\ufe0f|\u20e3/u;
const printableAscii = /^[ -~]*$/;
/** Texts of these alone, ASCII, letters of Europe and our own signs, are as many columns as units, and nothing in them joins. */
const simple = /^[ -~\u00c0-\u024f\u2013\u2014\u2018-\u201d…·»○●◌↻■✓✗⊘█░│─┼├┤└┘┴┬▸↑↓←→▏]*$/;
/** What stands between the rest, but for the last letter: what follows may join it. */
const simpleRuns = /([ -~\u00c0-\u024f]{4,}(?=[ -~\u00c0-\u024f]))/;
const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** A piece of a line: any text, and how it is drawn; `drawn` is of `drawnSpan` alone. */
export type Span = readonly [color: Color, text: string, drawn?: string];
export type Line = readonly Span[];

/**
 * The spans, each behind a space, as one line of at most `width` columns, cut with "…". Whatever the texts hold, the only
 * escapes in the line are the theme's and the colours of a `drawnSpan`. Width 0 or less yields "".
 */
export function drawLine(spans: readonly Span[], width: number, theme: Theme): string {
  return drawn(spans, width, theme).text;
}

/** The same, filled up with spaces to exactly `width` columns. */
export function drawCell(spans: readonly Span[], width: number, theme: Theme): string {
  const { text, line } = drawn(spans, width, theme);
  return text + " ".repeat(Math.max(0, width - measure(line)));
}

function drawn(spans: readonly Span[], width: number, theme: Theme) {
  const spell = theme.isAscii === true ? ascii : (text: string): string => text;
  const texts = spans
    .map(([color, given, colored]) => {
      const text = spell(plain(given));
      return [color, text, text === given ? colored : undefined] as const;
    })
    .filter(([, text]) => text !== "");
  // The whole is measured and cut, and coloured only then: characters join across spans.
  const line = cut(texts.map(([, text]) => text).join(" "), width);
  let from = 0;
  const pieces = texts.map(([color, text, colored]) => {
    const piece = line.slice(from, from + text.length + 1);
    from += text.length + 1;
    const shown = theme.isAscii === true ? piece.replaceAll("…", "~") : piece;
    if (colored !== undefined && shown.startsWith(text)) return colored + shown.slice(text.length);
    return piece === "" ? "" : theme.fg(color, color === "toolTitle" ? theme.bold(shown) : shown);
  });
  return { text: pieces.join(""), line };
}

/**
 * A line that was drawn elsewhere: its text, and its colours where nothing has to be cut or spelled otherwise; of its other
 * escapes none. Blanks at its end give way where it is wider than `width`.
 */
export function drawnSpan(line: string, width: number): Span {
  const parts = line
    .slice(0, textMaxUnits)
    .split(colors)
    .map((part, at) => (at % 2 === 1 ? part : plain(part)));
  const textOf = (): string => parts.filter((_, at) => at % 2 === 0).join("");
  const excess = measure(textOf()) - width;
  const last = parts.findLastIndex((part, at) => at % 2 === 0 && part !== "");
  if (excess > 0) parts[last] = (parts[last] ?? "").replace(/ +$/, (blanks) => blanks.slice(excess));
  return ["toolOutput", textOf(), `${parts.join("")}\u001b[0m`];
}

/** One line of harmless text: no escapes, no control characters; breaks and tabs become one space. */
export function plain(text: string): string {
  if (text.length <= textMaxUnits && simple.test(text)) return text;
  return text.slice(0, textMaxUnits).replace(escapes, "").replace(breaks, " ").replace(unprintable, "");
}

/** Any text as exactly `columns` columns: cut with "…", or filled up with spaces. */
export function cell(text: string, columns: number): string {
  const line = cut(plain(text), columns);
  return line + " ".repeat(Math.max(0, columns - measure(line)));
}

const asciiSigns: Readonly<Record<string, string>> = {
  ...{ "○": "o", "●": "*", "◌": "~", "↻": "@", "■": "!", "✓": "+", "✗": "x", "⊘": "/", "–": "-", "·": "-" },
  ...{ "█": "#", "░": ".", "…": "~", "│": "|", "─": "-", "┼": "+", "├": "+", "┤": "+", "└": "`", "┘": "'" },
  ...{ "┴": "+", "┬": "+", "▸": ">", "»": "=", "↑": "^", "↓": "v", "←": "<", "→": ">", "▏": "_" },
  ...{ "—": "-", "×": "x", "‘": "'", "’": "'", "“": '"', "”": '"' },
};

/** The text with something of ASCII for each of our signs and each emoji, as wide as it was measured. */
export function ascii(text: string): string {
  if (printableAscii.test(text)) return text;
  const signs = [...segmenter.segment(text)].map(({ segment }) => {
    const isPicture = asciiSigns[segment] === undefined && pictorial.test(segment);
    return isPicture ? "?".repeat(graphemeColumns(segment)) : (asciiSigns[segment] ?? segment);
  });
  return signs.join("");
}

/** Columns that plain text takes; a text of more than 16,384 units is measured by its units. */
export function measure(text: string): number {
  if (simple.test(text)) return text.length;
  if (text.length > textMaxUnits) return 2 * text.length;
  let columns = 0;
  for (const [at, part] of text.split(simpleRuns).entries()) {
    if (at % 2 === 1) columns += part.length;
    else if (part !== "")
      for (const { segment } of segmenter.segment(part)) columns += graphemeColumns(segment);
  }
  return columns;
}

/** The texts with " · " between them, each whole, as far as they fit; `first` have the first claim to the room. */
export function whole(texts: readonly string[], width: number, first: readonly string[] = []): string {
  const lineOf = (kept: readonly string[]): string => texts.filter((text) => kept.includes(text)).join(" · ");
  const shown: string[] = [];
  for (const text of [...first, ...texts])
    if (measure(plain(lineOf([...shown, text]))) <= width) shown.push(text);
  return lineOf(shown);
}

/** The text as lines of at most `width` columns, broken between words where that is possible; width 0 or less yields none. */
export function wrap(text: string, width: number, linesMax: number): string[] {
  if (!(width >= 1)) return [];
  const lines: string[] = [];
  for (const paragraph of text.split(/\r\n|[\n\r\u2028\u2029]/)) {
    let rest = plain(paragraph);
    do {
      if (lines.length === linesMax) return lines;
      const end = endOf(rest, width, 1);
      const space = end < rest.length ? rest.lastIndexOf(" ", end) : -1;
      const line = rest.slice(0, space > 0 ? space : end);
      lines.push(cut(line, width));
      rest = rest.slice(line.length).trimStart();
    } while (rest !== "");
  }
  return lines;
}

/** The same of one span. */
export function wrapSpan([color, text]: Span, width: number, linesMax: number): Line[] {
  return wrap(text, width, linesMax).map((line) => [[color, line]]);
}

/** The end of plain text in at most `columns` columns, with "…" for what stands before it. */
export function tail(text: string, columns: number): string {
  if (measure(text) <= columns) return text;
  let from = text.length;
  let left = columns - 1;
  for (const { segment, index } of [...segmenter.segment(text)].reverse()) {
    left -= graphemeColumns(segment);
    if (left < 0) break;
    from = index;
  }
  return `…${text.slice(from)}`;
}

function cut(text: string, width: number): string {
  if (!(width >= 1)) return "";
  return measure(text) <= width ? text : `${text.slice(0, endOf(text, width - 1, 0))}…`;
}

/** How many units of the text fit into the columns; at least `least` of them, whole graphemes. */
function endOf(text: string, columns: number, least: number): number {
  if (simple.test(text)) return Math.min(text.length, Math.max(columns, least));
  let left = columns;
  for (const { segment, index } of segmenter.segment(text)) {
    left -= graphemeColumns(segment);
    if (left < 0 && index >= least) return index;
  }
  return text.length;
}

/** The host's rules for one grapheme, and two columns for everything that could be drawn as a picture. */
function graphemeColumns(grapheme: string): number {
  if (grapheme.length === 1 && simple.test(grapheme)) return 1;
  if (invisible.test(grapheme)) return 0;
  const base = grapheme.replace(invisibleStart, "").codePointAt(0);
  let columns = base === undefined ? 0 : eastAsianWidth(base);
  for (const character of grapheme.slice(1)) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xff00 && code <= 0xffef) columns += eastAsianWidth(code);
    else if (code === 0x0e33 || code === 0x0eb3) columns += 1;
  }
  return pictorial.test(grapheme) ? Math.max(2, columns) : columns;
}
