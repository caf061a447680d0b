import { canonicalJson } from "../core/canonical.ts";
import { planProblems } from "../core/check.ts";
import type { AgentSpec, Plan, PlannedTask, PlanProblem } from "../core/plan.ts";
import type { Settings } from "../core/settings.ts";
import { sha256 } from "../lib/hash.ts";
import type { Catalogue, TeamDefinition, WorkflowDefinition } from "./definition.ts";
import { Findings } from "./findings.ts";
import { duration, gate, type Kind, model, paths, whole } from "./kinds.ts";
import { chooseFrom } from "./suggest.ts";
import { type TaskDraft, taskOf } from "./task.ts";

/** What a caller wants done: a goal for a team, a workflow or one agent, or a graph of its own. */
export interface PlanAsk {
  readonly goal?: string;
  readonly team?: string;
  readonly workflow?: string;
  /** Alone: one task by this agent. With `tasks`: the agent of those that name none. */
  readonly agent?: string;
  readonly tasks?: readonly InlineTask[];
  /** `provider/id[:thinking]` for every task. */
  readonly model?: string;
  /** Most workers alive at once. */
  readonly concurrency?: number;
}

export interface InlineTask {
  readonly id: string;
  /** `executor` when absent. */
  readonly agent?: string;
  readonly task: string;
  /** `-` alone: on nothing, whatever was said before. */
  readonly dependsOn?: readonly string[];
  readonly model?: string;
  /** Globs separated by commas, or `none`. */
  readonly writes?: string;
  /** `approval`: a person approves its result before it counts; `none`: nobody need. */
  readonly gate?: string;
  /** Longest attempt: `90s`, `10m`, `2h`. */
  readonly timeout?: string;
}

export type Compiled =
  | {
      readonly ok: true;
      readonly plan: Plan;
      readonly concurrency: number;
      /** A person approves the plan before anything of it starts. */
      readonly requireApproval: boolean;
      readonly warnings: readonly PlanProblem[];
    }
  | { readonly ok: false; readonly problems: readonly PlanProblem[] };

/** What was chosen to be done, before defaults are filled in. */
interface Draft {
  readonly goal: string;
  readonly team?: TeamDefinition;
  readonly workflow?: WorkflowDefinition;
  readonly tasks: readonly TaskDraft[];
}

/** What is compiled, from what, and what was noticed on the way. */
interface Request {
  readonly catalogue: Catalogue;
  readonly ask: PlanAsk;
  readonly settings: Settings;
  readonly found: Findings;
}

/** The agent of an inline task that names none. */
const inlineAgent = "executor";

/** The immutable plan of what was asked for, or everything that is wrong with it, at once. Changes nothing. */
export function compilePlan(catalogue: Catalogue, ask: PlanAsk, settings: Settings): Compiled {
  const found = new Findings();
  checkAsk(ask, found);
  const asked = check("model", ask.model, model, found) || undefined;
  const draft = draftOf({ catalogue, ask, settings, found });
  if (!draft) return { ok: false, problems: found.all() };
  const { goal, team, workflow } = draft;
  const agents: Record<string, AgentSpec> = {};
  const tasks: PlannedTask[] = [];
  for (const task of draft.tasks) {
    const { key, spec, planned } = taskOf(catalogue, task, asked, settings, found);
    agents[key] = spec;
    tasks.push(planned);
  }
  const named = { ...(team && { team: team.name }), ...(workflow && { workflow: workflow.name }) };
  const rest = { goal, ...named, agents, tasks };
  const whereOf = (index: number): string => draft.tasks[index]?.step.where ?? "tasks";
  found.errors.push(...planProblems(rest, settings.limits, whereOf));
  const wanted = ask.concurrency ?? settings.concurrency;
  const allowed = [team, workflow].flatMap((of) => of?.concurrencyMax ?? []);
  const concurrency = Math.min(wanted, ...allowed);
  if (ask.concurrency !== undefined && concurrency < wanted) {
    const message = `team or workflow allows ${concurrency} workers at once, not ${wanted}`;
    found.warn("concurrency", message, "raise its maxConcurrency if its steps bear it");
  }
  if (found.errors.length > 0) return { ok: false, problems: found.all() };
  const plan: Plan = { ...rest, hash: sha256(canonicalJson(rest)) };
  found.warnings.unshift(...noticed(catalogue, draft));
  const requireApproval = [settings, team, workflow].some((of) => of?.requireApproval === true);
  return { ok: true, plan, concurrency, requireApproval, warnings: found.all() };
}

function checkAsk(ask: PlanAsk, found: Findings): void {
  check("concurrency", ask.concurrency, whole(1, 1_000), found);
  const both = ask.team ?? ask.workflow;
  if (ask.tasks && both !== undefined) {
    const message = "tasks are a graph of their own, but a team or workflow is named too";
    found.error("tasks", message, "name one or the other");
  } else if (ask.agent !== undefined && both !== undefined) {
    const message = "an agent is named together with a team or workflow";
    found.error("agent", message, "name the agent alone, or leave it out");
  }
  if (!ask.tasks && (ask.goal ?? "").trim() === "") {
    found.error("goal", "the goal is missing", "say what is to be achieved, or give tasks");
  }
}

