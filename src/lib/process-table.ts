import { open, readdir, readFile } from "node:fs/promises";
import { errnoOf } from "./files.ts";
import { capture } from "./spawn.ts";

/** One line of the kernel's process table. */
export interface ProcessRow {
  readonly pid: number;
  readonly ppid: number;
  /** Id of its session: the pid of the process that began it with setsid. 0 where the system does not tell. */
  readonly session: number;
  /** The kernel's own spelling, as in `Identity`. */
  readonly startTime: string;
}

/**
 * All processes that still run; dead ones that nobody has waited for yet are gone. Linux reads /proc. Elsewhere `ps`
 * is asked, sessions are unknown, and start times have the resolution of a second. Throws where neither works: an
 * unreadable table is not an empty one. Lines of `unchanged` are taken as they are while their pid is there at all.
 */
export async function readProcessTable(
  unchanged: ReadonlyMap<number, ProcessRow> = new Map(),
): Promise<ReadonlyMap<number, ProcessRow>> {
  const rows = process.platform === "linux" ? await readProc(unchanged) : await askPs();
  return new Map(rows.map((row) => [row.pid, row]));
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

async function readProc(unchanged: ReadonlyMap<number, ProcessRow>): Promise<readonly ProcessRow[]> {
  const rows: ProcessRow[] = [];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  await inBatches(pids, async (pid) => {
    const row = unchanged.get(pid) ?? parseStat(await readOrGone(() => readHead(`/proc/${pid}/stat`)));
    if (row) rows.push(row);
  });
  return rows;
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

/** The command name may hold spaces and parentheses, so fields are counted from the last `)`. */
function parseStat(text: string | undefined): ProcessRow | undefined {
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, ppid, , session] = fields;
  const startTime = fields[19];
  if (state === "Z" || state === "X" || startTime === undefined) return undefined;
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

async function askPs(): Promise<readonly ProcessRow[]> {
  const program = {
    command: "ps",
    args: ["-A", "-o", "pid=,ppid=,stat=,lstart="],
    cwd: "/",
    environment: { LC_ALL: "C", TZ: "UTC", PATH: "/bin:/usr/bin" },
  };
  const text = await capture(program, 10_000);
  if (text === undefined)
    throw new Error(
      "cannot read the process table: `ps` failed or is missing; install procps or use Linux, macOS",
    );
  return text.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line);
    if (!match || match[3]?.startsWith("Z")) return [];
    return [{ pid: Number(match[1]), ppid: Number(match[2]), session: 0, startTime: match[4] ?? "" }];
  });
}
