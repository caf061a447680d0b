import { expect, it } from "vitest";
import { contentKeys, recordedWork } from "../../src/core/content-key.ts";
import type { Plan, PlannedTask } from "../../src/core/plan.ts";
import { scenarioOf } from "../simulation/scenario.ts";
import { completed, plan, task } from "../support/plan.ts";
import { Random } from "../support/random.ts";
import { History } from "./history.ts";

/** The text itself: two keys are equal exactly when everything that went into them is. */
const asIs = (text: string): string => text;

/** The keys once every task has completed with the text that `outputOf` names. */
function keysOf(driven: Plan, outputOf: (id: string) => string): ReadonlyMap<string, string> {
  const history = History.started(driven);
  while (history.alive().length > 0) {
    for (const id of history.alive()) {
      history.command({ kind: "ended", task: id, attempt: 1, outcome: completed(outputOf(id)) });
    }
    history.approveAll();
  }
  return contentKeys(recordedWork(history.run()), asIs);
}

function downstreamOf(tasks: readonly PlannedTask[], id: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (let size = -1; size < found.size; ) {
    size = found.size;
    for (const one of tasks)
      if (one.dependsOn.some((other) => other === id || found.has(other))) found.add(one.id);
  }
  return found;
}

const plans = Array.from({ length: 60 }, (_, seed) => scenarioOf(new Random(seed)).plan);

it("equal inputs give equal keys, in whatever order the plan names its tasks", () => {
  for (const one of plans) {
    const turned = { ...one, tasks: [...one.tasks].reverse() };
    const keys = keysOf(one, asIs);
    expect(keys.size).toBe(one.tasks.length);
    expect(new Set(keys.values()).size).toBe(one.tasks.length);
    expect(Object.fromEntries(keysOf(turned, asIs))).toEqual(Object.fromEntries(keys));
  }
});

it("another output changes the keys of everything behind it, and no other", () => {
  for (const one of plans) {
    const before = keysOf(one, asIs);
    const { id: changed } = one.tasks[0] ?? task("none");
    const after = keysOf(one, (id) => (id === changed ? "something else" : id));
    const different = [...before.keys()].filter((id) => before.get(id) !== after.get(id));
    expect(different.sort()).toEqual([...downstreamOf(one.tasks, changed)].sort());
  }
});

it("what a task is to do belongs to its key; how long it may try does not", () => {
  const keyOf = (change: Partial<PlannedTask>): string | undefined =>
    keysOf(plan(task("a", [], change)), asIs).get("a");
  expect(keyOf({ retries: 5, attemptMaxMs: 1, roleMax: 3 })).toBe(keyOf({}));
  expect(keyOf({ prompt: "do b" })).not.toBe(keyOf({}));
  expect(keyOf({ models: ["p/one"] })).not.toBe(keyOf({}));
});

it("a task behind an unfinished one has no key yet", () => {
  const history = History.started(plan(task("a"), task("b", ["a"])));
  expect([...contentKeys(recordedWork(history.run()), asIs).keys()]).toEqual(["a"]);
});
