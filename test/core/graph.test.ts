import fc from "fast-check";
import { expect, it } from "vitest";
import { planProblems } from "../../src/core/check.ts";
import { graphOf } from "../../src/core/graph.ts";
import { type Heap, pop, push } from "../../src/core/heap.ts";
import type { PlannedTask } from "../../src/core/plan.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { Table } from "../../src/core/table.ts";
import { plan, task } from "../support/plan.ts";

const where = (index: number): string => `tasks[${index}]`;
const problemsOf = (tasks: readonly PlannedTask[]) =>
  planProblems(plan(...tasks), defaultSettings.limits, where);

/** Any edges among up to ten tasks; about half of these graphs have a cycle. */
const graphs = fc.integer({ min: 1, max: 10 }).chain((size) =>
  fc
    .array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: size })
    .map((edges) => edges.filter(([from, to]) => from !== to))
    .map((edges) =>
      Array.from({ length: size }, (_, index) =>
        task(`t${index}`, [...new Set(edges.filter(([from]) => from === index).map(([, to]) => `t${to}`))]),
      ),
    ),
);

/** The longest chain from a task to an end by trying all of them; undefined when it never ends. */
function longest(tasks: readonly PlannedTask[], id: string, path: readonly string[]): number | undefined {
  if (path.includes(id)) return undefined;
  let most = 0;
  for (const next of tasks.filter((other) => other.dependsOn.includes(id))) {
    const rest = longest(tasks, next.id, [...path, id]);
    if (rest === undefined) return undefined;
    most = Math.max(most, rest);
  }
  return most + 1;
}

it("a plan is accepted exactly when no task waits for itself; else a real cycle is named", () => {
  fc.assert(
    fc.property(graphs, (tasks) => {
      const isAcyclic = tasks.every(({ id }) => longest(tasks, id, []) !== undefined);
      const problems = problemsOf(tasks);
      expect(problems.length === 0).toBe(isAcyclic);
      for (const { message } of problems) {
        const path = message.replace("tasks wait for each other: ", "").split(" → ");
        expect(path.length).toBeGreaterThan(2);
        expect(path.at(0)).toBe(path.at(-1));
        for (const [index, id] of path.slice(0, -1).entries())
          expect(tasks.find((one) => one.id === id)?.dependsOn).toContain(path[index + 1]);
      }
    }),
    { numRuns: 500 },
  );
});

it("a task's height is its longest chain to an end", () => {
  fc.assert(
    fc.property(graphs, (tasks) => {
      fc.pre(problemsOf(tasks).length === 0);
      const { height } = graphOf(tasks);
      expect(height).toEqual(tasks.map(({ id }) => longest(tasks, id, [])));
    }),
  );
});

it("all problems of a plan are told at once, each with its place", () => {
  const problems = problemsOf([
    task("a", ["missing", "a"]),
    task("a", ["b", "b"], { prompt: " ", agent: "nobody" }),
    task("B!", ["c"], { prompt: "use {a.output}\0" }),
    task("c", ["B!"]),
  ]);
  expect(problems.map(({ where: place, message }) => `${place} ${message}`)).toEqual([
    'tasks[1] task id "a" is already used at tasks[0]',
    'tasks[1] task "a" says nothing to do',
    'tasks[1] task "a" names agent "nobody", which no file defines',
    'tasks[2] task id "B!" is not usable as a name',
    'tasks[2] task "B!" holds a NUL byte',
    'tasks[2] task "B!" uses {a.output} but does not depend on "a"',
    'tasks[0] task "a" depends on "missing", which is not in the plan',
    'tasks[0] task "a" depends on itself',
    'tasks[1] task "a" depends on "b", which is not in the plan',
    'tasks[1] task "a" depends on "b", which is not in the plan',
    "tasks[2] tasks wait for each other: B! → c → B!",
  ]);
  expect(problems.every(({ remedy }) => remedy.length > 0)).toBe(true);
});

it("a plan has at least one task, and no more than it may", () => {
  const limits = { ...defaultSettings.limits, tasksMax: 2, goalMaxBytes: 20 };
  const tasks = [task("a"), task("b"), task("c", [], { prompt: "x".repeat(30) })];
  expect(planProblems(plan(), limits, where)).toHaveLength(1);
  expect(planProblems(plan(...tasks), limits, where)).toHaveLength(2);
});

it("a heap gives its items in order, and the old heap stays as it was", () => {
  const before = (a: number, b: number): boolean => a < b;
  const drained = (heap: Heap): number[] => {
    const items: number[] = [];
    for (let left = heap; left !== null; left = pop(left, before)) items.push(left.item);
    return items;
  };
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(50), (items, more) => {
      const heap = items.reduce<Heap>((left, item) => push(left, item, before), null);
      const sorted = [...items].sort((a, b) => a - b);
      expect(drained(push(heap, more, before))).toEqual([...items, more].sort((a, b) => a - b));
      expect(drained(pop(heap, before))).toEqual(sorted.slice(1));
      expect(drained(heap)).toEqual(sorted);
    }),
  );
});

it("a table is an array that keeps its past", () => {
  const change = fc.array(fc.tuple(fc.nat(220), fc.string()), { maxLength: 8 });
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 200 }), fc.array(change), (items, changes) => {
      let table = Table.of(items);
      const past: { table: Table<string>; array: string[] }[] = [{ table, array: [...items] }];
      for (const changed of changes) {
        const array = [...(past.at(-1)?.array ?? [])];
        const inside = changed.filter(([index]) => index < array.length);
        for (const [index, item] of inside) array[index] = item;
        const [only] = inside;
        table = inside.length === 1 && only ? table.set(...only) : table.with(new Map(changed));
        past.push({ table, array });
      }
      for (const moment of past) {
        expect([...moment.table]).toEqual(moment.array);
        expect(moment.table.length).toBe(moment.array.length);
        expect(moment.table.get(moment.array.length)).toBeUndefined();
      }
    }),
  );
});
