import { type RunTerms, schemaVersion } from "./events.ts";
import { noUsage } from "./outcome.ts";
import type { Plan } from "./plan.ts";
import type { FileProblem, Manifest, ManifestTask } from "./ports.ts";
import { runView } from "./run-view.ts";
import type { RunState } from "./state.ts";
import { isFinalRun } from "./status.ts";

/**
 * The listing's projection of a started run; undefined while it is only queued. `driven`: whether the state's newest
 * lease holder still holds it, which a released lease cannot tell by itself.
 */
export function manifestOf(state: RunState, driven: boolean): Manifest | undefined {
  const view = runView(state, state.updatedAt);
  if (view === undefined) return undefined;
  return {
    schemaVersion,
    seq: state.seq,
    runId: view.runId,
    goal: view.goal,
    team: view.team ?? "",
    workflow: view.workflow ?? "",
    status: view.status,
    ...(view.cause !== undefined && { cause: view.cause }),
    ...(view.reason !== undefined && { reason: view.reason.slice(0, 300) }),
    cwd: view.cwd,
    createdAt: iso(view.createdAt),
    updatedAt: iso(state.updatedAt),
    ...(view.finishedAt !== undefined && { finishedAt: iso(view.finishedAt) }),
    background: view.background,
    owner: { sessionId: view.owner.sessionId },
    ...(driven &&
      state.driver !== undefined &&
      !isFinalRun(view.status) && { driver: { ...state.driver, epoch: state.epoch } }),
    origin: view.origin,
    ...(view.continuedFrom !== undefined && { continuedFrom: view.continuedFrom }),
    usage: view.usage,
    tasks: view.tasks.map(
      (task): ManifestTask => ({
        id: task.id,
        agent: task.agent,
        status: task.status,
        ...(task.cause !== undefined && { cause: task.cause }),
        dependsOn: task.dependsOn,
        attempts: task.attempts,
        ...(task.reusedFrom !== undefined && { reusedFrom: task.reusedFrom }),
        ...(task.startedAt !== undefined && { startedAt: iso(task.startedAt) }),
        ...(task.finishedAt !== undefined && { finishedAt: iso(task.finishedAt) }),
        ...(task.attempts > 0 && { usage: task.usage }),
      }),
    ),
  };
}

/** The manifest of a run that was submitted at `at` (ms since the epoch) and that no driver has taken yet. */
export function queuedManifest(plan: Plan, terms: RunTerms, at: number): Manifest {
  return {
    schemaVersion,
    seq: 0,
    runId: terms.runId,
    goal: plan.goal,
    team: plan.team ?? "",
    workflow: plan.workflow ?? "",
    status: "queued",
    cwd: terms.cwd,
    createdAt: iso(at),
    updatedAt: iso(at),
    background: terms.background,
    owner: { sessionId: terms.owner.sessionId },
    origin: terms.origin,
    usage: noUsage,
    tasks: plan.tasks.map(({ id, agent, dependsOn }) => ({
      id,
      agent,
      status: "pending",
      dependsOn,
      attempts: 0,
    })),
  };
}

/** Set when the manifest tells of records that the journal, whose last has number `seq`, does not hold. */
export function missingEnd(manifest: Manifest, seq: number): FileProblem | undefined {
  if (seq >= manifest.seq) return undefined;
  const message = `its journal ends at record ${seq}, but its manifest tells of record ${manifest.seq}: the rest was cut off`;
  const remedy = "restore the journal from a backup, or see what team doctor can save; nothing was changed";
  return { where: manifest.runId, message, remedy };
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}
