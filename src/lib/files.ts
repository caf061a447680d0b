import { isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, lstat, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Everything this package writes is private to the user. */
export const directoryMode = 0o700;
export const fileMode = 0o600;

/** A leftover temporary file older than this belongs to nobody any more, ms. */
const temporaryMaxAgeMs = 60_000;
/** Windows refuses to replace a file that a virus scanner holds for a moment. */
const renameTriesMax = 5;

/** The errno name of a failed system call (`ENOENT`, `ENOSPC` ...), or undefined for every other error. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** What was read, or undefined when there is no such file or directory (any more). */
export async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Makes the directory and its parents, private. Nothing happens when it exists. */
export async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: directoryMode });
}

/**
 * The file's text (UTF-8), or undefined when there is none. Symbolic links, directories and pipes are refused
 * (`ELOOP`, `EISDIR`, `EINVAL`), as is a file longer than `maxBytes` (`EFBIG`).
 */
export async function readIfExists(path: string, maxBytes = 512 * 1024 * 1024): Promise<string | undefined> {
  const opened = await unlessGone(openRegular(path));
  if (opened === undefined) return undefined;
  const { file, bytes } = opened;
  try {
    if (bytes > maxBytes) throw refusal("EFBIG", path, `is longer than ${maxBytes} bytes`);
    // One read where the file itself would ask for its length again: listings open a thousand of them.
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(bytes), 0, bytes, 0);
    return bytesRead === bytes && bytes > 0 ? buffer.toString() : await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

/**
 * Opens a file that exists, with its length; a link, a directory or a pipe in its place is refused (`ELOOP`, `EISDIR`,
 * `EINVAL`). The caller closes it.
 */
export async function openRegular(
  path: string,
  access: number = constants.O_RDONLY,
): Promise<{ readonly file: FileHandle; readonly bytes: number }> {
  const file = await open(path, access | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  const found = await file.stat();
  if (found.isFile()) return { file, bytes: found.size };
  await file.close();
  if (found.isDirectory()) throw refusal("EISDIR", path, "is a directory");
  throw refusal("EINVAL", path, "is not a regular file");
}

function refusal(code: string, path: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${path} ${what}`), { code, path });
}

/** The bytes as text, or undefined when they are none: no UTF-8, or with a NUL in them. */
export function plainText(content: Buffer): string | undefined {
  return !content.includes(0) && isUtf8(content) ? content.toString("utf8") : undefined;
}

/** True when something is there and may be looked at, through links too. */
export function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** True for a directory that may be looked at, through links too. */
export function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** True when something of this name exists, a dangling link included. */
export async function exists(path: string): Promise<boolean> {
  return (await unlessGone(lstat(path))) !== undefined;
}

/** True for a real directory, false when there is nothing; a link or any other kind of file throws `ENOTDIR`. */
export async function isRealDirectory(path: string): Promise<boolean> {
  const found = await unlessGone(lstat(path));
  if (found === undefined || found.isDirectory()) return found !== undefined;
  throw refusal("ENOTDIR", path, "is not a real directory (a link?)");
}

/**
 * Replaces the file as a whole: readers see the old or the new content, never a part, and nothing is left behind
 * on failure. With `durable` it also survives a power cut once this resolves.
 */
export async function writeAtomic(
  path: string,
  content: string | Uint8Array,
  options: { readonly durable: boolean } = { durable: true },
): Promise<void> {
  const temporary = await writeTemporary(path, content, options);
  try {
    await renameOver(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (options.durable) await syncDirectory(dirname(path));
}

async function renameOver(from: string, to: string): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      const busy = ["EPERM", "EBUSY", "EACCES"].includes(errnoOf(error) ?? "");
      if (process.platform !== "win32" || !busy || tried === renameTriesMax) throw error;
    }
  }
}

/** Makes the file, private and whole or not at all. Throws `EEXIST` when something of that name exists. */
export async function writeNew(path: string, content: string | Uint8Array): Promise<void> {
  await makeDirectory(dirname(path));
  const temporary = await writeTemporary(path, content, { durable: true });
  await claimName(temporary, path);
}

/** Gives a finished temporary file its name, durably, unless that is taken: then `EEXIST`. The temporary file is gone after it. */
export async function claimName(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path).catch(async (error: unknown) => {
      if (errnoOf(error) === "EEXIST") throw error;
      // Some file systems know no links.
      await rename(temporary, path);
    });
    await syncDirectory(dirname(path));
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * Writes the content to a new private file beside `path` and returns its name (`.<name>.<random>.tmp`). The caller
 * renames, links or removes it. Nothing is left behind when it throws.
 */
export async function writeTemporary(
  path: string,
  content: string | Uint8Array,
  options: { readonly durable: boolean },
): Promise<string> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  const file = await open(temporary, "wx", fileMode);
  try {
    await file.writeFile(content);
    if (options.durable) await file.sync();
  } catch (error) {
    await file.close();
    await rm(temporary, { force: true });
    throw error;
  }
  await file.close();
  return temporary;
}

/** Removes temporary files that a killed process left in this directory over a minute before `now` (ms since the epoch). */
export async function sweepTemporaries(directory: string, now: number): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(".") || !name.endsWith(".tmp")) continue;
    const path = join(directory, name);
    const found = await unlessGone(lstat(path));
    if (found?.isFile() && now - found.mtimeMs > temporaryMaxAgeMs) await rm(path, { force: true });
  }
}

/** Makes creations, renames and removals in this directory survive a power cut. Windows knows no such call. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } catch (error) {
    // Some network and FUSE file systems have no fsync for directories; their own rules apply then.
    if (!["EINVAL", "ENOTSUP", "ENOSYS"].includes(errnoOf(error) ?? "")) throw error;
  } finally {
    await directory.close();
  }
}
