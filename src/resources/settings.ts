import { realpath } from "node:fs/promises";
import path from "node:path";
import type { TSchema } from "@sinclair/typebox";
import type { PlanProblem } from "../core/plan.ts";
import type { Settings } from "../core/settings.ts";
import { makeDirectory, writeAtomic } from "../lib/files.ts";
import { jsonLines } from "./document.ts";
import { readText } from "./find.ts";
import { Findings } from "./findings.ts";
import { list } from "./kinds.ts";
import { settingsSchema } from "./settings-schema.ts";
import { chooseFrom } from "./suggest.ts";

/** Which file a value came from. */
export type SettingSource = "default" | "user" | "project";

export interface LoadedSettings {
  readonly settings: Settings;
  /** By dotted key; every key is there. */
  readonly sources: Readonly<Record<string, SettingSource>>;
  readonly problems: readonly PlanProblem[];
  /** Those of them that would let workers do what somebody meant to forbid: nothing is to be run before they are mended. */
  readonly blocking: readonly PlanProblem[];
}

/** What the settings of a project that nobody trusts may do: forbid more. */
const tightening = ["permissions.deny", "permissions.ask", "requireApproval"];
/** Lists to which a project adds. */
const adding = [...tightening, "permissions.allow", "environmentDeny"];

/** Pairs where the first must not be larger than the second; in this order a limit is lowered once. */
const ordered = [
  ["limits.attemptMaxMs", "limits.runMaxMs"],
  ["limits.toolMaxMs", "limits.attemptMaxMs"],
  ["limits.silenceMaxMs", "limits.toolMaxMs"],
  ["limits.abortAfterMs", "limits.silenceMaxMs"],
  ["limits.nudgeAfterMs", "limits.silenceMaxMs"],
  ["limits.nudgeAfterMs", "limits.abortAfterMs"],
  ["limits.startMaxMs", "limits.attemptMaxMs"],
  ["limits.termAfterMs", "limits.killAfterMs"],
  ["retries.backoffMs", "retries.backoffMaxMs"],
  ["mail.windowMs", "mail.holdMaxMs"],
  ["concurrency", "workersPerMachine"],
] as const;

/**
 * Defaults under the user's file under the project's (of an `untrusted` one only the rules that forbid count). A file that is missing says
 * nothing; a field that is not acceptable keeps the value of the layer below and is a problem with its line. Nothing is
 * written. A project can neither name code for workers to load nor take a name off the user's deny list.
 */
export async function loadSettings(files: {
  readonly user: string;
  readonly project?: string;
  readonly untrusted?: string;
}): Promise<LoadedSettings> {
  const found = new Findings();
  const values = new Map<string, unknown>(settingKeys().map((setting) => [setting.key, setting.default]));
  const sources: Record<string, SettingSource> = {};
  for (const key of values.keys()) sources[key] = "default";
  for (const source of ["user", "project"] as const) {
    const file = files[source] ?? (source === "project" ? files.untrusted : undefined);
    if (file === undefined) continue;
    for (const [key, value] of await readLayer(file, source, found)) {
      if (source === "project" && files.project === undefined && !tightening.includes(key)) continue;
      const below = values.get(key);
      const adds = adding.includes(key) && Array.isArray(below) && Array.isArray(value);
      // A project asks for more, never for less.
      if (key === "requireApproval" && below === true) continue;
      values.set(key, adds ? [...new Set([...below, ...value])] : value);
      sources[key] = source;
    }
  }
  for (const [low, high] of ordered) {
    const [a, b] = [Number(values.get(low)), Number(values.get(high))];
    const isOff = high === "limits.abortAfterMs" && b === 0;
    if (a <= b || isOff) continue;
    const source = sources[low] === "default" ? sources[high] : sources[low];
    const message = `"${low}" (${a}, ${sources[low]}) is larger than "${high}" (${b}, ${sources[high]}): ${b} is used for both`;
    const remedy = `set ${low} to at most ${b}, or ${high} to at least ${a}`;
    found.error(`${(source === "project" && files.project) || files.user}:1`, message, remedy);
    values.set(low, b);
  }
  let settings: JsonObject = {};
  for (const [key, value] of values) settings = withValue(settings, key.split("."), value);
  // Each value is one that its schema accepts; a test holds the schema's keys equal to those of `Settings`.
  const blocking = found.errors.filter(({ message }) => message.startsWith('"permissions'));
  return { settings: settings as JsonObject & Settings, sources, problems: found.errors, blocking };
}

