import { describe, expect, it } from "vitest";
import { RunNotFound } from "../../src/core/failure.ts";
import type { AttemptOutcome } from "../../src/core/outcome.ts";
import type { RunEngine } from "../../src/core/ports.ts";
import type { Liveness, ProcessIdentity } from "../../src/core/process.ts";
import type { Worker, WorkerBackend } from "../../src/core/worker.ts";
import { takeAndDrive } from "../../src/engine/lease.ts";
import { localEngine } from "../../src/engine/local-engine.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { boundlessSlots, instantWorkers } from "../support/instant-workers.ts";
import { goodIo, MemoryDisk, memoryStore } from "../support/memory-store.ts";
import { completed, plan, task, terms } from "../support/plan.ts";

const { runId: _runId, ...submitted } = terms({ background: true });
const diamond = plan(task("a"), task("b", ["a"]), task("c", ["a"]), task("d", ["b", "c"]));

/** An engine over a disk in memory. Launches are noted, not made; `drive` is what a launched runner would do. */
function machine(backend: WorkerBackend = instantWorkers()) {
  const dead = new Set<number>();
  const disk = new MemoryDisk(
    () => undefined,
    ({ pid }): Liveness => (dead.has(pid) ? "gone" : "alive"),
  );
  const launched: string[] = [];
  const settings = { isWanted: true };
  let runs = 0;
  const identity = (pid: number): ProcessIdentity => ({ pid, startTime: String(pid), bootId: "b" });
  const engine: RunEngine = localEngine({
    store: memoryStore(disk, goodIo, identity(1)),
    clock: systemClock,
    newRunId: () => `20260101-00000${++runs}`,
    launch: async (id) => void launched.push(id),
    recovers: async () => settings.isWanted,
  });
  const drive = (runId: string, pid: number, signal = new AbortController().signal) => {
    const store = memoryStore(disk, goodIo, identity(pid));
    const probe = () => Promise.resolve("alive" as const);
    const parts = { runId, store, backend, slots: boundlessSlots(), clock: systemClock, probe };
    return takeAndDrive(parts, identity(pid), signal);
  };
  return { engine, disk, dead, launched, drive, settings };
}

/** Workers that go on until they are stopped. */
function endlessWorkers(): WorkerBackend {
  const instant = instantWorkers();
  return {
    ...instant,
    start(work): Worker {
      let settle: (outcome: AttemptOutcome) => void = () => undefined;
      const outcome = new Promise<AttemptOutcome>((resolve) => {
        settle = resolve;
      });
      const { usage } = completed();
      return { ...instant.start(work), outcome, stop: () => settle({ kind: "cancelled", usage }) };
    },
  };
}

const cancel = { id: "c", kind: "cancel", by: "me", reason: "enough" } as const;

