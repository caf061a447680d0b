import { randomBytes } from "node:crypto";
import type { Dirent } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RunNotFound, StorageError } from "../core/failure.ts";
import { invariant } from "../core/invariant.ts";
import {
  directoryMode,
  errnoOf,
  exists,
  fileMode,
  isRealDirectory,
  makeDirectory,
  syncDirectory,
  writeAtomic,
} from "../lib/files.ts";
import { onDisk } from "./disk.ts";

/** Where everything of one run lies; all paths absolute. */
export interface RunDirectory {
  readonly runId: string;
  readonly path: string;
  readonly journal: string;
  readonly inbox: string;
  readonly attempts: string;
  readonly artifacts: string;
  readonly manifest: string;
}

const runIdShape = /^[a-z0-9][a-z0-9-]{7,63}$/;
const nameShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** State stays out of version control; settings may be committed. */
const ignored = "*\n!config.json\n";

/** The run's paths. Looks at nothing on disk; an id that cannot be one throws `RunNotFound`. */
export function runDirectory(root: string, runId: string): RunDirectory {
  if (!isRunId(runId)) throw new RunNotFound(runId, root);
  return directoryAt(join(root, "runs", runId), runId);
}

/** True for what can be the id of a run. */
export function isRunId(text: string): boolean {
  return runIdShape.test(text);
}

function directoryAt(path: string, runId: string): RunDirectory {
  return {
    runId,
    path,
    journal: join(path, "journal"),
    inbox: join(path, "inbox"),
    attempts: join(path, "attempts"),
    artifacts: join(path, "artifacts"),
    manifest: join(path, "manifest.json"),
  };
}

/** Throws unless the name (of a task or request) can stand in a path without leaving its directory. */
export function requireName(kind: string, name: string): void {
  invariant(nameShape.test(name), `${kind} ${JSON.stringify(name.slice(0, 80))} cannot name a file`);
}

/** Throws `RunNotFound` when the run does not exist, `StorageError` when a part of its path is a link or no directory. */
export async function requireRun(root: string, run: RunDirectory): Promise<void> {
  for (const path of [root, join(root, "runs"), run.path, run.journal, run.inbox]) {
    const found = await onDisk("use", path, () => isRealDirectory(path));
    if (!found) throw new RunNotFound(run.runId, root);
  }
}

/** Where the tombstone of a forgotten run lies. */
export function tombstonePath(root: string, runId: string): string {
  return join(root, "forgotten", `${runId}.json`);
}

/**
 * Makes the run's directories with these files (by path within the run), or with what is filled in before anybody sees
 * it, whole or not at all. Throws `StorageError` (`EEXIST`) when the run exists, or existed and was forgotten; only who
 * fills it in may bring that back. `claims` is asked last, with the name under which the run lies ready: once it says
 * yes nothing is taken back. False, and nothing made, when it says no.
 */
export async function createRun(
  root: string,
  run: RunDirectory,
  content: Readonly<Record<string, string>> | ((fresh: RunDirectory) => Promise<void>) = {},
  claims?: (ready: string) => Promise<boolean>,
): Promise<boolean> {
  return await onDisk("create", run.path, async () => {
    await prepareRoot(root);
    const wasForgotten = typeof content !== "function" && (await exists(tombstonePath(root, run.runId)));
    if (wasForgotten || (await exists(run.path))) throw alreadyThere(run);
    const ready = `.${run.runId}.${randomBytes(6).toString("hex")}`;
    const fresh = join(root, "runs", ready);
    let isMine = true;
    let mayBeClaimed = false;
    try {
      await mkdir(fresh, { mode: directoryMode });
      for (const name of ["journal", "inbox"]) await mkdir(join(fresh, name), { mode: directoryMode });
      if (typeof content === "function") await content(directoryAt(fresh, run.runId));
      else for (const [name, text] of Object.entries(content)) await writeAtomic(join(fresh, name), text);
      await syncDirectory(fresh);
      mayBeClaimed = claims !== undefined;
      isMine = (await claims?.(ready)) ?? true;
      if (isMine) await moveInPlace(fresh, run.path, mayBeClaimed);
      else await rm(fresh, { recursive: true, force: true });
    } catch (error) {
      if (!mayBeClaimed) await rm(fresh, { recursive: true, force: true });
      if (errnoOf(error) === "ENOTEMPTY" || errnoOf(error) === "EEXIST") throw alreadyThere(run);
      throw error;
    }
    await syncDirectory(join(root, "runs"));
    return isMine;
  });
}

/** What was claimed may be in its place already: somebody who looked put it there. */
async function moveInPlace(fresh: string, path: string, wasClaimed: boolean): Promise<void> {
  await rename(fresh, path).catch(async (error: unknown) => {
    if (!wasClaimed || errnoOf(error) !== "ENOENT" || !(await exists(path))) throw error;
  });
}

async function prepareRoot(root: string): Promise<void> {
  for (const path of [root, join(root, "runs")]) {
    if (await isRealDirectory(path)) continue;
    await makeDirectory(path);
  }
  // Written once; a person's own version stays.
  await writeFile(join(root, ".gitignore"), ignored, { flag: "wx", mode: fileMode }).catch(
    (error: unknown) => {
      if (errnoOf(error) !== "EEXIST") throw error;
    },
  );
}

function alreadyThere(run: RunDirectory): StorageError {
  const failure = { cause: undefined, code: "EEXIST", path: run.path };
  return new StorageError(`run "${run.runId}" exists already: ${run.path}`, failure);
}

/** Ids of all runs, oldest first: they sort by time. What is no run directory is passed over. */
export async function runIds(root: string): Promise<readonly string[]> {
  return (await entriesIn(root)).filter(isRun).map((entry) => entry.name);
}

/** Absolute paths of what lies among the runs and is none; half-made runs of killed processes are told, too. */
export async function strayNames(root: string): Promise<readonly string[]> {
  return (await entriesIn(root)).filter((entry) => !isRun(entry)).map(({ name }) => join(root, "runs", name));
}

async function entriesIn(root: string): Promise<readonly Dirent[]> {
  const path = join(root, "runs");
  return await onDisk("list", path, async () => {
    if (!(await isRealDirectory(root)) || !(await isRealDirectory(path))) return [];
    const entries = await readdir(path, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  });
}

function isRun(entry: Dirent): boolean {
  return entry.isDirectory() && runIdShape.test(entry.name);
}
