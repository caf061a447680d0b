import { type Binding, bind, keyLines, moving } from "../binding.ts";
import type { Intent } from "../dashboard/scene.ts";
import { matcher } from "../listing.ts";
import { type Answer, type Front, pressInFront } from "../screen.ts";
import { words } from "../strings.ts";
import { type Line, wrapSpan } from "../width.ts";
import type { Entry } from "./entries.ts";

export type Scope = "user" | "project";

/** Everything that is looked at: all settings, or all definitions. */
export interface Scene {
  readonly title: string;
  readonly entries: readonly Entry[];
  /** All that is wrong, whichever row it belongs to. */
  readonly problems: readonly string[];
  /** The files that can be written; none: nothing here is edited. */
  readonly files: Readonly<Partial<Record<Scope, string>>>;
  readonly answer?: Answer;
}

/** What is chosen and how it is looked at. */
export interface Browser extends Front<Intent> {
  /** An entry's id; absent: the first of the list. */
  readonly chosen?: string;
  readonly scope: Scope;
  /** A page over the list, and its top row. */
  readonly page?: "help" | "facts" | "problems" | "answer";
  readonly top: number;
}

/** What a key meets: the state, what is looked at, and how much of it is seen. */
export interface Moment {
  readonly state: Browser;
  readonly scene: Scene;
  readonly rows: number;
  readonly columns: number;
}

interface Step {
  readonly state: Browser;
  readonly intent?: Intent;
}

const pageLinesMax = 2_000;
const keys = words.keys;
const always = (): boolean => true;
const isEditable = (moment: Moment): boolean =>
  chosenEntry(moment)?.edit !== undefined && moment.scene.files[moment.state.scope] !== undefined;

/** Every key, the more special ones first. */
export const bindings: readonly Binding<Moment, Step>[] = [
  bind(["enter"], keys.edit, isEditable, editing, true),
  bind(["enter"], keys.show, (moment) => chosenEntry(moment)?.get !== undefined, got, true),
  bind(["enter"], keys.facts, hasEntry, (moment) => paged(moment, "facts")),
  bind(
    ["u"],
    keys.unset,
    (moment) => isEditable(moment) && chosenEntry(moment)?.isBuiltin === false,
    unset,
    true,
  ),
  bind(["s", "tab"], keys.scope, ({ scene }) => Object.keys(scene.files).length > 1, scoped, true),
  ...moving<Moment, Step>(moved),
  bind(["/"], keys.filter, always, filtering, true),
  bind(["v", "right"], keys.facts, hasEntry, (moment) => paged(moment, "facts")),
  bind(
    ["!"],
    keys.problems,
    ({ scene }) => scene.problems.length > 0,
    (moment) => paged(moment, "problems"),
  ),
  bind(["escape"], keys.back, always, back, true),
  bind(["?"], keys.help, always, (moment) => paged(moment, "help"), true),
  bind(["q", "ctrl+c"], keys.close, always, ({ state }) => ({ state, intent: { kind: "close" } })),
];

/** What the key of this name does now. Total: an unknown key changes nothing. */
export function press(moment: Moment, key: string): Step {
  const { state } = moment;
  // A value's text stays until it is taken.
  const inFront = pressInFront(state, key, ({ kind, text }) =>
    kind === "filter" ? { state: { ...state, box: undefined } } : { state, ...writing(moment, text) },
  );
  if (inFront !== undefined) return inFront;
  const binding = bindings.find((one) => one.keys.includes(key) && one.fits(moment));
  return binding?.press(moment) ?? { state };
}

/** After an answer came: a definition fills the page, and a text that was taken is typed no more. */
export function answered({ box, ...state }: Browser, action: string, ok: boolean): Browser {
  const kept = box !== undefined && (!ok || box.kind === "filter") ? { ...state, box } : state;
  return action === "get" ? { ...kept, page: "answer", top: 0 } : kept;
}

/** The entries that hold every word of the filter. */
export function listed({ state, scene }: Pick<Moment, "state" | "scene">): readonly Entry[] {
  const isWanted = matcher(state.filter);
  return scene.entries.filter(({ name, value, source, note }) =>
    isWanted(`${name} ${value} ${source} ${note}`),
  );
}

/** The entry that keys are about; none where nothing matches. */
export function chosenEntry(moment: Pick<Moment, "state" | "scene">): Entry | undefined {
  const entries = listed(moment);
  return entries.find(({ id }) => id === moment.state.chosen) ?? entries[0];
}

/** The page over the list, if one is open. */
export function pageLines(moment: Pick<Moment, "state" | "scene" | "columns">): readonly Line[] | undefined {
  const { state, scene, columns } = moment;
  const entry = chosenEntry(moment);
  const text = (whole: string): readonly Line[] => wrapSpan(["text", whole], columns, pageLinesMax);
  switch (state.page) {
    case undefined:
      return undefined;
    case "help":
      return keyLines(bindings);
    case "facts":
      return text([...(entry?.facts ?? []), ...(entry?.problems ?? [])].join("\n\n"));
    case "problems":
      return text(scene.problems.join("\n\n"));
    case "answer":
      return text(scene.answer?.text ?? "");
  }
}

function hasEntry(moment: Moment): boolean {
  return chosenEntry(moment) !== undefined;
}

/** Through the action that a command would use: one writer, one set of rules. */
function writing(moment: Moment, value: string): Pick<Required<Step>, "intent"> {
  const parameters = { key: chosenEntry(moment)?.id ?? "", value, scope: moment.state.scope };
  return { intent: { kind: "perform", action: "config", parameters } };
}

function editing(moment: Moment): Step {
  const { name = "", edit } = chosenEntry(moment) ?? {};
  const { text = "", choices = [], isSwitch } = edit ?? {};
  if (isSwitch === true)
    return { state: moment.state, ...writing(moment, text === "true" ? "false" : "true") };
  const box = { kind: "edit", label: name, text, proposals: choices };
  return { state: { ...moment.state, box } };
}

function unset(moment: Moment): Step {
  const question = words.browser.unset(chosenEntry(moment)?.name ?? "", moment.state.scope);
  return { state: { ...moment.state, confirm: { question, ...writing(moment, "unset") } } };
}

function got(moment: Moment): Step {
  const parameters = chosenEntry(moment)?.get ?? {};
  return { state: moment.state, intent: { kind: "perform", action: "get", parameters } };
}

function scoped({ state }: Moment): Step {
  return { state: { ...state, scope: state.scope === "user" ? "project" : "user" } };
}

function filtering({ state }: Moment): Step {
  return {
    state: { ...state, box: { kind: "filter", label: words.box.filter, text: state.filter, proposals: [] } },
  };
}

function paged({ state }: Moment, page: Browser["page"] & string): Step {
  return { state: { ...state, page, top: 0 } };
}

/** Moves the choice, or scrolls; beyond an end it stays there. */
function moved(moment: Moment, by: number): Step {
  const { state, rows } = moment;
  const bounded = (at: number, last: number): number => Math.max(0, Math.min(last, at));
  const page = pageLines(moment);
  if (page !== undefined) return { state: { ...state, top: bounded(state.top + by, page.length - rows) } };
  const entries = listed(moment);
  const entry = chosenEntry(moment);
  const next = entries[bounded((entry === undefined ? 0 : entries.indexOf(entry)) + by, entries.length - 1)];
  return { state: next === undefined ? state : { ...state, chosen: next.id } };
}

function back({ state }: Moment): Step {
  return state.filter === "" ? { state, intent: { kind: "close" } } : { state: { ...state, filter: "" } };
}
