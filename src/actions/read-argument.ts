import type { PlanProblem } from "../core/plan.ts";
import { oneLine } from "../lib/wording.ts";
import { chooseFrom } from "../resources/suggest.ts";
import { type Shape, taskShapes } from "./action.ts";

/** Members in their final form, the others as they came, and what is wrong with these. */
export interface Read {
  readonly values: Readonly<Record<string, unknown>>;
  readonly unreadable: Readonly<Record<string, unknown>>;
  readonly problems: readonly PlanProblem[];
}

const integerMax = 1_000;

/** What each kind looks like, what to do about anything else, and its reader: undefined for what is not of the kind. */
const kinds: Readonly<
  Record<Exclude<Shape["kind"], "tasks">, readonly [string, string, (raw: unknown) => unknown]>
> = {
  text: ["text", "write it as text, or leave it out", asText],
  name: ["text", "write it as text, or leave it out", (raw) => asText(raw)?.trim()],
  value: ["a value", "send text, a number or JSON", valueText],
  integer: ["a whole number", `send a whole number from 1 to ${integerMax}`, asCount],
  flag: ["true or false", "send true or false", asFlag],
  words: ["a list of words", "send a list of words", asWords],
  globs: ["a list of words", "send a list of words", (raw) => asWords(raw)?.join(",")],
};

/**
 * Reads members in whatever dialect a model or a person writes them: `""`, `null`, `"null"` and `[]` mean "not given"
 * (as does `false` where no flag is meant), `"5"` is 5, JSON text is what it says. Total: never throws. `prefix` is what
 * places in problems begin with.
 */
export function readMembers(
  shapes: Readonly<Record<string, Shape>>,
  members: Readonly<Record<string, unknown>>,
  prefix = "",
): Read {
  const values: [string, unknown][] = [];
  const unreadable: [string, unknown][] = [];
  const problems: PlanProblem[] = [];
  for (const [key, raw] of Object.entries(members)) {
    const shape = Object.hasOwn(shapes, key) ? shapes[key] : undefined;
    if (isUnset(raw) || (raw === false && shape !== undefined && !/flag|value/.test(shape.kind))) continue;
    const where = prefix + oneLine(key, 60);
    const reading = shape === undefined ? unknownKey(where, key, shapes) : readOne(shape, raw, where);
    if (!("value" in reading)) {
      problems.push(...reading.problems);
      unreadable.push([key, raw]);
    } else if (!isUnset(reading.value)) values.push([key, reading.value]);
  }
  return { values: Object.fromEntries(values), unreadable: Object.fromEntries(unreadable), problems };
}

/** True for everything that models send when they mean "not given". */
export function isUnset(raw: unknown): boolean {
  if (typeof raw === "string") return /^\s*(null)?\s*$/i.test(raw);
  return raw === undefined || raw === null || (Array.isArray(raw) && raw.length === 0);
}

/** Members of an object or of an object's JSON text; undefined for anything else. */
export function membersOf(raw: unknown): Readonly<Record<string, unknown>> | undefined {
  const parsed = fromJsonText(raw);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
  return Object.fromEntries(Object.entries(parsed));
}

type Reading = { readonly value: unknown } | { readonly problems: readonly PlanProblem[] };

function readOne(shape: Shape, raw: unknown, where: string): Reading {
  if (shape.kind === "tasks") return readTasks(raw, where);
  const [what, remedy, read] = kinds[shape.kind];
  const value = read(raw);
  if (value === undefined) return wrong(where, `${describe(raw)} is not ${what}`, remedy);
  if (shape.values === undefined) return { value };
  const word = String(value).toLowerCase();
  const choice = shape.values.find((known) => word === known || word === `${known}s`);
  if (choice !== undefined) return { value: choice };
  return wrong(where, `${describe(raw)} is none of its values`, `send one of: ${shape.values.join(", ")}`);
}

