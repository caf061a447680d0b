import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../src/core/ports.ts";
import type { Liveness, ProcessIdentity } from "../../src/core/process.ts";
import { machineSlots } from "../../src/engine/machine-slots.ts";
import { systemClock } from "../../src/lib/clock.ts";

let directory: string;
const children = new Set<ChildProcess>();
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "muster-slots-"));
});
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, "close");
    child.kill("SIGKILL");
    await ended;
  }
  children.clear();
  await rm(directory, { recursive: true, force: true });
});

const clock = systemClock;
const session = (
  pid: number,
  workersMax: number,
  living: (process: ProcessIdentity) => Liveness = () => "alive",
) =>
  machineSlots({
    directory,
    workersMax,
    clock,
    self: async () => ({ pid, startTime: "1", bootId: "b" }),
    probe: async (process) => living(process),
  });

describe("machine slots", () => {
  it("never give out more than there are, and give back exactly what was taken", async () => {
    const [a, b] = [session(1, 3), session(2, 3)];
    const [fromA, fromB] = await Promise.all([a.takeWorkers(2), b.takeWorkers(5)]);
    const both = [...fromA, ...fromB];
    both.push(...(await a.takeWorkers(9)));
    expect(both).toHaveLength(3);
    expect(await b.takeWorkers(1)).toHaveLength(0);
    await both[0]?.release();
    await both[0]?.release();
    expect(await Promise.all([a.takeWorkers(5), b.takeWorkers(5)]).then((all) => all.flat())).toHaveLength(1);
    expect(await a.takeWorkers(0)).toHaveLength(0);
  });

  it("let each session honour its own limit", async () => {
    const [small, large] = [session(1, 2), session(2, 4)];
    expect(await large.takeWorkers(9)).toHaveLength(4);
    expect(await small.takeWorkers(9)).toHaveLength(0);
  });

  it("take over from the dead only: a holder that may live keeps its token", async () => {
    let liveness: Liveness = "indeterminate";
    const slots = session(2, 1, () => liveness);
    expect(await session(1, 1).takeWorkers(1)).toHaveLength(1);
    expect(await slots.takeWorkers(1)).toHaveLength(0);
    liveness = "gone";
    expect(await slots.takeWorkers(1)).toHaveLength(1);
  });

  it("hold one writer a checkout, by whatever path it is reached", async () => {
    const [a, b] = [session(1, 1), session(2, 1)];
    await symlink(directory, join(directory, "link"));
    const token = await a.takeWriter(directory);
    expect(token).toBeDefined();
    expect(await b.takeWriter(join(directory, "link"))).toBeUndefined();
    expect(await b.takeWriter(tmpdir())).toBeDefined();
    await token?.release();
    expect(await b.takeWriter(directory)).toBeDefined();
  });

  it("keep at most two files a slot, however often it changes hands, and outlive half-written claims", async () => {
    const slots = session(1, 1);
    for (let round = 0; round < 30; round += 1)
      for (const token of await slots.takeWorkers(1)) await token.release();
    const slot = join(directory, "slots", "01");
    expect((await readdir(slot)).length).toBeLessThanOrEqual(2);
    await writeFile(join(slot, "0099.json"), '{"pid":');
    expect(await slots.takeWorkers(1)).toHaveLength(0);
    const later = { ...clock, now: () => clock.now() + 60_000 };
    expect(await machineSlots({ directory, workersMax: 1, clock: later }).takeWorkers(1)).toHaveLength(1);
    expect(await readdir(slot)).toEqual(["0100.json"]);
  });

  it("give no token to a contender that looked before others took the same number and gave it back", async () => {
    const holders = [session(2, 1), session(3, 1)];
    for (const passes of [1, 2, 3]) {
      const interlude = async (): Promise<void> => {
        for (let pass = 0; pass < passes; pass += 1) {
          for (const token of (await holders[pass % 2]?.takeWorkers(1)) ?? []) await token.release();
        }
      };
      const contender = machineSlots({
        directory,
        workersMax: 1,
        clock,
        self: async () => {
          await interlude();
          return { pid: 4 + passes, startTime: "1", bootId: "b" };
        },
        probe: async () => "alive",
      });
      expect(await contender.takeWorkers(1), `${passes} passes`).toHaveLength(0);
      const [token] = await session(2, 1).takeWorkers(1);
      expect(token).toBeDefined();
      await token?.release();
    }
  });

  it("wake who waits when a token comes back, also when it came back just before", async () => {
    const never: Clock = { now: clock.now, sleep: () => new Promise(() => undefined) };
    const waiting = machineSlots({ directory, workersMax: 1, clock: never, probe: async () => "alive" });
    const [token] = await session(1, 1).takeWorkers(1);
    const [writer] = [await session(1, 1).takeWriter("/x")];
    expect(await waiting.takeWorkers(1)).toHaveLength(0);
    await token?.release();
    await waiting.changed(new AbortController().signal);
    expect(await waiting.takeWorkers(1)).toHaveLength(1);
    const changed = waiting.changed(new AbortController().signal);
    await writer?.release();
    await changed;
    const ending = new AbortController();
    const aborted = waiting.changed(ending.signal);
    ending.abort();
    await aborted;
  });

  it("are never exceeded by eight processes, some of them killed while they hold tokens", async () => {
    const limit = 3;
    const log = join(directory, "log");
    await writeFile(log, "");
    const start = (name: string): ChildProcess => {
      const program = fileURLToPath(new URL("slot-holder.ts", import.meta.url));
      const args = [
        "--import",
        "jiti/register",
        program,
        join(directory, "machine"),
        log,
        name,
        String(limit),
      ];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
      children.add(child);
      return child;
    };
    const lines = async (): Promise<string[]> => (await readFile(log, "utf8")).split("\n").filter(Boolean);
    const named = new Map(["a", "b", "c", "d", "e", "f", "g", "h"].map((name) => [name, start(name)]));
    for (const name of ["a", "b", "c", "d"]) {
      const before = (await lines()).length;
      // Each victim has worked, and so have others since the last one died.
      while ((await lines()).length < before + 40 || !(await lines()).includes(`+ ${name}`))
        await clock.sleep(20);
      await appendFile(log, `x ${name}\n`);
      const child = named.get(name);
      if (child === undefined) throw new Error(`no child ${name}`);
      const ended = once(child, "close");
      child.kill("SIGKILL");
      await ended;
      children.delete(child);
    }
    const before = (await lines()).length;
    while ((await lines()).length < before + 60) await clock.sleep(20);

    const held = new Map<string, number>();
    let writer: string | undefined;
    const dead = new Set<string>();
    for (const line of await lines()) {
      const [word = "", name = ""] = line.split(" ");
      if (dead.has(name)) continue;
      if (word === "x") dead.add(name);
      if (word === "w") {
        expect(writer).toBeUndefined();
        writer = name;
      }
      if (writer === name && (word === "v" || word === "x")) writer = undefined;
      if (word === "x") held.delete(name);
      if (word === "+" || word === "-") held.set(name, (held.get(name) ?? 0) + (word === "+" ? 1 : -1));
      const all = [...held.values()].reduce((sum, count) => sum + count, 0);
      expect(all).toBeLessThanOrEqual(limit);
    }
    expect(dead.size).toBe(4);
    for (const child of children) expect(child.exitCode, "no holder failed").toBeNull();
  }, 180_000);
});
