import { canonicalJson } from "../core/canonical.ts";
import { planProblems } from "../core/check.ts";
import type { AgentSpec, Plan, PlannedTask, PlanProblem } from "../core/plan.ts";
import type { Settings } from "../core/settings.ts";
import { sha256 } from "../lib/hash.ts";
import type { Catalogue, Found, TeamDefinition, WorkflowDefinition } from "./definition.ts";
import { isModel } from "./fields.ts";
import { withoutGroups } from "./groups.ts";
import { distinct, missing, plain } from "./problems.ts";
import { chooseFrom } from "./suggest.ts";
import { type TaskDraft, taskOf } from "./task.ts";
import { isOutside } from "./workflow.ts";

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
  readonly dependsOn?: readonly string[];
  readonly model?: string;
  /** Globs separated by commas, or `none`. */
  readonly writes?: string;
}

export type Compiled =
  | {
      readonly ok: true;
      readonly plan: Plan;
      readonly concurrency: number;
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

const concurrencyCeiling = 1_000;
/** The agent of an inline task that names none. */
const inlineAgent = "executor";

/** The immutable plan of what was asked for, or everything that is wrong with it, at once. Changes nothing. */
export function compilePlan(catalogue: Catalogue, ask: PlanAsk, settings: Settings): Compiled {
  const found: Found[] = [];
  checkAsk(ask, found);
  const draft = draftOf(catalogue, ask, settings, found);
  if (!draft) return { ok: false, problems: found.map(plain) };
  const agents: Record<string, AgentSpec> = {};
  const tasks: PlannedTask[] = [];
  for (const task of draft.tasks) {
    const { key, spec, planned } = taskOf(catalogue, task, ask.model, settings, found);
    agents[key] = spec;
    tasks.push(planned);
  }
  const rest = {
    goal: draft.goal,
    ...(draft.team && { team: draft.team.name }),
    ...(draft.workflow && { workflow: draft.workflow.name }),
    agents,
    tasks,
  };
  for (const problem of planProblems(
    rest,
    settings.limits,
    (index) => draft.tasks[index]?.where ?? "tasks",
  )) {
    found.push({ ...problem, fatal: true });
  }
  const concurrency = concurrencyOf(draft, ask, settings, found);
  if (found.some((problem) => problem.fatal)) return { ok: false, problems: distinct(found.map(plain)) };
  const plan: Plan = { ...rest, hash: sha256(canonicalJson(rest)) };
  return {
    ok: true,
    plan,
    concurrency,
    warnings: distinct([...noticed(catalogue, draft), ...found.map(plain)]),
  };
}

function checkAsk(ask: PlanAsk, found: Found[]): void {
  const wrong = (where: string, message: string, remedy: string): void => {
    found.push({ where, message, remedy, fatal: true });
  };
  if (ask.model !== undefined && !isModel(ask.model)) {
    wrong("model", `"${ask.model.slice(0, 60)}" is not a model`, "write provider/id or provider/id:thinking");
  }
  const { concurrency } = ask;
  if (
    concurrency !== undefined &&
    !(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= concurrencyCeiling)
  ) {
    wrong(
      "concurrency",
      `concurrency ${concurrency} is not possible`,
      `use a whole number from 1 to ${concurrencyCeiling}`,
    );
  }
  if (ask.tasks && (ask.team !== undefined || ask.workflow !== undefined)) {
    wrong(
      "tasks",
      "tasks are a graph of their own, but a team or workflow is named too",
      "name one or the other",
    );
  } else if (
    !ask.tasks &&
    ask.agent !== undefined &&
    (ask.team !== undefined || ask.workflow !== undefined)
  ) {
    wrong(
      "agent",
      "an agent is named together with a team or workflow",
      "name the agent alone, or leave it out",
    );
  }
  if (!ask.tasks && (ask.goal ?? "").trim() === "") {
    wrong("goal", "the goal is missing", "say what is to be achieved, or give tasks");
  }
}

function draftOf(catalogue: Catalogue, ask: PlanAsk, settings: Settings, found: Found[]): Draft | undefined {
  const goal = (ask.goal ?? "").trim();
  if (ask.tasks) return inlineDraft(ask, ask.tasks, goal, found);
  if (ask.agent === undefined) return teamDraft(catalogue, ask, goal, settings, found);
  const id = ask.agent.toLowerCase().replace(/[^a-z0-9_-]/g, "-");
  const step = { id, dependsOn: [], reads: [], verify: false, prompt: "{goal}" };
  return { goal, tasks: [{ where: "agent", agent: ask.agent, agentWhere: "agent", step }] };
}

function inlineDraft(ask: PlanAsk, inline: readonly InlineTask[], goal: string, found: Found[]): Draft {
  const tasks = inline.map((task, index): TaskDraft => {
    const where = `tasks[${index}]`;
    const writes = task.writes
      ?.split(",")
      .map((glob) => glob.trim())
      .filter((glob) => glob !== "");
    const none = writes?.length === 1 && writes[0] === "none";
    const outside = writes?.find(isOutside);
    if (outside !== undefined) {
      const message = `task "${task.id}" would write ${outside}, outside the workspace`;
      found.push({
        where: `${where}.writes`,
        message,
        remedy: "use globs relative to the project, without ..",
        fatal: true,
      });
    }
    if (task.model !== undefined && !isModel(task.model)) {
      const message = `"${task.model.slice(0, 60)}" is not a model`;
      found.push({
        where: `${where}.model`,
        message,
        remedy: "write provider/id or provider/id:thinking",
        fatal: true,
      });
    }
    const step = {
      id: task.id,
      dependsOn: task.dependsOn ?? [],
      prompt: task.task,
      reads: [],
      verify: false,
      ...(task.model && { model: task.model }),
      ...(writes && writes.length > 0 && { writes: none ? ("none" as const) : writes }),
    };
    return { where, agent: task.agent ?? ask.agent ?? inlineAgent, agentWhere: `${where}.agent`, step };
  });
  const only = inline.length === 1 ? inline[0]?.task : undefined;
  const ids = inline
    .slice(0, 20)
    .map((task) => task.id)
    .join(", ");
  return { goal: goal || (only ?? `complete the tasks ${ids}${inline.length > 20 ? ", …" : ""}`), tasks };
}

function teamDraft(
  catalogue: Catalogue,
  ask: PlanAsk,
  goal: string,
  settings: Settings,
  found: Found[],
): Draft | undefined {
  const named = ask.team ?? (ask.workflow === undefined ? settings.team : undefined);
  const where = ask.team === undefined ? "settings team" : "team";
  const team =
    named === undefined
      ? teamFor(catalogue, ask.workflow ?? "")
      : lookUp(catalogue, "team", named, where, found);
  if (named !== undefined && !team) return undefined;
  const wanted = ask.workflow ?? team?.defaultWorkflow ?? team?.name ?? "";
  const asked = ask.workflow !== undefined || !team;
  const place = asked ? "workflow" : `${team.file}:${team.defaultWorkflowLine}`;
  const workflow = lookUp(catalogue, "workflow", wanted, place, found);
  if (!workflow) return undefined;
  const tasks = withoutGroups(workflow, found).map((step): TaskDraft => {
    const at = `${workflow.file}:${step.line}`;
    const role = team?.roles.find((known) => known.name === step.role);
    if (team && !role) {
      const message = `step "${step.id}" names role "${step.role}", which team "${team.name}" does not have`;
      found.push({
        where: at,
        message,
        remedy: chooseFrom(
          step.role,
          team.roles.map((known) => known.name),
        ),
        fatal: true,
      });
    }
    return {
      where: at,
      file: workflow.file,
      step,
      ...(role && team && { role, roleFile: team.file }),
      // A role that the team lacks was told above; its agent is not looked for as well.
      ...((role || !team) && { agent: role?.agent ?? step.role }),
      agentWhere: role && team ? `${team.file}:${role.line}` : at,
    };
  });
  return { goal, ...(team && { team }), workflow, tasks };
}

/** The team that a workflow named alone belongs to: of the same name, or else the first whose default it is. */
function teamFor(catalogue: Catalogue, workflow: string): TeamDefinition | undefined {
  const same = catalogue.teams.get(workflow);
  if (same && (same.defaultWorkflow ?? same.name) === workflow) return same;
  return [...catalogue.teams.values()].find((team) => (team.defaultWorkflow ?? team.name) === workflow);
}

function lookUp<Kind extends "team" | "workflow">(
  catalogue: Catalogue,
  kind: Kind,
  name: string,
  where: string,
  found: Found[],
): (Kind extends "team" ? TeamDefinition : WorkflowDefinition) | undefined;
function lookUp(
  catalogue: Catalogue,
  kind: "team" | "workflow",
  name: string,
  where: string,
  found: Found[],
) {
  const known = kind === "team" ? catalogue.teams : catalogue.workflows;
  const definition = known.get(name);
  if (!definition) found.push(...missing(catalogue, kind, name, where, known.keys()));
  return definition;
}

/** The least of what the call (or the settings), the team and the workflow allow. */
function concurrencyOf(draft: Draft, ask: PlanAsk, settings: Settings, found: Found[]): number {
  let concurrency = ask.concurrency ?? settings.concurrency;
  for (const of of [draft.team, draft.workflow]) {
    if (of?.concurrencyMax === undefined || of.concurrencyMax >= concurrency) continue;
    if (ask.concurrency !== undefined) {
      const message = `"${of.name}" allows ${of.concurrencyMax} workers at once, not ${concurrency}`;
      found.push({
        where: of.file,
        message,
        remedy: "raise its maxConcurrency if its steps bear it",
        fatal: false,
      });
    }
    concurrency = of.concurrencyMax;
  }
  return concurrency;
}

/** What loading noticed about the files that this plan uses. */
function noticed(catalogue: Catalogue, draft: Draft): readonly PlanProblem[] {
  const agents = draft.tasks.map((task) => catalogue.agents.get(task.agent ?? "")?.file);
  const files = [...new Set([draft.team?.file, draft.workflow?.file, ...agents])];
  return catalogue.problems.filter(({ where }) =>
    files.some((file) => file !== undefined && where.startsWith(`${file}:`)),
  );
}
