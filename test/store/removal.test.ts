import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { fold } from "../../src/core/evolve.ts";
import { AlreadyContinued, RunNotFound } from "../../src/core/failure.ts";
import { HistoryRefused, type ImportTerms } from "../../src/core/history.ts";
import { isFinalRun } from "../../src/core/status.ts";
import { localEngine } from "../../src/engine/local-engine.ts";
import { leavingWorkers } from "../support/instant-workers.ts";
import { type PastWorld, pastWorld, started } from "../support/past.ts";

/** How many more changes the disk takes before the process is killed: from then on it changes nothing. */
const power = vi.hoisted(() => ({ left: Number.POSITIVE_INFINITY }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const spend = (): void => {
    if (power.left <= 0) throw new Error("killed");
    power.left -= 1;
  };
  const changes = ["rename", "rm", "mkdir", "writeFile", "link", "appendFile"] as const;
  const killable = Object.fromEntries(
    changes.map((name) => [
      name,
      async (...args: unknown[]) => {
        spend();
        return await Reflect.apply(real[name], real, args);
      },
    ]),
  );
  const open = async (path: string, flags = "r", mode?: number) => {
    if (flags !== "r" && !(typeof flags === "number")) spend();
    return await real.open(path, flags, mode);
  };
  return { ...real, ...killable, open };
});

/** Does the work on a disk that dies after `changes` changes; true when it got that far. */
async function killedAfter(changes: number, work: () => Promise<unknown>): Promise<boolean> {
  power.left = changes;
  try {
    await work();
    return false;
  } catch (error) {
    if (!(error instanceof Error && /killed/.test(`${error.message} ${error.cause}`))) throw error;
    return true;
  } finally {
    power.left = Number.POSITIVE_INFINITY;
  }
}

const mark = { goal: "the goal", status: "completed", at: "now", by: "session-1", reason: "done with it" };
const stepsMax = 200;
const names = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);

async function finished(): Promise<{ world: PastWorld; runId: string; bundle: string; terms: ImportTerms }> {
  const world = await pastWorld();
  const runId = await started(world);
  await Promise.all(world.drives);
  const bundle = join(world.project, "b.gz");
  await world.history.exportRun(runId, bundle, { by: "session-1", maxBytes: 1_000_000 });
  const { settings, project: cwd } = world;
  const owner = { sessionId: "session-1" };
  const terms = { owner, cwd, trusted: true, settings, reason: "again", force: true, maxBytes: 1_000_000 };
  return { world, runId, bundle, terms };
}

/** The run is listed, and all of it can be read. */
async function expectWhole({ engine, root }: PastWorld, runId: string): Promise<void> {
  const { events, problem } = await engine.read(runId);
  expect(problem).toBeUndefined();
  expect(isFinalRun(fold(events).status)).toBe(true);
  expect(await engine.list()).toMatchObject([{ runId, manifest: { status: "completed" } }]);
  expect(JSON.parse(await readFile(join(root, "runs", runId, "manifest.json"), "utf8"))).toMatchObject({
    runId,
  });
}

async function clearAll({ history, clock }: PastWorld, runId: string): Promise<void> {
  clock.aheadMs += 7_200_000;
  for (const leftover of await history.leftovers(new Set([runId]))) await history.clear(leftover);
}

it("removes a run that is killed anywhere on the way either wholly or not at all", async () => {
  const { world, runId, bundle, terms } = await finished();
  const { history, engine, root } = world;
  let steps = 0;
  while (await killedAfter(steps, () => history.remove(runId, mark))) {
    steps += 1;
    expect(steps).toBeLessThan(stepsMax);
    if ((await engine.list()).length > 0) {
      await expectWhole(world, runId);
      await history.remove(runId, mark);
    }
    expect(await engine.list()).toEqual([]);
    expect(await history.tombstones()).toMatchObject([{ runId, ...mark }]);
    await clearAll(world, runId);
    expect(await names(join(root, "trash"))).toEqual([]);
    await history.importRun(bundle, terms);
  }
  expect(steps).toBeGreaterThan(5);
  expect(await readdir(join(root, "trash"))).toEqual([]);
});

