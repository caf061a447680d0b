import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import type { Work } from "../../src/core/worker.ts";
import { driverMark, type Environment, readEnvironment } from "../../src/lib/environment.ts";
import { type Identity, identityOf } from "../../src/lib/identity.ts";
import { createProcessWatch, processTree } from "../../src/lib/process-tree.ts";
import { isAlive, type Started, startProgram, stay, until } from "../support/workers/processes.ts";
import { makeWork, stillAlive } from "../support/workers/work.ts";

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const jiti = path("node_modules/jiti/lib/jiti-cli.mjs");
const unruly = path("test/support/workers/unruly.mjs");

const bystanders: Started[] = [];
let driver: ChildProcess | undefined;
let left: readonly Identity[] = [];
afterEach(async () => {
  driver?.kill("SIGKILL");
  for (const { child } of bystanders.splice(0)) child.kill("SIGKILL");
  for (const one of left) if (await isAlive(one)) process.kill(one.pid, "SIGKILL");
});

/** Everything that the worker says it started, as it lives now; undefined while it has not started all of it. */
async function startedIn(cwd: string, count: number): Promise<readonly Identity[] | undefined> {
  const text = await readFile(join(cwd, "pids"), "utf8").catch(() => "");
  const pids = text.split("\n").filter((line) => line !== "");
  if (pids.length < count) return undefined;
  const found = await Promise.all(pids.map((pid) => identityOf(Number(pid))));
  return found.filter((one) => one !== undefined);
}

function startDriver(work: Work, pi: readonly string[], environment: Environment = {}): ChildProcess {
  const args = [work, pi, [jiti, path("src/entry/warden.ts")], path("src/entry/boot.cjs")];
  const line = [jiti, path("test/support/workers/driver.ts"), ...args.map((one) => JSON.stringify(one))];
  return spawn(process.execPath, line, {
    env: { ...readEnvironment(), PI_MUSTER_RUN: work.runId, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

it("after kill -9 of a driver nothing of its run lives: deaf, in sessions of their own, daemons, holders of pipes", async () => {
  const work = await makeWork();
  driver = startDriver(work, [process.execPath, unruly, "leaves orphans"]);
  if (driver.stdout) await once(driver.stdout, "data");
  const self = await identityOf(driver.pid ?? -1);
  if (self === undefined) throw new Error("the driver ended too early");

  const marks = { PI_MUSTER_RUN: work.runId, PI_MUSTER_DRIVER: driverMark(self) };
  for (const environment of [
    { ...marks, PI_MUSTER_RUN: "20260101-another-run" },
    { ...marks, PI_MUSTER_DRIVER: "1-1" },
    { NOTE: `PI_MUSTER_RUN=${work.runId}` },
  ])
    bystanders.push(
      await startProgram(stay, environment, work.cwd, work.directory, unruly, `PI_MUSTER_RUN=${work.runId}`),
    );

  // Seven were started; both that begat the daemons have left.
  await until(async () => {
    left = (await startedIn(work.cwd, 7)) ?? [];
    return left.length === 5;
  });
  driver.kill("SIGKILL");
  const ofRun = async (): Promise<number> => {
    const alive = await stillAlive(work.runId);
    return alive.filter((one) => !bystanders.some(({ identity }) => identity.pid === one.pid)).length;
  };
  await until(
    async () => (await Promise.all(left.map(isAlive))).every((alive) => !alive) && (await ofRun()) === 0,
  );
  expect(await Promise.all(bystanders.map(({ identity }) => isAlive(identity)))).toEqual([true, true, true]);
});

it.each(["node", "a shell script"])(
  "a host (%s) that still boots, blocked and deaf, ends with what it started when driver and warden are killed at once",
  async (kind) => {
    const work = await makeWork();
    const script = join(work.cwd, "pi.sh");
    await writeFile(script, `#!/bin/sh\n"${process.execPath}" "${unruly}" "boots for ever"\n`, {
      mode: 0o755,
    });
    const pi = kind === "node" ? [process.execPath, unruly, "boots for ever"] : [script];
    driver = startDriver(work, pi, { NODE_OPTIONS: "--no-deprecation" });
    const inherited = join(work.cwd, "environment");
    await until(async () => {
      left = (await startedIn(work.cwd, 2)) ?? [];
      return left.length === 2 && (await readFile(inherited, "utf8").catch(() => "")) !== "";
    });
    const seen = JSON.parse(await readFile(inherited, "utf8"));
    expect(seen).toMatchObject({ NODE_OPTIONS: "--no-deprecation", PI_MUSTER_RUN: work.runId });
    expect(seen).not.toHaveProperty("PI_MUSTER_BOOT");

    let wardens: readonly number[] = [];
    await until(async () => {
      const all = await createProcessWatch().members(processTree([`PI_MUSTER_RUN=${work.runId}`]));
      const commands = await Promise.all(all.map(({ pid }) => readFile(`/proc/${pid}/cmdline`, "utf8")));
      wardens = all.flatMap(({ pid }, at) => (commands[at]?.includes("warden.ts") ? [pid] : []));
      return wardens.length > 0;
    });
    for (const pid of [driver.pid ?? -1, ...wardens]) process.kill(pid, "SIGKILL");
    // The warden that the worker starts ends all, and itself last.
    await until(async () => (await stillAlive(work.runId)).length === 0);
    expect(await Promise.all(left.map(isAlive))).toEqual([false, false]);
  },
);
