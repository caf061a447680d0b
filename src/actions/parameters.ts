import type { PlanProblem } from "../core/plan.ts";
import { type Action, type Parameters, parameterShapes, type Shape, taskShapes } from "./action.ts";
import { isUnset, membersOf, readMembers } from "./read-argument.ts";
import { actions } from "./table.ts";

/** A call's arguments, as far as they could be read, and everything that is wrong with the others. */
export interface Normalised {
  readonly parameters: Parameters;
  readonly problems: readonly PlanProblem[];
  /** What could not be read, as it came. */
  readonly unreadable: Readonly<Record<string, unknown>>;
}

/** The one reader of arguments, for the tool and the commands. Total; reading its own result again changes nothing. */
export function normalise(raw: unknown): Normalised {
  const members = isUnset(raw) ? {} : membersOf(raw);
  if (members === undefined) {
    const remedy = 'send an object such as {"action": "run", "goal": "…"}';
    const problem = { where: "arguments", message: "the arguments are no object", remedy };
    return { parameters: {}, problems: [problem], unreadable: {} };
  }
  const { action: _, ...given } = members;
  const { values, problems, unreadable } = readMembers(parameterShapes, given);
  // Every member was read by the shape of its own key, which is what the type says.
  return { parameters: values as Parameters, problems, unreadable };
}

/**
 * For the host's `prepareArguments`: what can be read in its final form, so that the host's validator accepts it; the
 * rest as it came, so that it is refused and not lost.
 */
export function prepare(raw: unknown): Record<string, unknown> {
  const { parameters, unreadable } = normalise(raw);
  const action = membersOf(raw)?.action;
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

const text = { type: "string" };
const jsonTypes: Readonly<Record<Shape["kind"], () => object>> = {
  text: () => text,
  name: () => text,
  value: () => text,
  globs: () => text,
  integer: () => ({ type: "integer" }),
  flag: () => ({ type: "boolean" }),
  words: () => ({ type: "array", items: text }),
  tasks: () => ({ type: "array", items: { type: "object", properties: propertiesOf(taskShapes) } }),
};

/** Plain JSON Schema: the host coerces that, and it needs no schema library at run time. */
export const toolSchema: object = {
  type: "object",
  properties: {
    action: { ...text, enum: actions.map((action) => action.name) },
    ...propertiesOf(parameterShapes),
  },
  required: ["action"],
};

/** What several actions take together, said once: every character here is paid for in every session. */
const together = "confirm, force, reason";
const likeRun = actions
  .find(({ name }) => name === "plan")
  ?.parameters.join(", ")
  .replace(", confirm", "");

export const toolDescription = [
  "Run a team of agents as a durable task graph of child processes, and look after such runs.",
  `Actions (parameters; … is ${together}):`,
  ...actions.map(({ name, parameters, summary }) => {
    const takes = parameters.join(", ").replace(together, "…");
    return `${name}(${name === "run" ? takes : takes.replace(likeRun ?? "", "as run")}): ${summary}`;
  }),
].join("\n");

export const promptSnippet = "Delegate work to a team of agents: run a goal or a task graph, watch, cancel";

export const promptGuidelines: readonly string[] = [
  "Use team with action run for work that splits into parts or deserves an independent review; do small edits yourself.",
  "For team tasks, write each task so that an agent who sees nothing of this conversation can do it, and order them with dependsOn; independent tasks run at the same time.",
  "What agents report through team is their claim: check what matters before you build on it.",
];

function propertiesOf(shapes: Readonly<Record<string, Shape>>): object {
  const listed = Object.entries(shapes).filter(([, { isUnlisted }]) => isUnlisted !== true);
  return Object.fromEntries(
    listed.map(([name, { kind, description }]) => [
      name,
      { ...jsonTypes[kind](), ...(description !== undefined && { description }) },
    ]),
  );
}
