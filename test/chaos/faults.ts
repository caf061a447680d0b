import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Census } from "./census.ts";
import type { Fault } from "./plan.ts";
import { type Part, partOf, type Seen, signal } from "./processes.ts";

/** What a fault needs to know of its round. */
export interface Scene {
  readonly census: Census;
  /** The run's state directory, `.muster`. */
  readonly state: string;
  /** The host that the round runs now; undefined while there is none. */
  host(): { readonly pid: number; closeInput(): void } | undefined;
  /** To be told before a host ends, so that nobody takes that for a crash. */
  killsHost(): void;
  note(text: string): void;
}

/** Does to the round what the fault says. False when there was nothing to do it to. */
export async function inflict(fault: Fault, scene: Scene): Promise<boolean> {
  if (fault.kind === "fill the disk") return fillDisk(fault, scene);
  const [verb = "", parts = ""] = split(fault.kind);
  const targets = await targetsOf(parts, fault, scene);
  if (targets.length === 0) return false;
  scene.note(`${fault.kind}: ${targets.map((one) => `${partOf(one)} ${one.pid}`).join(", ")}`);
  if (verb === "kill") return killAll(targets, scene);
  if (verb === "quit") {
    scene.killsHost();
    scene.host()?.closeInput();
    return true;
  }
  if (verb === "terminate") {
    for (const one of targets) await signal(one, "SIGTERM");
    return true;
  }
  const isDriver = targets.some((one) => partOf(one) === "driver");
  // A frozen driver can keep no promise before it goes on.
  if (isDriver) scene.census.isHeldUp = true;
  for (const one of targets) await signal(one, "SIGSTOP");
  await pause(fault.forMs);
  if (verb === "freeze and kill") await killAll(targets, scene);
  else for (const one of targets) await signal(one, "SIGCONT");
  if (isDriver) scene.census.isHeldUp = false;
  scene.note(`${fault.kind}: over`);
  return true;
}

function split(kind: Fault["kind"]): readonly string[] {
  return /^(freeze and kill|freeze|kill|quit|terminate) (.*)$/.exec(kind)?.slice(1) ?? [];
}

async function targetsOf(
  parts: string,
  { choice }: Fault,
  { census, host }: Scene,
): Promise<readonly Seen[]> {
  const { processes } = await census.look();
  const wanted = parts.split(" and ") as Part[];
  return wanted.flatMap((part) => {
    const of =
      part === "host"
        ? processes.filter(({ pid }) => pid === host()?.pid)
        : processes.filter((seen) => seen.run !== undefined && partOf(seen) === part);
    const chosen = of[Math.floor(choice * of.length)];
    return chosen === undefined ? [] : [chosen];
  });
}

async function killAll(targets: readonly Seen[], scene: Scene): Promise<true> {
  if (targets.some((one) => partOf(one) === "host")) scene.killsHost();
  await Promise.all(targets.map((one) => signal(one, "SIGKILL")));
  return true;
}

const chunk = Buffer.alloc(64 * 1024);

async function fillDisk({ forMs }: Fault, scene: Scene): Promise<boolean> {
  const filler = join(scene.state, "filler");
  scene.note("the disk is full");
  scene.census.isHeldUp = true;
  try {
    for (let size = chunk.length; size >= 512; ) {
      try {
        await writeFile(filler, chunk.subarray(0, size), { flag: "a" });
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
        size /= 2;
      }
    }
    await pause(forMs);
  } finally {
    await rm(filler, { force: true });
    scene.census.isHeldUp = false;
    scene.note("the disk has room again");
  }
  return true;
}
