import { expect, it } from "vitest";
import type { RunEvent } from "../../src/core/events.ts";
import { StorageError } from "../../src/core/failure.ts";
import type { RunStore } from "../../src/core/ports.ts";
import { takeAndDrive } from "../../src/engine/lease.ts";
import { examine } from "../../src/engine/repair.ts";
import { boundlessSlots, instantWorkers } from "../support/instant-workers.ts";
import { goodIo, MemoryDisk, memoryStore, StoredRun } from "../support/memory-store.ts";
import { completed, plan, task, terms } from "../support/plan.ts";

const runId = "20260101-000000-one";
const began: readonly RunEvent[] = [
  { type: "run.started", request: "start", plan: plan(task("a"), task("b", ["a"])), terms: terms() },
  { type: "attempt.started", task: "a", attempt: 1 },
];

/** A run whose driver died once `a` had left its result, on a disk that refuses to read it as often as `refusals` says. */
function deadRun(refusals: { left: number; code: string }) {
  const disk = new MemoryDisk();
  const run = new StoredRun();
  disk.runs.set(runId, run);
  run.epoch = 1;
  disk.keep(
    run,
    runId,
    [{ type: "lease.taken", pid: 2, startTime: "2", bootId: "b", sealed: [] }, ...began],
    1_000,
  );
  const record = { v: 1, runId, task: "a", attempt: 1, at: "2026-01-01T00:00:00.000Z" } as const;
  run.outcomes.set("a/1", { ...record, outcome: completed("found") });
  const real = memoryStore(disk, goodIo, { pid: 3, startTime: "3", bootId: "b" });
  const store: RunStore = {
    ...real,
    attempts: (id) => ({
      ...real.attempts(id),
      async readOutcome(name, attempt) {
        if (name !== "a" || refusals.left-- <= 0) return await real.attempts(id).readOutcome(name, attempt);
        const failure = { cause: undefined, code: refusals.code, path: "attempts/a-1/outcome.json" };
        throw new StorageError(`cannot read ${failure.path}: ${refusals.code}`, failure);
      },
    }),
  };
  const worked: string[] = [];
  const workers = instantWorkers();
  const backend: typeof workers = {
    ...workers,
    start(work) {
      worked.push(work.task.id);
      return workers.start(work);
    },
  };
  let now = 2_000;
  const sleeps: (() => void)[] = [];
  const clock = {
    now: () => now,
    sleep: async (ms: number) => {
      // Every sleeper wakes early, and no deadline comes near.
      now += Math.min(ms, 10);
      for (const act of sleeps.splice(0)) act();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
  const probe = async () => "gone" as const;
  const parts = { runId, store, backend, slots: boundlessSlots(), clock, probe };
  const drive = () =>
    takeAndDrive(parts, { pid: 3, startTime: "3", bootId: "b" }, new AbortController().signal);
  const types = () =>
    run.events.map((event) => ("task" in event ? `${event.type} ${event.task}` : event.type));
  return { store, drive, worked, types, sleeps, run };
}

it.each(["EIO", "EACCES", "EMFILE"])(
  "a result that cannot be read for the moment (%s) is waited for, and counts",
  async (code) => {
    const { store, drive, worked, types } = deadRun({ left: 5, code });
    expect((await examine(store, runId)).findings).toContainEqual({
      where: "attempts/a-1/outcome.json",
      message: expect.stringContaining(code),
      remedy: expect.stringContaining("move it away"),
    });
    expect(await drive()).toMatchObject({ status: "completed" });
    expect(worked).toEqual(["b"]);
    expect(types().filter((type) => type.endsWith(" a"))).toEqual(["attempt.started a", "attempt.ended a"]);
  },
);

it("whoever cancels the run gives up what cannot be read", async () => {
  const { store, drive, worked, sleeps } = deadRun({ left: Number.POSITIVE_INFINITY, code: "EIO" });
  const cancel = { id: "c", kind: "cancel", by: "me", reason: "enough" } as const;
  sleeps.push(() => void store.inbox(runId).post(cancel));
  expect(await drive()).toMatchObject({ status: "cancelled" });
  expect(worked).toEqual([]);
});

it("a result that can be read soon counts also in a run that is to be cancelled", async () => {
  const { store, drive, types } = deadRun({ left: 4, code: "EIO" });
  await store.inbox(runId).post({ id: "c", kind: "cancel", by: "me", reason: "enough" });
  expect(await drive()).toMatchObject({ status: "cancelled", counts: { completed: 1 } });
  expect(types()).toContain("attempt.ended a");
});

it("what is no outcome and never will be one is lost, and its task done again", async () => {
  const { drive, worked, run } = deadRun({ left: 0, code: "" });
  run.outcomes.set("a/1", "unreadable");
  expect(await drive()).toMatchObject({ status: "completed" });
  expect(worked).toEqual(["a", "b"]);
});
