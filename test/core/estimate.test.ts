import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Experience, estimate, experienceOf } from "../../src/core/estimate.ts";
import { manifestOf } from "../../src/core/manifest.ts";
import { runView } from "../../src/core/run-view.ts";
import { layeredPlan, plan, task } from "../support/plan.ts";
import { Random } from "../support/random.ts";
import { walk } from "./walk.ts";

const past = (ms: number, cost = 1): ReadonlyMap<string, Experience> =>
  new Map([
    ["explorer", { ms, cost, ...{ input: 1_000, output: 10, tasks: 3, runs: new Set(["r1", "r2"]) } }],
  ]);
const minute = 60_000;

describe("an estimate", () => {
  it("is the longest chain, or all the work over the workers, or the writers in turn, whichever is longest", () => {
    const chain = plan(task("a"), task("b", ["a"]), task("c", ["b"]), task("d"));
    expect(estimate(chain, 4, past(minute))).toEqual({
      ...{ ms: 3 * minute, cost: 4, input: 4_000, output: 40, tasks: 3, runs: 2 },
    });
    expect(estimate(chain, 1, past(minute))?.ms).toBe(4 * minute);
    const writers = plan(...["a", "b", "c"].map((id) => task(id, [], { writes: ["src/**"] })));
    expect(estimate(writers, 8, past(minute))?.ms).toBe(3 * minute);
  });

  it("is no number where an agent has no past", () => {
    const two = plan(task("a"), task("b", [], { agent: "critic" }));
    expect(estimate(two, 4, past(minute))).toBeUndefined();
    expect(estimate(two, 4, new Map())).toBeUndefined();
  });

  it("lies between the longest chain and everything in turn, and never grows with more workers", () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }));
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 9 }), fc.nat(minute), ([layers, width], workers, ms) => {
        const of = layeredPlan(layers, width);
        const found = estimate(of, workers, past(ms))?.ms ?? Number.NaN;
        expect(found).toBeGreaterThanOrEqual(layers * ms);
        expect(found).toBeLessThanOrEqual(of.tasks.length * ms);
        expect(estimate(of, workers + 1, past(ms))?.ms ?? Number.NaN).toBeLessThanOrEqual(found);
      }),
    );
  });
});

it("of whatever runs there were: nothing of live ones, of what failed or was reused, and never less than nothing", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const { history } = walk(new Random(seed));
    const { state } = history;
    const manifest = manifestOf(state, false);
    if (state.status === "queued" || manifest === undefined) continue;
    const isOver = ["completed", "failed", "cancelled"].includes(state.status);
    const done = manifest.tasks.filter(({ status, reusedFrom }) => status === "completed" && !reusedFrom);
    const known = [...experienceOf([manifest]).values()];
    expect(known.reduce((sum, { tasks }) => sum + tasks, 0)).toBe(isOver ? done.length : 0);
    for (const { ms, cost, input, output, runs } of known) {
      expect(Math.min(ms, cost, input, output)).toBeGreaterThanOrEqual(0);
      expect([...runs]).toEqual([manifest.runId]);
    }
    const tasks = runView(state, history.now)?.tasks ?? [];
    const each = past(minute).get("explorer");
    const agents = new Map(state.plan.tasks.flatMap(({ agent }) => (each ? [[agent, each] as const] : [])));
    const rest = estimate(state.plan, 2, agents, { tasks, now: history.now });
    if (isOver) expect(rest).toBeUndefined();
    else if (rest) expect(rest.ms).toBeGreaterThanOrEqual(0);
  }
});
