import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { OutcomeRecord } from "../core/outcome.ts";
import type { PlanProblem } from "../core/plan.ts";
import type { RunView, TaskView } from "../core/view.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import type { Catalogue, Described, ResourceKind } from "../resources/definition.ts";
import { resourceKinds } from "../resources/find.ts";
import { chooseFrom } from "../resources/suggest.ts";
import { attemptDirectory } from "./await-run.ts";
import type { ActionContext, Perform, Performed } from "./context.ts";
import { onRun } from "./observe.ts";
import { aboutRun, answer, refusal } from "./result.ts";
import { bounded, taskLine } from "./text.ts";

/** The whole result of a task, or the definition of an agent, team or workflow. */
export const get: Perform = async ({ run, task, resource, name }, context) => {
  if (name !== undefined && run === undefined && task === undefined)
    return getResource(resource, name, context);
  if (name === undefined && resource === undefined && task !== undefined)
    return getResult(run, task, context);
  const message = "it is not clear what to get";
  const remedy = "send name (and resource) for a definition, or run and task for a result";
  return refusal([{ where: "arguments", message, remedy }], "nothing is shown");
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
    return definition === undefined ? [] : [{ kind: of, definition }];
  });
  if (found.length === 0) return refusal(missing(catalogue, kinds, name), "nothing is shown");
  const texts = found.map(async ({ kind: of, definition }) => {
    const { shadowed } = catalogue;
    const hidden = shadowed
      .filter((other) => other.kind === of && other.name === name)
      .map(({ file }) => file);
    const instead = hidden.length === 0 ? "" : `\nIt stands in for: ${hidden.join(", ")}`;
    return `${of} ${name} (${definition.source}): ${definition.file}${instead}\n\n${await readFile(definition.file, "utf8")}`;
  });
  return answer((await Promise.all(texts)).join("\n\n"), {
    paths: found.map(({ definition }) => definition.file),
  });
}

function missing(catalogue: Catalogue, kinds: readonly ResourceKind[], name: string): readonly PlanProblem[] {
  const broken = catalogue.broken?.filter((file) => file.name === name && kinds.includes(file.kind)) ?? [];
  if (broken.length > 0) return broken.flatMap(({ problems }) => problems);
  const known = kinds.flatMap((kind) => [...definitionsOf(catalogue, kind).keys()]);
  const message = `no file defines ${kinds.join(" or ")} "${name.slice(0, 60)}"`;
  return [{ where: "name", message, remedy: chooseFrom(name, new Set(known)) }];
}

/** Definitions of one kind by name. */
export function definitionsOf(catalogue: Catalogue, kind: ResourceKind): ReadonlyMap<string, Described> {
  return kind === "agent" ? catalogue.agents : kind === "team" ? catalogue.teams : catalogue.workflows;
}

function getResult(run: string | undefined, id: string, context: ActionContext): Promise<Performed> {
  return onRun({ ...(run !== undefined && { run }), task: id }, context, async ({ view, task }) => {
    const directory = task && attemptDirectory(view, task, context);
    if (task?.result === undefined || directory === undefined) {
      const line = task === undefined ? "" : `\n${taskLine(task, context.clock.now())}`;
      const text = `Task ${id} has no result:${line}\nIts story: team status run=${view.runId} task=${id}.`;
      return aboutRun(true, view, text, context);
    }
    const file = join(directory, "outcome.json");
    const whole = await wholeResult(file, view, task);
    const text = `Result of task ${id} [${task.agent}], as the agent claims it (${file}):\n\n${whole}`;
    return aboutRun(true, view, bounded(text, file), context, { paths: [file] });
  });
}

/** The result as outcome.json holds it; the journal's head of it, labelled, where that file cannot be read. */
async function wholeResult(file: string, view: RunView, task: TaskView): Promise<string> {
  const head = task.result?.text ?? "";
  let record: Partial<OutcomeRecord> | null;
  try {
    record = JSON.parse(await readFile(file, "utf8")) as Partial<OutcomeRecord> | null;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return `${head}\n[only the journal's part: ${file} cannot be read (${error.message})]`;
  }
  const outcome = record?.runId === view.runId && record.task === task.id ? record.outcome : undefined;
  if (outcome?.kind !== "completed" || typeof outcome.result?.text !== "string") {
    return `${head}\n[only the journal's part: ${file} holds no result of this task]`;
  }
  const { text, truncated, bytes } = outcome.result;
  return truncated ? `${text}\n[the agent's answer had ${bytes} bytes; this is what was kept]` : text;
}
