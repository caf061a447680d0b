import { dirname, join } from "node:path";
import { StorageError } from "../core/failure.ts";
import { invariant } from "../core/invariant.ts";
import type { OutcomeRecord } from "../core/outcome.ts";
import type { AttemptFiles } from "../core/ports.ts";
import { exists, isRealDirectory, makeDirectory, readIfExists } from "../lib/files.ts";
import { adoptFiles } from "./adopted-files.ts";
import { onDisk } from "./disk.ts";
import { type RunDirectory, requireName, runDirectory } from "./run-directory.ts";

/** An outcome holds a result of at most `limits.outputMaxBytes`, a setting; this bounds what is read into memory. */
const outcomeMaxBytes = 256 * 1024 * 1024;

/** The files of one run's attempts. */
export function openAttemptFiles(run: RunDirectory, requireRun: () => Promise<void>): AttemptFiles {
  const directoryOf = (task: string, attempt: number): string => {
    requireName("task", task);
    invariant(Number.isInteger(attempt) && attempt > 0, `attempts count from 1, not ${attempt}`);
    return join(run.attempts, `${task}-${attempt}`);
  };
  return {
    artifacts: run.artifacts,
    async directory(task, attempt) {
      const path = directoryOf(task, attempt);
      await requireRun();
      await onDisk("create", path, async () => {
        // Each is looked at before anything is made in it: a link leads nowhere of ours.
        for (const each of [run.attempts, path])
          if (!(await isRealDirectory(each))) await makeDirectory(each);
      });
      return path;
    },
    isBegun: (task, attempt) => exists(directoryOf(task, attempt)),
    async adopt(from, task, attempt, result) {
      const source = runDirectory(dirname(dirname(run.path)), from);
      const kept = openAttemptFiles(source, requireRun);
      const record = await kept.readOutcome(task, attempt);
      if (record === undefined || record === "unreadable" || record.outcome.kind !== "completed")
        return false;
      const { result: found } = record.outcome;
      if (found.sha256 !== result.sha256) return false;
      const there = { directory: join(source.attempts, `${task}-${attempt}`), artifacts: source.artifacts };
      const here = { directory: await this.directory(task, 1), artifacts: run.artifacts };
      const own = { ...record, runId: run.runId, attempt: 1 };
      return onDisk("copy", here.directory, () => adoptFiles(there, here, own, found));
    },
    async readOutcome(task, attempt) {
      const path = join(directoryOf(task, attempt), "outcome.json");
      try {
        const text = await onDisk("read", path, () => readIfExists(path, outcomeMaxBytes));
        if (text === undefined) return undefined;
        const value: unknown = JSON.parse(text);
        return isOutcome(value, run.runId, task, attempt) ? value : "unreadable";
      } catch (error) {
        if (error instanceof SyntaxError) return "unreadable";
        if (error instanceof StorageError && isNoResult.has(error.failure.code)) return "unreadable";
        throw error;
      }
    },
  };
}

/** Something else stands in its place, which no patience turns into a result. Every other refusal may pass. */
const isNoResult: ReadonlySet<string> = new Set(["ELOOP", "EISDIR", "EINVAL", "ENOTDIR", "EFBIG"]);

const kinds: ReadonlySet<unknown> = new Set(["completed", "failed", "lost", "cancelled"]);

function isOutcome(value: unknown, runId: string, task: string, attempt: number): value is OutcomeRecord {
  if (typeof value !== "object" || value === null) return false;
  if (!("v" in value && value.v === 1 && "runId" in value && value.runId === runId)) return false;
  if (!("task" in value && value.task === task && "attempt" in value && value.attempt === attempt))
    return false;
  if (!("outcome" in value) || typeof value.outcome !== "object" || value.outcome === null) return false;
  const { outcome } = value;
  if (!("kind" in outcome && kinds.has(outcome.kind) && "usage" in outcome && isUsage(outcome.usage)))
    return false;
  return outcome.kind !== "completed" || ("result" in outcome && isResult(outcome.result));
}

function isUsage(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((count) => typeof count === "number")
  );
}

/** A worker may have written anything: what the core relies on must be there. */
function isResult(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { text, bytes, truncated, sha256, form, artifacts } = value as Record<string, unknown>;
  const isText = typeof text === "string" && text.trim() !== "" && typeof sha256 === "string";
  const isSized = typeof bytes === "number" && typeof truncated === "boolean" && Array.isArray(artifacts);
  return isText && isSized && (form === "submitted" || form === "unstructured");
}