/** An argument held to the rule of a file's key; nothing where it is absent, wrong or empty. */
function check<Value>(where: string, value: unknown, kind: Kind<Value>, found: Findings): Value | undefined {
  if (value === undefined || value === "") return undefined;
  const read = kind.read(value);
  return read ?? found.error(where, `${JSON.stringify(value).slice(0, 60)} ${kind.rule}`, kind.remedy);
}

function draftOf(request: Request): Draft | undefined {
  const { ask, found } = request;
  const goal = (ask.goal ?? "").trim();
  if (ask.tasks) return inlineDraft(ask, ask.tasks, goal, found);
  if (ask.agent === undefined) return teamDraft(goal, request);
  const id = ask.agent.toLowerCase().replace(/[^a-z0-9_-]/g, "-");
  const step = { id, where: "agent", dependsOn: [], reads: [], verify: false, prompt: "{goal}" };
  return { goal, tasks: [{ agent: ask.agent, agentWhere: "agent", step }] };
}

function inlineDraft(ask: PlanAsk, inline: readonly InlineTask[], goal: string, found: Findings): Draft {
  const tasks = inline.map(({ id, agent, task, dependsOn = [], ...rest }, index): TaskDraft => {
    const where = `tasks[${index}]`;
    const writes = check(`${where}.writes`, rest.writes, paths, found);
    const own = check(`${where}.model`, rest.model, model, found);
    const gated = check(`${where}.gate`, rest.gate, gate, found);
    const attemptMaxMs = check(`${where}.timeout`, rest.timeout, duration, found);
    const step = {
      ...{
        id,
        where,
        dependsOn: dependsOn.filter((need) => need !== "-"),
        prompt: task,
        reads: [],
        verify: false,
      },
      ...(attemptMaxMs && { attemptMaxMs }),
      ...(own && { model: own }),
      ...(gated && { gate: gated }),
      ...(writes && { writes: writes.length === 0 ? ("none" as const) : writes }),
    };
    return { agent: agent ?? ask.agent ?? inlineAgent, agentWhere: `${where}.agent`, step };
  });
  const ids = inline.map(({ id }) => id).join(", ");
  const only = inline.length === 1 ? inline[0]?.task : undefined;
  return { goal: goal || (only ?? `complete the tasks ${ids.slice(0, 500)}`), tasks };
}

function teamDraft(goal: string, { catalogue, ask, settings, found }: Request): Draft | undefined {
  const { teams, workflows } = catalogue;
  const named = ask.team ?? (ask.workflow === undefined ? settings.team : undefined);
  const team = named === undefined ? teamFor(catalogue, ask.workflow) : teams.get(named);
  if (named !== undefined && !team) {
    return found.missing(catalogue, "team", named, ask.team === undefined ? "settings team" : "team");
  }
  const wanted = ask.workflow ?? team?.defaultWorkflow ?? team?.name ?? "";
  const workflow = workflows.get(wanted);
  if (!workflow) {
    const where = ask.workflow === undefined && team ? team.workflowWhere : "workflow";
    return found.missing(catalogue, "workflow", wanted, where);
  }
  const tasks = workflow.steps.map((step): TaskDraft => {
    if (!team) return { step, agent: step.role, agentWhere: step.where };
    const role = team.roles.find(({ name }) => name === step.role);
    if (role) return { step, role, agent: role.agent, agentWhere: role.where };
    const message = `step "${step.id}" names role "${step.role}", which team "${team.name}" does not have`;
    const known = team.roles.map(({ name }) => name);
    found.error(step.where, message, chooseFrom(step.role, known));
    return { step, agentWhere: step.where };
  });
  return { goal, ...(team && { team }), workflow, tasks };
}

/** The team that a workflow named alone belongs to: of the same name, or else the first whose default it is. */
function teamFor({ teams }: Catalogue, workflow: string | undefined): TeamDefinition | undefined {
  const ofIt = [...teams.values()].filter((team) => (team.defaultWorkflow ?? team.name) === workflow);
  return ofIt.find((team) => team.name === workflow) ?? ofIt[0];
}

/** What loading noticed about the files that this plan uses. */
function noticed(catalogue: Catalogue, { team, workflow, tasks }: Draft): readonly PlanProblem[] {
  const agents = tasks.map(({ agent = "" }) => catalogue.agents.get(agent)?.file);
  const files = [...new Set([team?.file, workflow?.file, ...agents])];
  return catalogue.problems.filter(({ where }) =>
    files.some((file) => file !== undefined && where.startsWith(`${file}:`)),
  );
}
