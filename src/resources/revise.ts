import { canonicalJson } from "../core/canonical.ts";
import type { AgentSpec, Plan, PlannedTask } from "../core/plan.ts";
import type { Settings } from "../core/settings.ts";
import { sha256 } from "../lib/hash.ts";
import { type Compiled, compilePlan, type InlineTask } from "./compile.ts";
import type { AgentDefinition, Catalogue } from "./definition.ts";

/**
 * The plan with these tasks in place of its own, or everything that is wrong with them. A task that keeps its id keeps
 * whatever is not said anew. Agents are the plan's own, and beside them those of the catalogue. Changes nothing.
 */
export function revisePlan(
  catalogue: Catalogue,
  plan: Plan,
  edited: readonly InlineTask[],
  settings: Settings,
): Compiled {
  const before = new Map(plan.tasks.map((task) => [task.id, task]));
  const tasks = edited.map((task): InlineTask => {
    const old = before.get(task.id);
    if (old === undefined) return task;
    return { agent: old.agent, dependsOn: old.dependsOn, ...task, task: task.task || old.prompt };
  });
  const known = Object.entries(plan.agents).map(([key, spec]) => [key, definitionOf(key, spec)] as const);
  const agents = new Map([...known, ...catalogue.agents]);
  const compiled = compilePlan({ ...catalogue, agents }, { goal: plan.goal, tasks }, settings);
  if (!compiled.ok) return compiled;
  const merged = compiled.plan.tasks.map((task, index) => {
    const old = before.get(task.id);
    return old === undefined ? task : kept(old, task, edited[index]);
  });
  const { hash: _, ...rest } = { ...plan, tasks: merged, agents: { ...compiled.plan.agents } };
  for (const [key, spec] of Object.entries(plan.agents))
    if (merged.some(({ agent }) => agent === key)) rest.agents[key] = spec;
  return { ...compiled, plan: { ...rest, hash: sha256(canonicalJson(rest)) } };
}

/** What the edit says of this task, over what the plan said. Another agent brings its own limits and models. */
function kept({ gate, ...old }: PlannedTask, { gate: gated, ...now }: PlannedTask, edit?: InlineTask) {
  const { output, role, reads, verify } = old;
  const { prompt, dependsOn, models, writes, attemptMaxMs } = now;
  const approves = edit?.gate === undefined ? gate : gated;
  const said = { prompt, dependsOn, ...(approves && { gate: approves }) };
  if (now.agent !== old.agent)
    return { ...now, ...said, reads, verify, ...(output && { output }), ...(role && { role }) };
  return {
    ...old,
    ...said,
    ...(edit?.model !== undefined && { models }),
    ...(edit?.writes !== undefined && { writes }),
    ...(edit?.timeout !== undefined && { attemptMaxMs }),
  };
}

function definitionOf(name: string, spec: AgentSpec): AgentDefinition {
  const { skills: _, source, ...rest } = spec;
  return {
    ...rest,
    name,
    ...{ source: source === "inline" ? "user" : source, file: "", models: [] },
    ...{ triggers: [], useWhen: [], avoidWhen: [] },
  };
}
