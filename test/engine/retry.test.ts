import { rmSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { taskAt } from "../../src/core/state.ts";
import { takeAndDrive } from "../../src/engine/lease.ts";
import { localEngine } from "../../src/engine/local-engine.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { boundlessSlots, leavingWorkers } from "../support/instant-workers.ts";
import { plan, task, terms } from "../support/plan.ts";

let root = "";
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), "muster-retry-")), ".muster");
});
afterEach(() => rm(join(root, ".."), { recursive: true, force: true }));

const usage = { input: 10, output: 1, cacheRead: 0, cacheWrite: 0, cost: 1, turns: 1 };
const { runId: _runId, ...submitted } = terms({ background: true });
const change = { ...submitted, owner: { sessionId: "session-2" } };
const chain = plan(task("a"), task("b", ["a"]), task("c", ["b"]));

/** A store on disk whose workers leave an artifact each, and fail at the tasks in `broken`. */
function machine(ids = "20260101-00000", clock = systemClock) {
  const store = openRunStore(root);
  const broken = new Set(["c"]);
  const worked: string[] = [];
  let runs = 0;
  const engine = localEngine({
    store,
    clock,
    newRunId: () => `${ids}${++runs}`,
    launch: () => Promise.resolve(),
  });
  const drive = async (runId: string) => {
    const backend = leavingWorkers(broken, ({ task: { id }, inputs }) =>
      worked.push(`${id} from ${inputs.map(({ text }) => text).join()}`),
    );
    const parts = { runId, store, backend, slots: boundlessSlots(), clock: systemClock };
    const probe = async () => "alive" as const;
    const self = { pid: 2, startTime: "2", bootId: "b" };
    const state = await takeAndDrive({ ...parts, probe }, self, new AbortController().signal);
    if (!("status" in state) || state.status === "queued") throw new Error("not driven");
    return state;
  };
  return { engine, broken, worked, drive };
}

it("stands on its own: the finished work is there, costs nothing, and is not done again", async () => {
  const { engine, broken, worked, drive } = machine();
  const first = await engine.submit({ plan: chain, terms: submitted });
  expect(await drive(first)).toMatchObject({ status: "failed" });
  broken.clear();
  worked.length = 0;
  const { runId, continued } = await engine.retry(first, change);
  expect(continued).toMatchObject({
    from: first,
    reused: [
      { task: "a", run: first },
      { task: "b", run: first },
    ],
    again: [{ task: "c", why: "it failed (self_exit)" }],
  });
  await rm(engine.directory(first), { recursive: true });
  const state = await drive(runId);
  expect(state).toMatchObject({ status: "completed", continuedFrom: first, usage });
  expect(worked).toEqual(["c from b done"]);
  expect(taskAt(state, "a")?.task).toMatchObject({ reusedFrom: first, usage: { cost: 0 } });
  const kept = engine.directory(runId);
  expect(await readFile(join(kept, "artifacts/a.txt"), "utf8")).toBe("a");
  expect(await readFile(join(kept, "attempts/a-1/prompt.md"), "utf8")).toBe("the prompt");
  expect(JSON.parse(await readFile(join(kept, "attempts/a-1/outcome.json"), "utf8"))).toMatchObject({
    runId,
  });
});

it("names the run that did the work, also through a chain of retries", async () => {
  const { engine, drive } = machine();
  const first = await engine.submit({ plan: chain, terms: submitted });
  await drive(first);
  const second = await engine.retry(first, change);
  await drive(second.runId);
  const { continued } = await engine.retry(second.runId, change);
  expect(continued.reused.map(({ run }) => run)).toEqual([first, first]);
});

it.each(["attempts/a-1/outcome.json", "artifacts/a.txt"])(
  "does again what lost %s, and all that builds on it",
  async (file) => {
    const { engine, drive } = machine();
    const first = await engine.submit({ plan: chain, terms: submitted });
    await drive(first);
    await rm(join(engine.directory(first), file));
    const { continued } = await engine.retry(first, change);
    expect(continued).toMatchObject({
      reused: [],
      again: [{ task: "a", why: /not there/ }, { task: "b", why: /a, which/ }, { task: "c" }].map((one) =>
        "why" in one ? { ...one, why: expect.stringMatching(one.why ?? "") } : one,
      ),
    });
  },
);

it("starts one run of any number of retries in the same moment, told by name to the others", async () => {
  const { engine, drive } = machine();
  const first = await engine.submit({ plan: chain, terms: submitted });
  await drive(first);
  const engines = ["20260102-00000", "20260103-00000", "20260104-00000"].map((ids) => machine(ids).engine);
  const all = await Promise.allSettled(engines.map((one) => one.retry(first, change)));
  const made = all.flatMap((one) => (one.status === "fulfilled" ? [one.value.runId] : []));
  expect(made).toHaveLength(1);
  for (const one of all)
    if (one.status === "rejected")
      expect(one.reason).toMatchObject({ name: "AlreadyContinued", by: made[0] });
  expect((await engine.list()).map(({ runId }) => runId)).toEqual([made[0], first]);
  expect(await engine.strays()).toEqual([]);
});

it("may be asked again once the run that went on is forgotten", async () => {
  const { engine, drive } = machine();
  const first = await engine.submit({ plan: chain, terms: submitted });
  await drive(first);
  const next = await engine.retry(first, change);
  await expect(engine.retry(first, change)).rejects.toMatchObject({ by: next.runId });
  await rm(engine.directory(next.runId), { recursive: true });
  const again = await engine.retry(first, change);
  expect(again.continued.reused).toHaveLength(2);
});

it("starts nothing, and brings nothing back, where the old run is removed in the same moment", async () => {
  const { engine, drive } = machine();
  const first = await engine.submit({ plan: chain, terms: submitted });
  await drive(first);
  // Asked for the time last of all, when the new run lies ready.
  const now = (): number => {
    rmSync(engine.directory(first), { recursive: true, force: true });
    return systemClock.now();
  };
  const removing = machine("20260102-00000", { ...systemClock, now });
  await expect(removing.engine.retry(first, change)).rejects.toMatchObject({ failure: { code: "ENOENT" } });
  expect([await engine.list(), await engine.strays()]).toEqual([[], []]);
});

it("refuses while it cannot tell whether a run goes on already", async () => {
  const { engine, drive } = machine();
  const first = await engine.submit({ plan: chain, terms: submitted });
  await drive(first);
  await engine.retry(first, change);
  await writeFile(join(engine.directory(first), "successors/0001.json"), "{");
  await expect(engine.retry(first, change)).rejects.toThrow(/0001\.json: EINVAL/);
});
