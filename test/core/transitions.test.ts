import { expect, it } from "vitest";
import { evolve } from "../../src/core/evolve.ts";
import { emptyState, type RunState } from "../../src/core/state.ts";
import { Random } from "../support/random.ts";
import { runTransitions, taskTransitions } from "./transitions.ts";
import { statesOf, walk } from "./walk.ts";

const walks = 3_000;

function listed(table: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(table)
    .flatMap(([from, tos]) => tos.map((to) => `${from} → ${to}`))
    .sort();
}

function taskStatuses(state: RunState): string[] {
  return state.status === "queued" ? [] : [...state.tasks].map((task) => task.status);
}

it("runs and tasks move as the table says: every listed way is taken, and no other", () => {
  const tasks = new Set<string>();
  const runs = new Set<string>();
  for (let seed = 1; seed <= walks; seed++) {
    for (const { before, after } of statesOf(walk(new Random(seed)).history.events, evolve, emptyState)) {
      if (before.status !== after.status) runs.add(`${before.status} → ${after.status}`);
      const was = taskStatuses(before);
      for (const [index, is] of taskStatuses(after).entries()) {
        const from = was[index];
        if (from !== undefined && from !== is) tasks.add(`${from} → ${is}`);
      }
    }
  }
  expect([...tasks].sort()).toEqual(listed(taskTransitions));
  expect([...runs].sort()).toEqual(listed(runTransitions));
});
