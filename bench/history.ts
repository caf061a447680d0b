import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunEvent } from "../src/core/events.ts";
import { fold } from "../src/core/evolve.ts";
import { manifestOf } from "../src/core/manifest.ts";
import { noUsage } from "../src/core/outcome.ts";
import type { RunStore } from "../src/core/ports.ts";
import { localEngine } from "../src/engine/local-engine.ts";
import { systemClock } from "../src/lib/clock.ts";
import { openRunStore } from "../src/store/run-store.ts";
import { completed, layeredPlan, terms } from "../test/support/plan.ts";
import { type Benchmark, figureOf } from "./figure.ts";

const self = { pid: 1, startTime: "1", bootId: "bench" };
const runs = 1_000;
const records = 10_000;

/** What a project that has seen much costs whoever looks at it. */
export const history: Benchmark = {
  name: "history",
  about: `taking over a run of ${records} records; listing ${runs} finished runs from their manifests alone`,
  async run(rounds = 5) {
    const top = await mkdtemp(join(tmpdir(), "muster-bench-"));
    try {
      const taking: number[] = [];
      const store = openRunStore(join(top, "one", ".muster"), { probe: async () => "gone" });
      await longRun(store);
      for (let round = 0; round <= rounds; round++) {
        const startedAt = performance.now();
        const lease = await store.acquire("20260101-long", self, systemClock.now());
        if ("heldBy" in lease) throw new Error("nobody else is here");
        const state = fold(lease.history);
        taking.push(performance.now() - startedAt);
        if (state.status !== "running") throw new Error(`the run is ${state.status}`);
        await lease.release();
      }
      const listing: number[] = [];
      const many = openRunStore(join(top, "many", ".muster"));
      await finishedRuns(many);
      const unread: RunStore = {
        ...many,
        read: () => Promise.reject(new Error("a listing reads no journal")),
      };
      const engine = localEngine({
        store: unread,
        clock: systemClock,
        newRunId: () => "",
        launch: async () => undefined,
      });
      for (let round = 0; round <= rounds; round++) {
        const startedAt = performance.now();
        const listings = await engine.list();
        listing.push(performance.now() - startedAt);
        if (listings.filter((one) => "manifest" in one).length !== runs) throw new Error("a run is missing");
      }
      return [
        figureOf(`taking over ${records} records, to their state`, "ms", taking.slice(1), 200),
        figureOf(`listing ${runs} finished runs`, "ms", listing.slice(1), 100),
      ];
    } finally {
      await rm(top, { recursive: true, force: true });
    }
  },
};

/** A run of 1,000 tasks that stopped in the middle of its last ones. */
async function longRun(store: RunStore): Promise<void> {
  const runId = "20260101-long";
  await store.create(runId);
  const lease = await store.acquire(runId, self, systemClock.now());
  if ("heldBy" in lease) throw new Error("nobody else is here");
  const plan = layeredPlan(100, 15);
  const events: RunEvent[] = [
    { type: "run.started", request: "start", plan, terms: terms({ runId }) },
    ...plan.tasks.flatMap(({ id: task }): RunEvent[] => [
      { type: "attempt.started", task, attempt: 1 },
      { type: "attempt.spawned", task, attempt: 1, worker: self, mark: "w" },
      { type: "attempt.ready", task, attempt: 1 },
      ...[1, 2, 3].map(
        (turns): RunEvent => ({
          type: "attempt.progressed",
          task,
          attempt: 1,
          usage: { ...noUsage, turns },
          activity: "bash: npm test -- some files",
        }),
      ),
      { type: "attempt.ended", task, attempt: 1, outcome: completed("done ".repeat(40)) },
    ]),
  ];
  await lease.append(events.slice(0, records - 1), systemClock.now());
  await lease.release();
}

/** Makes so many small runs that are over. */
export async function finishedRuns(store: RunStore): Promise<void> {
  const plan = layeredPlan(2, 4);
  for (let number = 0; number < runs; number++) {
    const runId = `20260101-${String(number).padStart(6, "0")}`;
    const start = { id: "start", kind: "start", plan, terms: terms({ runId }) } as const;
    const at = new Date(systemClock.now()).toISOString();
    const envelope = { v: 1, epoch: 1, at };
    const events: RunEvent[] = [
      { type: "run.started", request: "start", plan, terms: start.terms },
      ...plan.tasks.flatMap(({ id: task }): RunEvent[] => [
        { type: "attempt.started", task, attempt: 1 },
        { type: "attempt.ended", task, attempt: 1, outcome: completed() },
      ]),
      { type: "run.finished", status: "completed", cause: "completed" },
    ];
    const manifest = manifestOf(
      fold(events.map((event, at) => ({ ...event, ...envelope, seq: at + 1 }))),
      false,
    );
    if (manifest === undefined) throw new Error("the run was never started");
    await store.create(runId, { start, manifest });
  }
}
