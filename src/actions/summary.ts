import { nextStep } from "../core/explain.ts";
import { isFinalRun } from "../core/status.ts";
import type { RunView } from "../core/view.ts";
import { countOf, formatCost, formatUsage } from "../lib/wording.ts";
import type { ActionContext, Perform } from "./context.ts";
import { onRun } from "./observe.ts";
import { aboutRun, attemptDirectory } from "./result.ts";
import { headOf, questionText, runHeader, taskTable } from "./text.ts";

const claimMaxBytes = 6_000;
const intermediateClaimMaxBytes = 400;

/** The report of a run, over or not: what was claimed and what was recorded, kept apart. */
export const summary: Perform = (parameters, context) =>
  onRun(parameters, context, ({ view }) => {
    const open = isFinalRun(view.status) ? "" : "The run is not over: this is what is known now.\n";
    const text = `${open}${outcomeText(view, context)}\n\n${evidence(view, context)}`;
    return aboutRun(true, view, text, context);
  });

/** A run's state, what the engine counted, where to look, and what the agents claim. */
export function outcomeText(view: RunView, { clock, engine }: ActionContext): string {
  const now = clock.now();
  const text = [
    runHeader(view, now),
    taskTable(view, now),
    `Usage: ${formatUsage(view.usage) || "none was counted"}.`,
    `Where to look: ${engine.directory(view.runId)} (attempts/<task>-<n>/ holds prompts, transcripts and results).`,
    ...questionText(view, now),
    nextStep(view),
  ];
  return [...text.filter(Boolean), ...claims(view)].join("\n");
}

/** Results that no other task took up first and at length, then the beginnings of the others. */
function claims({ runId, tasks }: RunView): string[] {
  const taken = new Set(tasks.flatMap(({ status, dependsOn }) => (status === "completed" ? dependsOn : [])));
  const told = tasks
    .filter(({ result }) => result !== undefined)
    .sort((a, b) => Number(taken.has(a.id)) - Number(taken.has(b.id)))
    .map(({ id, agent, result }) => {
      const text = result?.text.trim() ?? "";
      const head = headOf(text, taken.has(id) ? intermediateClaimMaxBytes : claimMaxBytes);
      const isCut = head.length < text.length || result?.truncated;
      const more = isCut ? `\n[cut; all of it: team get run=${runId} task=${id}]` : "";
      return `\n## ${id} [${agent}]\n${head}${more}`;
    });
  return told.length === 0 ? [] : ["", "What the agents claim (the engine verified none of it):", ...told];
}

/** What the engine itself recorded of each task that was tried: nothing here is an agent's word. */
function evidence(view: RunView, context: ActionContext): string {
  const lines = view.tasks
    .filter(({ attempts }) => attempts > 0)
    .map((task) => {
      const { id, attempts, usage, result } = task;
      const left = result?.artifacts.map(({ name }) => name).join(", ");
      const facts = [
        countOf(attempts, "attempt"),
        formatCost(usage.cost),
        result && `result ${result.bytes} bytes, ${result.form}`,
        left && `left ${left}`,
      ];
      return `- ${id}: ${facts.filter(Boolean).join(", ")}; ${attemptDirectory(view.runId, task, context)}`;
    });
  return ["What the engine recorded:", ...(lines.length === 0 ? ["- no task was tried"] : lines)].join("\n");
}