it("removed by several at once, a run is removed by one; the others are told that it is gone or held", async () => {
  const { world, runId, bundle, terms } = await finished();
  const { history, engine, root } = world;
  for (let round = 0; round < 20; round++) {
    const many = Array.from({ length: 4 }, () => history.remove(runId, mark));
    const failed = (await Promise.allSettled(many)).flatMap((one) =>
      one.status === "rejected" ? [one.reason] : [],
    );
    expect(failed.length).toBeLessThan(4);
    for (const error of failed)
      expect(error instanceof RunNotFound || error instanceof HistoryRefused, String(error)).toBe(true);
    expect(await engine.list()).toEqual([]);
    expect(await names(join(root, "trash"))).toEqual([]);
    await history.importRun(bundle, terms);
  }
});

it("imports a run that is killed anywhere on the way either wholly or not at all", async () => {
  const { world, runId, bundle, terms } = await finished();
  const { history, engine, root } = world;
  await history.remove(runId, mark);
  let steps = 0;
  while (await killedAfter(steps, () => history.importRun(bundle, terms))) {
    steps += 1;
    expect(steps).toBeLessThan(stepsMax);
    if ((await engine.list()).length > 0) {
      await expectWhole(world, runId);
      await rm(join(root, "runs", runId), { recursive: true });
    }
    await clearAll(world, runId);
    expect(await readdir(join(root, "runs"))).toEqual([]);
  }
  expect(steps).toBeGreaterThan(10);
  await expectWhole(world, runId);
});

it("a retry that is killed anywhere on the way leaves no run or a whole one, and one only", async () => {
  const world = await pastWorld(leavingWorkers(new Set(["b"])));
  const old = await started(world);
  await Promise.all(world.drives);
  const { root, history, store, clock } = world;
  let runs = 0;
  const newRunId = () => `20260202-${String(++runs).padStart(4, "0")}-next`;
  const engine = localEngine({ store, clock, newRunId, launch: async () => undefined });
  const [owner, origin] = [{ sessionId: "session-1" }, { kind: "user", id: "t" } as const];
  const retry = () => engine.retry(old, { owner, origin, trusted: true, background: true });
  let steps = 0;
  let told = 0;
  for (let isKilled = true; isKilled; steps += 1) {
    expect(steps).toBeLessThan(stepsMax);
    isKilled = await killedAfter(steps, retry);
    const seen = (await store.ids()).filter((runId) => runId !== old);
    // Who asks next makes one, or is told which there is.
    const next = await retry().then(
      ({ runId }) => runId,
      (error: unknown) => {
        if (!(error instanceof AlreadyContinued)) throw error;
        told += 1;
        return error.by;
      },
    );
    expect([[], [next]]).toContainEqual(seen);
    expect(await store.inbox(next).pending()).toMatchObject([
      { kind: "start", continued: { from: old, reused: [{ task: "a" }], again: [{ task: "b" }] } },
    ]);
    expect(await store.attempts(next).readOutcome("a", 1)).toMatchObject({ runId: next });
    expect(await store.readManifest(next)).toMatchObject({ status: "queued", continuedFrom: old });
    const left = ["artifacts/a.txt", "attempts/a-1/prompt.md"].map((file) => join(root, "runs", next, file));
    for (const file of left) expect(await readFile(file, "utf8")).toMatch(/^(a|the prompt)$/);
    await history.remove(next, mark);
    await clearAll(world, old);
    expect(await readdir(join(root, "runs"))).toEqual([old]);
  }
  expect(steps).toBeGreaterThan(10);
  // Also of one that was claimed, and not in its place yet.
  expect(told).toBeGreaterThan(1);
});

it("leaves no part of a bundle when an export is killed", async () => {
  const { world, runId } = await finished();
  const { history, project, clock } = world;
  const to = join(history.exports, "x.gz");
  let steps = 0;
  const work = () => history.exportRun(runId, to, { by: "session-1", maxBytes: 1_000_000 });
  while (await killedAfter(steps, work)) {
    steps += 1;
    expect(steps).toBeLessThan(stepsMax);
    if ((await names(history.exports)).includes("x.gz")) await history.inspect(to, 1_000_000);
    await rm(to, { force: true });
    clock.aheadMs += 7_200_000;
    for (const leftover of await history.leftovers(new Set([runId]))) await history.clear(leftover);
    expect(await names(history.exports)).toEqual([]);
  }
  expect(steps).toBeGreaterThan(2);
  expect(await readdir(project)).toContain("b.gz");
});
