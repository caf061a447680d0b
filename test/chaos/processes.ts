import { readdir, readFile } from "node:fs/promises";
import type { Recorded } from "./ledger.ts";

/** A living process of a place, as the kernel shows it. */
export interface Seen extends Recorded {
  readonly isStopped: boolean;
  readonly commandLine: string;
  /** Values of our marks in its environment, where it has them. */
  readonly run?: string;
  readonly worker?: string;
  readonly driver?: string;
}

/** What a process is for. */
export type Part = "host" | "driver" | "warden" | "worker" | "grandchild";

interface Known {
  readonly marks: ReadonlyMap<string, string>;
  readonly commandLine: string;
}

/**
 * The living processes that inherited one place's agent directory, whatever became of them. It reads /proc and nothing
 * of the product; environments are asked once, a moment after their process began.
 */
export class ProcessTable {
  readonly #mark: string;
  readonly #known = new Map<string, Known | "foreign">();

  constructor(agentDir: string) {
    this.#mark = `PI_CODING_AGENT_DIR=${agentDir}`;
  }

  async living(): Promise<readonly Seen[]> {
    const pids = (await readdir("/proc")).filter(
      (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
    );
    const uptime = Number((await readFile("/proc/uptime", "utf8")).split(" ")[0]);
    const keys = new Set<string>();
    const seen = await Promise.all(pids.map((pid) => this.#look(Number(pid), uptime, keys)));
    for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key);
    return seen.filter((one) => one !== undefined);
  }

  async #look(pid: number, uptime: number, keys: Set<string>): Promise<Seen | undefined> {
    const stat = await statOf(pid);
    if (stat === undefined) return undefined;
    const { startTime, state } = stat;
    const key = keyOf({ pid, startTime });
    keys.add(key);
    const known = this.#known.get(key) ?? (await this.#ask(pid));
    if (known === undefined) return undefined;
    // Between fork and exec a process still shows what its parent was.
    if (uptime - Number(startTime) / ticksPerSecond > 1) this.#known.set(key, known);
    if (known === "foreign") return undefined;
    const { marks, commandLine } = known;
    const [run, worker, driver] = ["RUN", "WORKER", "DRIVER"].map((name) => marks.get(`PI_MUSTER_${name}`));
    return {
      ...{ pid, startTime, commandLine, isStopped: state === "T" },
      ...(run !== undefined && { run }),
      ...(worker !== undefined && { worker }),
      ...(driver !== undefined && { driver }),
    };
  }

  async #ask(pid: number): Promise<Known | "foreign" | undefined> {
    const environment = await unlessGone(readFile(`/proc/${pid}/environ`, "utf8"));
    if (environment === undefined) return undefined;
    const lines = environment.split("\0");
    if (!lines.includes(this.#mark)) return "foreign";
    const commandLine = (await unlessGone(readFile(`/proc/${pid}/cmdline`, "utf8"))) ?? "";
    const pairs = lines.map(
      (line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const,
    );
    return { marks: new Map(pairs), commandLine: commandLine.replaceAll("\0", " ").trim() };
  }
}

const ticksPerSecond = 100;

/** `pid:startTime`. */
export function keyOf({ pid, startTime }: Recorded): string {
  return `${pid}:${startTime}`;
}

/** Whether this very process, and no other with its pid, still runs. */
export async function isLiving(one: Recorded): Promise<boolean> {
  return (await statOf(one.pid))?.startTime === one.startTime;
}

/** What a process of a run is for; a process without a run's mark is a host, or something that a host started. */
export function partOf(seen: Seen): Part {
  if (seen.run === undefined) return "host";
  if (seen.worker !== undefined) return /^pi\b|--mode rpc/.test(seen.commandLine) ? "worker" : "grandchild";
  return /\bwarden\.(mjs|ts)\b/.test(seen.commandLine) ? "warden" : "driver";
}

async function statOf(
  pid: number,
): Promise<{ readonly startTime: string; readonly state: string } | undefined> {
  const text = await unlessGone(readFile(`/proc/${pid}/stat`, "utf8"));
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ") ?? [];
  const [state = "X"] = fields;
  const startTime = fields[19];
  return startTime === undefined || state === "Z" || state === "X" ? undefined : { startTime, state };
}

/** Processes end while they are looked at, and those of other users are none of ours. */
async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(code)) return undefined;
    throw error;
  }
}

/** Sends a signal to this very process; nothing happens when it is gone. */
export async function signal(one: Recorded, name: NodeJS.Signals): Promise<boolean> {
  if (!(await isLiving(one))) return false;
  try {
    return process.kill(one.pid, name);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}
