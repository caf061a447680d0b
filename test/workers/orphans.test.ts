import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { driverMark, readEnvironment } from "../../src/lib/environment.ts";
import { type Identity, identityOf } from "../../src/lib/identity.ts";
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

it("after kill -9 of a driver nothing of its run lives: deaf, in sessions of their own, daemons, holders of pipes", async () => {
  const work = await makeWork();
  const pi = [unruly, "leaves orphans"];
  const args = [work, pi, [jiti, path("src/entry/warden.ts")]].map((one) => JSON.stringify(one));
  driver = spawn(process.execPath, [jiti, path("test/support/workers/driver.ts"), ...args], {
    env: { ...readEnvironment(), PI_MUSTER_RUN: work.runId },
    stdio: ["ignore", "pipe", "inherit"],
  });
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
