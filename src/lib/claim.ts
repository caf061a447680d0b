import { link, open, readdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf, fileMode, syncDirectory, writeTemporary } from "./files.ts";

/**
 * Exclusion by numbered claims: whoever creates the file with the next number has it. Nothing is ever stolen or
 * unlocked, so there is no moment at which two contenders can both believe to hold the same number. The highest
 * number is never removed: it is what a late contender runs into.
 */

/** `0001.jsonl` for number 1 and extension `jsonl`. */
export function claimName(number: number, extension: string): string {
  return `${String(number).padStart(4, "0")}.${extension}`;
}

/** The numbers claimed in this directory so far, ascending; none when the directory does not exist. */
export async function claimsIn(directory: string, extension: string): Promise<readonly number[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  const numbers: number[] = [];
  for (const name of names) {
    const number = Number.parseInt(name, 10);
    if (number > 0 && name === claimName(number, extension)) numbers.push(number);
  }
  return numbers.sort((a, b) => a - b);
}

/**
 * Creates the file with this content, whole, or not at all: true means that it is ours, false that somebody has it
 * already. Where the file system knows no hard links the name may appear before its content does: readers treat an
 * incomplete claim as taken for `incompleteClaimMaxAgeMs`. With `durable` it survives a power cut.
 */
export async function claim(
  path: string,
  content: string | Uint8Array,
  options: { readonly durable: boolean },
): Promise<boolean> {
  const temporary = await writeTemporary(path, content, options);
  try {
    await link(temporary, path);
  } catch (error) {
    const code = errnoOf(error);
    // ENOENT: a sweeper took our temporary file for a leftover; the caller looks again and retries.
    if (code === "EEXIST" || code === "ENOENT") return false;
    if (code === undefined || !linkMissing.has(code)) throw error;
    if (!(await createInPlace(path, content, options.durable))) return false;
  } finally {
    await rm(temporary, { force: true });
  }
  if (options.durable) await syncDirectory(dirname(path));
  return true;
}

/** How long a claim without complete content counts as being written, ms. */
export const incompleteClaimMaxAgeMs = 2_000;

const linkMissing: ReadonlySet<string> = new Set([
  "EPERM",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EINVAL",
  "EMLINK",
]);

async function createInPlace(path: string, content: string | Uint8Array, durable: boolean): Promise<boolean> {
  const file = await open(path, "wx", fileMode).catch((error: unknown) => {
    if (errnoOf(error) === "EEXIST") return undefined;
    throw error;
  });
  if (file === undefined) return false;
  try {
    await file.writeFile(content);
    if (durable) await file.sync();
  } finally {
    await file.close();
  }
  return true;
}
