import { join } from "node:path";
import type { RunId } from "../core/plan.ts";
import { isFinalRun } from "../core/status.ts";
import type { RunView, TaskView } from "../core/view.ts";
import type { ActionContext, Performed } from "./context.ts";
import { type Observed, onRun } from "./observe.ts";
import { aboutRun } from "./result.ts";
import { headOf, nextStep, runHeader, taskTable, usageText } from "./text.ts";
import { type WatchEnd, watch } from "./watch.ts";

/** Longer than the ending ladder and the driver's start together. */
const cancelPatienceMs = 20_000;
const claimMaxBytes = 6_000;
const intermediateClaimMaxBytes = 400;

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
  if (end === "aborted" && onAbort === "cancel" && signal?.reason !== "shutdown") {
    return cancelAndWait(runId, context, "interrupted by Esc");
  }
  return report(runId, end, context);
}

/** Asks the run to end and waits, within bounds, until its whole process tree was verified gone. */
export async function cancelAndWait(
  runId: RunId,
  context: ActionContext,
  reason: string,
): Promise<Performed> {
  const { engine, requester, newId } = context;
  await engine.send(runId, { id: newId(), kind: "cancel", by: requester.sessionId, reason });
  return report(
    runId,
    await watch(runId, context, { until: "final", patienceMs: cancelPatienceMs }),
    context,
  );
}

function report(runId: RunId, end: WatchEnd, context: ActionContext): Promise<Performed> {
  return onRun({ run: runId }, context, (observed) => {
    const { view } = observed;
    if (isFinalRun(view.status)) {
      return aboutRun(view.status === "completed", view, outcomeText(view, context), context);
    }
    const now = context.clock.now();
    const text = [endText(end, observed), runHeader(view, now), taskTable(view, now), nextStep(view)];
    return aboutRun(end === "aborted", view, text.join("\n"), context);
  });
}

/** Why a call returns although the run is not over. */
function endText(end: WatchEnd, { view, events }: Observed): string {
  switch (end) {
    case "final":
    case "attention":
      return `Run ${view.runId} stands still and needs somebody.`;
    case "aborted":
      return `Stopped waiting; run ${view.runId} was not cancelled.`;
    case "patience": {
      const alive = view.tasks.filter(({ status }) => status === "stopping" || status === "running");
      const pids = new Map(
        events.flatMap((event) =>
          event.type === "attempt.spawned" ? [[event.task, event.worker.pid] as const] : [],
        ),
      );
      const names = alive.map(({ id }) => `${id} (pid ${pids.get(id) ?? "unknown"})`).join(", ");
      return `Asked run ${view.runId} to end, but it is not verified yet${names === "" ? "" : `; may still be alive: ${names}`}.`;
    }
    case "abandoned":
      return `Nobody drives run ${view.runId}: its driver is gone or never came, so it does not go on by itself.`;
    case "damaged":
      return `The journal of run ${view.runId} stopped being readable.`;
  }
}

/** A finished run: its state, what the engine counted, what the agents claim, and where to look. */
export function outcomeText(view: RunView, context: ActionContext): string {
  const now = context.clock.now();
  return [
    runHeader(view, now),
    taskTable(view, now),
    `Usage: ${usageText(view.usage)}.`,
    `Where to look: ${context.engine.directory(view.runId)} (attempts/<task>-<n>/ holds prompts, transcripts and results).`,
    ...[nextStep(view)].filter(Boolean),
    ...claims(view),
  ].join("\n");
}

/** Results that no other task took up are shown at length, the others by their beginning. */
function claims(view: RunView): string[] {
  const taken = new Set(view.tasks.flatMap((task) => (task.status === "completed" ? task.dependsOn : [])));
  const told = view.tasks.flatMap((task) =>
    task.result === undefined ? [] : [{ task, text: task.result.text }],
  );
  if (told.length === 0) return [];
  const ordered = [
    ...told.filter(({ task }) => !taken.has(task.id)),
    ...told.filter(({ task }) => taken.has(task.id)),
  ];
  return [
    "",
    "What the agents claim (the engine verified none of it):",
    ...ordered.map(({ task, text }) => {
      const max = taken.has(task.id) ? intermediateClaimMaxBytes : claimMaxBytes;
      const head = headOf(text.trim(), max);
      const rest = head.length < text.trim().length || task.result?.truncated;
      const more = rest ? `\n[cut; all of it: team get run=${view.runId} task=${task.id}]` : "";
      return `\n## ${task.id} [${task.agent}]\n${head}${more}`;
    }),
  ];
}

/** Directory of a task's newest attempt; undefined before the first. */
export function attemptDirectory(view: RunView, task: TaskView, context: ActionContext): string | undefined {
  if (task.attempts === 0) return undefined;
  return join(context.engine.directory(view.runId), "attempts", `${task.id}-${task.attempts}`);
}
