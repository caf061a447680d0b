import { expect, it } from "vitest";
import { type RunEvent, schemaVersion } from "../../src/core/events.ts";
import type { RecoveryReport, RunEngine } from "../../src/core/ports.ts";
import type { Liveness, ProcessIdentity } from "../../src/core/process.ts";
import { localEngine } from "../../src/engine/local-engine.ts";
import { goodIo, MemoryDisk, memoryStore, StoredRun } from "../support/memory-store.ts";
import { plan, task, terms } from "../support/plan.ts";

const runId = "20260101-000000-one";
const driver: ProcessIdentity = { pid: 2, startTime: "2", bootId: "b" };
const began: RunEvent = { type: "run.started", request: "start", plan: plan(task("a")), terms: terms() };

/** Sessions of one project, its disk and its time; launched runners do nothing. */
function project({ isWanted = true, sessions = 1 } = {}) {
  let now = 1_000_000;
  const world = { liveness: "gone" as Liveness, launched: [] as string[] };
  const disk = new MemoryDisk(
    () => undefined,
    () => world.liveness,
  );
  const clock = { now: () => now, sleep: () => Promise.resolve() };
  const engines = Array.from(
    { length: sessions },
    (): RunEngine =>
      localEngine({
        store: memoryStore(disk, goodIo, { pid: 1, startTime: "1", bootId: "b" }),
        clock,
        newRunId: () => runId,
        launch: async (id) => void world.launched.push(id),
        recovers: async () => isWanted,
      }),
  );
  const hold = (run: StoredRun): void => {
    run.epoch++;
    run.holder = { ...driver, epoch: run.epoch };
    disk.keep(run, runId, [{ type: "lease.taken", ...driver, sealed: [] }], now);
  };
  /** A run that this driver took, with these records; its manifest is missing. */
  const holds = (...events: readonly RunEvent[]): StoredRun => {
    const run = new StoredRun();
    disk.runs.set(runId, run);
    hold(run);
    disk.keep(run, runId, events, now);
    return run;
  };
  const [first] = engines;
  if (first === undefined) throw new Error("no session");
  const look = (graceMs = 0): Promise<RecoveryReport> => first.recover({ graceMs });
  const pass = (ms: number): void => {
    now += ms;
  };
  return { ...{ world, disk, engines, engine: first, look, pass, hold, holds } };
}

it("gives a run whose driver died a new one, once, and again after ever longer pauses", async () => {
  const { world, engine, look, pass, holds } = project();
  holds(began);
  await engine.list();
  const launchedAt: number[] = [];
  for (let second = 0; second < 300; second++) {
    const before = world.launched.length;
    expect(await look()).toEqual({ live: 1, coming: [runId], left: [] });
    if (world.launched.length > before) launchedAt.push(second);
    pass(1_000);
  }
  expect(launchedAt).toEqual([0, 4, 12, 28, 60, 124, 252]);
});

it("begins anew with its patience once a driver was at work", async () => {
  const { world, engine, look, pass, holds } = project();
  holds(began);
  await engine.list();
  await look();
  world.liveness = "alive";
  expect(await look()).toEqual({ live: 1, coming: [], left: [] });
  world.liveness = "gone";
  pass(1_000);
  await look();
  expect(world.launched).toHaveLength(2);
});

it("leaves a moment to those who are nearer to the run", async () => {
  const { world, engine, look, pass, holds } = project();
  holds(began);
  await engine.list();
  expect(await look(5_000)).toEqual({ live: 1, coming: [], left: [] });
  pass(4_999);
  await look(5_000);
  expect(world.launched).toEqual([]);
  pass(1);
  expect(await look(5_000)).toMatchObject({ coming: [runId] });
});

it.each(["alive", "indeterminate"] as const)("lets a driver be that is %s", async (liveness) => {
  const { world, look, holds } = project();
  holds(began);
  world.liveness = liveness;
  expect(await look()).toEqual({ live: 1, coming: [], left: [] });
  expect(world.launched).toEqual([]);
});

it("drives a run that was submitted and never driven, after a grace; not one without its start request", async () => {
  const { world, disk, engine, look, pass } = project();
  await engine.submit({ plan: plan(task("a")), terms: terms() });
  world.launched.length = 0;
  expect(await look()).toMatchObject({ live: 1, coming: [] });
  pass(10_000);
  expect(await look()).toMatchObject({ coming: [runId] });
  expect(world.launched).toEqual([runId]);
  disk.run(runId).inbox.clear();
  pass(60_000);
  expect(await look()).toMatchObject({
    live: 0,
    left: [{ runId, reason: expect.stringContaining("never started") }],
  });
  expect(world.launched).toEqual([runId]);
});

it("leaves parked runs alone until somebody asks something of them", async () => {
  const { world, engine, disk, look, pass, holds } = project();
  holds(began, { type: "run.parked", cause: "recovery_limit", message: "enough" });
  await engine.list();
  expect(await look()).toEqual({ live: 0, coming: [], left: [] });
  const request = { id: "r", kind: "cancel", by: "me", reason: "" } as const;
  disk.run(runId).inbox.set("r", request);
  await look();
  pass(10_000);
  expect(await look()).toMatchObject({ coming: [runId] });
  expect(world.launched).toEqual([runId]);
});

it("leaves damaged and newer runs alone, says why, and hides no other run behind them", async () => {
  const { world, disk, engine, look, holds } = project();
  const run = holds(began);
  const [listing] = await engine.list();
  if (listing === undefined || !("manifest" in listing)) throw new Error("not listed");
  const content = { ...listing.manifest, schemaVersion: schemaVersion + 1 };
  run.manifest = { content, writer: driver };
  const other = "20260101-000000-two";
  disk.runs.set(other, Object.assign(new StoredRun(), { epoch: 1, holder: { ...driver, epoch: 1 } }));
  const broken = disk.run(other);
  broken.events.push({ ...began, v: 1, seq: 7, epoch: 1, at: "2026-01-01T00:00:00.000Z" });
  broken.manifest = { content: { ...listing.manifest, runId: other }, writer: driver };
  const { left } = await look();
  expect(left).toMatchObject([
    { runId, reason: expect.stringContaining("newer") },
    { runId: other, reason: expect.stringContaining("event 7") },
  ]);
  expect(world.launched).toEqual([]);
});

it("does nothing unasked where the settings say so, and names the command", async () => {
  const { world, engine, look, holds } = project({ isWanted: false });
  holds(began);
  await engine.list();
  const { left } = await look();
  expect(left).toMatchObject([{ runId, reason: expect.stringContaining(`team resume run=${runId}`) }]);
  expect(world.launched).toEqual([]);
});

it("puts the manifest of a run right that ended with its driver's last word unsaid", async () => {
  const { disk, engine, look, holds } = project();
  const run = holds(began);
  await engine.list();
  const end = { type: "run.finished", status: "cancelled", cause: "cancelled" } as const;
  disk.keep(run, runId, [{ type: "task.cancelled", task: "a" }, end], 0);
  expect(await look()).toEqual({ live: 0, coming: [], left: [] });
  expect(run.manifest?.content).toMatchObject({ status: "cancelled" });
});
