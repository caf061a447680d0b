import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { claim, claimName, claimsIn } from "../lib/claim.ts";
import { directoryMode, errnoOf, exists, readIfExists, writeAtomic } from "../lib/files.ts";
import { parseObject } from "../lib/json.ts";
import { onDisk, refusedBy } from "./disk.ts";
import { createRun, isRunId, type RunDirectory } from "./run-directory.ts";

/**
 * Makes the run that goes on with `from`, filled in (texts by path within it) before anybody sees it. Resolves with the
 * run that goes on: another one, and nothing was made, where somebody was first. `fill` may be called again.
 *
 * Whoever is about to put it in its place first claims the next number in the old run's `successors/`, with the name
 * under which it lies ready, hidden. From then on anybody who looks can put it there, so that a claim always leads to a
 * whole run, whoever was killed meanwhile, and to one only.
 */
export async function createSuccessor(
  from: RunDirectory,
  run: RunDirectory,
  fill: (fresh: RunDirectory) => Promise<Readonly<Record<string, string>>>,
): Promise<string> {
  const filled = async (fresh: RunDirectory): Promise<void> => {
    for (const [name, text] of Object.entries(await fill(fresh)))
      await writeAtomic(join(fresh.path, name), text);
  };
  for (;;) {
    const { number, successor } = await onDisk("use", from.path, () => successionOf(from));
    if (successor !== undefined) return successor;
    const claims = (ready: string) => claimSuccession(from, number + 1, { runId: run.runId, ready });
    if (await createRun(dirname(dirname(from.path)), run, filled, claims)) return run.runId;
  }
}

interface Succession {
  /** The number of the newest claim; 0 when there is none. */
  readonly number: number;
  /** The run that goes on, in its place now; absent where none does, or it was forgotten since. */
  readonly successor?: string;
}

const claimMaxBytes = 4_096;

/** Looks, and finishes what a killed process left ready. Throws `StorageError` for a claim that cannot be read. */
async function successionOf(from: RunDirectory): Promise<Succession> {
  const number = (await claimsIn(directoryOf(from), "json")).at(-1);
  if (number === undefined) return { number: 0 };
  const path = claimPath(from, number);
  const { runId, ready } = parseObject((await readIfExists(path, claimMaxBytes)) ?? "") ?? {};
  const runs = dirname(from.path);
  if (typeof runId !== "string" || typeof ready !== "string" || !(await putInPlace(runs, runId, ready)))
    throw refusedBy("EINVAL", "tell which run goes on by", path);
  return { number, ...((await exists(join(runs, runId))) && { successor: runId }) };
}

/** Puts a run in its place that lies ready under this name in `runs`, where nobody did so before. False for impossible names. */
export async function putInPlace(runs: string, runId: string, ready: string): Promise<boolean> {
  if (!isRunId(runId) || !isHidden(ready, runId)) return false;
  await rename(join(runs, ready), join(runs, runId)).catch((error: unknown) => {
    // It is in its place, or was removed since.
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(errnoOf(error) ?? "")) throw error;
  });
  return true;
}

/** Claims the number for the run that lies ready under this name. False when somebody else was first. */
async function claimSuccession(
  from: RunDirectory,
  number: number,
  { runId, ready }: { readonly runId: string; readonly ready: string },
): Promise<boolean> {
  // That directory alone: of a run that was removed meanwhile nothing comes back, and no claim leads to what lies ready.
  await mkdir(directoryOf(from), { mode: directoryMode }).catch(async (error: unknown) => {
    if (errnoOf(error) === "EEXIST") return;
    await rm(join(dirname(from.path), ready), { recursive: true, force: true });
    throw error;
  });
  return await claim(claimPath(from, number), `${JSON.stringify({ runId, ready })}\n`, { durable: true });
}

function directoryOf(from: RunDirectory): string {
  return join(from.path, "successors");
}

function claimPath(from: RunDirectory, number: number): string {
  return join(directoryOf(from), claimName(number, "json"));
}

/** A name as `createRun` gives it. */
function isHidden(name: string, runId: string): boolean {
  return name.startsWith(`.${runId}.`) && /^\.[a-z0-9-]+\.[0-9a-f]{12}$/.test(name);
}
