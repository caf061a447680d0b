import type { PlanProblem } from "../core/plan.ts";
import type { RunListing } from "../core/ports.ts";
import { oneLine } from "../lib/wording.ts";
import type { ResourceKind } from "../resources/definition.ts";
import { resourceKinds } from "../resources/find.ts";
import { chooseFrom } from "../resources/suggest.ts";
import { type Action, type ParameterName, parameterShapes } from "./action.ts";
import { actionNamed, actions } from "./table.ts";

/** What a slash command's arguments say: raw arguments for `perform`, and everything that could not be understood. */
export interface CommandLine {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly problems: readonly PlanProblem[];
}

// A quoted word (also after `--name=`) ends where its quote is followed by space: "don't" and 5" are plain words.
const wordShape = /(\s*)((?:--[A-Za-z]\w*=)?(?:"(?:[^"\\]|\\.)*"(?=\s|$)|'[^']*'(?=\s|$)|\S+))/gs;
const optionShape = /^--([A-Za-z]\w*)(?:=(.*))?$/s;
const quoted = /^(?:"(?:[^"\\]|\\.)*"|'[^']*')$/s;

/**
 * Reads `--name value`, `--name=value`, `--flag`, quotes, and `--` (the rest is no option). Words that belong to no
 * option are kept as they are written, spaces included, and go to the action's first parameter.
 */
