import { type Estimate, estimate, experienceOf } from "../core/estimate.ts";
import { graphOf } from "../core/graph.ts";
import type { Plan, PlannedTask, PlanProblem } from "../core/plan.ts";
import type { Settings } from "../core/settings.ts";
import { formatDuration, formatEstimate, oneLine } from "../lib/wording.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import { type Compiled, compilePlan } from "../resources/compile.ts";
import { loadSettings } from "../resources/settings.ts";
import type { Parameters } from "./action.ts";
import type { ActionContext, Perform, Performed } from "./context.ts";
import { manifestsOf } from "./observe.ts";
import { answer, refusal } from "./result.ts";
import { bounded, problemsMax, problemsText } from "./text.ts";

export type Asked =
  | (Extract<Compiled, { ok: true }> & { readonly settings: Settings })
  | { readonly ok: false; readonly problems: readonly PlanProblem[] };

/** Compiles what is asked for. Secrets are out of goal and tasks before anything else sees them; nothing is created. */
export async function compileAsk(ask: Parameters, context: ActionContext): Promise<Asked> {
  const { redact } = context;
  const [catalogue, { settings, problems, blocking }] = await Promise.all([
    loadCatalogue(context.places),
    loadSettings(context.settingsFiles),
  ]);
  const redacted = {
    ...ask,
    ...(ask.goal !== undefined && { goal: redact(ask.goal) }),
    ...(ask.tasks && { tasks: ask.tasks.map((task) => ({ ...task, task: redact(task.task) })) }),
  };
  const compiled = compilePlan(catalogue, redacted, settings);
  if (!compiled.ok) return { ok: false, problems: [...compiled.problems, ...problems] };
  if (blocking.length > 0) return { ok: false, problems: blocking };
  const { concurrency } = compiled;
  const warnings = [...problems, ...compiled.warnings];
  return { ...compiled, warnings, settings: { ...settings, concurrency } };
}

/** Shows what `run` would do with the same input. */
export const plan: Perform = async (parameters, context) => {
  const asked = await compileAsk(parameters, context);
  if (!asked.ok) return refusal(asked.problems);
  const tasks = asked.plan.tasks.slice(0, 100).map(({ id, agent }) => ({ id, agent, status: "pending" }));
  const past = experienceOf(manifestsOf(await context.engine.list()));
  const expected = estimate(asked.plan, asked.concurrency, past);
  const text = planText(asked.plan, asked.concurrency, context.requester.model, expected);
  return withWarnings(asked.warnings, answer(text, { tasks }));
};

/** The answer with what compiling found in need of attention before it. */
export function withWarnings(warnings: readonly PlanProblem[], performed: Performed): Performed {
  if (warnings.length === 0) return performed;
  const { text, details } = performed;
  const problems = [...(details.problems ?? []), ...warnings].slice(0, problemsMax);
  const whole = `Warnings:\n${problemsText(warnings)}\n\n${text}`;
  return {
    ...performed,
    text: bounded(whole, details.paths?.[0] ?? "correct these first"),
    details: { ...details, problems },
  };
}

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
    `${tasks.length} tasks, at most ${concurrency} at once; longest chain (${chain.length}): ${oneLine(chain.join(" → "), 400)}.`,
    `Writers take turns in the shared checkout: ${oneLine(writers.join(", ") || "none", 400)}.`,
    ...(expected === undefined ? [] : [`${formatEstimate(expected)}.`]),
    ...tasks.map((task) => taskText(task, plan, leadModel)),
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

function taskText(task: PlannedTask, { agents }: Plan, leadModel: string | undefined): string {
  const { id, agent, models, writes, dependsOn, output, verify, attemptMaxMs } = task;
  const notes = [
    models.join(" → ") || (leadModel ?? "the host's model"),
    agents[agent]?.permission ?? "read",
    writes === "none" ? "writes no project file" : `writes ${writes.join(", ") || "anything"}`,
    dependsOn.length > 0 ? `after ${dependsOn.join(", ")}` : "",
    output && `leaves ${output}`,
    verify ? "verifies" : "",
    `at most ${formatDuration(attemptMaxMs)}`,
  ];
  return `- ${id} [${agent}] ${oneLine(notes.filter(Boolean).join(", "), 300)}`;
}
