import { eastAsianWidth } from "get-east-asian-width";

/**
 * Columns of terminal text, measured on the safe side: never less than what the host's own measure says, because
 * the host (0.73.1) dies of a line that is wider than its terminal. A test compares the two.
 */

/** Longer texts are cut before anything looks at their characters, so that a huge one costs no time. */
const textMaxUnits = 16_384;
const ellipsis = "…";
/** What the host counts for a tab. */
const tabColumns = 3;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what is looked for
const styling = /\u001b\[[0-9;:]*m/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above. Alternatives: CSI, strings up to their end, two-byte escapes.
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]_PX^][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;
const breaks = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;
/** Control characters, half surrogates, and what turns the writing direction of the rest of the screen. */
const unprintable = /[\p{Control}\p{Surrogate}\u202a-\u202e\u2066-\u2069]/gu;
const invisible = /^[\p{Default_Ignorable_Code_Point}\p{Control}\p{Mark}\p{Surrogate}]+$/u;
const invisibleStart = /^[\p{Default_Ignorable_Code_Point}\p{Control}\p{Format}\p{Mark}\p{Surrogate}]+/u;
const pictorial = /\p{Extended_Pictographic}|\p{Regional_Indicator}|\ufe0f|\u20e3/u;
const printableAscii = /^[ -~]*$/;
const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Columns that the text takes, styling excluded; a text of more than 16,384 units is measured by its units. */
export function measure(text: string): number {
  if (printableAscii.test(text)) return text.length;
  if (text.length > textMaxUnits) return 2 * text.length;
  let columns = 0;
  for (const { segment } of segmenter.segment(text.replace(styling, ""))) columns += graphemeColumns(segment);
  return columns;
}

/** One line of harmless text: no styling, no escapes, no control characters; breaks and tabs become one space. */
export function plain(text: string): string {
  return clean(text.slice(0, textMaxUnits).replace(escapes, ""));
}

/**
 * The text on one line of at most `width` columns, cut with "…". Styling is kept, and what was opened is closed as
 * the text itself closes it, also behind the cut. Width 0 or less yields "".
 */
export function fitLine(text: string, width: number): string {
  if (!(width >= 1)) return "";
  if (printableAscii.test(text)) return text.length <= width ? text : text.slice(0, width - 1) + ellipsis;
  const parts = dissect(text);
  const whole = parts.map((part) => part.text).join("");
  if (measure(whole) <= width) return whole;
  const cut = cutParts(parts, width - 1);
  // Styling inside a grapheme makes its pieces count differently from the whole.
  return measure(cut) <= width ? cut : cutParts([{ text: plain(text), styling: false }], width - 1);
}

/** Plain text broken into lines of at most `width` columns, between words where that is possible; width 0 or less yields none. */
export function wrap(text: string, width: number, linesMax: number): string[] {
  if (!(width >= 1)) return [];
  const lines: string[] = [];
  for (const paragraph of text.split(/\r\n|[\n\r\u2028\u2029]/)) {
    let rest = plain(paragraph);
    do {
      if (lines.length === linesMax) return lines;
      const line = headOf(rest, width);
      lines.push(fitLine(line, width));
      rest = rest.slice(line.length).trimStart();
    } while (rest !== "");
  }
  return lines;
}

/** The part of the text that goes on a line, at least one grapheme of it. */
function headOf(text: string, width: number): string {
  let columns = 0;
  let end = 0;
  let lastSpace = 0;
  for (const { segment, index } of segmenter.segment(text)) {
    columns += graphemeColumns(segment);
    if (segment === " " && index > 0) lastSpace = index;
    if (columns > width && index > 0) return text.slice(0, lastSpace > 0 ? lastSpace : end);
    end = index + segment.length;
  }
  return text;
}

interface Part {
  readonly text: string;
  readonly styling: boolean;
}

/** Runs of printable text and the styling between them; everything else is gone. */
function dissect(text: string): Part[] {
  const parts: Part[] = [];
  const bounded = text.slice(0, textMaxUnits);
  let from = 0;
  const keep = (piece: string): void => {
    const kept = clean(piece.replace(escapes, ""));
    if (kept !== "") parts.push({ text: kept, styling: false });
  };
  for (const match of bounded.matchAll(styling)) {
    keep(bounded.slice(from, match.index));
    parts.push({ text: match[0], styling: true });
    from = match.index + match[0].length;
  }
  keep(bounded.slice(from));
  return parts;
}

/** The first `columns` columns and "…", with all styling. */
function cutParts(parts: readonly Part[], columns: number): string {
  let line = "";
  let left = columns;
  let open = true;
  for (const part of parts) {
    if (part.styling) {
      line += part.text;
    } else if (open) {
      for (const { segment } of segmenter.segment(part.text)) {
        left -= graphemeColumns(segment);
        if (left < 0) break;
        line += segment;
      }
      if (left < 0) {
        open = false;
        line += ellipsis;
      }
    }
  }
  return open && left < 0 ? line + ellipsis : line;
}

function clean(text: string): string {
  return text.replace(breaks, " ").replace(unprintable, "");
}

/** The host's rules for one grapheme, and two columns for everything that could be drawn as a picture. */
function graphemeColumns(grapheme: string): number {
  if (grapheme === "\t") return tabColumns;
  // An escape that is no styling: the host knows some, and drops more than we do.
  if (grapheme === "\u001b") return 2;
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
