import { graphOf } from "../core/graph.ts";
import type { Plan, PlannedTask } from "../core/plan.ts";
import { compileAsk } from "./ask.ts";
import type { Perform } from "./context.ts";
import { answer, problemsMax, refusal } from "./result.ts";
import { duration, oneLine, problemsText } from "./text.ts";

/** Shows what `run` would do with the same input. */
export const plan: Perform = async (parameters, context) => {
  const asked = await compileAsk(parameters, context);
  if (!asked.ok) return refusal(asked.problems, "there is no plan");
  const text = planText(asked.plan, asked.concurrency, context.requester.model);
  const warnings = asked.warnings.length === 0 ? "" : `\nWarnings:\n${problemsText(asked.warnings)}`;
  return answer(text + warnings, {
    tasks: asked.plan.tasks.slice(0, 100).map(({ id, agent }) => ({ id, agent, status: "pending" })),
    ...(asked.warnings.length > 0 && { problems: asked.warnings.slice(0, problemsMax) }),
  });
};

/** The graph by levels: a task's level is one more than the highest of those it depends on. */
function planText(plan: Plan, concurrency: number, leadModel: string | undefined): string {
  const { tasks } = plan;
  const { dependencies, dependents, height } = graphOf(tasks);
  const level: number[] = [];
  const levelOf = (index: number): number => level[index] ?? 0;
  // Higher tasks come before those that depend on them, so that every level is known when it is asked for.
  const order = tasks.map((_, index) => index).sort((a, b) => (height[b] ?? 0) - (height[a] ?? 0));
  for (const index of order) {
    level[index] = 1 + Math.max(0, ...(dependencies[index] ?? []).map(levelOf));
  }
  let at = order[0];
  const chain: string[] = [];
  while (at !== undefined) {
    chain.push(tasks[at]?.id ?? "");
    at = [...(dependents[at] ?? [])].sort((a, b) => (height[b] ?? 0) - (height[a] ?? 0))[0];
  }
  const writers = tasks.filter(({ writes }) => writes !== "none");
  const named = [plan.team && `team ${plan.team}`, plan.workflow && `workflow ${plan.workflow}`].filter(
    Boolean,
  );
  const lines = [
    `Plan${named.length > 0 ? ` of ${named.join(", ")}` : ""}; nothing was started.`,
    `Goal: ${oneLine(plan.goal, 300)}`,
    `${tasks.length} tasks, at most ${concurrency} at once; longest chain (${chain.length}): ${oneLine(chain.join(" → "), 400)}.`,
    `Writers take turns in the shared checkout: ${oneLine(writers.map(({ id }) => id).join(", ") || "none", 400)}.`,
  ];
  for (let current = 1; current <= chain.length; current++) {
    const here = tasks.filter((_, index) => level[index] === current);
    lines.push(`Level ${current}:`, ...here.map((task) => taskText(task, plan, leadModel)));
  }
  return lines.join("\n");
}

function taskText(task: PlannedTask, plan: Plan, leadModel: string | undefined): string {
  const permission = plan.agents[task.agent]?.permission ?? "read";
  const models = task.models.length > 0 ? task.models.join(" → ") : (leadModel ?? "the host's model");
  const notes = [
    models,
    permission,
    task.writes === "none" ? "writes no project file" : `writes ${task.writes.join(", ") || "anything"}`,
    ...(task.dependsOn.length > 0 ? [`after ${task.dependsOn.join(", ")}`] : []),
    ...(task.output === undefined ? [] : [`leaves ${task.output}`]),
    ...(task.verify ? ["verifies"] : []),
    `at most ${duration(task.attemptMaxMs)}`,
  ];
  return `- ${task.id} [${task.agent}] ${oneLine(notes.join(", "), 300)}`;
}
