import type { PlanProblem } from "../core/plan.ts";
import type { InlineTask } from "../resources/compile.ts";
import { nearest } from "../resources/suggest.ts";
import type { ParameterShape } from "./action.ts";

/** A value in its final form, or what is wrong with it. `undefined` as a whole: not given. */
export type Reading = { readonly value: unknown } | { readonly problems: readonly PlanProblem[] } | undefined;

/**
 * Reads one argument in whatever dialect a model or a person writes it: `""`, `null`, `"null"` and `[]` mean "not
 * given" (as does `false` where no flag is meant), `"5"` is 5, JSON text is what it says. Total: never throws.
 */
export function readArgument(shape: ParameterShape, raw: unknown, where: string): Reading {
  if (isUnset(raw)) return undefined;
  if (shape.kind === "flag") return readFlag(raw, where);
  if (shape.kind === "value") return readValue(raw, where);
  if (raw === false) return undefined;
  if (shape.kind === "integer") return readInteger(raw, where, shape.max ?? Number.MAX_SAFE_INTEGER);
  if (shape.kind === "tasks") return readTasks(raw, where);
  const text = asText(raw);
  if (text === undefined) return wrong(where, raw, "text", `write it as text, or leave ${where} out`);
  if (shape.kind === "text") return { value: text };
  return shape.values === undefined ? { value: text.trim() } : readChoice(shape.values, text, where);
}

/** A problem for a name that means nothing here, with the name that was probably meant. */
export function unknownKey(
  key: string,
  where: string,
  known: readonly string[],
  aliases: ReadonlyMap<string, string>,
): PlanProblem {
  const meant = aliases.get(key.toLowerCase().replaceAll("_", "")) ?? nearest(key, known);
  return {
    where,
    message: `there is no parameter "${shorten(key)}"`,
    remedy: meant === undefined ? `use one of: ${known.join(", ")}` : `did you mean "${meant}"?`,
  };
}

/** True for everything that models send when they mean "not given". */
export function isUnset(raw: unknown): boolean {
  if (raw === undefined || raw === null) return true;
  if (typeof raw === "string") return raw.trim() === "" || raw.trim().toLowerCase() === "null";
  return Array.isArray(raw) && raw.length === 0;
}

/** Object members, or undefined for anything else; arrays are no objects here. */
export function membersOf(raw: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return undefined;
  return new Map(Object.entries(raw));
}

