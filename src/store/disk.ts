import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { StorageError } from "../core/failure.ts";
import type { FileProblem, StorageFailure } from "../core/ports.ts";
import { errnoOf } from "../lib/files.ts";

const causes: Readonly<Record<string, StorageFailure["cause"]>> = {
  ENOSPC: "disk_full",
  EDQUOT: "disk_full",
  EROFS: "read_only",
};
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: "free some space; the run goes on then",
  EDQUOT: "free some of your quota; the run goes on then",
  EROFS: "make the file system writable",
  EACCES: "give yourself access to it",
  EPERM: "give yourself access to it",
  EIO: "the disk has a fault: save what it still gives",
  ELOOP: "a link stands where a file belongs: move it away",
  EISDIR: "a directory stands where a file belongs: move it away",
  EINVAL: "something else stands where a file belongs: move it away",
  ENOTDIR: "a link or a file stands where a directory belongs: move it away",
};

/** Does something on disk; a refusing disk becomes a `StorageError` that names the path, the errno and the remedy. */
export async function onDisk<T>(doing: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined || error instanceof StorageError) throw error;
    throw refusedBy(code, doing, placeOf(error, path), error);
  }
}

/** The same as one of a run's problems. */
export function problemOf({ message, failure: { path: where, cause, code } }: StorageError): FileProblem {
  const remedy = remedies[code] ?? "look at it";
  return { where, message: message.split(";")[0] ?? message, remedy, cause };
}

/** The error for a disk that refuses with this errno. */
export function refusedBy(code: string, doing: string, path: string, cause?: unknown): StorageError {
  const remedy = remedies[code] === undefined ? "" : `; ${remedies[code]}`;
  const failure: StorageFailure = { cause: causes[code], code, path };
  return new StorageError(`cannot ${doing} ${path}: ${code}${remedy}`, failure, { cause });
}

/** Less room than this is none: a journal's group or a manifest may need as much, bytes. */
const freeMinBytes = 64 * 1024;

/** What a write in this directory would meet now; undefined when the disk would take it. Writes nothing to find out. */
export async function refusalIn(directory: string): Promise<StorageError | undefined> {
  const code = await access(directory, constants.W_OK | constants.X_OK).then(() => undefined, errnoOf);
  if (code !== undefined) return refusedBy(code, "write in", directory);
  const { bavail, bsize, blocks } = await statfs(directory);
  return blocks > 0 && bavail * bsize < freeMinBytes ? refusedBy("ENOSPC", "write in", directory) : undefined;
}

/** The very file where the system names one below `path`; a temporary name of ours says nothing to anybody. */
function placeOf(error: unknown, path: string): string {
  const named = error instanceof Error && "path" in error ? String(error.path) : "";
  return named.startsWith(`${path}/`) && !named.endsWith(".tmp") ? named : path;
}
