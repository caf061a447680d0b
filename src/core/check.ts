import { topologicalOrder } from "./graph.ts";
import type { Plan, PlannedTask, PlanProblem } from "./plan.ts";
import type { Limits } from "./settings.ts";

const idShape = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const reference = /\{([^{}\s]+)\.output\}/g;

/**
 * Everything that is wrong with a plan, all at once; empty when it can run. `where(index)` names a task's place for
 * the person who wrote it: `default.workflow.md:12`, `tasks[2]`.
 */
export function planProblems(
  draft: Omit<Plan, "hash">,
  limits: Limits,
  where: (taskIndex: number) => string,
): PlanProblem[] {
  const problems = sizeProblems(draft, limits);
  const known = new Map<string, number>();
  for (const [index, task] of draft.tasks.entries()) {
    const first = known.get(task.id);
    if (first !== undefined) {
      problems.push({
        where: where(index),
        message: `task id "${task.id}" is already used at ${where(first)}`,
        remedy: "give every task an id of its own",
      });
    } else known.set(task.id, index);
    problems.push(...taskProblems(task, draft, where(index)));
  }
  for (const [index, task] of draft.tasks.entries()) {
    problems.push(...dependencyProblems(task, known, where(index)));
  }
  return [...problems, ...cycleProblems(draft.tasks, known, where)];
}

function sizeProblems(draft: Omit<Plan, "hash">, limits: Limits): PlanProblem[] {
  const problems: PlanProblem[] = [];
  if (draft.tasks.length === 0) {
    problems.push({
      where: "tasks",
      message: "the plan has no task",
      remedy: "give a goal, or at least one task",
    });
  }
  if (draft.tasks.length > limits.tasksMax) {
    problems.push({
      where: "tasks",
      message: `the plan has ${draft.tasks.length} tasks; at most ${limits.tasksMax} are allowed`,
      remedy: "split it into several runs, or raise limits.tasksMax",
    });
  }
  const bytes = draft.goal.length + draft.tasks.reduce((sum, task) => sum + task.prompt.length, 0);
  if (bytes > limits.goalMaxBytes) {
    problems.push({
      where: "goal",
      message: `goal and tasks hold ${bytes} characters; at most ${limits.goalMaxBytes} are allowed`,
      remedy: "put long material into files and name them in the task",
    });
  }
  if (draft.goal.includes("\0")) {
    problems.push({ where: "goal", message: "the goal holds a NUL byte", remedy: "send plain text" });
  }
  return problems;
}

function taskProblems(task: PlannedTask, draft: Omit<Plan, "hash">, place: string): PlanProblem[] {
  const problems: PlanProblem[] = [];
  if (!idShape.test(task.id)) {
    problems.push({
      where: place,
      message: `task id ${JSON.stringify(task.id.slice(0, 80))} is not usable as a name`,
      remedy: "use 1 to 64 lower-case letters, digits, - and _, beginning with a letter or digit",
    });
  }
  if (task.prompt.trim() === "") {
    problems.push({
      where: place,
      message: `task "${task.id}" says nothing to do`,
      remedy: "describe what the agent is to do",
    });
  }
  if (task.prompt.includes("\0")) {
    problems.push({ where: place, message: `task "${task.id}" holds a NUL byte`, remedy: "send plain text" });
  }
  if (!Object.hasOwn(draft.agents, task.agent)) {
    problems.push({
      where: place,
      message: `task "${task.id}" names agent "${task.agent}", which no file defines`,
      remedy: `use one of the known agents, or create agents/${task.agent}.md`,
    });
  }
  for (const [, id] of task.prompt.matchAll(reference)) {
    if (id !== undefined && !task.dependsOn.includes(id)) {
      problems.push({
        where: place,
        message: `task "${task.id}" uses {${id}.output} but does not depend on "${id}"`,
        remedy: `add "${id}" to dependsOn, or remove the reference`,
      });
    }
  }
  return problems;
}

function dependencyProblems(
  task: PlannedTask,
  known: ReadonlyMap<string, number>,
  place: string,
): PlanProblem[] {
  const problems: PlanProblem[] = [];
  const seen = new Set<string>();
  for (const id of task.dependsOn) {
    if (id === task.id) {
      problems.push({
        where: place,
        message: `task "${id}" depends on itself`,
        remedy: "remove it from dependsOn",
      });
    } else if (!known.has(id)) {
      problems.push({
        where: place,
        message: `task "${task.id}" depends on "${id}", which is not in the plan`,
        remedy: `add a task "${id}", or use one of: ${[...known.keys()].slice(0, 20).join(", ")}`,
      });
    } else if (seen.has(id)) {
      problems.push({
        where: place,
        message: `task "${task.id}" names dependency "${id}" twice`,
        remedy: "name it once",
      });
    }
    seen.add(id);
  }
  return problems;
}

/** One problem for each group of tasks that wait for each other, naming one cycle as a path. */
function cycleProblems(
  tasks: readonly PlannedTask[],
  known: ReadonlyMap<string, number>,
  where: (taskIndex: number) => string,
): PlanProblem[] {
  const dependencies = tasks.map((task, self) =>
    [...new Set(task.dependsOn)].flatMap((id) => {
      const index = known.get(id);
      return index === undefined || index === self ? [] : [index];
    }),
  );
  const dependents: number[][] = tasks.map(() => []);
  for (const [index, of] of dependencies.entries()) for (const at of of) dependents[at]?.push(index);
  const ordered = new Set(topologicalOrder(dependencies, dependents));
  const problems: PlanProblem[] = [];
  const told = new Set<number>();
  for (const start of tasks.keys()) {
    if (ordered.has(start) || told.has(start)) continue;
    // Walking along unordered dependencies must come back to a task already on the path.
    const path: number[] = [];
    let at = start;
    while (!path.includes(at) && !told.has(at)) {
      path.push(at);
      at = dependencies[at]?.find((index) => !ordered.has(index)) ?? at;
    }
    const known = told.has(at);
    for (const index of path) told.add(index);
    if (known) continue;
    const cycle = [...path.slice(path.indexOf(at)), at].map((index) => tasks[index]?.id ?? "?");
    problems.push({
      where: where(at),
      message: `tasks wait for each other: ${cycle.join(" → ")}`,
      remedy: "remove one of these dependencies",
    });
  }
  return problems;
}
