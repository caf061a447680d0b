import type { PlanProblem } from "../core/plan.ts";
import { type Action, type ParameterName, type Parameters, parameterShapes } from "./action.ts";
import { fromJsonText, isUnset, membersOf, readArgument, unknownKey } from "./read-argument.ts";
import { actions } from "./table.ts";

/** A call's arguments, as far as they could be read, and everything that is wrong with the others. */
export interface Normalised {
  readonly parameters: Parameters;
  readonly problems: readonly PlanProblem[];
  /** What could not be read, as it came. */
  readonly unreadable: Readonly<Record<string, unknown>>;
}

const aliases = new Map(
  Object.entries({ prompt: "goal", description: "goal", objective: "goal", subagenttype: "agent" }).concat(
    Object.entries({ async: "background", runinbackground: "background", id: "run", runid: "run" }),
    Object.entries({ taskid: "task", maxconcurrency: "concurrency", markdown: "text", steps: "tasks" }),
  ),
);

/** The one reader of arguments, for the tool and the commands. Total; reading its own result again changes nothing. */
export function normalise(raw: unknown): Normalised {
  const members = isUnset(raw) ? new Map<string, unknown>() : membersOf(fromJsonText(raw));
  if (members === undefined) {
    const remedy = 'send an object such as {"action": "run", "goal": "…"}';
    const problem = { where: "arguments", message: "the arguments are no object", remedy };
    return { parameters: {}, problems: [problem], unreadable: {} };
  }
  const read: [string, unknown][] = [];
  const unreadable: [string, unknown][] = [];
  const problems: PlanProblem[] = [];
  for (const [key, value] of members) {
    if (key === "action") continue;
    if (!isParameter(key)) {
      if (isUnset(value)) continue;
      problems.push(unknownKey(key, key, Object.keys(parameterShapes), aliases));
      unreadable.push([key, value]);
      continue;
    }
    const reading = readArgument(parameterShapes[key], value, key);
    if (reading === undefined) continue;
    if ("value" in reading) read.push([key, reading.value]);
    else {
      problems.push(...reading.problems);
      unreadable.push([key, value]);
    }
  }
  // Every member was read by the shape of its own key, which is what the type says.
  return {
    parameters: Object.fromEntries(read) as Parameters,
    problems,
    unreadable: Object.fromEntries(unreadable),
  };
}

/**
 * For the host's `prepareArguments`: what can be read in its final form, so that the host's validator accepts it; the
 * rest as it came, so that it is refused and not lost.
 */
export function prepare(raw: unknown): Record<string, unknown> {
  const { parameters, unreadable } = normalise(raw);
  const action = membersOf(fromJsonText(raw))?.get("action");
  return {
    ...(action === undefined ? {} : { action: typeof action === "string" ? action.trim() : action }),
    ...unreadable,
    ...parameters,
  };
}

/** Problems of parameters that this action does not take: sent by mistake, and dangerous to ignore. */
export function surplusProblems({ name, parameters: takes }: Action, given: Parameters): PlanProblem[] {
  const remedy = takes.length === 0 ? "leave it out" : `leave it out; it takes ${takes.join(", ")}`;
  return Object.entries(given)
    .filter(([key, value]) => value !== false && !takes.some((taken) => taken === key))
    .map(([key]) => ({ where: key, message: `action "${name}" takes no "${key}"`, remedy }));
}

const jsonTypes = {
  text: "string",
  name: "string",
  value: "string",
  integer: "integer",
  flag: "boolean",
  tasks: "array",
} as const;

/** Plain JSON Schema: the host coerces that, and it needs no schema library at run time. */
export const toolSchema: object = {
  type: "object",
  properties: {
    action: { type: "string", enum: actions.map((action) => action.name) },
    ...Object.fromEntries(
      Object.entries(parameterShapes).map(([name, shape]) => [
        name,
        {
          type: jsonTypes[shape.kind],
          description: shape.description,
          ...(shape.kind === "tasks" ? { items: taskSchema() } : {}),
        },
      ]),
    ),
  },
  required: ["action"],
};

export const toolDescription = [
  "Run a team of agents as a durable task graph of child processes, and look after such runs. Actions (parameters):",
  ...actions.map((action) => `${action.name}(${action.parameters.join(", ")}): ${action.summary}`),
].join("\n");

export const promptSnippet = "Delegate work to a team of agents: run a goal or a task graph, watch, cancel";

export const promptGuidelines: readonly string[] = [
  "Use team with action run for work that splits into parts or deserves an independent review; do small edits yourself.",
  "For team tasks, write each task so that an agent who sees nothing of this conversation can do it, and order them with dependsOn; independent tasks run at the same time.",
  "What agents report through team is their claim: check what matters before you build on it.",
];

function isParameter(key: string): key is ParameterName {
  return Object.hasOwn(parameterShapes, key);
}

function taskSchema(): object {
  const text = { type: "string" };
  return {
    type: "object",
    properties: {
      id: text,
      agent: text,
      task: { type: "string", description: "what to do; {id.output} inserts a dependency's result" },
      dependsOn: { type: "array", items: text },
      model: text,
      writes: { type: "string", description: "globs it may write, or none" },
    },
  };
}
