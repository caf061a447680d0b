import { readdir, readFile } from "node:fs/promises";

/** A living process, as the kernel shows it. */
export interface Marked {
  readonly pid: number;
  readonly commandLine: string;
}

/**
 * Living processes of which one environment variable has exactly this value, ourselves left out. Reads /proc, and
 * nothing of the product: what is verified here must not depend on what is under test.
 */
export async function marked(variable: string, value: string): Promise<readonly Marked[]> {
  const wanted = Buffer.from(`\0${variable}=${value}\0`);
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid): Promise<readonly Marked[]> => {
      const environment = await unlessGone(readFile(`/proc/${pid}/environ`));
      if (environment === undefined || !Buffer.from(`\0${environment}\0`).includes(wanted)) return [];
      const commandLine = (await unlessGone(readFile(`/proc/${pid}/cmdline`, "utf8"))) ?? "";
      return [{ pid: Number(pid), commandLine: commandLine.replaceAll("\0", " ").trim() }];
    }),
  );
  return found.flat();
}

/** Every process of a run: its driver, warden and workers, and what those started. */
export function processesOf(runId: string): Promise<readonly Marked[]> {
  return marked("PI_MUSTER_RUN", runId);
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
