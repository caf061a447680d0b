import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { OutcomeRecord } from "../core/outcome.ts";
import type { PlanProblem } from "../core/plan.ts";
import type { TaskView } from "../core/view.ts";
import { oneLine } from "../lib/wording.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import type { Catalogue, Described, ResourceKind } from "../resources/definition.ts";
import { resourceKinds } from "../resources/find.ts";
import { chooseFrom } from "../resources/suggest.ts";
import type { ActionContext, Perform, Performed } from "./context.ts";
import { onRun } from "./observe.ts";
import { aboutRun, answer, attemptDirectory, refusal } from "./result.ts";
import { taskLine } from "./text.ts";

/** The whole result of a task, or the definition of an agent, team or workflow. */
export const get: Perform = async ({ run, task, resource, name }, context) => {
  if (name !== undefined && run === undefined && task === undefined)
    return getResource(resource, name, context);
  if (name === undefined && resource === undefined && task !== undefined)
    return getResult({ ...(run !== undefined && { run }), task }, context);
  const message = "it is not clear what to get";
  const remedy = "send name (and resource) for a definition, or run and task for a result";
  return refusal([{ where: "arguments", message, remedy }]);
};

async function getResource(
  kind: ResourceKind | undefined,
  name: string,
  context: ActionContext,
): Promise<Performed> {
  const catalogue = await loadCatalogue(context.places);
  const kinds = kind === undefined ? resourceKinds : [kind];
  const found = kinds.flatMap((of) => {
    const definition = definitionsOf(catalogue, of).get(name);
    return definition === undefined ? [] : [{ of, ...definition }];
  });
  if (found.length === 0) return refusal(missing(catalogue, kinds, name));
  const texts = found.map(async ({ of, source, file }) => {
    const hidden = catalogue.shadowed.filter((other) => other.kind === of && other.name === name);
    const instead = hidden.map((other) => `\nIt stands in for ${other.file}`).join("");
    return `${of} ${name} (${source}): ${file}${instead}\n\n${await readFile(file, "utf8")}`;
  });
  return answer((await Promise.all(texts)).join("\n\n"), { paths: found.map(({ file }) => file) });
}

function missing(catalogue: Catalogue, kinds: readonly ResourceKind[], name: string): readonly PlanProblem[] {
  const broken = catalogue.broken?.filter((file) => file.name === name && kinds.includes(file.kind)) ?? [];
  if (broken.length > 0) return broken.flatMap(({ problems }) => problems);
  const known = kinds.flatMap((kind) => [...definitionsOf(catalogue, kind).keys()]);
  const message = `no file defines ${kinds.join(" or ")} "${oneLine(name, 60)}"`;
  return [{ where: "name", message, remedy: chooseFrom(name, new Set(known)) }];
}

/** Definitions of one kind by name. */
export function definitionsOf(catalogue: Catalogue, kind: ResourceKind): ReadonlyMap<string, Described> {
  return catalogue[`${kind}s`];
}

function getResult(
  wanted: { readonly run?: string; readonly task: string },
  context: ActionContext,
): Promise<Performed> {
  return onRun(wanted, context, async ({ view, task }) => {
    if (task?.result === undefined) {
      const line = task === undefined ? "" : taskLine(task, context.clock.now());
      const text = `It has no result:\n${line}\nIts story: team status run=${view.runId} task=${wanted.task}.`;
      return aboutRun(true, view, text, context);
    }
    const file = join(attemptDirectory(view.runId, task, context), "outcome.json");
    const whole = await wholeResult(file, view.runId, task);
    const text = `Result of task ${task.id} [${task.agent}], as the agent claims it (${file}):\n\n${whole}`;
    return aboutRun(true, view, text, context, [file]);
  });
}

/** The result as outcome.json (`file`) holds it; the journal's head of it, labelled, where that file cannot be read. */
export async function wholeResult(file: string, runId: string, task: TaskView): Promise<string> {
  let why = "it holds no result of this task";
  try {
    const record = JSON.parse(await readFile(file, "utf8")) as Partial<OutcomeRecord> | null;
    const outcome = record?.runId === runId && record.task === task.id ? record.outcome : undefined;
    if (outcome?.kind === "completed" && typeof outcome.result?.text === "string") {
      const { text, truncated, bytes } = outcome.result;
      return truncated ? `${text}\n[the agent's answer had ${bytes} bytes; this is what was kept]` : text;
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    why = error.message;
  }
  return `${task.result?.text ?? ""}\n[only the journal's part; ${file}: ${why}]`;
}
