import { randomBytes } from "node:crypto";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { StorageError } from "../core/failure.ts";
import type { Tombstone } from "../core/history.ts";
import { isRealDirectory, makeDirectory, readIfExists, syncDirectory, writeAtomic } from "../lib/files.ts";
import { isRecord, parseObject } from "../lib/json.ts";
import { onDisk } from "./disk.ts";
import { isRunId, tombstonePath } from "./run-directory.ts";

/** The oldest tombstones give way: ids begin with their time, so that theirs do not come again. */
const tombstonesMax = 1_000;
const tombstoneMaxBytes = 64 * 1024;

/**
 * Takes a directory out of its place in one step, durably, so that a crash leaves it there or in the trash, and deletes
 * it then. Resolves with what is left in the trash, and why; undefined when nothing is.
 */
export async function discard(root: string, path: string, name: string): Promise<string | undefined> {
  const trash = join(root, "trash");
  const there = join(trash, `${name}.${randomBytes(6).toString("hex")}`);
  await onDisk("remove", path, async () => {
    if (!(await isRealDirectory(trash))) await makeDirectory(trash);
    await rename(path, there);
    await syncDirectory(join(path, ".."));
  });
  try {
    await onDisk("remove", there, () => rm(there, { recursive: true, force: true }));
    return undefined;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return error.message;
  }
}

/** Directories in the trash, absolute. */
export async function inTrash(root: string): Promise<readonly string[]> {
  const trash = join(root, "trash");
  return await onDisk("list", trash, async () =>
    (await isRealDirectory(trash)) ? (await readdir(trash)).map((name) => join(trash, name)) : [],
  );
}

/** Durable when it resolves. */
export async function bury(root: string, tombstone: Tombstone): Promise<void> {
  const path = tombstonePath(root, tombstone.runId);
  await onDisk("write", path, async () => {
    await makeDirectory(join(root, "forgotten"));
    await writeAtomic(path, `${JSON.stringify(tombstone)}\n`);
    const ids = await tombstoneIds(root);
    for (const runId of ids.slice(tombstonesMax)) await rm(tombstonePath(root, runId), { force: true });
  });
}

/** Newest id first. One that cannot be read says at least that much. */
export async function readTombstones(root: string): Promise<readonly Tombstone[]> {
  return await onDisk("read", join(root, "forgotten"), async () => {
    const found: Tombstone[] = [];
    for (const runId of await tombstoneIds(root)) {
      const text = await readIfExists(tombstonePath(root, runId), tombstoneMaxBytes);
      const value = text === undefined ? undefined : parseObject(text);
      found.push(isTombstone(value) && value.runId === runId ? value : { ...unreadable, runId });
    }
    return found;
  });
}

/** Ids of forgotten runs, newest first. */
async function tombstoneIds(root: string): Promise<readonly string[]> {
  const directory = join(root, "forgotten");
  if (!(await isRealDirectory(root)) || !(await isRealDirectory(directory))) return [];
  const names = (await readdir(directory)).filter((name) => name.endsWith(".json"));
  return names
    .map((name) => name.slice(0, -".json".length))
    .filter(isRunId)
    .sort()
    .reverse();
}

const unreadable = { v: 1, goal: "", status: "unknown", at: "?", by: "?", reason: "" } as const;

function isTombstone(value: unknown): value is Tombstone {
  if (!isRecord(value) || value.v !== 1) return false;
  return [value.goal, value.status, value.at, value.by, value.reason].every(
    (text) => typeof text === "string",
  );
}
