import type { Plan } from "../src/core/plan.ts";
import { takeAndDrive } from "../src/engine/lease.ts";
import { systemClock } from "../src/lib/clock.ts";
import { boundlessSlots, instantWorkers } from "../test/support/instant-workers.ts";
import { goodIo, MemoryDisk, memoryStore } from "../test/support/memory-store.ts";
import { layeredPlan, plan, task, terms } from "../test/support/plan.ts";
import { type Benchmark, type Figure, figureOf } from "./figure.ts";

const self = { pid: 1, startTime: "1", bootId: "bench" };
const runId = "20260101-000000-bench";

const graphs: readonly { readonly what: string; readonly plan: () => Plan }[] = [
  {
    what: "1,000 independent",
    plan: () => plan(...Array.from({ length: 1_000 }, (_, at) => task(`t${at}`))),
  },
  {
    what: "1,000 in a chain",
    plan: () =>
      plan(...Array.from({ length: 1_000 }, (_, at) => task(`t${at}`, at === 0 ? [] : [`t${at - 1}`]))),
  },
  { what: "1,000 in 20 layers", plan: () => layeredPlan(20, 50) },
  { what: "10,000 in 100 layers", plan: () => layeredPlan(100, 100) },
];

/** The whole engine, driver and core, with workers that do nothing and a store in memory. */
export const engine: Benchmark = {
  name: "engine",
  about: "a run driven from start to end in memory with workers that are done at once, 16 alive at a time",
  async run(rounds = 5) {
    const figures: Figure[] = [];
    for (const graph of graphs) {
      const samples: { ms: number; events: number; tasks: number }[] = [];
      for (let round = 0; round < rounds; round++) samples.push(await drive(graph.plan()));
      figures.push(...figuresOf(graph.what, samples));
    }
    return figures;
  },
};

function figuresOf(
  what: string,
  samples: readonly { ms: number; events: number; tasks: number }[],
): readonly Figure[] {
  return [
    figureOf(
      `${what}, whole run`,
      "ms",
      samples.map(({ ms }) => ms),
      what.startsWith("10,000") ? 1_000 : undefined,
    ),
    figureOf(
      `${what}, 1,000 tasks`,
      "ms",
      samples.map(({ ms, tasks }) => (ms * 1_000) / tasks),
    ),
    figureOf(
      `${what}, events`,
      "1/s",
      samples.map(({ ms, events }) => (events * 1_000) / ms),
    ),
  ];
}

async function drive(driven: Plan): Promise<{ ms: number; events: number; tasks: number }> {
  const disk = new MemoryDisk();
  const store = memoryStore(disk, goodIo, self);
  await store.create(runId);
  const start = { id: "start", kind: "start", plan: driven, terms: terms({}, { concurrency: 16 }) } as const;
  await store.inbox(runId).post(start);
  const parts = {
    runId,
    store,
    backend: instantWorkers(),
    slots: boundlessSlots(),
    clock: systemClock,
    probe: () => Promise.resolve("alive" as const),
  };
  const startedAt = performance.now();
  const state = await takeAndDrive(parts, self, new AbortController().signal);
  const ms = performance.now() - startedAt;
  if (!("status" in state) || state.status !== "completed")
    throw new Error("the benchmark's run did not complete");
  return { ms, events: disk.run(runId).events.length, tasks: driven.tasks.length };
}
