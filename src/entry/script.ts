import {
  amount,
  count,
  isRecord,
  type Json,
  list,
  optional,
  record,
  type Shape,
  simple,
  text,
} from "../lib/json.ts";

/** One part of a scripted answer. */
export type Part =
  | { readonly text: string }
  | { readonly tool: string; readonly arguments?: Json }
  | { readonly error: { readonly status: number; readonly message: string } }
  | { readonly delayMs: number }
  | { readonly hang: true }
  | { readonly tokens: number; readonly everyMs?: number };

/** Tokens of one answer; what is absent is estimated from the text (4 characters a token). Cost in US dollars. */
export interface ScriptedUsage {
  readonly input?: number;
  readonly output?: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
  readonly cost?: number;
}

/** All that is given must fit. A text is looked for as it stands; `/…/flags` is a regular expression. */
interface When {
  readonly prompt?: string;
  readonly system?: string;
  readonly model?: string;
  readonly lastToolResult?: string;
  /** A number: of tool results since the prompt. A text: the tool that gave the last one. `any`: at any point. */
  readonly after?: number | string;
}

/** When to answer, and with what. */
export interface Rule {
  /** Rules of one name share `times`. */
  readonly name: string;
  readonly when?: When;
  /** How often the rule may answer in one process. */
  readonly times?: number;
  readonly then?: readonly Part[];
  /** Answers that follow each other within one prompt, instead of `then` and `after`. */
  readonly turns?: readonly (readonly Part[])[];
  /** Of each answer. */
  readonly usage?: ScriptedUsage;
}

/** What a script decides on: the newest prompt and what came after it. */
export interface Moment {
  readonly prompt: string;
  readonly system: string;
  readonly model: string;
  /** Names of the tools whose results came since the prompt, in order. */
  readonly tools: readonly string[];
  readonly lastToolResult: string;
  /** Messages of the conversation so far. */
  readonly messages: number;
  /** Answers given since the prompt, failed ones not counted. */
  readonly answers: number;
}

/**
 * Reads the rules of one script: a list of rules, or an object with `rules`; a rule without a name is named by its
 * place. Throws one error that names every problem with its place.
 */
export function parseScript(source: string, file: string): readonly Rule[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(source);
  } catch (error) {
    throw new Error(`${file} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const given = isRecord(parsed) ? parsed.rules : parsed;
  if (!Array.isArray(given)) throw new Error(`${file} must hold a list of rules, or {"rules": […]}`);
  const rules = given.map((rule, at) => (isRecord(rule) ? { name: `${file} rules[${at}]`, ...rule } : rule));
  const problems: string[] = [];
  if (list(ruleShape)(rules, `${file} rules`, problems)) return rules;
  throw new Error(problems.join("\n"));
}

/** The first rule that fits and its parts for this moment; undefined when none does. `used` counts answers by the rule's name. */
export function choose(
  rules: readonly Rule[],
  moment: Moment,
  used: ReadonlyMap<string, number>,
): { readonly rule: Rule; readonly parts: readonly Part[] } | undefined {
  for (const rule of rules) {
    const spent = rule.times !== undefined && (used.get(rule.name) ?? 0) >= rule.times;
    if (spent || !fits(rule, moment)) continue;
    const parts = rule.turns ? rule.turns[moment.answers] : rule.then;
    if (parts !== undefined) return { rule, parts };
  }
  return undefined;
}

/** The text with `{prompt}` and `{lastToolResult}` filled in, each cut after 4,000 characters. */
export function filled(template: string, moment: Moment): string {
  return template.replace(/\{(prompt|lastToolResult)\}/g, (_, name: "prompt" | "lastToolResult") =>
    moment[name].slice(0, 4_000),
  );
}

const subjects = ["prompt", "system", "model", "lastToolResult"] as const;

function fits({ when = {}, turns }: Rule, moment: Moment): boolean {
  const says = (name: (typeof subjects)[number]): boolean => {
    const wanted = when[name];
    return wanted === undefined || (expression(wanted)?.test(moment[name]) ?? moment[name].includes(wanted));
  };
  if (!subjects.every(says)) return false;
  const { after = 0 } = when;
  if (turns || after === "any") return true;
  return typeof after === "number" ? moment.tools.length === after : moment.tools.at(-1) === after;
}

/** Undefined for a text that is no `/…/flags`. Throws when it is one, and a wrong one. */
function expression(pattern: string): RegExp | undefined {
  const [, source, flags] = /^\/(.+)\/([imsu]*)$/s.exec(pattern) ?? [];
  return source === undefined ? undefined : new RegExp(source, flags);
}

const pattern = simple<string>("a text, or a valid /regular expression/", (value) => {
  try {
    return typeof value === "string" && expression(value) !== null;
  } catch {
    // The expression does not compile, which the problem says.
    return false;
  }
});
const partShapes: Readonly<Record<string, Shape<Part>>> = {
  text: record<{ text: string }>({ text }),
  tool: record<{ tool: string; arguments?: Json }>({
    tool: text,
    arguments: optional(simple<Json>("an object", isRecord)),
  }),
  error: record<Extract<Part, { error: unknown }>>({ error: record({ status: count, message: text }) }),
  delayMs: record<{ delayMs: number }>({ delayMs: amount }),
  hang: record<{ hang: true }>({ hang: simple("true", (value) => value === true) }),
  tokens: record<{ tokens: number; everyMs?: number }>({ tokens: count, everyMs: optional(amount) }),
};
const part: Shape<Part> = (value, at, problems): value is Part => {
  const shape = Object.entries(partShapes).find(([key]) => isRecord(value) && key in value)?.[1];
  if (shape) return shape(value, at, problems);
  problems.push(`${at} must be an object with one of ${Object.keys(partShapes).join(", ")}`);
  return false;
};
const fields = record<Rule>({
  name: text,
  when: optional(
    record<When>({
      prompt: optional(pattern),
      system: optional(pattern),
      model: optional(pattern),
      lastToolResult: optional(pattern),
      after: optional(
        simple(
          "a number or a tool's name",
          (value) => typeof value === "string" || typeof value === "number",
        ),
      ),
    }),
  ),
  times: optional(count),
  // biome-ignore lint/suspicious/noThenProperty: the word of the script format; nobody awaits this table
  then: optional(list(part)),
  turns: optional(list(list(part))),
  usage: optional(
    record<ScriptedUsage>({
      input: optional(amount),
      output: optional(amount),
      cacheRead: optional(amount),
      cacheWrite: optional(amount),
      cost: optional(amount),
    }),
  ),
});
const ruleShape: Shape<Rule> = (value, at, problems): value is Rule => {
  if (!fields(value, at, problems)) return false;
  if ((value.then === undefined) === (value.turns === undefined))
    problems.push(`${at} needs either "then" or "turns"`);
  else if (value.turns && value.when?.after !== undefined)
    problems.push(`${at} has "turns", which need no "after"`);
  else return true;
  return false;
};
