import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { driverMark, readEnvironment } from "../../src/lib/environment.ts";
import { type Identity, ownIdentity } from "../../src/lib/identity.ts";
import { createProcessWatch } from "../../src/lib/process-tree.ts";
import { isAlive, type Started, startProgram, stay, stayDeaf, until } from "../support/workers/processes.ts";
import { collect, fixtureWorkers, makeWork } from "../support/workers/work.ts";

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const program = [path("node_modules/jiti/lib/jiti-cli.mjs"), path("src/entry/warden.ts")];
const run = `warden-${process.pid}-${systemClock.now()}`;

const started: Started[] = [];
const wardens: ChildProcess[] = [];
afterEach(() => {
  for (const child of [...started.splice(0).map((one) => one.child), ...wardens.splice(0)])
    child.kill("SIGKILL");
});
async function start(...args: Parameters<typeof startProgram>): Promise<Identity> {
  const one = await startProgram(...args);
  started.push(one);
  return one.identity;
}
function watchOver(runId: string, driver: Identity): ChildProcess {
  const args = [...program, runId, String(driver.pid), driver.startTime, driver.bootId];
  const warden = spawn(process.execPath, args, {
    stdio: ["pipe", "inherit", "inherit"],
    env: { ...readEnvironment(), PI_MUSTER_RUN: runId },
  });
  wardens.push(warden);
  return warden;
}

describe("a warden", () => {
  it("ends what a killed driver started, leaves its successor's alone, and goes", async () => {
    const driver = await start(stay, {});
    const marks = { PI_MUSTER_RUN: `${run}-a`, PI_MUSTER_DRIVER: driverMark(driver) };
    const worker = await start(stayDeaf, marks);
    const successor = await start(stay, { ...marks, PI_MUSTER_DRIVER: "1-1" });
    const warden = watchOver(`${run}-a`, driver);
    const exited = once(warden, "exit");
    warden.stdin?.end();
    started[0]?.child.kill("SIGKILL");
    expect(await exited).toEqual([0, null]);
    expect([await isAlive(worker), await isAlive(successor)]).toEqual([false, true]);
  });

  it("goes when it is told to, and touches nothing while its driver lives", async () => {
    const driver = await start(stay, {});
    const worker = await start(stay, { PI_MUSTER_RUN: `${run}-b`, PI_MUSTER_DRIVER: driverMark(driver) });
    const warden = watchOver(`${run}-b`, driver);
    const exited = once(warden, "exit");
    warden.kill("SIGHUP");
    warden.kill("SIGTERM");
    await exited;
    expect([await isAlive(driver), await isAlive(worker)]).toEqual([true, true]);
  });

  it("is kept by the backend: started with the first attempt, replaced when it dies, gone with `close`", async () => {
    const backend = fixtureWorkers("silent", {
      warden: { command: process.execPath, args: ["-e", stay, "--"] },
    });
    const work = await makeWork();
    const worker = backend.start(work);
    const reading = collect(worker);
    const mark = `PI_MUSTER_RUN=${work.runId}`;
    const watch = createProcessWatch();
    const wardensNow = async (): Promise<readonly Identity[]> => {
      const all = await watch.members({ marks: [mark], known: new Map(), exempt: new Set([process.pid]) });
      const theirs = await watch.members({
        marks: [mark, `PI_MUSTER_DRIVER=${driverMark(await self())}`],
        known: new Map(),
        exempt: new Set([process.pid]),
      });
      return all.filter((one) => !theirs.some((other) => other.pid === one.pid));
    };
    const self = async (): Promise<Identity> => await ownIdentity();
    await until(async () => (await wardensNow()).length === 1);
    const [first] = await wardensNow();
    process.kill(first?.pid ?? -1, "SIGKILL");
    await until(async () => (await wardensNow()).some((one) => one.pid !== first?.pid));
    expect(await backend.reap(work.runId, [])).toEqual([]);
    expect((await wardensNow()).length).toBe(1);
    await worker.outcome;
    await reading;
    await backend.close();
    await until(async () => (await wardensNow()).length === 0);
  });
});
