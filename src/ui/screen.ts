import { type Binding, hints, movingKeys } from "./binding.ts";
import { words } from "./strings.ts";
import type { Theme } from "./theme.ts";
import { edited } from "./typing.ts";
import { cell, drawCell, drawLine, type Line, measure, plain, type Span, tail, wrapSpan } from "./width.ts";

/** From these rows on there are rules between the parts, and a bottom of two lines. */
export const airyRows = 9;
export const bottomRows = 4;
/** An answer is shown so long, ms; what stands for ever looks as if it were of now. */
const answerShownMs = 30_000;
/** Columns that proposals take before they are only said to be there. */
const proposalsColumnsMax = 40;

/** What stands in front of a screen's own keys: something that is asked, typed, or read over everything. */
export interface Front<Intent> {
  readonly filter: string;
  readonly page?: string | undefined;
  readonly box?: Box | undefined;
  readonly confirm?: { readonly question: string; readonly intent: Intent } | undefined;
}
/** A text that is typed; that of the kind "filter" works while it is. */
export interface Box {
  readonly kind: string;
  readonly label: string;
  readonly text: string;
  /** Texts to choose from with the arrows. */
  readonly proposals: readonly string[];
}

/** What came of the last thing that was asked for. */
export interface Answer {
  readonly ok: boolean;
  readonly text: string;
  /** When it came, ms since the epoch; absent: just now. */
  readonly at?: number;
}

interface Framed {
  /** Ms since the epoch, where answers have a time. */
  readonly now?: number;
  readonly state: Front<unknown>;
  readonly scene: { readonly answer?: Answer };
  /** Rows and columns of what is in the middle. */
  readonly rows: number;
  readonly columns: number;
}

/**
 * A key in front of the screen: it answers what is asked, goes into the text (`submit`: what becomes of it), or closes the
 * page. Undefined where it is one of the screen's own.
 */
export function pressInFront<Intent, State extends Front<Intent>>(
  state: State,
  key: string,
  submit: (box: NonNullable<State["box"]>) => { readonly state: State; readonly intent?: Intent },
): { readonly state: State; readonly intent?: Intent } | undefined {
  const { confirm, box, page } = state;
  if (confirm !== undefined) {
    const next = { ...state, confirm: undefined };
    return key === "y" || key === "Y" ? { state: next, intent: confirm.intent } : { state: next };
  }
  if (box !== undefined) {
    const sought = (filter: string) => (box.kind === "filter" ? { filter } : {});
    if (key === "escape" || key === "ctrl+c") return { state: { ...state, box: undefined, ...sought("") } };
    if (key === "enter") return submit(box);
    const text = edited(box.text, key, box.proposals);
    return { state: text === undefined ? state : { ...state, box: { ...box, text }, ...sought(text) } };
  }
  if (page === undefined || movingKeys.has(key)) return undefined;
  return { state: { ...state, page: undefined } };
}

/**
 * The screen, exactly `height` lines: title, parts, feet (undefined: not even a rule above them), what is asked, typed or
 * was answered, and the hints of the moment. What is asked is seen however few rows there are. `more`: how an answer of
 * several lines is seen whole.
 */
export function frame<Moment extends Framed>(
  moment: Moment,
  bindings: readonly Binding<Moment, unknown>[],
  given: {
    readonly title: Line;
    readonly parts: readonly Part[];
    readonly foot?: readonly Line[];
    readonly more?: string;
  },
  [width, height]: readonly [number, number],
  theme: Theme,
): string[] {
  const { title, parts, foot, more } = given;
  const { box, confirm, page } = moment.state;
  const [isAiry, hasBottom] = [height >= airyRows, height >= bottomRows];
  const isAsking = box !== undefined || confirm !== undefined;
  const line = (of: Line): string => drawLine(of, width, theme);
  const [said, how] = noticeOf(moment, width, more);
  const isOneLine = !isAsking || measure([...said, how].map(([, text]) => plain(text)).join(" ")) <= width;
  const notice = line(isOneLine ? [...said, how] : said);
  const hint: Line = isAsking || page !== undefined ? [] : [["dim", hints(bindings, moment, width)]];
  const below = line(isOneLine ? hint : [how]);
  const lines = [
    ...(isAiry ? [line(title), line(ruleOf(parts, "┬"))] : []),
    ...(hasBottom || !isAsking ? beside(parts, moment.rows, theme) : [notice, below]),
    ...(isAiry && foot !== undefined ? [line(ruleOf(parts, "┴")), ...foot.map(line)] : []),
    ...(hasBottom ? [notice, below] : []),
  ];
  while (lines.length < height) lines.push("");
  return lines.slice(0, height);
}

