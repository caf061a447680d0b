import { open, readdir, readFile } from "node:fs/promises";
import { errnoOf } from "./files.ts";
import { capture } from "./spawn.ts";

/** One line of the kernel's process table. */
export interface ProcessRow {
  readonly pid: number;
  readonly ppid: number;
  /** Id of its session: the pid of the process that began it with setsid. 0 where the system does not tell. */
  readonly session: number;
  /** The kernel's own spelling: clock ticks since boot on Linux, else a date with the resolution of a second. */
  readonly startTime: string;
}

/**
 * All processes that still run; dead ones that nobody has waited for yet are gone. Linux reads /proc. Elsewhere `ps`
 * is asked, and sessions are unknown. Throws where neither works: an unreadable table is not an empty one. Lines of
 * `unchanged` are taken as they are while their pid is there at all.
 */
export async function readProcessTable(
  unchanged: ReadonlyMap<number, ProcessRow> = new Map(),
): Promise<ReadonlyMap<number, ProcessRow>> {
  const rows: ProcessRow[] = [];
  if (process.platform === "linux") {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
    await inBatches(pids, async (pid) => {
      const row = unchanged.get(pid) ?? parseStat(await readOrGone(() => readHead(`/proc/${pid}/stat`)));
      if (typeof row === "object") rows.push(row);
    });
  } else {
    const text = await askPs("-A");
    if (text === undefined)
      throw new Error(
        "cannot read the process table: `ps` failed or is missing; install procps or use Linux, macOS",
      );
    rows.push(...text.split("\n").flatMap((line) => parsePs(line) ?? []));
  }
  return new Map(rows.map((row) => [row.pid, row]));
}

/** One process: `gone` when there is none or it is a zombie, `untold` when it may be there but cannot be read. */
export async function readProcess(pid: number): Promise<ProcessRow | "gone" | "untold"> {
  if (!Number.isInteger(pid) || pid < 1) return "gone";
  if (process.platform !== "linux") {
    const line = process.platform === "win32" ? undefined : await askPs("-p", String(pid));
    return line === undefined ? orUntold(pid) : (parsePs(line) ?? "gone");
  }
  try {
    return parseStat(await readHead(`/proc/${pid}/stat`)) ?? "untold";
  } catch (error) {
    // A /proc mounted with hidepid shows nothing of processes that do exist.
    return errnoOf(error) === "ESRCH" ? "gone" : orUntold(pid);
  }
}

/** Signal 0 is only a question: whether a process of this pid exists, ours or not. */
export function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}

/**
 * `NAME=value` lines of a process's environment as it was started. Undefined when it is gone, belongs to somebody
 * else, is between fork and exec, or the system does not show environments (macOS, Windows).
 */
export async function readProcessEnvironment(pid: number): Promise<readonly string[] | undefined> {
  const text = await readOrGone(() => readFile(`/proc/${pid}/environ`, "utf8"));
  return text ? text.split("\0") : undefined;
}

/** Files open at once while the table is read, so that a crowded machine does not run us out of descriptors. */
const batch = 64;

/** Does the work on all items, a bounded number at a time. */
export async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += batch) {
    await Promise.all(items.slice(from, from + batch).map(work));
  }
}

function orUntold(pid: number): "gone" | "untold" {
  return exists(pid) ? "untold" : "gone";
}

/** Longer than any line of stat. */
const statMaxBytes = 2_048;

/** One read instead of `readFile`'s stat and two: a table has hundreds of these files. */
async function readHead(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(statMaxBytes), 0, statMaxBytes, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Fields 3 (state), 4, 6 and 22 of stat. The name in field 2 may hold anything, so they are counted from the last `)`. */
function parseStat(text = ""): ProcessRow | "gone" | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, ppid, , session] = fields;
  const startTime = fields[19];
  if (startTime === undefined) return undefined;
  if (state === "Z" || state === "X") return "gone";
  return { pid: Number.parseInt(text, 10), ppid: Number(ppid), session: Number(session), startTime };
}

const goneOrForeign = ["ENOENT", "ESRCH", "EACCES", "EPERM"];

async function readOrGone(read: () => Promise<string>): Promise<string | undefined> {
  try {
    return await read();
  } catch (error) {
    if (goneOrForeign.includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** Times come in UTC, in English. */
function askPs(...which: readonly string[]): Promise<string | undefined> {
  const args = [...which, "-o", "pid=,ppid=,stat=,lstart="];
  const environment = { LC_ALL: "C", TZ: "UTC", PATH: "/bin:/usr/bin" };
  return capture({ command: "ps", args, cwd: "/", environment }, 10_000);
}

function parsePs(line: string): ProcessRow | undefined {
  const [, pid, ppid, state, startTime] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
  if (startTime === undefined || state?.startsWith("Z")) return undefined;
  return { pid: Number(pid), ppid: Number(ppid), session: 0, startTime };
}
