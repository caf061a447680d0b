import { invariant } from "./invariant.ts";
import type { PlannedTask, TaskId } from "./plan.ts";

/** A plan's dependencies by position in `plan.tasks`. */
export interface Graph {
  readonly indexOf: ReadonlyMap<TaskId, number>;
  readonly dependencies: readonly (readonly number[])[];
  readonly dependents: readonly (readonly number[])[];
  /** Tasks on the longest chain from here to an end, itself included: what starts first when there is a choice. */
  readonly height: readonly number[];
}

/** Builds the graph of a checked plan. Throws InvariantViolation on an unknown id or a cycle: `planProblems` reports those. */
export function graphOf(tasks: readonly PlannedTask[]): Graph {
  const indexOf = new Map(tasks.map((task, index) => [task.id, index]));
  const dependents: number[][] = tasks.map(() => []);
  const dependencies = tasks.map((task, index) =>
    task.dependsOn.map((id) => {
      const at = indexOf.get(id);
      invariant(at !== undefined, `task ${task.id} depends on ${id}, which the plan lacks`);
      dependents[at]?.push(index);
      return at;
    }),
  );
  const height: number[] = tasks.map(() => 1);
  // Leaves first, so that every dependent's height is known before its dependencies'.
  const order = topologicalOrder(dependencies, dependents);
  invariant(order.length === tasks.length, "the plan has a dependency cycle");
  for (const index of order.reverse()) {
    for (const dependent of dependents[index] ?? []) {
      height[index] = Math.max(height[index] ?? 1, (height[dependent] ?? 1) + 1);
    }
  }
  return { indexOf, dependencies, dependents, height };
}

/** Dependencies before dependents; shorter than the graph when it has a cycle. */
export function topologicalOrder(
  dependencies: readonly (readonly number[])[],
  dependents: readonly (readonly number[])[],
): number[] {
  const unmet = dependencies.map((of) => of.length);
  const order: number[] = [];
  for (const [index, count] of unmet.entries()) if (count === 0) order.push(index);
  for (let next = 0; next < order.length; next++) {
    for (const dependent of dependents[order[next] ?? 0] ?? []) {
      const left = (unmet[dependent] ?? 0) - 1;
      unmet[dependent] = left;
      if (left === 0) order.push(dependent);
    }
  }
  return order;
}
