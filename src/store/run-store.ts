import { isAbsolute } from "node:path";
import { StorageError } from "../core/failure.ts";
import { invariant } from "../core/invariant.ts";
import type { AttemptFiles, Clock, FileProblem, RunBeginning, RunStore } from "../core/ports.ts";
import type { Liveness, ProcessIdentity } from "../core/process.ts";
import { systemClock } from "../lib/clock.ts";
import { readEnvironment } from "../lib/environment.ts";
import { redactFreeText } from "../lib/free-text.ts";
import { probe } from "../lib/identity.ts";
import { createRedactor } from "../lib/redact.ts";
import { createOnce } from "./asks.ts";
import { openAttemptFiles } from "./attempt-files.ts";
import { onDisk, problemOf, refusalIn } from "./disk.ts";
import { followJournal } from "./follow.ts";
import { inboxProblems, openInbox, postedText } from "./inbox.ts";
import { JournalCursor } from "./journal-cursor.ts";
import { newestHolder, takeLease } from "./lease.ts";
import { manifestText, readManifestFile, writeManifestFile } from "./manifest-file.ts";
import { type RunDirectory, requireRun, runDirectory, runIds, strayNames } from "./run-directory.ts";
import { createSuccessor } from "./succession.ts";

/** What a store depends on; the machine's own by default. */
export interface RunStoreParts {
  readonly clock?: Clock;
  readonly probe?: (process: ProcessIdentity) => Promise<Liveness>;
  /** Takes secrets out of free text before it is written. */
  readonly redact?: (text: string) => string;
}

/**
 * The runs of one project; `root` is `<project>/.muster`, absolute. Opens and makes nothing by itself. Every method
 * throws `RunNotFound` for a run that is not there and `StorageError` when the disk refuses; what stands in the
 * journal behind a bad place is `JournalDamaged`, for readers a `problem`.
 */
export function openRunStore(root: string, parts: RunStoreParts = {}): RunStore {
  invariant(isAbsolute(root), `the store's root must be absolute: ${root}`);
  const clock = parts.clock ?? systemClock;
  const redact = parts.redact ?? createRedactor(readEnvironment()).redact;
  const clean = <T>(value: T): T => redactFreeText(value, redact);
  const lease = { clock, probe: parts.probe ?? probe, redact: clean };
  let lastPostedAt = 0;
  const postedAt = (): number => {
    lastPostedAt = Math.max(clock.now(), lastPostedAt + 1);
    return lastPostedAt;
  };
  const existing = (runId: string): Promise<RunDirectory> => existingRun(root, runId);
  /** Of a run that is removed meanwhile a missing file says less than `RunNotFound`. */
  const reading = async <T>(runId: string, read: (journal: string) => Promise<T>): Promise<T> => {
    const { journal } = await existing(runId);
    try {
      return await onDisk("read", journal, () => read(journal));
    } catch (error) {
      if (error instanceof StorageError && error.failure.code === "ENOENT") await existing(runId);
      throw error;
    }
  };
  return {
    root,
    async create(runId, first, once) {
      const run = runDirectory(root, runId);
      const files = first && beginning(clean(first), postedAt());
      return await createOnce(root, run, files, once, clock.now());
    },
    async createAfter(from, runId, fill) {
      const filled = async (fresh: RunDirectory) =>
        beginning(clean(await fill(openFreshFiles(fresh))), postedAt());
      return await createSuccessor(await existing(from), runDirectory(root, runId), filled);
    },
    ids: () => runIds(root),
    strays: () => strayNames(root),
    problems: async (runId) => await problemsOf(await existing(runId)),
    inbox(runId) {
      const run = runDirectory(root, runId);
      return openInbox(run.inbox, {
        clock,
        redact: clean,
        postedAt,
        requireRun: () => requireRun(root, run),
      });
    },
    attempts(runId) {
      const run = runDirectory(root, runId);
      return openAttemptFiles(run, () => requireRun(root, run));
    },
    async acquire(runId, holder, at, repair) {
      return await takeLease((await existing(runId)).journal, { holder, at, repair }, lease);
    },
    holder: (runId) => reading(runId, (journal) => newestHolder(journal, lease)),
    read: (runId) => reading(runId, (journal) => new JournalCursor(journal).rest()),
    async *follow(runId, fromSeq, signal) {
      yield* followJournal((await existing(runId)).journal, fromSeq, signal, clock);
    },
    async writeManifest(runId, manifest) {
      await writeManifestFile((await existing(runId)).manifest, clean(manifest));
    },
    async readManifest(runId) {
      // A good manifest is proof of its run, and listings have a thousand of them.
      const found = await readManifestFile(runDirectory(root, runId).manifest, runId);
      if (found === undefined || found === "unreadable") await existing(runId);
      return found;
    },
  };
}

async function existingRun(root: string, runId: string): Promise<RunDirectory> {
  const run = runDirectory(root, runId);
  await requireRun(root, run);
  return run;
}

/** Those of a run that nobody sees yet. */
function openFreshFiles(fresh: RunDirectory): AttemptFiles {
  return openAttemptFiles(fresh, async () => undefined);
}

/** Texts by path within the run. */
function beginning({ start, manifest }: RunBeginning, at: number): Readonly<Record<string, string>> {
  return { [`inbox/${start.id}.json`]: postedText(start, at), "manifest.json": manifestText(manifest) };
}

async function problemsOf({ inbox, journal }: RunDirectory): Promise<readonly FileProblem[]> {
  const refusal = await onDisk("look at", journal, () => refusalIn(journal));
  const unread = await onDisk("list", inbox, () => inboxProblems(inbox));
  return [...(refusal === undefined ? [] : [problemOf(refusal)]), ...unread];
}
