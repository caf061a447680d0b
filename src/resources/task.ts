import type { AgentSpec, PlannedTask } from "../core/plan.ts";
import type { Settings } from "../core/settings.ts";
import type { AgentDefinition, Catalogue, RoleDefinition, StepDefinition } from "./definition.ts";
import type { Findings } from "./findings.ts";
import { chooseFrom } from "./suggest.ts";

/** One task before its defaults are filled in. */
export interface TaskDraft {
  /** `where` is its place, for the person who wrote it. */
  readonly step: Omit<StepDefinition, "role">;
  readonly role?: RoleDefinition;
  /** Absent when another problem already says why there is none. */
  readonly agent?: string;
  /** The place that names the agent. */
  readonly agentWhere: string;
}

export interface TaskOf {
  /** Key of `spec` in the plan: the agent's name, or a variant of it for a task with skills of its own. */
  readonly key: string;
  readonly spec: AgentSpec;
  readonly planned: PlannedTask;
}

/** Where there is no agent the plan is refused; this stand-in only lets checking go on. */
const nobody: AgentDefinition = {
  ...{ name: "", description: "", source: "user", file: "", triggers: [], useWhen: [], avoidWhen: [] },
  ...{ systemPrompt: "", systemPromptMode: "replace", permission: "write" },
  ...{ models: [], excludeTools: [], extensions: [] },
};

/**
 * A task with every default filled in, and the agent that does it. The nearest word counts: the step's over the role's
 * over the agent's over the settings'; `model` is the call's own and stands alone.
 */
export function taskOf(
  catalogue: Catalogue,
  { step, role, agent: name, agentWhere }: TaskDraft,
  model: string | undefined,
  settings: Settings,
  found: Findings,
): TaskOf {
  const known = name === undefined ? nobody : catalogue.agents.get(name);
  const agent = known ?? { ...nobody, name: name ?? "" };
  if (!known) found.missing(catalogue, "agent", agent.name, agentWhere);
  const { id, prompt, dependsOn, output, reads, verify, retries = settings.retries.max } = step;
  const { description, source, systemPrompt, systemPromptMode, tools, excludeTools, extensions, permission } =
    agent;
  const { thinking, turnsMax, costMax } = agent;
  const { attemptMaxMs = agent.attemptMaxMs ?? settings.limits.attemptMaxMs } = step;
  if (attemptMaxMs > settings.limits.runMaxMs) {
    const message = `task "${id}" may take ${attemptMaxMs} ms, but the whole run ends after ${settings.limits.runMaxMs}`;
    found.warn(step.where, message, "shorten its timeout, or raise limits.runMaxMs");
  }
  const own = step.skills ?? role?.skills;
  const key = own ? `${agent.name}+${step.skills ? id : (role?.name ?? id)}` : agent.name;
  const chain = [step.model, role?.model, ...agent.models, settings.model].flatMap((one) => one || []);
  const planned: PlannedTask = {
    ...{ id, agent: key, prompt, dependsOn, reads, verify, retries, attemptMaxMs },
    models: model === undefined ? [...new Set(chain)] : [model],
    writes: writesOf(step, agent, found),
    ...(role && { role: role.name }),
    ...(role?.roleMax && { roleMax: role.roleMax }),
    ...(output && { output }),
    ...(step.gate && { gate: step.gate }),
    ...(thinking && { thinking }),
    ...(turnsMax && { turnsMax }),
    ...(costMax && { costMax }),
  };
  const spec: AgentSpec = {
    ...{ name: agent.name, description, source, systemPrompt, systemPromptMode },
    ...{ ...(tools && { tools }), excludeTools, extensions, permission },
    skills: skillPaths(catalogue, own ?? agent.skills, found),
  };
  return { key, spec, planned };
}

/** Everything, where its agent may write at all and the step does not say less. */
function writesOf(step: TaskDraft["step"], agent: AgentDefinition, found: Findings): PlannedTask["writes"] {
  const may = agent.permission !== "read";
  if (!may && step.writes !== undefined && step.writes !== "none") {
    const message = `task "${step.id}" names paths to write, but agent "${agent.name}" may only read`;
    found.warn(step.where, message, "remove writes, or choose an agent that may write");
  }
  const writes = may ? (step.writes ?? ["**"]) : "none";
  if (step.output !== undefined && writes === "none") {
    const message = `task "${step.id}" must leave ${step.output}, but it writes no file`;
    const remedy =
      "remove output (its submitted text reaches its dependants anyway), or choose an agent that may write";
    found.error(step.where, message, remedy);
  }
  return writes;
}

function skillPaths(
  { skills: known = new Map() }: Catalogue,
  skills: StepDefinition["skills"],
  found: Findings,
): readonly string[] {
  return (skills?.names ?? []).flatMap((name) => {
    const file = known.get(name);
    if (file !== undefined) return [file];
    const message = `skill "${name}" is not defined and is left out`;
    found.warn(skills?.where ?? "", message, chooseFrom(name, known.keys()));
    return [];
  });
}
