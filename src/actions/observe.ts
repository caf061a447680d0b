import type { StoredEvent } from "../core/events.ts";
import { fold, noTasks } from "../core/evolve.ts";
import type { PlanProblem } from "../core/plan.ts";
import type { Manifest, RunListing } from "../core/ports.ts";
import { runView } from "../core/run-view.ts";
import type { RunView, TaskView } from "../core/view.ts";
import { chooseFrom } from "../resources/suggest.ts";
import type { Parameters } from "./action.ts";
import type { ActionContext, Performed } from "./context.ts";
import { refusal } from "./result.ts";
import { resolveRun } from "./run-reference.ts";

/** One run as it stands now. */
export interface Observed {
  readonly view: RunView;
  readonly events: readonly StoredEvent[];
  /** The task that was asked for. */
  readonly task?: TaskView;
  /** The journal is damaged or newer than this version: `view` shows what comes before that. */
  readonly problem?: PlanProblem;
  readonly others: readonly RunListing[];
}

/** Finds the run (`last` when none is named) and the task that are meant, and reads. The manifest says as much when this resolves. */
export async function observe(
  { run = "last", task: id }: Pick<Parameters, "run" | "task">,
  context: ActionContext,
): Promise<
  ({ readonly ok: true } & Observed) | { readonly ok: false; readonly problems: readonly PlanProblem[] }
> {
  const { engine, clock } = context;
  const resolved = await resolveRun(run, engine);
  if (!resolved.ok) return { ok: false, problems: [resolved.problem] };
  const { listing, listings } = resolved;
  const { runId } = listing;
  if (!("manifest" in listing)) {
    const remedy = `look at it: ${engine.directory(runId)}; it is never deleted for that`;
    return { ok: false, problems: [{ where: runId, message: listing.problem, remedy }] };
  }
  const { events, problem = cutShort(listing.manifest, events) } = await engine.read(runId);
  const state = fold(events);
  await engine.settled(runId, state.seq);
  const told = runView(state, clock.now()) ?? queuedView(listing.manifest);
  const view = listing.driver === "gone" ? withoutDriver(told) : told;
  const task = view.tasks.find((candidate) => candidate.id === id);
  if (id !== undefined && task === undefined) {
    const message = `run ${runId} has no task "${id.slice(0, 60)}"`;
    const remedy = chooseFrom(
      id,
      view.tasks.map((known) => known.id),
    );
    return { ok: false, problems: [{ where: "task", message, remedy }] };
  }
  return {
    ok: true,
    view,
    events,
    ...(task !== undefined && { task }),
    ...(problem !== undefined && { problem }),
    others: listings.filter((other) => other !== listing),
  };
}

/** The journal is written before the manifest that tells of it: a shorter one lost records. */
function cutShort({ runId, seq }: Manifest, events: readonly StoredEvent[]): PlanProblem | undefined {
  const last = events.at(-1)?.seq ?? 0;
  if (last >= seq) return undefined;
  const message = `its journal ends at record ${last}, but its manifest tells of record ${seq}: the rest was cut off`;
  return { where: runId, message, remedy: "restore the journal from a backup; nothing was changed" };
}

/** What `tell` makes of the run that is meant; a refusal when there is none or its journal cannot be read to the end. */
export async function onRun(
  parameters: Pick<Parameters, "run" | "task">,
  context: ActionContext,
  tell: (observed: Observed) => Performed | Promise<Performed>,
): Promise<Performed> {
  const observed = await observe(parameters, context);
  if (!observed.ok) return refusal(observed.problems, "nothing is shown");
  const { view, problem } = observed;
  if (problem !== undefined) return refusal([problem], `run ${view.runId} was ${view.status} up to there`);
  return tell(observed);
}

/** A run whose driver is gone does not run, whatever its journal says last: nobody drives it. */
export function withoutDriver(view: RunView): RunView {
  if (view.status !== "running") return view;
  const reason = "its driver is gone";
  const { counts } = view;
  const tasks = view.tasks.map(
    (task): TaskView =>
      task.status === "running" || task.status === "stopping" ? { ...task, status: "blocked", reason } : task,
  );
  return {
    ...view,
    status: "blocked",
    cause: "lost",
    reason: `${reason}; nothing goes on by itself, and no finished task is lost`,
    counts: { ...counts, running: 0, stopping: 0, blocked: counts.running + counts.stopping },
    tasks,
  };
}

/** What is known of a run that no driver has taken yet. */
function queuedView(manifest: Manifest): RunView {
  const tasks = manifest.tasks.map(
    ({ id, agent, dependsOn, attempts }): TaskView => ({
      id,
      agent,
      status: "pending",
      reason: "the run waits for its driver",
      dependsOn,
      attempts,
      usage: manifest.usage,
    }),
  );
  return {
    runId: manifest.runId,
    goal: manifest.goal,
    ...(manifest.team !== "" && { team: manifest.team }),
    ...(manifest.workflow !== "" && { workflow: manifest.workflow }),
    status: "queued",
    reason: "waits for its driver",
    cwd: manifest.cwd,
    owner: manifest.owner,
    origin: manifest.origin,
    background: manifest.background,
    createdAt: Date.parse(manifest.createdAt),
    alive: 0,
    counts: { ...noTasks, pending: tasks.length },
    usage: manifest.usage,
    tasks,
  };
}
