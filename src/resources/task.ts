import type { AgentSpec, PlannedTask } from "../core/plan.ts";
import type { Settings } from "../core/settings.ts";
import type {
  AgentDefinition,
  Catalogue,
  Found,
  RoleDefinition,
  SkillNames,
  StepDefinition,
} from "./definition.ts";
import { missing } from "./problems.ts";
import { chooseFrom } from "./suggest.ts";

/** One task before its defaults are filled in. */
export interface TaskDraft {
  /** Its place, for the person who wrote it. */
  readonly where: string;
  readonly step: Omit<StepDefinition, "role" | "line">;
  /** The workflow's file; absent for tasks of the call itself. */
  readonly file?: string;
  readonly role?: RoleDefinition;
  readonly roleFile?: string;
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

/**
 * A task with every default filled in, and the agent that does it. The nearest word counts: the step's over the role's
 * over the agent's over the settings'; `model` is the call's own and stands alone.
 */
export function taskOf(
  catalogue: Catalogue,
  draft: TaskDraft,
  model: string | undefined,
  settings: Settings,
  found: Found[],
): TaskOf {
  const { step, role } = draft;
  const agent = agentOf(catalogue, draft, found);
  const own = step.skills
    ? { list: step.skills, file: draft.file }
    : { list: role?.skills, file: draft.roleFile };
  const skills = skillPaths(catalogue, own.list ?? agent.skills, own.list ? own.file : agent.file, found);
  const key = own.list ? `${agent.name}+${step.skills ? step.id : (role?.name ?? step.id)}` : agent.name;
  const chain = [step.model, role?.model, ...agent.models, settings.model].filter(
    (name): name is string => name !== undefined && name !== "",
  );
  const attemptMaxMs = step.attemptMaxMs ?? agent.attemptMaxMs ?? settings.limits.attemptMaxMs;
  if (attemptMaxMs > settings.limits.runMaxMs) {
    const message = `task "${step.id}" may take ${attemptMaxMs} ms, but the whole run ends after ${settings.limits.runMaxMs}`;
    found.push({
      where: draft.where,
      message,
      remedy: "shorten its timeout, or raise limits.runMaxMs",
      fatal: false,
    });
  }
  const planned: PlannedTask = {
    id: step.id,
    agent: key,
    ...(role && { role: role.name }),
    prompt: step.prompt,
    dependsOn: step.dependsOn,
    models: model === undefined ? [...new Set(chain)] : [model],
    ...(agent.thinking && { thinking: agent.thinking }),
    writes: writesOf(draft, agent, found),
    ...(step.output && { output: step.output }),
    reads: step.reads,
    verify: step.verify,
    retries: step.retries ?? settings.retries.max,
    attemptMaxMs,
    ...(agent.turnsMax && { turnsMax: agent.turnsMax }),
    ...(agent.costMax && { costMax: agent.costMax }),
    ...(role?.roleMax && { roleMax: role.roleMax }),
  };
  return { key, spec: specOf(agent, skills), planned };
}

function specOf(agent: AgentDefinition, skills: readonly string[]): AgentSpec {
  return {
    name: agent.name,
    description: agent.description,
    source: agent.source,
    systemPrompt: agent.systemPrompt,
    systemPromptMode: agent.systemPromptMode,
    ...(agent.tools && { tools: agent.tools }),
    excludeTools: agent.excludeTools,
    skills,
    extensions: agent.extensions,
    permission: agent.permission,
  };
}

/** The agent's definition. Where there is none the plan is refused; the nameless stand-in only lets checking go on. */
function agentOf(catalogue: Catalogue, draft: TaskDraft, found: Found[]): AgentDefinition {
  const name = draft.agent ?? "";
  const agent = catalogue.agents.get(name);
  if (agent) return agent;
  if (draft.agent !== undefined) {
    found.push(...missing(catalogue, "agent", name, draft.agentWhere, catalogue.agents.keys()));
  }
  const nothing = { triggers: [], useWhen: [], avoidWhen: [], models: [], excludeTools: [], extensions: [] };
  return {
    ...nothing,
    name,
    description: "",
    source: "user",
    file: "",
    systemPrompt: "",
    systemPromptMode: "replace",
    permission: "write",
  };
}

/** Everything, where its agent may write at all and the step does not say less. */
function writesOf(draft: TaskDraft, agent: AgentDefinition, found: Found[]): "none" | readonly string[] {
  const { step, where } = draft;
  const may = agent.permission !== "read";
  const asked = step.writes !== undefined && step.writes !== "none";
  if (asked && !may) {
    const message = `task "${step.id}" names paths to write, but agent "${agent.name}" may only read`;
    found.push({ where, message, remedy: "remove writes, or choose an agent that may write", fatal: false });
  }
  const writes = may ? (step.writes ?? ["**"]) : "none";
  if (step.output !== undefined && writes === "none") {
    const message = `task "${step.id}" must leave ${step.output}, but it writes no file`;
    const remedy =
      "remove output (its submitted text reaches its dependants anyway), or let an agent that may write do it";
    found.push({ where, message, remedy, fatal: true });
  }
  return writes;
}

function skillPaths(
  catalogue: Catalogue,
  skills: SkillNames | undefined,
  file: string | undefined,
  found: Found[],
): readonly string[] {
  return (skills?.names ?? []).flatMap((name) => {
    const known = catalogue.skills?.get(name);
    if (known !== undefined) return [known];
    const message = `skill "${name}" is not defined and is left out`;
    const where = `${file}:${skills?.line}`;
    found.push({ where, message, remedy: chooseFrom(name, catalogue.skills?.keys() ?? []), fatal: false });
    return [];
  });
}
