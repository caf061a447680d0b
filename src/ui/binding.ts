import { words } from "./strings.ts";
import { type Line, whole } from "./width.ts";

/** A key, what it does, and when: handling, hints and the page of keys are all made of these. */
export interface Binding<Moment, Step> {
  readonly keys: readonly string[];
  readonly what: string;
  /** Worth a place in the bottom line. */
  readonly isHint?: true;
  fits(moment: Moment): boolean;
  press(moment: Moment): Step;
}

/** A row of a table of keys. */
export function bind<Moment, Step>(
  names: readonly string[],
  what: string,
  fits: (moment: Moment) => boolean,
  then: (moment: Moment) => Step,
  isHint = false,
): Binding<Moment, Step> {
  return { keys: names, what, fits, press: then, ...(isHint && { isHint: true }) };
}

const { up, down, pageUp, pageDown, home, end } = words.keys;
const moves: readonly (readonly [names: readonly string[], what: string, by: (page: number) => number])[] = [
  [["up", "k"], up, () => -1],
  [["down", "j"], down, () => 1],
  [["pageUp"], pageUp, (page) => -page],
  [["pageDown", " "], pageDown, (page) => page],
  [["home", "g"], home, () => Number.NEGATIVE_INFINITY],
  [["end", "G"], end, () => Number.POSITIVE_INFINITY],
];

/** Keys that scroll a page; any other one closes it. */
export const movingKeys: ReadonlySet<string> = new Set(moves.flatMap(([names]) => names));

/** The keys that move the choice, or scroll: `move` by so many rows, without end to an end. */
export function moving<Moment extends { readonly rows: number }, Step>(
  move: (moment: Moment, by: number) => Step,
): readonly Binding<Moment, Step>[] {
  const always = (): boolean => true;
  return moves.map(([names, what, by]) =>
    bind(names, what, always, (moment) => move(moment, by(Math.max(1, moment.rows - 1)))),
  );
}

/** Where there is room for little, these are the hints that stay. */
const firstHints = ["?", "escape"];

/** The hints of this moment in one line, each whole, as far as they fit; what does not is on the page of keys. */
export function hints<Moment>(
  bindings: readonly Binding<Moment, unknown>[],
  moment: Moment,
  width: number,
): string {
  const texts = new Map<string, string>();
  for (const { keys, what, isHint, fits } of bindings) {
    const [key = ""] = keys;
    if (isHint !== true || texts.has(key) || !fits(moment)) continue;
    texts.set(key, `${keyText(key)} ${what}`);
  }
  const first = firstHints.flatMap((key) => texts.get(key) ?? []);
  return whole([...texts.values()], width, first);
}

/** The page of keys: each once, with all that it does, the more special first. */
export function keyLines<Moment>(bindings: readonly Binding<Moment, unknown>[]): readonly Line[] {
  const all = new Map<string, Set<string>>();
  for (const { keys, what } of bindings) {
    const names = keys.length > 4 ? [keys[0], keys.at(-1)].join("…") : keys.map(keyText).join(" ");
    all.set(names, (all.get(names) ?? new Set()).add(what));
  }
  return [
    [["toolTitle", words.keys.title]],
    ...[...all].map(
      ([names, what]): Line => [
        ["accent", names.padEnd(16)],
        ["text", [...what].join(" · ")],
      ],
    ),
  ];
}

function keyText(key: string): string {
  return key === "escape" ? "esc" : key === " " ? "space" : key;
}
