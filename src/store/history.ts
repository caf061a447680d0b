import { lstat, open, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { StoredEvent } from "../core/events.ts";
import { JournalDamaged, RunNotFound, StorageError } from "../core/failure.ts";
import {
  type Extent,
  type Footprint,
  HistoryRefused,
  type Leftover,
  type RunHistory,
  type RunMarks,
  type RunProcesses,
} from "../core/history.ts";
import type { Lease, RunStore } from "../core/ports.ts";
import type { ProcessIdentity } from "../core/process.ts";
import { errnoOf, exists, isRealDirectory, syncDirectory, unlessGone } from "../lib/files.ts";
import { redactFreeText } from "../lib/free-text.ts";
import { oneLine } from "../lib/wording.ts";
import { plainFiles } from "./bundle.ts";
import { onDisk } from "./disk.ts";
import { createRun, isRunId, type RunDirectory, runDirectory } from "./run-directory.ts";
import { segmentsIn } from "./segments.ts";
import { readTranscript } from "./transcript.ts";
import { exportRun, inspectBundle, type TransferParts, unpack } from "./transfer.ts";
import { bury, discard, inTrash, readTombstones } from "./trash.ts";

/** What the history of a project is made of. */
export interface HistoryParts extends TransferParts {
  readonly store: RunStore;
  readonly processes: RunProcesses;
}

/** A driver whose run is over gives its lease back within this, ms. */
const leaseMaxMs = 10_000;
const leasePollMs = 100;
/** Beginning of a journal in which it names the runs that it continues, bytes. */
const headBytes = 256 * 1024;
/** What is younger may be somebody's work in progress, ms. */
const temporaryMinAgeMs = 60_000;
const unfinishedMinAgeMs = 3_600_000;
/** Left by `writeTemporary`, and by who made a run's directory. */
const temporaryShape = /^\..+\.[0-9a-f]{12}\.tmp$/;
const unfinishedShape = /^\.[a-z0-9-]+\.[0-9a-f]{12}$/;

async function removed(
  { runId, path }: RunDirectory,
  mark: Parameters<RunHistory["remove"]>[1],
  parts: HistoryParts,
): Promise<string | undefined> {
  const { root } = parts.store;
  const lease = await heldAlone(runId, parts);
  try {
    await ended({ runId, workers: workersIn(lease?.history ?? []) }, parts);
    const goal = oneLine(mark.goal, 200);
    await bury(root, redactFreeText({ v: 1, runId, ...mark, goal }, parts.redact));
    return await discard(root, path, runId);
  } finally {
    await givenUp(lease);
  }
}

/** The past of the runs in `parts.store`. Opens and makes nothing by itself. */
export function openHistory(parts: HistoryParts): RunHistory {
  const { store } = parts;
  const { root } = store;
  return {
    exports: join(root, "exports"),
    extent: async (runId) => await extentOf(runDirectory(root, runId), parts),
    footprint: async (runId) => await footprintOf(runDirectory(root, runId), parts),
    async remove(runId, mark) {
      const run = runDirectory(root, runId);
      if (!(await onDisk("use", run.path, () => isRealDirectory(run.path))))
        throw new RunNotFound(runId, root);
      try {
        return await removed(run, mark, parts);
      } catch (error) {
        // Somebody else was faster.
        if ((error instanceof StorageError || errnoOf(error) === "ENOENT") && !(await exists(run.path)))
          throw new RunNotFound(runId, root);
        throw error;
      }
    },
    transcript: (runId, task, attempt, where) =>
      readTranscript(runDirectory(root, runId), task, attempt, where),
    tombstones: async () => await readTombstones(root),
    leftovers: async (over) => await leftoversIn(over, parts),
    clear: async (leftover) => await clear(leftover, parts),
    exportRun: async (runId, to, terms) => {
      const run = runDirectory(root, runId);
      return await onDisk("export to", to, () => exportRun(run, to, terms, parts));
    },
    inspect: async (bundle, maxBytes) => await onDisk("read", bundle, () => inspectBundle(bundle, maxBytes)),
    async importRun(bundle, terms) {
      const { header, sha256, extensions } = await inspectBundle(bundle, terms.maxBytes);
      const { runId } = header;
      const run = runDirectory(root, runId);
      if (await exists(run.path))
        throw new HistoryRefused(runId, `run ${runId} exists here already`, `look: team status run=${runId}`);
      const forgotten = (await readTombstones(root)).some((tombstone) => tombstone.runId === runId);
      const why = [
        ...(forgotten ? ["it was forgotten here"] : []),
        ...(extensions.length > 0 ? [`its agents load code: ${extensions.join(", ")}`] : []),
      ];
      if (why.length > 0 && !terms.force)
        throw new HistoryRefused(runId, why.join("; "), 'send force=true and reason="…" if you want that');
      await createRun(root, run, (fresh) => unpack(bundle, sha256, fresh, terms, parts));
      return runId;
    },
  };
}

function stillAlive(runId: string, why: string): HistoryRefused {
  const remedy = `team cancel run=${runId} ends it; nothing was removed`;
  return new HistoryRefused(runId, `run ${runId} is not dead: ${why}`, remedy);
}

/** The lease, so that nobody begins to drive what is being removed; undefined where the journal is no journal. */
async function heldAlone(runId: string, { store, clock, self }: HistoryParts): Promise<Lease | undefined> {
  const until = clock.now() + leaseMaxMs;
  for (;;) {
    try {
      const lease = await store.acquire(runId, await self(), clock.now());
      if (!("heldBy" in lease)) return lease;
      const { heldBy, liveness } = lease;
      if (clock.now() >= until) throw stillAlive(runId, `its driver (pid ${heldBy.pid}) is ${liveness}`);
    } catch (error) {
      if (!(error instanceof JournalDamaged || error instanceof RunNotFound)) throw error;
      return undefined;
    }
    await clock.sleep(leasePollMs);
  }
}

/** The mark of a given-up lease has no place any more where the run's directory is gone. */
async function givenUp(lease: Lease | undefined): Promise<void> {
  await lease?.release().catch((error: unknown) => {
    if (errnoOf(error instanceof Error ? error.cause : error) !== "ENOENT") throw error;
  });
}

/** Workers that were recorded here: what was recorded before the run came here names nobody of this place. */
function workersIn(history: readonly StoredEvent[]): readonly ProcessIdentity[] {
  const here = history.slice(history.findLastIndex((event) => event.type === "run.imported") + 1);
  return here.flatMap((event) => (event.type === "attempt.spawned" ? [event.worker] : []));
}

async function ended(marks: RunMarks, { processes }: HistoryParts): Promise<void> {
  const left = await processes.end(marks);
  if (left.length > 0) throw stillAlive(marks.runId, `alive: pid ${left.map(({ pid }) => pid).join(", ")}`);
}

async function extentOf(run: RunDirectory, { store }: HistoryParts): Promise<Extent> {
  let [files, bytes] = [0, 0];
  const worktrees = join(store.root, "worktrees", run.runId);
  return await onDisk("read", run.path, async () => {
    for await (const file of plainFiles(run.path, () => undefined)) {
      files += 1;
      bytes += file.bytes;
    }
    return { files, bytes, ...((await exists(worktrees)) && { worktrees }) };
  });
}

async function footprintOf(run: RunDirectory, parts: HistoryParts): Promise<Footprint> {
  const { store, processes } = parts;
  const references: string[] = [];
  for (const other of await store.ids()) {
    const names = other !== run.runId && (await headOf(runDirectory(store.root, other))).includes(run.runId);
    if (names) references.push(other);
  }
  const living = await processes.living(await marksOf(run.runId, store));
  return { ...(await extentOf(run, parts)), references, processes: living };
}

/** As far as its journal can be read, where it has one. */
async function marksOf(runId: string, store: RunStore): Promise<RunMarks> {
  try {
    return { runId, workers: workersIn((await store.read(runId)).events) };
  } catch (error) {
    if (!(error instanceof RunNotFound)) throw error;
    return { runId, workers: [] };
  }
}

/** The beginning of a run's first segment; empty when there is none that can be read. */
async function headOf({ journal }: RunDirectory): Promise<string> {
  const file = await open(join(journal, "0001.jsonl"), "r").catch(() => undefined);
  if (file === undefined) return "";
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function leftoversIn(over: ReadonlySet<string>, parts: HistoryParts): Promise<readonly Leftover[]> {
  const { store, clock, processes } = parts;
  const { root } = store;
  const isOld = (mtimeMs: number, minMs: number): boolean => clock.now() - mtimeMs > minMs;
  const nobody: readonly ProcessIdentity[] = [];
  const found: Leftover[] = (await inTrash(root)).map((path) => ({ kind: "trash", path, processes: nobody }));
  const look = async (directory: string, runId?: string): Promise<void> => {
    const of = { ...(runId !== undefined && { runId }), processes: nobody };
    for await (const { path, mtimeMs } of plainFiles(directory, () => undefined)) {
      if (temporaryShape.test(basename(path)) && isOld(mtimeMs, temporaryMinAgeMs))
        found.push({ kind: "temporary file", path: join(directory, path), ...of });
      if (/^inbox\/.*\.bad$/.test(path))
        found.push({ kind: "bad request", path: join(directory, path), ...of });
    }
  };
  await onDisk("list", root, async () => {
    if (!(await isRealDirectory(root))) return;
    for (const name of ["exports", "forgotten"]) await look(join(root, name));
    const runs = join(root, "runs");
    for (const name of (await isRealDirectory(runs)) ? await readdir(runs) : []) {
      const path = join(runs, name);
      const entry = await unlessGone(lstat(path));
      if (entry === undefined) continue;
      const { mtimeMs } = entry;
      if (over.has(name)) await look(path, name);
      else if (unfinishedShape.test(name) && isOld(mtimeMs, unfinishedMinAgeMs))
        found.push({ kind: "unfinished directory", path, processes: nobody });
      else if (
        isRunId(name) &&
        isOld(mtimeMs, unfinishedMinAgeMs) &&
        (await isEmptyRun(runDirectory(root, name)))
      )
        found.push({ kind: "empty run", path, runId: name, processes: nobody });
    }
  });
  const present = new Set(await store.ids());
  const forgotten = new Set((await readTombstones(root)).map(({ runId }) => runId));
  for (const runId of await processes.marked()) {
    if (!over.has(runId) && (present.has(runId) || !forgotten.has(runId))) continue;
    const living = await processes.living(await marksOf(runId, store));
    if (living.length > 0) found.push({ kind: "processes", path: "", runId, processes: living });
  }
  return found;
}

/** Neither a record nor a request: whoever was to submit it never did. */
async function isEmptyRun({ journal, inbox, attempts, manifest }: RunDirectory): Promise<boolean> {
  const requests = await readdir(inbox).catch(() => ["?"]);
  const others = await Promise.all([exists(attempts), exists(manifest)]);
  return (
    requests.length === 0 &&
    !others.includes(true) &&
    ((await unlessGone(segmentsIn(journal))) ?? []).length === 0
  );
}

async function clear(leftover: Leftover, parts: HistoryParts): Promise<void> {
  const { kind, path, runId = "" } = leftover;
  const { store } = parts;
  switch (kind) {
    case "trash":
    case "unfinished directory":
    case "temporary file":
    case "bad request":
      await onDisk("remove", path, async () => {
        await rm(path, { recursive: true, force: true });
        await syncDirectory(dirname(path)).catch((error: unknown) => {
          if (errnoOf(error) !== "ENOENT") throw error;
        });
      });
      return;
    case "empty run": {
      const left = (await exists(path)) ? await discard(store.root, path, runId) : undefined;
      if (left !== undefined) throw new HistoryRefused(runId, left, "team cleanup confirm=true tries again");
      return;
    }
    case "processes":
      await ended(await marksOf(runId, store), parts);
  }
}
