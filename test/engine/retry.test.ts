import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { taskAt } from "../../src/core/state.ts";
import { takeAndDrive } from "../../src/engine/lease.ts";
import { localEngine } from "../../src/engine/local-engine.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { boundlessSlots, instantWorkers } from "../support/instant-workers.ts";
import { failed, plan, result, task, terms } from "../support/plan.ts";

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
function machine() {
  const store = openRunStore(root);
  const broken = new Set(["c"]);
  const worked: string[] = [];
  let runs = 0;
  const engine = localEngine({
    store,
    clock: systemClock,
    newRunId: () => `20260101-00000${++runs}`,
    launch: () => Promise.resolve(),
  });
  const drive = async (runId: string) => {
    const instant = instantWorkers();
    const backend: typeof instant = {
      ...instant,
      start(work) {
        const { id } = work.task;
        worked.push(`${id} from ${work.inputs.map(({ text }) => text).join()}`);
        const leave = async () => {
          if (broken.has(id)) return failed({ retryable: false });
          const artifact = { name: id, path: `${id}.txt`, bytes: 1, sha256: sha256(id) };
          const left = { ...result(`${id} done`), artifacts: [artifact] };
          const outcome = { kind: "completed", result: left, usage } as const;
          const record = {
            v: 1,
            runId,
            task: id,
            attempt: work.attempt,
            at: "2026-01-01T00:00:00Z",
            outcome,
          };
          const { mkdir } = await import("node:fs/promises");
          await mkdir(work.artifacts, { recursive: true });
          await writeFile(join(work.artifacts, `${id}.txt`), id);
          await writeFile(join(work.directory, "outcome.json"), JSON.stringify(record));
          await writeFile(join(work.directory, "prompt.md"), "the prompt");
          return outcome;
        };
        return { ...instant.start(work), outcome: leave() };
      },
    };
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
