import { oneLine } from "../lib/wording.ts";
import { chooseFrom } from "../resources/suggest.ts";
import { type Action, parameterShapes } from "./action.ts";
import type { Perform } from "./context.ts";
import { answer, refusal } from "./result.ts";
import { screens } from "./screens.ts";
import { actionNamed, actions } from "./table.ts";

/** Explains the table of actions, or one of its rows. */
export const help: Perform = async ({ name }, { requester }) => {
  if (name === undefined) return answer(overview(requester.origin.kind === "user"));
  const wanted = name.replace(/^\/?team-/, "");
  const action = actionNamed(wanted);
  if (action !== undefined) return answer(detail(action));
  const names = actions.map((candidate) => candidate.name);
  const message = `there is no action "${oneLine(name, 60)}"`;
  return refusal([{ where: "name", message, remedy: chooseFrom(wanted, names) }]);
};

/** A person sees first what is there to be looked at: of a long answer the rest is folded away. */
function overview(isPerson: boolean): string {
  const screenLines = screens.map(
    ({ name, summary }) => `- /team-${name}: ${summary}${isPerson ? "" : " (people only)"}`,
  );
  const command = isPerson ? "/team-" : "";
  return [
    `${isPerson ? "As" : "As a tool: team action=<action> …; as"} a command: /team-<action> [--name value …] [words].`,
    ...(isPerson ? screenLines : []),
    ...actions.map(({ name, summary }) => `- ${command}${name}: ${summary}`),
    ...(isPerson ? [] : screenLines),
    `Parameters of one: ${isPerson ? "/team-help <action>" : "team action=help name=<action>"}.`,
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