describe("the embedded engine", () => {
  it("has the run on disk and a runner under way when submit resolves", async () => {
    const { engine, launched, disk } = machine();
    const runId = await engine.submit({ plan: diamond, terms: submitted });
    expect(launched).toEqual([runId]);
    expect([...disk.run(runId).inbox.values()]).toMatchObject([{ kind: "start", terms: { runId } }]);
    expect(await engine.list()).toMatchObject([{ runId, manifest: { status: "queued" }, driver: "none" }]);
  });

  it("lists a driven run by its manifest, and rebuilds one that is missing or unreadable", async () => {
    const { engine, disk, drive } = machine();
    const runId = await engine.submit({ plan: diamond, terms: submitted });
    expect(await drive(runId, 2)).toMatchObject({ status: "completed" });
    const before = await engine.list();
    expect(before).toMatchObject([{ manifest: { status: "completed" }, driver: "none" }]);
    disk.run(runId).manifest = undefined;
    expect(await engine.list()).toEqual(before);
    disk.run(runId).manifest = { content: "unreadable", writer: { pid: 1, startTime: "1", bootId: "b" } };
    expect(await engine.list()).toEqual(before);
    expect(disk.run(runId).manifest?.content).toMatchObject({ status: "completed" });
  });

  it("lists the newest alone when it is told so, and reads nothing again of a run that was over", async () => {
    const { engine, disk, drive } = machine();
    const over = await engine.submit({ plan: diamond, terms: submitted });
    await drive(over, 2);
    const other = await engine.submit({ plan: plan(task("other")), terms: submitted });
    expect((await engine.list(undefined, { newestMax: 1 })).map(({ runId }) => runId)).toEqual([other]);
    const known = await engine.list();
    disk.run(over).manifest = { content: "unreadable", writer: { pid: 1, startTime: "1", bootId: "b" } };
    await drive(other, 3);
    const [now, kept] = await engine.list(undefined, { known });
    expect(now).toMatchObject({ runId: other, manifest: { status: "completed" } });
    expect(kept).toBe(known[1]);
    expect(disk.run(over).manifest?.content).toBe("unreadable");
  });

  it("does not believe a manifest that names a dead driver", async () => {
    const { engine, disk, dead, drive } = machine(endlessWorkers());
    const runId = await engine.submit({ plan: diamond, terms: submitted });
    const stop = new AbortController();
    const driven = drive(runId, 2, stop.signal);
    await recorded(engine, runId, "attempt.started");
    const run = disk.run(runId);
    await expect.poll(() => run.manifest?.content).toMatchObject({ status: "running", driver: { pid: 2 } });
    const stale = run.manifest;
    await engine.send(runId, cancel);
    expect(await driven).toMatchObject({ status: "cancelled" });
    run.manifest = stale;
    dead.add(2);
    run.holder = { pid: 2, startTime: "2", bootId: "b", epoch: 1 };
    expect(await engine.list()).toMatchObject([{ manifest: { status: "cancelled" }, driver: "none" }]);
    expect(run.manifest?.content).toMatchObject({ status: "cancelled" });
  });

  it("wakes a runner for a request exactly when none lives and the run is not over", async () => {
    const { engine, launched, drive } = machine(endlessWorkers());
    const runId = await engine.submit({ plan: diamond, terms: submitted });
    await engine.send(runId, { id: "r", kind: "resume", owner: { sessionId: "s" }, background: true });
    expect(launched).toEqual([runId, runId]);
    const driven = drive(runId, 2);
    await recorded(engine, runId, "attempt.started");
    await engine.send(runId, cancel);
    await driven;
    await engine.send(runId, { ...cancel, id: "late" });
    expect(launched).toEqual([runId, runId]);
  });

  it("makes the manifest say what was read", async () => {
    const { engine, disk, drive } = machine();
    const runId = await engine.submit({ plan: diamond, terms: submitted });
    await drive(runId, 2);
    const { events } = await engine.read(runId);
    disk.run(runId).manifest = undefined;
    await engine.settled(runId, events.length);
    expect(disk.run(runId).manifest?.content).toMatchObject({ seq: events.length, status: "completed" });
  });

  it("knows no run that is not there", async () => {
    const { engine } = machine();
    const never = new AbortController().signal;
    await expect(engine.read("20260101-none")).rejects.toThrow(RunNotFound);
    await expect(engine.send("20260101-none", cancel)).rejects.toThrow(RunNotFound);
    await expect(engine.follow("20260101-none", 1, never)[Symbol.asyncIterator]().next()).rejects.toThrow(
      RunNotFound,
    );
  });
});

describe("the lease", () => {
  it("goes to one of two contenders; the other learns who drives", async () => {
    const { engine, drive, disk } = machine();
    const runId = await engine.submit({ plan: diamond, terms: submitted });
    const ends = await Promise.all([drive(runId, 2), drive(runId, 3)]);
    expect(ends.filter((end) => "heldBy" in end)).toMatchObject([{ liveness: "alive" }]);
    expect(ends.filter((end) => "status" in end)).toMatchObject([{ status: "completed" }]);
    expect(disk.run(runId).epoch).toBe(1);
  });

  it("is free again after a driver that was asked to end, which leaves no name behind and no result lost", async () => {
    const finished = new Set<string>();
    const { engine, drive, disk } = machine(endlessAfter("b", finished));
    const runId = await engine.submit({ plan: diamond, terms: submitted });
    const stop = new AbortController();
    const first = drive(runId, 2, stop.signal);
    await expect.poll(() => finished.has("a")).toBe(true);
    await recorded(engine, runId, "attempt.ended");
    stop.abort();
    expect(await first).toMatchObject({ status: "running" });
    expect(disk.run(runId).manifest?.content).not.toHaveProperty("driver");
    const second = drive(runId, 3);
    await engine.send(runId, cancel);
    await second;
    const { events } = await engine.read(runId);
    expect(events.filter((event) => event.type === "attempt.started" && event.task === "a")).toHaveLength(1);
    expect(events.map((event) => event.epoch)).toContain(2);
  });
});

/** Instant workers, but for one task's. */
function endlessAfter(id: string, finished: Set<string>): WorkerBackend {
  const instant = instantWorkers((name) => {
    finished.add(name);
    return completed(name);
  });
  const endless = endlessWorkers();
  return { ...instant, start: (work) => (work.task.id === id ? endless : instant).start(work) };
}

/** Resolves when the journal holds an event of this type. */
async function recorded(engine: RunEngine, runId: string, type: string): Promise<void> {
  const enough = new AbortController();
  for await (const event of engine.follow(runId, 1, enough.signal)) {
    if (event.type === type) return;
  }
}
