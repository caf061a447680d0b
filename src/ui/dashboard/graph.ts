import type { TaskId } from "../../core/plan.ts";
import { isFinalTask } from "../../core/status.ts";
import type { TaskView } from "../../core/view.ts";

/** A plan as rows, dependencies above dependents; made once for each revision of it. */
export interface GraphRows {
  readonly rows: readonly GraphRow[];
  /** Columns that the lanes take; 0 when there are too many to be drawn. */
  readonly columns: number;
  readonly rowOf: ReadonlyMap<TaskId, number>;
}
export interface GraphRow {
  readonly task: TaskId;
  /** Position in the plan. */
  readonly index: number;
  /** Those of the tasks that it depends on. */
  readonly needs: readonly number[];
  /** Longest way from a beginning. */
  readonly depth: number;
  /** The lanes before and behind the task's own sign. */
  readonly before: string;
  readonly after: string;
}

type Planned = Pick<TaskView, "id" | "dependsOn">;
/** More lanes than these are no picture any more. */
const lanesMax = 20;

/**
 * The graph as a history is drawn: a row a task, a lane for each result that somebody below still needs, and a line from
 * the lanes that a task needs to its own sign. Dependencies that are not among the tasks are left out.
 */
export function graphRows(tasks: readonly Planned[]): GraphRows {
  const indexOf = new Map(tasks.map(({ id }, index) => [id, index]));
  const needs = tasks.map(({ dependsOn }) => [...new Set(dependsOn.flatMap((id) => indexOf.get(id) ?? []))]);
  const users: number[][] = tasks.map(() => []);
  for (const [index, of] of needs.entries()) for (const need of of) users[need]?.push(index);
  const depth = tasks.map(() => 0);
  const order = ordered(needs, users);
  for (const index of order)
    for (const need of needs[index] ?? []) depth[index] = Math.max(depth[index] ?? 0, (depth[need] ?? 0) + 1);
  const lanes = laneRows(order, needs, users);
  const columns = Math.max(0, ...(lanes ?? []).map(([before, after]) => before.length + 1 + after.length));
  const rows = order.map((index, row) => {
    const [before = "", after = ""] = lanes?.[row] ?? [];
    const task = tasks[index]?.id ?? "";
    return { task, index, needs: needs[index] ?? [], depth: depth[index] ?? 0, before, after };
  });
  return { rows, columns, rowOf: new Map(rows.map(({ task }, row) => [task, row])) };
}

/** Dependencies first, and each task as near below its last one as may be; what lies on a cycle comes last. */
function ordered(needs: readonly (readonly number[])[], users: readonly (readonly number[])[]): number[] {
  const open = needs.map((of) => of.length);
  const stack = [...open.keys()].filter((index) => open[index] === 0).reverse();
  const order: number[] = [];
  for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
    order.push(index);
    const ready = (users[index] ?? []).filter((user) => {
      open[user] = (open[user] ?? 0) - 1;
      return open[user] === 0;
    });
    stack.push(...ready.reverse());
  }
  if (order.length === needs.length) return order;
  const placed = new Set(order);
  return [...order, ...[...needs.keys()].filter((index) => !placed.has(index))];
}

/** For each row the lanes before and behind its sign; undefined when there are too many. */
function laneRows(
  order: readonly number[],
  needs: readonly (readonly number[])[],
  users: readonly (readonly number[])[],
): readonly (readonly [string, string])[] | undefined {
  const lanes: (number | undefined)[] = [];
  const open = users.map((of) => of.length);
  const rows: [string, string][] = [];
  for (const index of order) {
    const of = needs[index] ?? [];
    for (const need of of) open[need] = (open[need] ?? 0) - 1;
    const from = [...lanes.keys()].filter((lane) => of.includes(lanes[lane] ?? -1));
    const ending = new Set(from.filter((lane) => open[lanes[lane] ?? -1] === 0));
    const free = lanes.indexOf(undefined);
    const own = [...ending][0] ?? (free === -1 ? lanes.length : free);
    if (own >= lanesMax) return undefined;
    rows.push(laneRow(lanes, own, from, ending));
    for (const lane of ending) lanes[lane] = undefined;
    lanes[own] = (open[index] ?? 0) > 0 ? index : undefined;
    while (lanes.length > 0 && lanes.at(-1) === undefined) lanes.pop();
  }
  return rows;
}

function laneRow(
  lanes: readonly (number | undefined)[],
  own: number,
  from: readonly number[],
  ending: ReadonlySet<number>,
): [string, string] {
  const [first, last] = [Math.min(own, ...from), Math.max(own, ...from)];
  let [before, after] = ["", ""];
  for (let lane = 0; lane < Math.max(lanes.length, own + 1); lane++) {
    const isPassed = lane > first && lane < last;
    const gap = lane >= first && lane < last ? "─" : " ";
    if (lane === own) {
      after += gap;
      continue;
    }
    let sign = isPassed ? "─" : " ";
    if (from.includes(lane)) {
      const goesOn = !ending.has(lane);
      sign = isPassed ? (goesOn ? "┼" : "┴") : lane < own ? (goesOn ? "├" : "└") : goesOn ? "┤" : "┘";
    } else if (lanes[lane] !== undefined) sign = isPassed ? "┼" : "│";
    if (lane < own) before += sign + gap;
    else after += sign + gap;
  }
  return [before, after.trimEnd()];
}

/**
 * The tasks that decide when the run ends: of a live run the longest chain of what is not done, of one that is over the
 * chain that ended last. Alone in its chain, a task is none.
 */
export function criticalPath(tasks: readonly TaskView[], graph: GraphRows): ReadonlySet<TaskId> {
  const isOver = tasks.every((task) => isFinalTask(task.status));
  const path = heaviestChain(tasks, graph, ({ status, startedAt, finishedAt = 0 }, before) => {
    if (isOver) return startedAt === undefined ? 0 : finishedAt;
    return isFinalTask(status) ? 0 : before + 1;
  });
  return path.size > 1 ? path : new Set();
}

/**
 * From the heaviest task back through the heaviest of what each depends on. `weigh` is given the weight of the heaviest
 * that the task depends on; what weighs 0 is in no chain.
 */
export function heaviestChain(
  tasks: readonly TaskView[],
  { rows, rowOf }: GraphRows,
  weigh: (task: TaskView, before: number) => number,
): ReadonlySet<TaskId> {
  const weights = tasks.map(() => 0);
  const weightOf = (index = -1): number => weights[index] ?? 0;
  const heaviest = (indexes: Iterable<number>): number | undefined => {
    let best: number | undefined;
    for (const index of indexes) if (weightOf(index) > weightOf(best)) best = index;
    return best;
  };
  for (const { index, needs } of rows) {
    const task = tasks[index];
    if (task !== undefined) weights[index] = weigh(task, weightOf(heaviest(needs)));
  }
  const path = new Set<TaskId>();
  let at = heaviest(tasks.keys());
  for (let left = tasks.length; at !== undefined && left > 0; left--) {
    path.add(tasks[at]?.id ?? "");
    at = heaviest(rows[rowOf.get(tasks[at]?.id ?? "") ?? -1]?.needs ?? []);
  }
  return path;
}
