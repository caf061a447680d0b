import type { TSchema } from "@sinclair/typebox";
import { invariant } from "../core/invariant.ts";
import type { PlanProblem } from "../core/plan.ts";
import { defaultSettings, type Settings } from "../core/settings.ts";
import { isRecord, readConfig, replaceFile } from "./config-file.ts";
import { jsonLines } from "./document.ts";
import { accepts, allowed, settingLeaves } from "./settings-schema.ts";
import { chooseFrom } from "./suggest.ts";

/** Which file a value came from. */
export type SettingSource = "default" | "user" | "project";

export interface LoadedSettings {
  readonly settings: Settings;
  /** By dotted key; every key is there. */
  readonly sources: Readonly<Record<string, SettingSource>>;
  readonly problems: readonly PlanProblem[];
}

/** Pairs where the first must not be larger than the second; in this order a limit is lowered once. */
const ordered = [
  ["limits.attemptMaxMs", "limits.runMaxMs"],
  ["limits.toolMaxMs", "limits.attemptMaxMs"],
  ["limits.silenceMaxMs", "limits.toolMaxMs"],
  ["limits.startMaxMs", "limits.attemptMaxMs"],
  ["limits.termAfterMs", "limits.killAfterMs"],
  ["retries.backoffMs", "retries.backoffMaxMs"],
  ["concurrency", "workersPerMachine"],
] as const;

/**
 * Defaults under the user's file under the project's (give that only for a trusted project). A file that is missing says
 * nothing; a field that is not acceptable keeps the value of the layer below and is a problem with its line. Nothing is
 * written. A project can neither name code for workers to load nor take a name off the user's deny list.
 */
export async function loadSettings(files: {
  readonly user: string;
  readonly project?: string;
}): Promise<LoadedSettings> {
  const problems: PlanProblem[] = [];
  const values = new Map<string, unknown>();
  const sources: Record<string, SettingSource> = {};
  for (const { key, schema } of settingLeaves()) {
    values.set(key, schema.default);
    sources[key] = "default";
  }
  for (const source of ["user", "project"] as const) {
    const file = files[source];
    if (file === undefined) continue;
    for (const [key, value] of await readLayer(file, source, problems)) {
      const below = values.get(key);
      const adds = key === "environmentDeny" && Array.isArray(below) && Array.isArray(value);
      values.set(key, adds ? [...new Set([...below, ...value])] : value);
      sources[key] = source;
    }
  }
  putInOrder(values, sources, files, problems);
  return { settings: nested(values), sources, problems };
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
  const leaves = new Map(settingLeaves().map((leaf) => [leaf.key, leaf.schema]));
  const schema = leaves.get(key);
  if (schema === undefined) {
    const message = `unknown setting "${key.slice(0, 80)}"`;
    return { ok: false, problems: [{ where: "key", message, remedy: chooseFrom(key, leaves.keys()) }] };
  }
  const wanted = value === undefined ? { value: undefined } : understood(schema, value);
  if (!wanted) {
    const message = `"${key}" cannot be ${JSON.stringify(value?.slice(0, 60))}`;
    return { ok: false, problems: [{ where: "value", message, remedy: `it must be ${allowed(schema)}` }] };
  }
  const problems: PlanProblem[] = [];
  const config = await readConfig(file, problems);
  if (problems.length > 0) return { ok: false, problems };
  const object = changed(config?.object ?? {}, key.split("."), wanted.value);
  await replaceFile(file, `${JSON.stringify(object, undefined, 2)}\n`);
  return { ok: true };
}

/** What can be set, for people: dotted keys in the schema's order. */
export function settingKeys(): readonly {
  readonly key: string;
  /** What is accepted, in words. */
  readonly type: string;
  readonly default: unknown;
  readonly description: string;
}[] {
  return settingLeaves().map(({ key, schema }) => ({
    key,
    type: allowed(schema),
    default: schema.default,
    description: schema.description ?? "",
  }));
}

