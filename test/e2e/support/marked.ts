import { readdir, readFile } from "node:fs/promises";

/** A living process, as the kernel shows it. */
export interface Marked {
  readonly pid: number;
  readonly commandLine: string;
}

/**
 * Living processes with this in their environment (`NAME=value`, or `NAME=` for any value), ourselves left out. Reads
 * /proc, and nothing of the product: what is verified here must not depend on what is under test.
 */
export async function marked(...marks: readonly string[]): Promise<readonly Marked[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid): Promise<readonly Marked[]> => {
      const environment = `\0${(await unlessGone(readFile(`/proc/${pid}/environ`, "utf8"))) ?? ""}`;
      const has = (mark: string) => environment.includes(mark.endsWith("=") ? `\0${mark}` : `\0${mark}\0`);
      if (!marks.every(has)) return [];
      const commandLine = (await unlessGone(readFile(`/proc/${pid}/cmdline`, "utf8"))) ?? "";
      return [{ pid: Number(pid), commandLine: commandLine.replaceAll("\0", " ").trim() }];
    }),
  );
  return found.flat();
}

/** Every process of a run: its driver, warden and workers, and what those started. */
export function processesOf(runId: string): Promise<readonly Marked[]> {
  return marked(`PI_MUSTER_RUN=${runId}`);
}

/** The workers of a run, and what those started. */
export function workersOf(runId: string): Promise<readonly Marked[]> {
  return marked(`PI_MUSTER_RUN=${runId}`, "PI_MUSTER_WORKER=");
}

/** Processes end while they are looked at, and those of other users are none of ours. */
async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES" || code === "EPERM") return undefined;
    throw error;
  }
}
