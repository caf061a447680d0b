import { realpath } from "node:fs/promises";
import path from "node:path";
import type { PlanProblem } from "../core/plan.ts";
import { errnoOf, makeDirectory, writeAtomic } from "../lib/files.ts";
import { readTextFile } from "./text-file.ts";

/** A settings file's object and text; nothing when it is missing, or (with a problem) not a JSON object. */
export async function readConfig(
  file: string,
  problems: PlanProblem[],
): Promise<{ readonly object: Readonly<Record<string, unknown>>; readonly text: string } | undefined> {
  const read = await readTextFile(file);
  if (read === undefined) return undefined;
  if (!("text" in read)) {
    problems.push({
      where: `${file}:1`,
      message: `${read.message}: its settings do not count`,
      remedy: read.remedy,
    });
    return undefined;
  }
  const { text } = read;
  try {
    const object: unknown = JSON.parse(text);
    if (isRecord(object)) return { object, text };
    problems.push({ where: `${file}:1`, message: "the settings are not an object", remedy: "write { … }" });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const offset = Number(/position (\d+)/.exec(error.message)?.[1] ?? 0);
    const line = text.slice(0, offset).split("\n").length;
    const message = `the settings are not JSON and do not count: ${error.message}`;
    problems.push({ where: `${file}:${line}`, message, remedy: "correct the JSON; nothing was changed" });
  }
  return undefined;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Replaces a settings file as a whole, or makes it; a link keeps pointing at what is replaced. */
export async function writeConfig(file: string, object: Readonly<Record<string, unknown>>): Promise<void> {
  const target = await realpath(file).catch((error: unknown) => {
    if (errnoOf(error) !== "ENOENT") throw error;
    return file;
  });
  await makeDirectory(path.dirname(target));
  await writeAtomic(target, `${JSON.stringify(object, undefined, 2)}\n`);
}
