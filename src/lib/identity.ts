import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { errnoOf } from "./files.ts";

/**
 * A process as it can be recognised later (core's `ProcessIdentity`): the pid, when the kernel says it started, and
 * the boot it belongs to. A recycled pid differs in the second, a machine that restarted in the third.
 */
export interface Identity {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
}

/** Start time or boot where the platform tells neither: never equal to anything recorded. */
const unknown = "unknown";
const psTimeoutMs = 5_000;

/** This process. */
export async function ownIdentity(): Promise<Identity> {
  const own = await identityOf(process.pid);
  return own ?? { pid: process.pid, startTime: unknown, bootId: await bootId() };
}

/**
 * The process that has this pid now; undefined when there is none, when it is a zombie, or when the platform does not
 * tell (ask `probe` to know which).
 */
export async function identityOf(pid: number): Promise<Identity | undefined> {
  const started = await startTimeOf(pid);
  if (started.kind !== "running") return undefined;
  return { pid, startTime: started.startTime, bootId: await bootId() };
}

/**
 * Whether exactly this process still lives. A zombie is gone: it does nothing any more. Indeterminate where the
 * process table cannot be read; then nobody may act as if it were gone.
 */
export async function probe(identity: Identity): Promise<"alive" | "gone" | "indeterminate"> {
  const boot = await bootId();
  if (boot !== unknown && identity.bootId !== unknown && boot !== identity.bootId) return "gone";
  const started = await startTimeOf(identity.pid);
  if (started.kind === "none") return "gone";
  if (started.kind === "running" && identity.startTime !== unknown) {
    return started.startTime === identity.startTime ? "alive" : "gone";
  }
  return identity.pid === process.pid && started.kind === "untold" ? "alive" : "indeterminate";
}

type Started =
  | { readonly kind: "running"; readonly startTime: string }
  | { readonly kind: "none" }
  | { readonly kind: "untold" };

async function startTimeOf(pid: number): Promise<Started> {
  if (!Number.isInteger(pid) || pid < 1) return { kind: "none" };
  if (process.platform === "linux") return await startTimeFromProc(pid);
  if (process.platform === "win32") return { kind: answersSignal(pid) ? "untold" : "none" };
  return await startTimeFromPs(pid);
}

/** Fields 3 (state) and 22 (start, clock ticks since boot) of /proc/<pid>/stat; the name in field 2 may hold anything. */
async function startTimeFromProc(pid: number): Promise<Started> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ESRCH") return { kind: "none" };
    // A /proc mounted with hidepid shows nothing of processes that do exist.
    if (code === "ENOENT") return { kind: answersSignal(pid) ? "untold" : "none" };
    return { kind: "untold" };
  }
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[19]];
  if (state === undefined || startTime === undefined) return { kind: "untold" };
  return state === "Z" || state === "X" ? { kind: "none" } : { kind: "running", startTime };
}

async function startTimeFromPs(pid: number): Promise<Started> {
  const output = await run("ps", ["-o", "stat=", "-o", "lstart=", "-p", String(pid)]);
  const [, state, startTime] = /^\s*(\S+)\s+(.+?)\s*$/.exec(output ?? "") ?? [];
  if (state === undefined || startTime === undefined) return { kind: answersSignal(pid) ? "untold" : "none" };
  return state.startsWith("Z") ? { kind: "none" } : { kind: "running", startTime };
}

/** Names the current boot; `unknown` where the platform has no name for it. */
async function bootId(): Promise<string> {
  if (process.platform === "linux") {
    try {
      return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
    } catch {
      return unknown;
    }
  }
  if (process.platform === "darwin") return (await run("sysctl", ["-n", "kern.bootsessionuuid"])) ?? unknown;
  return unknown;
}

/** Signal 0 is only a question: whether a process of this pid exists, ours or not. */
function answersSignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}

/** Standard output, trimmed; undefined when the program fails, says nothing or takes too long. Times come in UTC, English. */
function run(program: string, args: readonly string[]): Promise<string | undefined> {
  const env = { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL: "C", TZ: "UTC" };
  return new Promise((resolve) => {
    execFile(program, args, { env, timeout: psTimeoutMs }, (error, stdout) => {
      const text = stdout.trim();
      resolve(error !== null || text === "" ? undefined : text);
    });
  });
}
