import { readFile } from "node:fs/promises";
import { readProcess } from "./process-table.ts";
import { capture } from "./spawn.ts";

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
  const found = await readProcess(pid);
  return typeof found === "string" ? undefined : { pid, startTime: found.startTime, bootId: await bootId() };
}

/**
 * Whether exactly this process still lives. A zombie is gone: it does nothing any more. Indeterminate where the
 * process table cannot be read; then nobody may act as if it were gone.
 */
export async function probe(identity: Identity): Promise<"alive" | "gone" | "indeterminate"> {
  const boot = await bootId();
  if (boot !== unknown && identity.bootId !== unknown && boot !== identity.bootId) return "gone";
  const found = await readProcess(identity.pid);
  if (found === "gone") return "gone";
  if (found === "untold") return identity.pid === process.pid ? "alive" : "indeterminate";
  if (identity.startTime === unknown) return "indeterminate";
  return found.startTime === identity.startTime ? "alive" : "gone";
}

/** Names the current boot; `unknown` where the platform has no name for it. */
async function bootId(): Promise<string> {
  if (process.platform === "linux")
    return await readFile("/proc/sys/kernel/random/boot_id", "utf8").then(
      (text) => text.trim(),
      () => unknown,
    );
  if (process.platform !== "darwin") return unknown;
  const sysctl = {
    command: "/usr/sbin/sysctl",
    args: ["-n", "kern.bootsessionuuid"],
    cwd: "/",
    environment: {},
  };
  return (await capture(sysctl, 5_000)) || unknown;
}
