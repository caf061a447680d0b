import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import type { Identity } from "../../src/lib/identity.ts";
import {
  createProcessWatch,
  endTree,
  processTree,
  selfAndAncestors,
  signalProcesses,
} from "../../src/lib/process-tree.ts";
import { isAlive, type Started, startProgram, stay, stayDeaf, until } from "../support/workers/processes.ts";

const started: Started[] = [];
afterEach(() => {
  for (const { child } of started.splice(0)) child.kill("SIGKILL");
});
async function start(...args: Parameters<typeof startProgram>): Promise<Identity> {
  const one = await startProgram(...args);
  started.push(one);
  return one.identity;
}

const unique = `${process.pid}-${systemClock.now()}`;
const at = (ms: number): number => systemClock.now() + ms;
const pids = (processes: readonly Identity[]): readonly number[] => processes.map((one) => one.pid).sort();
/** Starts a scrubbed child in its own session, which starts one more and leaves it to init. */
const leaves = (environment: string): string => {
  const options = `{ detached: true, stdio: "ignore", env: ${environment} }`;
  const spawned = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(stay)}], ${options})`;
  return `console.log(${spawned}.pid); ${stay}`;
};

describe("a process tree", () => {
  it("holds what carries all the marks, and nothing that only talks about them", async () => {
    const marks = [`PI_MUSTER_RUN=${unique}-a`, "PI_MUSTER_WORKER=w1"];
    const member = await start(stay, { PI_MUSTER_RUN: `${unique}-a`, PI_MUSTER_WORKER: "w1", OTHER: "x" });
    await start(stay, { PI_MUSTER_RUN: `${unique}-a`, PI_MUSTER_WORKER: "w2" });
    await start(stay, { NOTE: marks.join(" ") }, ...marks);
    expect(pids(await createProcessWatch().members(processTree(marks)))).toEqual([member.pid]);
  });

  it("is ended whole, a member that ignores SIGTERM included, and bystanders live on", async () => {
    const mark = `PI_MUSTER_RUN=${unique}-b`;
    const deaf = await start(stayDeaf, { PI_MUSTER_RUN: `${unique}-b` });
    const meek = await start(stay, { PI_MUSTER_RUN: `${unique}-b` });
    const bystander = await start(stay, { NOTE: mark }, mark);
    const watch = createProcessWatch();
    expect(
      await endTree(watch, processTree([mark]), systemClock, { termAt: at(0), killAt: at(300) }),
    ).toEqual([]);
    expect([await isAlive(deaf), await isAlive(meek), await isAlive(bystander)]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it("keeps a scrubbed descendant that was seen once, after its parent is gone", async () => {
    const parent = await start(leaves("{}"), {});
    const tree = processTree([], [parent]);
    const watch = createProcessWatch();
    await until(async () => (await watch.members(tree)).length === 2);
    const [child] = (await watch.members(tree)).filter((one) => one.pid !== parent.pid);
    await signalProcesses([parent], "SIGKILL");
    await until(async () => !(await isAlive(parent)));
    expect(pids(await watch.members(tree))).toEqual([child?.pid]);
    expect(await endTree(watch, tree, systemClock, { termAt: at(0), killAt: at(500) })).toEqual([]);
  });

  it("never holds what it was told to leave alone", async () => {
    const one = await start(stay, { PI_MUSTER_RUN: `${unique}-c` });
    const tree = processTree([`PI_MUSTER_RUN=${unique}-c`], [], [one.pid]);
    expect(await endTree(createProcessWatch(), tree, systemClock, { termAt: at(0), killAt: at(0) })).toEqual(
      [],
    );
    expect(await isAlive(one)).toBe(true);
  });

  it("does not take a recycled pid for the process that was recorded", async () => {
    const stranger = await start(stay, {});
    const earlier = { ...stranger, startTime: "1" };
    await signalProcesses([earlier], "SIGKILL");
    const otherBoot = { ...stranger, bootId: "another boot" };
    expect(await createProcessWatch().members(processTree([], [earlier, otherBoot]))).toEqual([]);
    expect(await isAlive(stranger)).toBe(true);
  });

  it("says what is left when it is told to give up", async () => {
    const one = await start(stayDeaf, { PI_MUSTER_RUN: `${unique}-d` });
    const terms = { termAt: at(0), killAt: at(3_600_000), signal: AbortSignal.timeout(200) };
    const left = await endTree(
      createProcessWatch(),
      processTree([`PI_MUSTER_RUN=${unique}-d`]),
      systemClock,
      terms,
    );
    expect(pids(left)).toEqual([one.pid]);
  });
});

it("knows the way up from this process", async () => {
  const chain = await selfAndAncestors();
  expect(chain.slice(0, 2)).toEqual([process.pid, process.ppid]);
});
