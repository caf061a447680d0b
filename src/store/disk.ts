import { StorageError } from "../core/failure.ts";
import type { StorageFailure } from "../core/ports.ts";
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
  ENOTDIR: "a link or a file stands where a directory belongs: move it away",
};

/** Does something on disk; a refusing disk becomes a `StorageError` that names the path, the errno and the remedy. */
export async function onDisk<T>(doing: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined || error instanceof StorageError) throw error;
    const remedy = remedies[code] === undefined ? "" : `; ${remedies[code]}`;
    const failure: StorageFailure = { cause: causes[code], code, path };
    throw new StorageError(`cannot ${doing} ${path}: ${code}${remedy}`, failure, { cause: error });
  }
}
