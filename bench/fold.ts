import type { RunEvent, StoredEvent } from "../src/core/events.ts";
import { schemaVersion } from "../src/core/events.ts";
import { fold } from "../src/core/evolve.ts";
import { noUsage } from "../src/core/outcome.ts";
import { completed, layeredPlan, terms } from "../test/support/plan.ts";
import { type Benchmark, figureOf } from "./figure.ts";

const layers = 100;
const width = 100;
const progressPerTask = 6;

/** What opening a large journal costs once it is parsed. */
export const foldJournal: Benchmark = {
  name: "fold",
  about: "the journal of a run of 10,000 tasks, 100,003 events, folded from its first event",
  run(rounds = 5) {
    const journal = journalOf();
    const samples: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const startedAt = performance.now();
      const state = fold(journal);
      samples.push(performance.now() - startedAt);
      if (state.status !== "completed") throw new Error("the benchmark's journal does not end");
    }
    const rates = samples.map((ms) => (journal.length * 1_000) / ms);
    return Promise.resolve([
      figureOf(`${journal.length} events`, "ms", samples),
      figureOf("events", "1/s", rates),
    ]);
  },
};

/** Task after task in the plan's order, which is a possible order of a run with one worker. */
function journalOf(): readonly StoredEvent[] {
  const events: StoredEvent[] = [];
  const at = new Date(1_767_225_600_000).toISOString();
  const add = (event: RunEvent): void => {
    events.push({ ...event, v: schemaVersion, seq: events.length + 1, epoch: 1, at });
  };
  const plan = layeredPlan(layers, width);
  add({ type: "lease.taken", pid: 1, startTime: "1", bootId: "bench", sealed: [] });
  add({ type: "run.started", request: "start", plan, terms: terms() });
  for (const { id: task } of plan.tasks) {
    add({ type: "attempt.started", task, attempt: 1 });
    const worker = { pid: 2, startTime: "2", bootId: "bench" };
    add({ type: "attempt.spawned", task, attempt: 1, worker, mark: "w" });
    add({ type: "attempt.ready", task, attempt: 1 });
    for (let turn = 1; turn <= progressPerTask; turn++)
      add({ type: "attempt.progressed", task, attempt: 1, usage: { ...noUsage, turns: turn }, activity: "" });
    add({ type: "attempt.ended", task, attempt: 1, outcome: completed() });
  }
  add({ type: "run.finished", status: "completed", cause: "completed" });
  return events;
}
