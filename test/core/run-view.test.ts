import { expect, test } from "vitest";
import { evolve } from "../../src/core/evolve.ts";
import { runView, runViews } from "../../src/core/run-view.ts";
import { emptyState } from "../../src/core/state.ts";
import { Random } from "../support/random.ts";
import { statesOf, walk } from "./walk.ts";

test("who looks again and again sees what who looks once sees, and what did not change is the same object", () => {
  let [kept, made] = [0, 0];
  for (let seed = 1; seed <= 150; seed++) {
    const { events } = walk(new Random(seed)).history;
    const views = runViews();
    let last = views(emptyState, 0);
    for (const { event, after } of statesOf(events, evolve, emptyState)) {
      const now = Math.floor(Date.parse(event.at) / 1_000) * 1_000;
      const seen = views(after, now);
      expect(seen, `seed ${seed}, record ${event.seq}`).toEqual(runView(after, now));
      expect(views(after, now + 999)).toBe(seen);
      // Time alone changes what is told of a task that is to be tried again.
      expect(views(after, now + 5_000), `seed ${seed}`).toEqual(runView(after, now + 5_000));
      for (const [at, task] of seen?.tasks.entries() ?? []) {
        made += 1;
        kept += Number(last?.tasks[at] === task);
      }
      last = views(after, now);
    }
  }
  expect(kept / made).toBeGreaterThan(0.5);
});
