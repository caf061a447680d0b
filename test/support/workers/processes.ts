import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { systemClock } from "../../../src/lib/clock.ts";
import { type Identity, identityOf } from "../../../src/lib/identity.ts";

/** A real process for a test, and its identity. */
export interface Started {
  readonly child: ChildProcess;
  readonly identity: Identity;
}

/** Starts `node -e <program>` with only the given variables; resolves once it printed its first line (`ready`). */
export async function startProgram(
  program: string,
  environment: Record<string, string>,
  ...args: readonly string[]
): Promise<Started> {
  const child = spawn(process.execPath, ["-e", `${program}; console.log("ready")`, ...args], {
    env: environment,
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  const identity = await identityOf(child.pid ?? -1);
  if (!identity) throw new Error("the fixture process ended too early");
  return { child, identity };
}

/** A program that stays until it is ended. */
export const stay = "setInterval(() => undefined, 1000)";
/** A program that stays and does not listen to SIGTERM. */
export const stayDeaf = `process.on("SIGTERM", () => undefined); ${stay}`;
/** True while exactly this process runs. */
export async function isAlive(identity: Identity): Promise<boolean> {
  const now = await identityOf(identity.pid);
  return now?.startTime === identity.startTime;
}

/** Resolves when the condition holds; the test's own time-out is the limit. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await systemClock.sleep(20);
}