export type Changed =
  | { readonly ok: true }
  | { readonly ok: false; readonly problems: readonly PlanProblem[] };

/**
 * Sets one dotted key of a settings file, or unsets it. `value` is JSON, a bare word, or for lists `a, b`. The file is
 * replaced atomically and keeps everything else it says; it is made when missing. When anything is wrong nothing changes.
 * Throws the file system's error when the disk refuses.
 */
export async function changeSetting(file: string, key: string, value: string | undefined): Promise<Changed> {
  const found = new Findings();
  const setting = settingKeys().find((one) => one.key === key);
  const readings = value === undefined ? [] : [fromJson(value), value.trim(), list.read(value)];
  const wanted = setting && readings.find((reading) => accepts(setting.schema, reading));
  if (setting === undefined) {
    const known = settingKeys().map((one) => one.key);
    found.error("key", `unknown setting "${key.slice(0, 80)}"`, chooseFrom(key, known));
  } else if (value !== undefined && wanted === undefined) {
    const message = `"${key}" cannot be ${JSON.stringify(value.slice(0, 60))}`;
    found.error("value", message, `it must be ${setting.type}`);
  }
  const config = await readConfig(file, found);
  if (found.errors.length > 0) return { ok: false, problems: found.errors };
  const object = withValue(config?.object ?? {}, key.split("."), wanted);
  // A link keeps pointing at what is replaced.
  const target = await realpath(file).catch(() => file);
  await makeDirectory(path.dirname(target));
  await writeAtomic(target, `${JSON.stringify(object, undefined, 2)}\n`);
  return { ok: true };
}

/** A setting that has a value of its own. */
export interface Setting {
  /** Dotted: `limits.runMaxMs`. */
  readonly key: string;
  readonly schema: TSchema;
  /** What is accepted, in words: `a whole number from 1 to 10`, `park | continue`. */
  readonly type: string;
  /** Values of it that can be listed. */
  readonly choices: readonly string[];
  readonly default: unknown;
  readonly description: string;
}

/** What can be set, in the schema's order. */
export function settingKeys(): readonly Setting[] {
  return Object.entries<TSchema>(settingsSchema.properties).flatMap(([name, schema]) => {
    const members =
      schema.type === "object" ? Object.entries<TSchema>(schema.properties) : [["", schema] as const];
    return members.map(([member, of]) => ({
      key: member === "" ? name : `${name}.${member}`,
      schema: of,
      type: allowed(of),
      choices: choices(of),
      default: of.default,
      description: of.description ?? "",
    }));
  });
}

function choices(schema: TSchema): readonly string[] {
  if (Array.isArray(schema.anyOf)) return schema.anyOf.flatMap((one: TSchema) => choices(one));
  if (schema.type === "boolean") return ["true", "false"];
  return schema.const === undefined ? [] : [String(schema.const)];
}

function allowed(schema: TSchema): string {
  if (Array.isArray(schema.anyOf)) return schema.anyOf.map((one: TSchema) => allowed(one)).join(" | ");
  if (schema.const !== undefined) return String(schema.const);
  if (schema.type === "integer") return `a whole number from ${schema.minimum} to ${schema.maximum}`;
  if (schema.type === "boolean") return "true or false";
  if (schema.type === "object") return "an object: { … }";
  return schema.type === "array" ? `a list of ${schema.items.description ?? "texts"}` : "text";
}

