import type { StoredEvent } from "../core/events.ts";
import { nextStep } from "../core/explain.ts";
import type { RunId } from "../core/plan.ts";
import { isFinalRun } from "../core/status.ts";
import type { RunView } from "../core/view.ts";
import type { ActionContext, Perform, Performed } from "./context.ts";
import { onRun } from "./observe.ts";
import { aboutRun } from "./result.ts";
import { outcomeText } from "./summary.ts";
import { questionText, runHeader, taskTable } from "./text.ts";
import { type WatchEnd, watch } from "./watch.ts";

/** Longer than the ending ladder and the driver's start together. */
const cancelPatienceMs = 20_000;

/** Esc ends what belongs to this session; a background or foreign run only loses one who waits. */
export const wait: Perform = (parameters, context) =>
  onRun(parameters, context, ({ view }) => {
    const isOwn = !view.background && view.owner.sessionId === context.requester.sessionId;
    return awaitRun(view.runId, context, isOwn ? "cancel" : "leave");
  });

/**
 * Waits until the run ends or needs somebody, and tells which. Esc cancels it and waits for that too, where `onAbort`
 * says so; the end of the session only ends the waiting.
 */
export async function awaitRun(
  runId: RunId,
  context: ActionContext,
  onAbort: "cancel" | "leave",
): Promise<Performed> {
  const { signal } = context;
  const end = await watch(runId, context, { until: "rest", ...(signal !== undefined && { signal }) });
  const isEsc = end === "aborted" && signal?.reason !== "shutdown";
  return isEsc && onAbort === "cancel"
    ? cancelAndWait(runId, context, "interrupted by Esc")
    : report(runId, end, context);
}

/** Asks the run to end and waits, within bounds, until its whole process tree was verified gone. */
export async function cancelAndWait(
  runId: RunId,
  context: ActionContext,
  reason: string,
): Promise<Performed> {
  const { engine, requester, newId } = context;
  await engine.send(runId, { id: newId(), kind: "cancel", by: requester.sessionId, reason });
  const end = await watch(runId, context, { until: "final", patienceMs: cancelPatienceMs });
  return report(runId, end, context);
}

function report(runId: RunId, end: WatchEnd, context: ActionContext): Promise<Performed> {
  return onRun({ run: runId }, context, ({ view, events }) => {
    if (isFinalRun(view.status))
      return aboutRun(view.status === "completed", view, outcomeText(view, context), context);
    const now = context.clock.now();
    const survivors = end === "patience" ? stillAlive(view, events) : "";
    const next = nextStep(end === "abandoned" ? { ...view, status: "blocked" } : view);
    const [asked] = view.questions;
    const what = asked?.kind === "approval" ? "The run waits for approval." : "The run asks something.";
    const why = asked === undefined ? whyNow[end] + survivors : what;
    const text = [why, runHeader(view, now), taskTable(view, now), ...questionText(view, now), next];
    // To be asked is no failure.
    return aboutRun(end === "aborted" || asked !== undefined, view, text.join("\n"), context);
  });
}

/** Why a call returns although the run is not over. */
const whyNow: Readonly<Record<WatchEnd, string>> = {
  final: "The run is not over.",
  attention: "The run stands still and needs somebody.",
  aborted: "Stopped waiting; the run was not cancelled.",
  patience: "The run was asked to end, but that is not verified yet",
  abandoned: "Nobody drives the run: its driver is gone or never came, so it does not go on by itself.",
  damaged: "The run's journal stopped being readable.",
};

function stillAlive(view: RunView, events: readonly StoredEvent[]): string {
  const spawned = events.filter((event) => event.type === "attempt.spawned");
  const pids = new Map(spawned.map(({ task, worker }) => [task, worker.pid]));
  const alive = view.tasks.filter(({ status }) => status === "stopping" || status === "running");
  const names = alive.map(({ id }) => `${id} (pid ${pids.get(id) ?? "unknown"})`);
  return names.length === 0 ? "." : `; may still be alive: ${names.join(", ")}.`;
}
