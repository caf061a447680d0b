import type { StoredEvent } from "./events.ts";
import { graphOf, topologicalOrder } from "./graph.ts";
import type { Plan, PlannedTask, RunId } from "./plan.ts";
import type { Manifest } from "./ports.ts";
import { isFinalRun, isFinalTask } from "./status.ts";
import type { RunView, TaskView } from "./view.ts";

/** Ms of time, tokens that went in and came out, US dollars. */
interface Taken {
  readonly ms: number;
  readonly input: number;
  readonly output: number;
  readonly cost: number;
}
/** What tasks of one agent took in the past: medians of so many completed tasks of these runs. */
export interface Experience extends Taken {
  readonly tasks: number;
  readonly runs: ReadonlySet<RunId>;
}
/** What the rest of a run takes, if it goes as it went before: from so many completed tasks of so many runs. */
export interface Estimate extends Taken {
  readonly tasks: number;
  readonly runs: number;
}

const runsMax = 50;

/** What the newest finished runs among these (newest first) tell of each agent; what they reused tells nothing. */
export function experienceOf(manifests: Iterable<Manifest>): ReadonlyMap<string, Experience> {
  const taken = new Map<string, { readonly of: Taken[]; readonly runs: Set<RunId> }>();
  let runs = 0;
  for (const { runId, status, tasks } of manifests) {
    if (!isFinalRun(status)) continue;
    if (++runs > runsMax) break;
    for (const { agent, status: is, reusedFrom, startedAt, finishedAt, usage } of tasks) {
      if (is !== "completed" || reusedFrom !== undefined || !startedAt || !finishedAt) continue;
      const known = taken.get(agent) ?? { of: [], runs: new Set() };
      taken.set(agent, known);
      const { input = 0, output = 0, cost = 0 } = usage ?? {};
      known.of.push({ ms: Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt)), input, output, cost });
      known.runs.add(runId);
    }
  }
  return new Map(
    [...taken].map(([agent, known]) => {
      const of = (key: keyof Taken): number => median(known.of.map((one) => one[key]));
      const middle = { ms: of("ms"), input: of("input"), output: of("output"), cost: of("cost") };
      return [agent, { ...middle, tasks: known.of.length, runs: known.runs }];
    }),
  );
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2;
}

/**
 * What is still to be done, by experience: the longest of its chains, of its writers in turn, and of all its work over
 * `concurrency` workers. Undefined where an agent has no past, nothing is left, or somebody is waited for. `standing`:
 * the tasks as they are at `now` (ms since the epoch); absent for a plan that was not started.
 */
export function estimate(
  { tasks }: Pick<Plan, "tasks">,
  concurrency: number,
  experience: ReadonlyMap<string, Experience>,
  standing?: { readonly tasks: readonly TaskView[]; readonly now: number },
): Estimate | undefined {
  const views = new Map(standing?.tasks.map((task) => [task.id, task]));
  const isLeft = ({ id }: PlannedTask): boolean => !isFinalTask(views.get(id)?.status ?? "pending");
  const left = tasks.filter(isLeft);
  const isHeld = left.some(({ id }) => ["waiting", "blocked"].includes(views.get(id)?.status ?? ""));
  if (left.length === 0 || isHeld || left.some(({ agent }) => !experience.has(agent))) return undefined;
  const msOf = ({ id, agent }: PlannedTask): number => {
    const view = views.get(id);
    const gone = view?.status === "running" ? (standing?.now ?? 0) - (view.startedAt ?? 0) : 0;
    return Math.max(0, (experience.get(agent)?.ms ?? 0) - gone);
  };
  const usual =
    (key: "input" | "output" | "cost") =>
    ({ id, agent }: PlannedTask) =>
      Math.max(0, (experience.get(agent)?.[key] ?? 0) - (views.get(id)?.usage[key] ?? 0));
  const agents = [...new Set(left.map(({ agent }) => agent))];
  const sum = <T>(of: readonly T[], amount: (one: T) => number): number =>
    of.reduce((total, one) => total + amount(one), 0);
  const writers = left.filter(({ writes }) => writes !== "none");
  const chain = longest(tasks, (task) => (isLeft(task) ? msOf(task) : 0));
  return {
    ms: Math.max(chain, sum(writers, msOf), sum(left, msOf) / Math.max(1, concurrency)),
    input: sum(left, usual("input")),
    output: sum(left, usual("output")),
    cost: sum(left, usual("cost")),
    tasks: sum(agents, (agent) => experience.get(agent)?.tasks ?? 0),
    runs: new Set(agents.flatMap((agent) => [...(experience.get(agent)?.runs ?? [])])).size,
  };
}

/** The same for a run as it stands at `now`, which waits for nobody, from earlier manifests, newest first. */
export function estimateRest(
  view: RunView,
  events: readonly StoredEvent[],
  earlier: Iterable<Manifest>,
  now: number,
): Estimate | undefined {
  const started = events.find((event) => event.type === "run.started");
  if (started === undefined || isFinalRun(view.status) || view.status === "blocked") return undefined;
  const { concurrency } = started.terms.settings;
  return estimate(started.plan, concurrency, experienceOf(earlier), { tasks: view.tasks, now });
}

/** Ms of the longest chain of these tasks. */
function longest(tasks: readonly PlannedTask[], msOf: (task: PlannedTask) => number): number {
  const { dependencies, dependents } = graphOf(tasks);
  const ends: number[] = [];
  for (const index of topologicalOrder(dependencies, dependents)) {
    const [task, before] = [tasks[index], dependencies[index] ?? []];
    ends[index] = before.reduce((latest, at) => Math.max(latest, ends[at] ?? 0), 0) + (task ? msOf(task) : 0);
  }
  return ends.reduce((latest, end) => Math.max(latest, end), 0);
}
