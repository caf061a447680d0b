import { chooseFrom } from "../resources/suggest.ts";
import { type Action, parameterShapes } from "./action.ts";
import type { Perform } from "./context.ts";
import { answer, refusal } from "./result.ts";
import { actionNamed, actions } from "./table.ts";

/** Explains the table of actions, or one of its rows. */
export const help: Perform = async ({ name }) => {
  if (name === undefined) return answer(overview());
  const wanted = name.replace(/^\/?team-/, "");
  const action = actionNamed(wanted);
  if (action !== undefined) return answer(detail(action));
  const remedy = chooseFrom(
    wanted,
    actions.map((candidate) => candidate.name),
  );
  const problem = { where: "name", message: `there is no action "${name.slice(0, 60)}"`, remedy };
  return refusal([problem], "nothing is explained");
};

function overview(): string {
  const groups = [...new Set(actions.map(({ group }) => group))];
  return [
    "As a tool: team action=<action> …; as a command: /team-<action> [--name value …] [words].",
    ...groups.flatMap((group) => [
      `${group}:`,
      ...actions
        .filter((action) => action.group === group)
        .map(({ name, summary }) => `- ${name}: ${summary}`),
    ]),
    "Parameters of one: team action=help name=<action>.",
  ].join("\n");
}

function detail(action: Action): string {
  const rest = action.rest === undefined ? "" : ` [${action.rest}]`;
  const options = action.parameters
    .filter((name) => name !== action.rest)
    .map((name) => (parameterShapes[name].kind === "flag" ? ` [--${name}]` : ` [--${name} …]`));
  return [
    `${action.name}: ${action.summary}.`,
    `/team-${action.name}${options.join("")}${rest}`,
    ...action.parameters.map((name) => `- ${name}: ${parameterShapes[name].description}`),
  ].join("\n");
}
