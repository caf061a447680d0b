import { oneLine } from "../lib/wording.ts";
import { chooseFrom } from "../resources/suggest.ts";
import { type Action, parameterShapes } from "./action.ts";
import type { Perform } from "./context.ts";
import { answer, refusal } from "./result.ts";
import { screens } from "./screens.ts";
import { actionNamed, actions } from "./table.ts";

/** Explains the table of actions, or one of its rows. */
export const help: Perform = async ({ name }) => {
  if (name === undefined) return answer(overview());
  const wanted = name.replace(/^\/?team-/, "");
  const action = actionNamed(wanted);
  if (action !== undefined) return answer(detail(action));
  const names = actions.map((candidate) => candidate.name);
  const message = `there is no action "${oneLine(name, 60)}"`;
  return refusal([{ where: "name", message, remedy: chooseFrom(wanted, names) }]);
};

function overview(): string {
  return [
    "As a tool: team action=<action> …; as a command: /team-<action> [--name value …] [words].",
    ...actions.map(({ name, summary }) => `- ${name}: ${summary}`),
    ...screens.map(({ name, summary }) => `- /team-${name}: ${summary} (people only)`),
    "Parameters of one: team action=help name=<action>.",
  ].join("\n");
}

function detail({ name, summary, parameters }: Action): string {
  const [first, ...options] = parameters;
  const words = options.map(
    (option) => ` [--${option}${parameterShapes[option].kind === "flag" ? "" : " …"}]`,
  );
  return [
    `${name}: ${summary}.`,
    `/team-${name}${words.join("")}${first === undefined ? "" : ` [${first}]`}`,
    ...parameters.map((parameter) => `- ${parameter}: ${parameterShapes[parameter].description}`),
  ].join("\n");
}