/** True when the value is one that the setting accepts. */
export function accepts(schema: TSchema, value: unknown): boolean {
  if (Array.isArray(schema.anyOf)) return schema.anyOf.some((one: TSchema) => accepts(one, value));
  if (schema.const !== undefined) return value === schema.const;
  if (schema.type === "integer") {
    return Number.isInteger(value) && Number(value) >= schema.minimum && Number(value) <= schema.maximum;
  }
  if (schema.type === "boolean") return typeof value === "boolean";
  if (schema.type === "array") {
    return (
      Array.isArray(value) && value.length <= 200 && value.every((entry) => accepts(schema.items, entry))
    );
  }
  const fits = (text: string): boolean => new RegExp(schema.pattern ?? "").test(text);
  return (
    schema.type === "string" &&
    typeof value === "string" &&
    value.length <= 1_000 &&
    !value.includes("\0") &&
    fits(value)
  );
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A settings file's object and text; nothing when it is missing, or (with an error) not a JSON object. */
async function readConfig(
  file: string,
  found: Findings,
): Promise<{ readonly object: JsonObject; readonly text: string } | undefined> {
  const text = (await readText(file, found, true))?.replace(/^\uFEFF/, "");
  if (text === undefined) return undefined;
  try {
    const object: unknown = JSON.parse(text);
    if (isObject(object)) return { object, text };
    return found.error(`${file}:1`, "the settings are not an object", "write { … }");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const offset = Number(/position (\d+)/.exec(error.message)?.[1] ?? 0);
    const where = `${file}:${text.slice(0, offset).split("\n").length}`;
    return found.error(
      where,
      `the settings are not JSON: ${error.message}`,
      "correct it; until then none counts",
    );
  }
}

/** The acceptable values of one file, by dotted key. */
async function readLayer(
  file: string,
  source: SettingSource,
  found: Findings,
): Promise<ReadonlyMap<string, unknown>> {
  const values = new Map<string, unknown>();
  const config = await readConfig(file, found);
  if (!config) return values;
  const line = jsonLines(config.text);
  const schemas = new Map<string, TSchema>(Object.entries(settingsSchema.properties));
  for (const { key, schema } of settingKeys()) schemas.set(key, schema);
  const { $schema: _, ...members } = config.object;
  const given = Object.entries(members).flatMap(([name, value]) =>
    schemas.get(name)?.type === "object" && isObject(value)
      ? Object.entries(value).map(([member, of]) => ({ names: [name, member], value: of }))
      : [{ names: [name], value }],
  );
  for (const { names, value } of given) {
    const key = names.join(".");
    const where = `${file}:${line(names)}`;
    const schema = schemas.get(key);
    if (schema === undefined) {
      const remedy = chooseFrom(key, schemas.keys());
      found.error(where, `unknown setting "${key.slice(0, 80)}" is ignored`, remedy);
    } else if (!accepts(schema, value)) {
      // Of a list only what is wrong with it.
      const odd = Array.isArray(value) && value.filter((entry) => !accepts(schema.items ?? schema, entry));
      const message = `"${key}" is ${JSON.stringify(odd || value).slice(0, 60)} and is ignored`;
      found.error(where, message, `it must be ${allowed(schema)}`);
    } else if (source === "project" && key === "workerExtensions" && Array.isArray(value)) {
      const message = `a project cannot name extensions for workers to load: "${key}" is ignored`;
      found.error(where, message, "put the paths into your own settings if you trust them");
    } else values.set(key, value);
  }
  return values;
}

/** What a JSON text says; nothing when it is none. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** The object with a value in its place, or without it; a group that becomes empty goes too. */
function withValue(object: JsonObject, [name = "", ...rest]: readonly string[], value: unknown): JsonObject {
  const { [name]: before, ...others } = object;
  const after = rest.length === 0 ? value : withValue(isObject(before) ? before : {}, rest, value);
  const isEmpty = after === undefined || (isObject(after) && Object.keys(after).length === 0);
  return isEmpty ? others : { ...object, [name]: after };
}
