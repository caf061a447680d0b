import { type Estimate, estimate, experienceOf } from "../core/estimate.ts";
import { graphOf } from "../core/graph.ts";
import type { Plan, PlannedTask } from "../core/plan.ts";
import { planLines } from "../core/plan-text.ts";
import { countOf, formatEstimate, oneLine } from "../lib/wording.ts";
import { compileAsk, withWarnings } from "./ask.ts";
import type { Perform } from "./context.ts";
import { manifestsOf } from "./observe.ts";
import { answer, refusal } from "./result.ts";
import { begun } from "./run.ts";

/** Shows what `run` would do with the same input; confirmed, it is kept as a run that waits for approval of its plan. */
export const plan: Perform = async ({ confirm = false, ...parameters }, context) => {
  if (confirm) return begun(parameters, context, true);
  const asked = await compileAsk(parameters, context);
  if (!asked.ok) return refusal(asked.problems);
  const tasks = asked.plan.tasks.slice(0, 100).map(({ id, agent }) => ({ id, agent, status: "pending" }));
  const past = experienceOf(manifestsOf(await context.engine.list()));
  const expected = estimate(asked.plan, asked.concurrency, past);
  const text = planText(asked.plan, asked.concurrency, context.requester.model, expected);
  return withWarnings(asked.warnings, answer(text, { tasks }));
};

function planText(
  plan: Plan,
  concurrency: number,
  leadModel: string | undefined,
  expected?: Estimate,
): string {
  const { tasks, goal, team, workflow } = plan;
  const named = [team && `team ${team}`, workflow && `workflow ${workflow}`].filter(Boolean);
  const writers = tasks.filter(({ writes }) => writes !== "none").map(({ id }) => id);
  const chain = longestChain(tasks);
  return [
    `Plan${named.length > 0 ? ` of ${named.join(", ")}` : ""}; nothing was started.`,
    `Goal: ${oneLine(goal, 300)}`,
    `${countOf(tasks.length, "task")}, at most ${concurrency} at once; longest chain (${chain.length}): ${oneLine(chain.join(" → "), 400)}.`,
    `Writers take turns in the shared checkout: ${oneLine(writers.join(", ") || "none", 400)}.`,
    `${expected === undefined ? "No earlier run of all these agents tells how long it takes" : formatEstimate(expected)}.`,
    ...planLines(plan, leadModel, tasks.length),
  ].join("\n");
}

function longestChain(tasks: readonly PlannedTask[]): string[] {
  const { dependents, height } = graphOf(tasks);
  const chain: string[] = [];
  let next: readonly number[] = tasks.map((_, index) => index);
  while (next.length > 0) {
    const tallest = next.reduce((a, b) => ((height[b] ?? 0) > (height[a] ?? 0) ? b : a));
    chain.push(tasks[tallest]?.id ?? "");
    next = dependents[tallest] ?? [];
  }
  return chain;
}