function readTasks(raw: unknown, where: string): Reading {
  const parsed = fromJsonText(raw);
  const list: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  if (list.length === 1 && membersOf(list[0]) === undefined && !Array.isArray(parsed)) {
    const remedy = 'send a list such as [{"id":"a","agent":"explorer","task":"…"}]';
    return wrong(where, `${describe(raw)} is not a list of tasks`, remedy);
  }
  const readings = list.map((item, index) => readTask(item, `${where}[${index}]`));
  const problems = readings.flatMap((reading) => ("problems" in reading ? reading.problems : []));
  if (problems.length > 0) return { problems };
  return { value: readings.flatMap((reading) => ("value" in reading ? [reading.value] : [])) };
}

function readTask(raw: unknown, where: string): Reading {
  const members = membersOf(raw);
  if (members === undefined)
    return wrong(where, `${describe(raw)} is no task`, 'send {"id": "…", "agent": "…", "task": "…"}');
  const { values, unreadable, problems } = readMembers(taskShapes, members, `${where}.`);
  const isNamed = "id" in values || "id" in unreadable;
  const remedy = "every task needs an id and a task";
  const missing = isNamed ? [] : [{ where: `${where}.id`, message: "is missing", remedy }];
  const wrongs = [...problems, ...missing];
  return wrongs.length > 0 ? { problems: wrongs } : { value: { task: "", ...values } };
}

function unknownKey(where: string, key: string, shapes: Readonly<Record<string, Shape>>): Reading {
  const message = `there is no parameter "${oneLine(key, 60)}"`;
  return wrong(where, message, chooseFrom(key, Object.keys(shapes)));
}

/** The value that a JSON text stands for; the text itself when it is none. */
function fromJsonText(raw: unknown): unknown {
  if (typeof raw !== "string" || !/^\s*[[{]/.test(raw)) return raw;
  try {
    return JSON.parse(raw);
  } catch (error) {
    if (error instanceof SyntaxError) return raw;
    throw error;
  }
}

/** Text of a string or number. Halves of surrogate pairs would not survive UTF-8: they become U+FFFD. */
function asText(raw: unknown): string | undefined {
  if (typeof raw === "number" && Number.isFinite(raw)) return String(raw);
  return typeof raw === "string" ? raw.replace(/\p{Cs}/gu, "\uFFFD") : undefined;
}

function asFlag(raw: unknown): boolean | undefined {
  const word = typeof raw === "string" ? raw.trim().toLowerCase() : raw;
  return word === true || word === "true" ? true : word === false || word === "false" ? false : undefined;
}

function asCount(raw: unknown): number | undefined {
  const number = typeof raw === "string" && /^\s*\d{1,15}(\.0*)?\s*$/.test(raw) ? Number(raw) : raw;
  const isCount = typeof number === "number" && Number.isInteger(number) && number >= 1;
  return isCount && number <= integerMax ? number : undefined;
}

/** Words, from a list, JSON text, or text with commas. */
function asWords(raw: unknown): string[] | undefined {
  const parsed = fromJsonText(raw);
  const list = Array.isArray(parsed) ? parsed : typeof parsed === "string" ? parsed.split(",") : [parsed];
  const words = list.map((item: unknown) => (isUnset(item) ? "" : asText(item)?.trim().replace(/^@/, "")));
  return words.every((word) => word !== undefined) ? words.filter((word) => word !== "") : undefined;
}

function valueText(raw: unknown): string | undefined {
  if (typeof raw !== "object") return typeof raw === "boolean" ? String(raw) : asText(raw);
  try {
    const text = JSON.stringify(raw);
    return isUnset(text) ? undefined : text;
  } catch (error) {
    // Cycles and bigints, which no JSON can hold.
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** What a wrong value looks like, in a few words. Never calls the value's own code. */
function describe(raw: unknown): string {
  if (Array.isArray(raw)) return "a list";
  if (typeof raw === "string") return `"${oneLine(raw, 60)}"`;
  if (typeof raw === "object" && raw !== null) return "an object";
  return typeof raw === "number" || typeof raw === "boolean" ? String(raw) : `a ${typeof raw}`;
}

function wrong(where: string, message: string, remedy: string): Reading {
  return { problems: [{ where, message, remedy }] };
}