/** The acceptable values of one file, by dotted key. */
async function readLayer(
  file: string,
  source: SettingSource,
  problems: PlanProblem[],
): Promise<ReadonlyMap<string, unknown>> {
  const values = new Map<string, unknown>();
  const config = await readConfig(file, problems);
  if (!config) return values;
  const line = jsonLines(config.text);
  const leaves = new Map(settingLeaves().map(({ key, schema }) => [key, schema]));
  const groups = new Set(
    [...leaves.keys()].filter((key) => key.includes(".")).map((key) => key.replace(/\..*/, "")),
  );
  const take = (path: readonly string[], value: unknown): void => {
    const key = path.join(".");
    const where = `${file}:${line(path)}`;
    const schema = leaves.get(key);
    if (schema === undefined && groups.has(key) && isRecord(value)) {
      for (const [name, member] of Object.entries(value)) take([...path, name], member);
    } else if (schema === undefined && groups.has(key)) {
      problems.push({ where, message: `"${key}" must be an object`, remedy: `write "${key}": { … }` });
    } else if (schema === undefined) {
      const remedy = chooseFrom(key, leaves.keys());
      problems.push({ where, message: `unknown setting "${key.slice(0, 80)}" is ignored`, remedy });
    } else if (!accepts(schema, value)) {
      const message = `"${key}" is ${JSON.stringify(value)?.slice(0, 60)} and is ignored`;
      problems.push({ where, message, remedy: `it must be ${allowed(schema)}` });
    } else if (source === "project" && key === "workerExtensions" && Array.isArray(value)) {
      const message = `a project cannot name extensions for workers to load: "${key}" is ignored`;
      problems.push({ where, message, remedy: "put the paths into your own settings if you trust them" });
    } else values.set(key, value);
  };
  for (const [name, value] of Object.entries(config.object)) if (name !== "$schema") take([name], value);
  return values;
}

/** Lowers what cannot be larger than something else, and says so. */
function putInOrder(
  values: Map<string, unknown>,
  sources: Readonly<Record<string, SettingSource>>,
  files: { readonly user: string; readonly project?: string },
  problems: PlanProblem[],
): void {
  for (const [low, high] of ordered) {
    const [a, b] = [Number(values.get(low)), Number(values.get(high))];
    if (a <= b) continue;
    const source = sources[low] === "default" ? sources[high] : sources[low];
    const message = `"${low}" (${a}, ${sources[low]}) is larger than "${high}" (${b}, ${sources[high]}): ${b} is used for both`;
    const remedy = `set ${low} to at most ${b}, or ${high} to at least ${a}`;
    problems.push({ where: `${(source === "project" && files.project) || files.user}:1`, message, remedy });
    values.set(low, b);
  }
}

/** The values as `Settings`. */
function nested(values: ReadonlyMap<string, unknown>): Settings {
  const tree: Record<string, unknown> = { ...defaultSettings };
  for (const [key, value] of values) {
    const [group = "", name] = key.split(".");
    if (name === undefined) tree[group] = value;
    else tree[group] = { ...(isRecord(tree[group]) ? tree[group] : {}), [name]: value };
  }
  invariant(isSettings(tree), "a setting was taken that its schema does not accept");
  return tree;
}

/** Every leaf is acceptable; a test holds the schema's keys equal to those of `Settings`. */
function isSettings(
  tree: Readonly<Record<string, unknown>>,
): tree is Readonly<Record<string, unknown>> & Settings {
  return settingLeaves().every(({ key, schema }) => {
    const [group = "", name] = key.split(".");
    const of = tree[group];
    return accepts(schema, name === undefined ? of : isRecord(of) ? of[name] : undefined);
  });
}

/** The first reading of the text that the setting accepts. */
function understood(schema: TSchema, text: string): { readonly value: unknown } | undefined {
  const readings: unknown[] = [
    text.trim(),
    text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
  ];
  try {
    readings.unshift(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // Not JSON: then it is a bare word or a list, if anything.
  }
  const index = readings.findIndex((reading) => accepts(schema, reading));
  return index < 0 ? undefined : { value: readings[index] };
}

function changed(
  object: Readonly<Record<string, unknown>>,
  [name = "", ...rest]: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const { [name]: before, ...others } = object;
  const after = rest.length === 0 ? value : changed(isRecord(before) ? before : {}, rest, value);
  const empty = after === undefined || (isRecord(after) && Object.keys(after).length === 0);
  if (empty) return others;
  // Written in its old place, so that a person sees one changed line.
  return name in object ? { ...object, [name]: after } : { ...others, [name]: after };
}
