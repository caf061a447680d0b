import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Once } from "../core/commands.ts";
import { claim, claimName, claimsIn } from "../lib/claim.ts";
import { exists, makeDirectory, readIfExists, sweepTemporaries } from "../lib/files.ts";
import { parseObject } from "../lib/json.ts";
import { onDisk } from "./disk.ts";
import { createRun, type RunDirectory } from "./run-directory.ts";
import { putInPlace } from "./succession.ts";

/** How long what is asked again counts as the same, ms: longer than anybody takes to press a key twice. */
const sameMs = 30_000;
const askMaxBytes = 4_096;

/**
 * Makes the run with these files, unless with `once` the same was asked for a moment ago and is under way; resolves with
 * the run that there is. Of any number of callers, in any number of processes, one makes it.
 *
 * Whoever is about to put a run in its place claims the next number in the project's `asks/`, having looked at all
 * before it. What was asked longer ago is removed by the next claim; the newest stays.
 */
export async function createOnce(
  root: string,
  run: RunDirectory,
  files: Readonly<Record<string, string>> | undefined,
  once: Once | undefined,
  at: number,
): Promise<string> {
  if (once === undefined) {
    await createRun(root, run, files);
    return run.runId;
  }
  const directory = join(root, "asks");
  for (;;) {
    const numbers = await onDisk("use", directory, () => claimsIn(directory, "json"));
    const [old, same]: [number[], string[]] = [[], []];
    for (const number of numbers) {
      const asked = await onDisk("read", directory, () => askAt(directory, number));
      if (asked === undefined || Math.abs(at - asked.at) >= sameMs) old.push(number);
      else if (asked.key === once.key) same.push(await onDisk("use", root, () => finished(root, asked)));
    }
    for (const runId of same.reverse()) if (runId !== "" && (await once.isUnderWay(runId))) return runId;
    const next = (numbers.at(-1) ?? 0) + 1;
    const claims = async (ready: string): Promise<boolean> => {
      await makeDirectory(directory);
      const ask: Ask = { key: once.key, at, runId: run.runId, ready };
      return await claim(pathOf(directory, next), `${JSON.stringify(ask)}\n`, { durable: true });
    };
    if (!(await createRun(root, run, files, claims))) continue;
    await onDisk("remove", directory, async () => {
      for (const number of old) await rm(pathOf(directory, number), { force: true });
      await sweepTemporaries(directory, at);
    });
    return run.runId;
  }
}

interface Ask {
  readonly key: string;
  readonly at: number;
  readonly runId: string;
  /** Name under which the run lies until it is put in its place. */
  readonly ready: string;
}

/** Undefined for one that was removed meanwhile, or says nothing. */
async function askAt(directory: string, number: number): Promise<Ask | undefined> {
  const { key, at, runId, ready } =
    parseObject((await readIfExists(pathOf(directory, number), askMaxBytes)) ?? "") ?? {};
  const isAsk =
    typeof key === "string" &&
    typeof at === "number" &&
    typeof runId === "string" &&
    typeof ready === "string";
  return isAsk ? { key, at, runId, ready } : undefined;
}

/** The run that was asked for, in its place now; "" where there is none. */
async function finished(root: string, { runId, ready }: Ask): Promise<string> {
  const isThere = await putInPlace(join(root, "runs"), runId, ready);
  return isThere && (await exists(join(root, "runs", runId))) ? runId : "";
}

function pathOf(directory: string, number: number): string {
  return join(directory, claimName(number, "json"));
}
