/** One part of a scripted answer. */
export type Part =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "tool"; readonly tool: string; readonly arguments: Readonly<Record<string, unknown>> }
  | { readonly kind: "error"; readonly status: number; readonly message: string }
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "hang" }
  | { readonly kind: "tokens"; readonly count: number; readonly everyMs: number };

/** Tokens of one answer; what is absent is estimated from the text (4 characters a token). Cost in US dollars. */
export interface ScriptedUsage {
  readonly input?: number;
  readonly output?: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
  readonly cost?: number;
}

/** When a rule answers, and with what. */
export interface Rule {
  readonly name: string;
  readonly prompt?: Pattern;
  readonly system?: Pattern;
  readonly model?: Pattern;
  readonly lastToolResult?: Pattern;
  /** A number: of tool results since the prompt. A text: the tool that gave the last one. `any`: at any point. */
  readonly after: number | string;
  /** How often the rule may answer in one process; rules of one name share the count. */
  readonly times: number;
  /** Answers one after the other within one prompt; a rule with `then` has exactly one. */
  readonly answers: readonly (readonly Part[])[];
  /** True for `turns`: the answers follow each other; `after` plays no part. */
  readonly inTurns: boolean;
  readonly usage: ScriptedUsage;
}

/** A text is looked for as it stands; `/…/flags` is a regular expression. */
export type Pattern = (text: string) => boolean;

/** What a script decides on: the newest prompt and what came after it. */
export interface Moment {
  readonly prompt: string;
  readonly system: string;
  readonly model: string;
  /** Names of the tools whose results came since the prompt, in order. */
  readonly tools: readonly string[];
  readonly lastToolResult: string;
  /** Answers given since the prompt, failed ones not counted. */
  readonly answers: number;
}

/**
 * Reads the rules of one script: a list of rules, or an object with `rules`. Throws one error that names every
 * problem with its place.
 */
