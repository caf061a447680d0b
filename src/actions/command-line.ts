import type { PlanProblem } from "../core/plan.ts";
import type { RunListing } from "../core/ports.ts";
import type { ResourceKind } from "../resources/definition.ts";
import { resourceKinds } from "../resources/find.ts";
import { nearest } from "../resources/suggest.ts";
import { type Action, type ParameterName, parameterShapes } from "./action.ts";
import { actionNamed, actions } from "./table.ts";

/** What a slash command's arguments say: raw arguments for `perform`, and everything that could not be understood. */
export interface CommandLine {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly problems: readonly PlanProblem[];
}

// A quoted word (also after `--name=`) ends where its quote is followed by space: "don't" and 5" are plain words.
const wordShape = /(?:--[A-Za-z]\w*=)?(?:"(?:[^"\\]|\\.)*"(?=\s|$)|'[^']*'(?=\s|$)|\S+)/gs;
const optionShape = /^--([A-Za-z]\w*)(?:=(.*))?$/s;

/**
 * Reads `--name value`, `--name=value`, `--flag`, quotes, and `--` (the rest is no option). Words that belong to no
 * option are kept as they are written, spaces included, and go to the action's `rest` parameter.
 */
export function parseLine(action: Action, line: string): CommandLine {
  const words = [...line.matchAll(wordShape)].map((match) => ({ text: match[0], at: match.index }));
  const raw: Record<string, unknown> = {};
  const problems: PlanProblem[] = [];
  const rest: { readonly text: string; readonly at: number }[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (word === undefined) break;
    if (word.text === "--") {
      rest.push(...words.slice(index + 1));
      break;
    }
    const option = optionShape.exec(word.text);
    const name = option?.[1];
    if (name === undefined) {
      rest.push(word);
      continue;
    }
    if (!isTaken(action, name)) {
      problems.push(unknownOption(action, name));
      continue;
    }
    let value = option?.[2];
    const next = words[index + 1]?.text;
    const isFlag = parameterShapes[name].kind === "flag";
    if (
      value === undefined &&
      next !== undefined &&
      (isFlag ? /^(true|false)$/.test(next) : !/^--\w/.test(next))
    ) {
      value = next;
      index += 1;
    }
    if (Object.hasOwn(raw, name)) problems.push(optionProblem(name, "is given twice", "give it once"));
    else if (value === undefined && !isFlag)
      problems.push(
        optionProblem(name, "has no value", `write --${name} <${parameterShapes[name].description}>`),
      );
    else if (value !== undefined && /^["']/.test(value) && !isQuoted(value))
      problems.push(
        optionProblem(name, `has a quote that is not closed: ${value.slice(0, 40)}`, "close the quote"),
      );
    else raw[name] = value === undefined ? true : unquoted(value);
  }
  problems.push(...takeRest(action, restText(line, rest), raw));
  return { raw, problems };
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
  const previous = /(\S+)\s+$/.exec(before)?.[1] ?? "";
  const inline = /^--(\w+)=(.*)$/.exec(last);
  const named = inline?.[1] ?? /^--(\w+)$/.exec(previous)?.[1];
  const option =
    named !== undefined && isTaken(action, named) && parameterShapes[named].kind !== "flag"
      ? named
      : undefined;
  const prefix = inline?.[2] ?? last;
  const head = inline === null ? before : `${before}--${inline[1]}=`;
  if (option === undefined && (last.startsWith("-") || action.rest === undefined)) {
    const unused = action.parameters.filter((name) => name !== action.rest && !before.includes(`--${name}`));
    return matching(
      unused.map((name) => ({ value: `--${name}`, note: parameterShapes[name].description })),
      last,
      before,
    );
  }
  const wanted = option ?? (before.trim() === "" ? action.rest : undefined);
  return wanted === undefined ? [] : matching(await values(action, wanted, sources), prefix, head);
}

interface Proposal {
  readonly value: string;
  readonly note?: string;
}

async function values(action: Action, name: ParameterName, sources: CompletionSources): Promise<Proposal[]> {
  const shape = parameterShapes[name];
  if (shape.values !== undefined) return shape.values.map((value) => ({ value }));
  if (name === "run") {
    const runs = await sources.runs();
    const proposals = runs.map((run) => ({
      value: run.runId,
      note: "manifest" in run ? `${run.manifest.status}: ${run.manifest.goal.slice(0, 60)}` : run.problem,
    }));
    return proposals.length === 0 ? [] : [{ value: "last", note: "the newest run" }, ...proposals];
  }
  if (name === "agent" || name === "team" || name === "workflow") {
    return (await sources.names(name)).map((value) => ({ value }));
  }
  if (name === "key") return sources.settingKeys().map((value) => ({ value }));
  if (name !== "name") return [];
  if (action.name === "help") return actions.map(({ name: value, summary: note }) => ({ value, note }));
  const kinds = await Promise.all(resourceKinds.map((kind) => sources.names(kind)));
  return [...new Set(kinds.flat())].map((value) => ({ value }));
}

/** A word that is complete gets no list: with one on the screen, the host takes Enter for a choice, not for the command. */
function matching(proposals: readonly Proposal[], prefix: string, head: string): Completion[] {
  const fitting = proposals.filter((proposal) => proposal.value.startsWith(prefix));
  if (fitting.every(({ value }) => value === prefix)) return [];
  return fitting.slice(0, completionsMax).map(({ value, note }) => ({
    value: head + value,
    label: value,
    ...(note === undefined ? {} : { description: note }),
  }));
}

function isTaken(action: Action, name: string): name is ParameterName {
  return action.parameters.some((taken) => taken === name);
}

function unknownOption(action: Action, name: string): PlanProblem {
  const meant = nearest(name, action.parameters);
  const known = action.parameters.map((taken) => `--${taken}`).join(", ") || "none";
  const hint = meant === undefined ? `it takes: ${known}` : `did you mean --${meant}?`;
  const literal = action.rest === undefined ? "" : "; for words that begin with dashes, put -- before them";
  return {
    where: `--${name}`,
    message: `/team-${action.name} has no option --${name}`,
    remedy: hint + literal,
  };
}

function optionProblem(name: string, message: string, remedy: string): PlanProblem {
  return { where: `--${name}`, message: `--${name} ${message}`, remedy };
}

/** Words that belong to no option, as they were written: spaces between neighbours stay as they are. */
function restText(line: string, words: readonly { readonly text: string; readonly at: number }[]): string {
  const [only, another] = words;
  if (only !== undefined && another === undefined)
    return isQuoted(only.text) ? unquoted(only.text) : only.text;
  let text = "";
  let end = -1;
  for (const word of words) {
    const gap = line.slice(end, word.at);
    text += end < 0 ? word.text : (gap.trim() === "" ? gap : " ") + word.text;
    end = word.at + word.text.length;
  }
  return text;
}

function takeRest(action: Action, text: string, raw: Record<string, unknown>): PlanProblem[] {
  if (text === "") return [];
  if (action.rest === undefined) {
    const remedy = "leave it out";
    return [{ where: "arguments", message: `/team-${action.name} takes no "${text.slice(0, 60)}"`, remedy }];
  }
  if (Object.hasOwn(raw, action.rest)) {
    const remedy = "quote values that hold spaces";
    const message = `"${text.slice(0, 60)}" and --${action.rest} say the same thing`;
    return [{ where: `--${action.rest}`, message, remedy }];
  }
  raw[action.rest] = text;
  return [];
}

function isQuoted(word: string): boolean {
  return /^(?:"(?:[^"\\]|\\.)*"|'[^']*')$/s.test(word);
}

/** Without its quotes; inside double quotes a backslash keeps `"` and `\` themselves. */
function unquoted(word: string): string {
  if (!isQuoted(word)) return word;
  const inner = word.slice(1, -1);
  return word.startsWith('"') ? inner.replace(/\\(["\\])/g, "$1") : inner;
}