/** The value that a JSON text stands for; the text itself when it is none. */
export function fromJsonText(raw: unknown): unknown {
  if (typeof raw !== "string" || !/^\s*[[{]/.test(raw)) return raw;
  try {
    return JSON.parse(raw);
  } catch (error) {
    if (error instanceof SyntaxError) return raw;
    throw error;
  }
}

/** Names cut to what fits into a message. */
export function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}

function readFlag(raw: unknown, where: string): Reading {
  const word = typeof raw === "string" ? raw.trim().toLowerCase() : raw;
  if (word === true || word === "true") return { value: true };
  if (word === false || word === "false") return { value: false };
  return wrong(where, raw, "true or false", "send true or false");
}

function readInteger(raw: unknown, where: string, max: number): Reading {
  const text = typeof raw === "string" ? raw.trim() : raw;
  const number = typeof text === "string" && /^\d{1,15}(\.0*)?$/.test(text) ? Number(text) : text;
  if (typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= max) {
    return { value: number };
  }
  return wrong(where, raw, "a whole number", `send a whole number from 1 to ${max}`);
}

function readChoice(values: readonly string[], text: string, where: string): Reading {
  const word = text.trim().toLowerCase();
  const choice = values.find((value) => word === value || word === `${value}s`);
  return choice === undefined
    ? wrong(where, text, "one of its values", `send one of: ${values.join(", ")}`)
    : { value: choice };
}

function readValue(raw: unknown, where: string): Reading {
  const text = asText(raw) ?? (typeof raw === "boolean" ? String(raw) : jsonText(raw));
  return text === undefined ? wrong(where, raw, "a value", "send text, a number or JSON") : { value: text };
}

function readTasks(raw: unknown, where: string): Reading {
  const parsed = fromJsonText(raw);
  const list = Array.isArray(parsed) ? parsed : membersOf(parsed) === undefined ? undefined : [parsed];
  if (list === undefined) {
    return wrong(
      where,
      raw,
      "a list of tasks",
      'send a list such as [{"id":"a","agent":"explorer","task":"…"}]',
    );
  }
  if (list.length === 0) return undefined;
  const readings = list.map((item, index) => readTask(item, `${where}[${index}]`));
  const problems = readings.flatMap((reading) => ("problems" in reading ? reading.problems : []));
  return problems.length > 0
    ? { problems }
    : { value: readings.flatMap((reading) => ("value" in reading ? [reading.value] : [])) };
}

const taskAliases = new Map(
  Object.entries({
    prompt: "task",
    description: "task",
    goal: "task",
    name: "id",
    subagenttype: "agent",
  }).concat(Object.entries({ role: "agent", deps: "dependsOn", needs: "dependsOn", after: "dependsOn" })),
);
const taskKeys: readonly (keyof InlineTask)[] = ["id", "agent", "task", "dependsOn", "model", "writes"];

function readTask(
  raw: unknown,
  where: string,
): { readonly value: InlineTask } | { readonly problems: PlanProblem[] } {
  const members = membersOf(fromJsonText(raw));
  if (members === undefined) {
    const remedy = 'send {"id": "…", "agent": "…", "task": "…"}';
    return { problems: [problem(where, `${describe(raw)} is no task`, remedy)] };
  }
  const problems: PlanProblem[] = [];
  const text = (key: keyof InlineTask, required: boolean): string | undefined => {
    const member = members.get(key);
    const isGiven = !isUnset(member) && member !== false;
    const found = isGiven ? asText(member) : undefined;
    if (found === undefined && (isGiven || required)) {
      const message = isGiven ? `${describe(member)} is not text` : "is missing";
      problems.push(problem(`${where}.${key}`, message, "every task needs an id and a task, as text"));
    }
    return key === "task" ? found : found?.trim();
  };
  const [id, agent, task, model] = [
    text("id", true),
    text("agent", false),
    text("task", true),
    text("model", false),
  ];
  const dependsOn = wordList(members.get("dependsOn"));
  const writes = wordList(members.get("writes"))?.map((glob) => glob.replace(/^@/, ""));
  for (const [key, list] of Object.entries({ dependsOn, writes })) {
    if (list !== undefined || isUnset(members.get(key)) || members.get(key) === false) continue;
    problems.push(
      problem(`${where}.${key}`, `${describe(members.get(key))} is no list of words`, "send a list of words"),
    );
  }
  for (const [key, value] of members) {
    if (isUnset(value) || taskKeys.some((known) => known === key)) continue;
    problems.push(unknownKey(key, `${where}.${shorten(key)}`, taskKeys, taskAliases));
  }
  if (problems.length > 0 || id === undefined || task === undefined) return { problems };
  const optional = {
    ...(agent === undefined ? {} : { agent }),
    ...(dependsOn === undefined || dependsOn.length === 0 ? {} : { dependsOn }),
    ...(model === undefined ? {} : { model }),
    ...(writes === undefined || writes.length === 0 ? {} : { writes: writes.join(",") }),
  };
  return { value: { id, task, ...optional } };
}

/** A list of words, from a list, JSON text, or words separated by commas; undefined when it is none of these. */
function wordList(raw: unknown): string[] | undefined {
  if (isUnset(raw)) return undefined;
  const parsed = fromJsonText(raw);
  const list = Array.isArray(parsed) ? parsed : typeof parsed === "string" ? parsed.split(",") : [parsed];
  const words = list.map((item: unknown) => (isUnset(item) ? "" : asText(item)?.trim()));
  return words.every((word) => word !== undefined) ? words.filter((word) => word !== "") : undefined;
}

/** Text of a string or number. Halves of surrogate pairs would not survive UTF-8: they become U+FFFD. */
function asText(raw: unknown): string | undefined {
  if (typeof raw === "number" && Number.isFinite(raw)) return String(raw);
  return typeof raw === "string" ? raw.replace(/\p{Cs}/gu, "\uFFFD") : undefined;
}

function jsonText(raw: unknown): string | undefined {
  try {
    const text = typeof raw === "object" ? JSON.stringify(raw) : undefined;
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
  if (typeof raw === "string") return `"${shorten(raw)}"`;
  if (typeof raw === "object" && raw !== null) return "an object";
  if (typeof raw === "number" || typeof raw === "boolean") return String(raw);
  return raw === null || raw === undefined ? "nothing" : `a ${typeof raw}`;
}

function wrong(where: string, raw: unknown, expected: string, remedy: string): Reading {
  return { problems: [problem(where, `${describe(raw)} is not ${expected}`, remedy)] };
}

function problem(where: string, message: string, remedy: string): PlanProblem {
  return { where, message, remedy };
}
