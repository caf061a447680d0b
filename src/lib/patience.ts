import { errnoOf } from "./files.ts";
import type { Sleep } from "./watch.ts";

/** How often a disk that refused is asked again, ms. */
const askAgainMs = 1_000;
/** A full disk, a full quota, a file system that may only be read: what passes, and where trying again does no harm. */
const passing: ReadonlySet<string | undefined> = new Set(["ENOSPC", "EDQUOT", "EROFS"]);

/**
 * Does what needs the disk, again each second for as long as that is full or read-only. Rejects with the disk's error once
 * it `givesUp`, and with every other error at once. `work` must be able to begin anew.
 */
export async function untilDiskTakes<T>(
  work: () => Promise<T>,
  sleep: Sleep,
  givesUp: () => boolean,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const code = errnoOf(error) ?? (error instanceof Error ? errnoOf(error.cause) : undefined);
      if (!passing.has(code) || givesUp()) throw error;
      await sleep(askAgainMs);
    }
  }
}