export function parseLine(action: Action, line: string): CommandLine {
  const raw: Record<string, unknown> = {};
  const problems: PlanProblem[] = [];
  const wrong = (where: string, message: string, remedy: string): void => {
    problems.push({ where, message, remedy });
  };
  let rest = "";
  const words = [...line.matchAll(wordShape)].map(([, gap = "", text = ""]) => ({ gap, text }));
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [, name, inline] = optionShape.exec(word.text) ?? [];
    if (word.text === "--" || name === undefined) {
      const plain = word.text === "--" ? words.splice(0) : [word];
      rest += plain.map(({ gap, text }) => gap + text).join("");
    } else if (!isTaken(action, name)) {
      const literal = action.parameters.length === 0 ? "" : "; put -- before words that begin with dashes";
      wrong(
        `--${name}`,
        `/team-${action.name} takes no --${name}`,
        chooseFrom(name, action.parameters) + literal,
      );
    } else {
      const { kind, description } = parameterShapes[name];
      const isNextValue = kind === "flag" ? /^(true|false)$/ : /^(?!--\w)/;
      const takesNext = inline === undefined && words[0] !== undefined && isNextValue.test(words[0].text);
      const value = takesNext ? words.shift()?.text : inline;
      if (Object.hasOwn(raw, name)) wrong(`--${name}`, "is given twice", "give it once");
      else if (value === undefined && kind !== "flag")
        wrong(`--${name}`, "has no value", `write --${name} <${description}>`);
      else if (value !== undefined && /^["']/.test(value) && !quoted.test(value))
        wrong(`--${name}`, `has a quote that is not closed: ${oneLine(value, 40)}`, "close the quote");
      else raw[name] = value === undefined ? true : unquoted(value);
    }
  }
  const text = unquoted(rest.trim());
  const [first] = action.parameters;
  if (text === "") return { raw, problems };
  if (first === undefined) wrong("arguments", `/team-${action.name} takes no words`, "leave them out");
  else if (Object.hasOwn(raw, first))
    wrong(`--${first}`, `"${oneLine(text, 60)}" says it too`, "say it once");
  else raw[first] = text;
  return { raw, problems };
}

/** A line typed where `run` is looked at: completed to be about it where it names none, else as it is. Read alike by `parseLine`. */
export function aimed(name: string, line: string, run: string, runs: readonly RunListing[]): string {
  const [first = ""] = line.trim().split(/\s/);
  // Eight digits begin an id also where its run is gone: they are no words about another one.
  const isRun = (said = ""): boolean =>
    /^(last$|\d{8})/i.test(said) || runs.some(({ runId }) => runId.startsWith(said.toLowerCase()));
  if (first === "" && /^(transcript|mailbox)$/.test(name)) return run;
  if (name === "transcript") return first.startsWith("--") || isRun(first) ? line : `${run} ${line}`;
  const action = actionNamed(name);
  if (action === undefined || name === "doctor" || !isTaken(action, "run")) return line;
  const { raw, problems } = parseLine(action, line);
  if (problems.length > 0 || (name === "get" && raw.task === undefined)) return line;
  if (raw.run === undefined) return `--run ${run} ${line}`.trim();
  if (isRun(String(raw.run).split(/\s/)[0])) return line;
  // Words that are no run are what the action reads next, unless that is a flag: a task, a reason, a path.
  const [own, ...others] = action.parameters;
  const as = parseLine({ ...action, parameters: others }, line);
  const takesWords = own === "run" && others[0] !== undefined && parameterShapes[others[0]].kind !== "flag";
  const options = Object.entries(as.raw).map(
    ([key, to]) => ` --${key}="${String(to).replace(/["\\]/g, "\\$&")}"`,
  );
  if (takesWords && as.problems.length === 0) return `--run ${run}${options.join("")}`;
  // `--run` behind a message's first words is one of them, if nothing else that is said is lost by that.
  const said = line.replace(/\s--run\b/, " --$&");
  const { raw: now } = parseLine(action, said);
  const isSaid =
    /\s--run\b/.test(String(now.message)) && Object.keys(now).length + 1 === Object.keys(raw).length;
  return isSaid ? `--run ${run} ${said}` : line;
}

const callShape = /\bteam ([a-z]+)((?:(?: or)? \w+=(?:"[^"]*"|[^\s,;]*[^\s,;.:)]))*)/g;
/** Calls that our texts name without arguments; other words behind "team" may be prose. */
const bareCalls = /^(?:doctor|list|validate|help)$/;

/** Calls of the tool as a person types them: `team get run=r task=a` becomes `/team-get --run r --task a`. */
export function asCommands(text: string): string {
  return text.replace(callShape, (call, name: string, given: string) => {
    if (actionNamed(name) === undefined || (given === "" && !bareCalls.test(name))) return call;
    return `/team-${name}${given.replace(/ (\w+)=/g, " --$1 ")}`;
  });
}

/** Where completion finds names; each is asked only when it is needed. */
export interface CompletionSources {
  readonly runs: () => Promise<readonly RunListing[]>;
  /** Names of agents, teams or workflows. */
  readonly names: (kind: ResourceKind) => Promise<readonly string[]>;
  readonly settingKeys: () => readonly string[];
}

/** One proposal; `value` replaces all the arguments that were typed so far. */
export interface Completion {
  readonly value: string;
  readonly label: string;
  readonly description?: string;
}

const completionsMax = 50;

/** Proposals for the last word of `/team-<name>`'s arguments; empty when there is nothing to propose. */
export async function complete(
  name: string,
  typed: string,
  sources: CompletionSources,
): Promise<readonly Completion[]> {
  const action = actionNamed(name);
  if (action === undefined) return [];
  const start = typed.search(/\S*$/);
  const [before, last] = [typed.slice(0, start), typed.slice(start)];
  const option = /--(\w+)\s+$/.exec(before)?.[1];
  const [first] = action.parameters;
  let proposals: readonly Proposal[] = [];
  if (option !== undefined && isTaken(action, option)) proposals = await values(action, option, sources);
  else if (last.startsWith("-")) {
    proposals = action.parameters
      .filter((taken) => !before.includes(`--${taken}`))
      .map((taken) => [`--${taken}`, parameterShapes[taken].description]);
  } else if (before.trim() === "" && first !== undefined) proposals = await values(action, first, sources);
  const fitting = proposals.filter(([value]) => value.startsWith(last));
  // A word that is complete gets no list: with one on the screen, the host takes Enter for a choice, not for the command.
  if (fitting.every(([value]) => value === last)) return [];
  return fitting.slice(0, completionsMax).map(([value, note]) => ({
    value: before + value,
    label: value,
    ...(note !== undefined && { description: note }),
  }));
}

type Proposal = readonly [value: string, note?: string];

async function values(
  action: Action,
  name: ParameterName,
  sources: CompletionSources,
): Promise<readonly Proposal[]> {
  const known = parameterShapes[name].values;
  if (known !== undefined) return known.map((value) => [value]);
  if (name === "run") {
    const runs = (await sources.runs()).map((run): Proposal => {
      const { runId } = run;
      return [
        runId,
        "manifest" in run ? `${run.manifest.status}: ${oneLine(run.manifest.goal, 60)}` : run.problem,
      ];
    });
    return runs.length === 0 ? [] : [["last", "the newest run"], ...runs];
  }
  if (name === "key") return sources.settingKeys().map((value) => [value]);
  if (action.name === "help") return actions.map(({ name: value, summary }) => [value, summary]);
  const kinds = resourceKinds.filter((kind) => name === kind || name === "name");
  const names = await Promise.all(kinds.map((kind) => sources.names(kind)));
  return [...new Set(names.flat())].map((value) => [value]);
}

function isTaken(action: Action, name: string): name is ParameterName {
  return action.parameters.some((taken) => taken === name);
}

/** Without its quotes; inside double quotes a backslash keeps `"` and `\` themselves. */
function unquoted(word: string): string {
  if (!quoted.test(word)) return word;
  const inner = word.slice(1, -1);
  return word.startsWith('"') ? inner.replace(/\\(["\\])/g, "$1") : inner;
}