/** What is asked, typed or was answered, and what keys do about it; where there is no room for both, that comes below. */
function noticeOf(
  { state: { box, confirm, page }, scene, now = 0 }: Framed,
  width: number,
  more = "",
): [Line, Span] {
  if (confirm !== undefined) return [[["warning", confirm.question]], ["text", words.confirm.how]];
  if (box !== undefined) {
    const choices = `↑↓ ${box.proposals.join(" | ")}`;
    const isShort = measure(choices) <= proposalsColumnsMax;
    const about = box.proposals.length === 0 ? [] : [isShort ? choices : words.box.proposals];
    const label = measure(box.label) <= width / 2 ? `${box.label} ▸` : "▸";
    // The end of a long text is what is being typed.
    const text = tail(plain(box.text), width - measure(label) - 2);
    return [
      [
        ["accent", label],
        ["text", `${text}▏`],
      ],
      ["dim", [...about, words.box.how].join(" · ")],
    ];
  }
  if (page !== undefined) return [[["dim", words.page]], ["dim", ""]];
  const isOld = now - (scene.answer?.at ?? now) > answerShownMs;
  if (scene.answer === undefined || isOld) return [[], ["dim", ""]];
  const told = scene.answer.text.trim().split("\n");
  // One problem is told at once, without being counted first.
  const [first = "", ...rest] = told.length === 2 && told[1]?.startsWith("- ") ? [told[1].slice(2)] : told;
  const isMore = more !== "" && (rest.length > 0 || measure(plain(first)) > width);
  const room = isMore ? width - measure(more) - 1 : width;
  const isCut = measure(plain(first)) > room && room >= proposalsColumnsMax;
  return [
    [[scene.answer.ok ? "success" : "error", isCut ? cell(first, room) : first]],
    ["dim", isMore ? more : ""],
  ];
}

/** What stands beside other parts of a screen. */
export interface Part {
  readonly columns: number;
  readonly lines: readonly Line[];
}

/** So many rows of the parts, with a bar between each two: together as wide as they are, and three columns a bar. */
function beside(parts: readonly Part[], rows: number, theme: Theme): string[] {
  const bar = ` ${theme.fg("dim", theme.isAscii === true ? "|" : "│")} `;
  return Array.from({ length: rows }, (_, row) =>
    parts
      .map(({ columns, lines }, at) =>
        (at < parts.length - 1 ? drawCell : drawLine)(lines[row] ?? [], columns, theme),
      )
      .join(bar),
  );
}

/** A rule above or below the parts, with a joint where the bars end. */
function ruleOf(parts: readonly Part[], joint: string): Line {
  const last = parts.length - 1;
  const pieces = parts.map(({ columns }, at) => "─".repeat(columns + Number(at > 0) + Number(at < last)));
  return [["dim", pieces.join(joint)]];
}

/** A text as at most `linesMax` lines; the last one says when there is more of it. */
export function wrapTold(text: string, columns: number, linesMax: number): Line[] {
  const lines = wrapSpan(["text", text], columns, linesMax + 1);
  if (lines.length > linesMax) lines.splice(linesMax - 1, 2, [["dim", words.transcript.cut]]);
  return lines;
}
