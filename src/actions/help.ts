import { chooseFrom } from "../resources/suggest.ts";
import { type Action, parameterShapes } from "./action.ts";
import { answer, refusal } from "./result.ts";

/** Explains the actions of the table that it is itself a row of, hence the function. */
export function helpOn(actions: () => readonly Action[]): Action {
  return {
    name: "help",
    group: "setup",
    summary: "the actions; with name: one action's parameters",
    parameters: ["name"],
    rest: "name",
    async run({ name }) {
      if (name === undefined) return answer("help", overview(actions()));
      const wanted = name.replace(/^\/?team-/, "");
      const action = actions().find((candidate) => candidate.name === wanted);
      if (action !== undefined) return answer("help", detail(action));
      const remedy = chooseFrom(
        wanted,
        actions().map((candidate) => candidate.name),
      );
      const problem = { where: "name", message: `there is no action "${name.slice(0, 60)}"`, remedy };
      return refusal("help", [problem], "nothing is explained");
    },
  };
}

function overview(actions: readonly Action[]): string {
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
