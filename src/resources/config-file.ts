import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, realpath, rename, rm } from "node:fs/promises";
import path from "node:path";
import type { PlanProblem } from "../core/plan.ts";

/** A settings file's object and text; nothing when it is missing, or (with a problem) not a JSON object. */
export async function readConfig(
  file: string,
  problems: PlanProblem[],
): Promise<{ readonly object: Readonly<Record<string, unknown>>; readonly text: string } | undefined> {
  let text: string;
  try {
    text = (await readFile(file, "utf8")).replace(/^\uFEFF/, "");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === undefined) throw error;
    if (code !== "ENOENT" && code !== "ENOTDIR") {
      const message = `the settings cannot be read (${String(code)}): they do not count`;
      problems.push({ where: `${file}:1`, message, remedy: "check that it is a file that you may read" });
    }
    return undefined;
  }
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

/** True for an object with named members: not null, not a list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Complete or not at all, also for a reader in between; a link keeps pointing at what is replaced. */
export async function replaceFile(file: string, text: string): Promise<void> {
  const target = await realpath(file).catch(() => file);
  await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
  const temporary = `${target}.${randomUUID()}.tmp`;
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
