import type { StoredEvent } from "../core/events.ts";
import { fold } from "../core/evolve.ts";
import type { PlanProblem } from "../core/plan.ts";
import type { Manifest, RunListing } from "../core/ports.ts";
import { runView } from "../core/run-view.ts";
import type { TaskStatus } from "../core/status.ts";
import type { RunView, TaskView } from "../core/view.ts";
import type { ActionContext } from "./context.ts";
import { resolveRun } from "./run-reference.ts";

/** One run as it stands now. */
export interface Observed {
  readonly view: RunView;
  readonly events: readonly StoredEvent[];
  /** The journal is damaged or newer than this version: `view` shows what comes before that. */
  readonly problem?: PlanProblem;
}
export type Observation =
  | { readonly ok: true; readonly run: Observed; readonly others: readonly RunListing[] }
  | { readonly ok: false; readonly problems: readonly PlanProblem[] };

/** Finds the run that is meant and reads it. Its manifest says at least as much when this resolves. */
export async function observe(reference: string, context: ActionContext): Promise<Observation> {
  const resolved = await resolveRun(reference, context.engine);
  if (!resolved.ok) return { ok: false, problems: [resolved.problem] };
  const { listing, listings } = resolved;
  if (!("manifest" in listing)) {
    const remedy = `look at it: ${context.engine.directory(listing.runId)}; it is never deleted for that`;
    return { ok: false, problems: [{ where: listing.runId, message: listing.problem, remedy }] };
  }
  const reading = await context.engine.read(listing.runId);
  const state = fold(reading.events);
  await context.engine.settled(listing.runId, state.seq);
  const view = runView(state, context.clock.now()) ?? queuedView(listing.manifest);
  return {
    ok: true,
    run: {
      view: listing.driver === "gone" ? withoutDriver(view) : view,
      events: reading.events,
      ...(reading.problem !== undefined && { problem: reading.problem }),
    },
    others: listings.filter(({ runId }) => runId !== listing.runId),
  };
}

/** A run whose driver is gone does not run, whatever its journal says last: nobody drives it. */
export function withoutDriver(view: RunView): RunView {
  if (view.status !== "running") return view;
  const reason = "its driver is gone";
  const tasks = view.tasks.map(
    (task): TaskView =>
      task.status === "running" || task.status === "stopping" ? { ...task, status: "blocked", reason } : task,
  );
  return {
    ...view,
    status: "blocked",
    cause: "lost",
    reason: `${reason}; nothing goes on by itself, and no finished task is lost`,
    counts: countsOf(tasks),
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
    counts: countsOf(tasks),
    usage: manifest.usage,
    tasks,
  };
}

function countsOf(tasks: readonly TaskView[]): Readonly<Record<TaskStatus, number>> {
  const counts: Record<TaskStatus, number> = {
    pending: 0,
    running: 0,
    waiting: 0,
    stopping: 0,
    retrying: 0,
    blocked: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
    skipped: 0,
  };
  for (const { status } of tasks) counts[status] += 1;
  return counts;
}
