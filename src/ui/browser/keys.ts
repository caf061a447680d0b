import { type Binding, bind, keyLines, movingKeys } from "../binding.ts";
import type { Intent } from "../dashboard/scene.ts";
import { words } from "../strings.ts";
import { edited } from "../typing.ts";
import { type Line, wrap } from "../width.ts";
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
  readonly answer?: { readonly ok: boolean; readonly text: string };
}

/** What is chosen and how it is looked at. */
export interface Browser {
  /** An entry's id; absent: the first of the list. */
  readonly chosen?: string;
  readonly filter: string;
  readonly scope: Scope;
  /** A page over the list, and its top row. */
  readonly page?: "help" | "facts" | "problems" | "answer";
  readonly top: number;
  readonly box?: { readonly kind: "filter" | "edit"; readonly text: string };
  readonly confirm?: { readonly question: string; readonly intent: Intent };
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
  bind(["up", "k"], keys.up, always, (moment) => moved(moment, -1)),
  bind(["down", "j"], keys.down, always, (moment) => moved(moment, 1)),
  bind(["pageUp"], keys.pageUp, always, (moment) => moved(moment, -Math.max(1, moment.rows - 1))),
  bind(["pageDown", " "], keys.pageDown, always, (moment) => moved(moment, Math.max(1, moment.rows - 1))),
  bind(["home", "g"], keys.home, always, (moment) => moved(moment, Number.NEGATIVE_INFINITY)),
  bind(["end", "G"], keys.end, always, (moment) => moved(moment, Number.POSITIVE_INFINITY)),
  bind(["/"], keys.filter, always, ({ state }) => boxed(state, "filter", state.filter), true),
  bind(["v", "right"], keys.facts, hasEntry, (moment) => paged(moment, "facts")),
  bind(
    ["!"],
    keys.problems,
    ({ scene }) => scene.problems.length > 0,
    (moment) => paged(moment, "problems"),
  ),
  bind(["?"], keys.help, always, (moment) => paged(moment, "help"), true),
  bind(["escape"], keys.back, always, back, true),
  bind(["q", "ctrl+c"], keys.close, always, ({ state }) => ({ state, intent: { kind: "close" } })),
];

/** What the key of this name does now. Total: an unknown key changes nothing. */
export function press(moment: Moment, key: string): Step {
  const { state } = moment;
  const { confirm, box, page, ...rest } = state;
  if (confirm !== undefined)
    return key === "y" || key === "Y" ? { state: rest, intent: confirm.intent } : { state: rest };
  if (box !== undefined) return typed(moment, box, key);
  if (page !== undefined && !movingKeys.has(key)) return { state: rest };
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
  const wanted = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  return scene.entries.filter(({ name, value, source, note }) => {
    const text = `${name} ${value} ${source} ${note}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
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
  switch (state.page) {
    case undefined:
      return undefined;
    case "help":
      return keyLines(bindings);
    case "facts":
      return textLines([...(entry?.facts ?? []), ...(entry?.problems ?? [])].join("\n\n"), columns);
    case "problems":
      return textLines(scene.problems.join("\n\n"), columns);
    case "answer":
      return textLines(scene.answer?.text ?? "", columns);
  }
}

function textLines(text: string, columns: number): readonly Line[] {
  return wrap(text, columns, pageLinesMax).map((line): Line => [["text", line]]);
}

function hasEntry(moment: Moment): boolean {
  return chosenEntry(moment) !== undefined;
}

function typed(moment: Moment, box: NonNullable<Browser["box"]>, key: string): Step {
  const { box: _, ...rest } = moment.state;
  const isFilter = box.kind === "filter";
  if (key === "escape" || key === "ctrl+c") return { state: isFilter ? { ...rest, filter: "" } : rest };
  // The text stays until it is taken.
  if (key === "enter")
    return isFilter ? { state: rest } : { state: moment.state, ...writing(moment, box.text) };
  const text = edited(box.text, key, isFilter ? [] : (chosenEntry(moment)?.edit?.choices ?? []));
  if (text === undefined) return { state: moment.state };
  return { state: { ...rest, box: { ...box, text }, ...(isFilter && { filter: text }) } };
}

/** Through the action that a command would use: one writer, one set of rules. */
function writing(moment: Moment, value: string): Pick<Required<Step>, "intent"> {
  const parameters = { key: chosenEntry(moment)?.id ?? "", value, scope: moment.state.scope };
  return { intent: { kind: "perform", action: "config", parameters } };
}

function editing(moment: Moment): Step {
  const { text = "", isSwitch } = chosenEntry(moment)?.edit ?? {};
  if (isSwitch === true)
    return { state: moment.state, ...writing(moment, text === "true" ? "false" : "true") };
  return boxed(moment.state, "edit", text);
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

function boxed(state: Browser, kind: "filter" | "edit", text: string): Step {
  return { state: { ...state, box: { kind, text } } };
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