export function parseScript(text: string, file: string): readonly Rule[] {
  const problems: string[] = [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(`${file} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const rules = isRecord(parsed) ? parsed.rules : parsed;
  if (!Array.isArray(rules)) throw new Error(`${file} must hold a list of rules, or {"rules": […]}`);
  const read = rules.map((rule, index) => readRule(rule, `${file} rules[${index}]`, problems));
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return read;
}

/** The first rule that fits and its parts for this moment; undefined when none does. `used` counts answers by the rule's name. */
export function choose(
  rules: readonly Rule[],
  moment: Moment,
  used: ReadonlyMap<string, number>,
): { readonly rule: Rule; readonly parts: readonly Part[] } | undefined {
  for (const rule of rules) {
    if ((used.get(rule.name) ?? 0) >= rule.times || !fits(rule, moment)) continue;
    const parts = rule.answers[rule.inTurns ? moment.answers : 0];
    if (parts !== undefined) return { rule, parts };
  }
  return undefined;
}

/** The text with `{prompt}` and `{lastToolResult}` filled in, each cut after 4,000 characters. */
export function filled(text: string, moment: Moment): string {
  return text.replace(/\{(prompt|lastToolResult)\}/g, (_, name: "prompt" | "lastToolResult") =>
    moment[name].slice(0, 4_000),
  );
}

function fits(rule: Rule, moment: Moment): boolean {
  if (rule.prompt?.(moment.prompt) === false || rule.system?.(moment.system) === false) return false;
  if (rule.model?.(moment.model) === false) return false;
  if (rule.lastToolResult?.(moment.lastToolResult) === false) return false;
  if (rule.inTurns || rule.after === "any") return true;
  return typeof rule.after === "number"
    ? moment.tools.length === rule.after
    : moment.tools.at(-1) === rule.after;
}

const ruleKeys = ["name", "when", "then", "turns", "times", "usage"];
const whenKeys = ["prompt", "system", "model", "lastToolResult", "after"];
const usageKeys = ["input", "output", "cacheRead", "cacheWrite", "cost"] as const;

function readRule(raw: unknown, where: string, problems: string[]): Rule {
  const rule = record(raw, where, ruleKeys, problems);
  const when = record(rule.when ?? {}, `${where}.when`, whenKeys, problems);
  const inTurns = rule.turns !== undefined;
  if (inTurns === (rule.then !== undefined)) problems.push(`${where} needs either "then" or "turns"`);
  if (inTurns && when.after !== undefined) problems.push(`${where} has "turns", which need no "after"`);
  const lists = inTurns ? list(rule.turns, `${where}.turns`, problems) : [rule.then];
  const answers = lists.map((parts, index) => {
    const place = inTurns ? `${where}.turns[${index}]` : `${where}.then`;
    return list(parts, place, problems).map((part, i) => readPart(part, `${place}[${i}]`, problems));
  });
  const after = when.after ?? 0;
  if (typeof after !== "string" && !isCount(after))
    problems.push(`${where}.when.after must be a number or a tool's name`);
  const usage = record(rule.usage ?? {}, `${where}.usage`, usageKeys, problems);
  return {
    name: typeof rule.name === "string" && rule.name !== "" ? rule.name : where,
    ...patterns(when, where, problems),
    after: typeof after === "string" || isCount(after) ? after : 0,
    times:
      rule.times === undefined ? Number.POSITIVE_INFINITY : number(rule.times, `${where}.times`, problems),
    answers,
    inTurns,
    usage: Object.fromEntries(
      usageKeys.flatMap((key) =>
        usage[key] === undefined ? [] : [[key, number(usage[key], `${where}.usage.${key}`, problems)]],
      ),
    ),
  };
}

function patterns(
  when: Readonly<Record<string, unknown>>,
  where: string,
  problems: string[],
): Partial<Record<"prompt" | "system" | "model" | "lastToolResult", Pattern>> {
  const found: Partial<Record<"prompt" | "system" | "model" | "lastToolResult", Pattern>> = {};
  for (const key of ["prompt", "system", "model", "lastToolResult"] as const) {
    const value = when[key];
    if (value === undefined) continue;
    if (typeof value !== "string") problems.push(`${where}.when.${key} must be a text`);
    else found[key] = pattern(value, `${where}.when.${key}`, problems);
  }
  return found;
}

function pattern(text: string, where: string, problems: string[]): Pattern {
  const [, source, flags] = /^\/(.+)\/([imsu]*)$/s.exec(text) ?? [];
  if (source === undefined) return (subject) => subject.includes(text);
  try {
    const expression = new RegExp(source, flags);
    return (subject) => expression.test(subject);
  } catch (error) {
    problems.push(`${where}: ${error instanceof Error ? error.message : String(error)}`);
    return () => false;
  }
}

function readPart(raw: unknown, where: string, problems: string[]): Part {
  const part = isRecord(raw) ? raw : {};
  if (typeof part.text === "string") return { kind: "text", text: part.text };
  if (typeof part.tool === "string") {
    const given = part.arguments ?? {};
    if (!isRecord(given)) problems.push(`${where}.arguments must be an object`);
    return { kind: "tool", tool: part.tool, arguments: isRecord(given) ? given : {} };
  }
  if (isRecord(part.error))
    return {
      kind: "error",
      status: number(part.error.status, `${where}.error.status`, problems),
      message: typeof part.error.message === "string" ? part.error.message : "scripted failure",
    };
  if (part.hang === true) return { kind: "hang" };
  if (part.delayMs !== undefined)
    return { kind: "delay", ms: number(part.delayMs, `${where}.delayMs`, problems) };
  if (part.tokens !== undefined)
    return {
      kind: "tokens",
      count: number(part.tokens, `${where}.tokens`, problems),
      everyMs: part.everyMs === undefined ? 0 : number(part.everyMs, `${where}.everyMs`, problems),
    };
  problems.push(
    `${where} must be one of {text}, {tool, arguments}, {error}, {delayMs}, {hang: true}, {tokens}`,
  );
  return { kind: "text", text: "" };
}

function record(
  raw: unknown,
  where: string,
  keys: readonly string[],
  problems: string[],
): Readonly<Record<string, unknown>> {
  if (!isRecord(raw)) {
    problems.push(`${where} must be an object`);
    return {};
  }
  for (const key of Object.keys(raw))
    if (!keys.includes(key))
      problems.push(`${where} has an unknown key "${key}" (known: ${keys.join(", ")})`);
  return raw;
}

function list(raw: unknown, where: string, problems: string[]): readonly unknown[] {
  if (Array.isArray(raw)) return raw;
  if (raw !== undefined) problems.push(`${where} must be a list`);
  return [];
}

function number(raw: unknown, where: string, problems: string[]): number {
  if (typeof raw === "number" && raw >= 0 && Number.isFinite(raw)) return raw;
  problems.push(`${where} must be a number, 0 or more`);
  return 0;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
