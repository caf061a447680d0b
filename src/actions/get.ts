import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { OutcomeRecord } from "../core/outcome.ts";
import type { PlanProblem } from "../core/plan.ts";
import type { RunView, TaskView } from "../core/view.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import type { Catalogue, Described, ResourceKind } from "../resources/definition.ts";
import { resourceKinds } from "../resources/find.ts";
import { chooseFrom } from "../resources/suggest.ts";
import type { Action } from "./action.ts";
import { attemptDirectory } from "./await-run.ts";
import type { ActionContext, ActionResult } from "./context.ts";
import { observe } from "./observe.ts";
import { aboutRun, answer, refusal } from "./result.ts";
import { bounded, taskLine } from "./text.ts";
import { unknownTask } from "./unknown-task.ts";

export const get: Action = {
  name: "get",
  group: "watch",
  summary: "a task's whole result (run, task), or an agent, team or workflow (name)",
  parameters: ["run", "task", "resource", "name"],
  rest: "name",
  async run({ run, task, resource, name }, context) {
    if (name !== undefined && run === undefined && task === undefined)
      return getResource(resource, name, context);
    if (name === undefined && resource === undefined && task !== undefined)
      return getResult(run ?? "last", task, context);
    const message = "it is not clear what to get";
    const remedy = "send name (and resource) for a definition, or run and task for a result";
    return refusal("get", [{ where: "arguments", message, remedy }], "nothing is shown");
  },
};

async function getResource(
  kind: ResourceKind | undefined,
  name: string,
  context: ActionContext,
): Promise<ActionResult> {
  const catalogue = await loadCatalogue(context.places);
  const kinds = kind === undefined ? resourceKinds : [kind];
  const found = kinds.flatMap((of) => {
    const definition = definitions(catalogue, of).get(name);
    return definition === undefined ? [] : [{ kind: of, definition }];
  });
  if (found.length === 0) return refusal("get", missing(catalogue, kinds, name), "nothing is shown");
  const texts = found.map(async ({ kind: of, definition }) => {
    const { shadowed } = catalogue;
    const hidden = shadowed
      .filter((other) => other.kind === of && other.name === name)
      .map(({ file }) => file);
    const instead = hidden.length === 0 ? "" : `\nIt stands in for: ${hidden.join(", ")}`;
    return `${of} ${name} (${definition.source}): ${definition.file}${instead}\n\n${await readFile(definition.file, "utf8")}`;
  });
  return answer("get", (await Promise.all(texts)).join("\n\n"), {
    paths: found.map(({ definition }) => definition.file),
  });
}

function missing(catalogue: Catalogue, kinds: readonly ResourceKind[], name: string): readonly PlanProblem[] {
  const broken = catalogue.broken?.filter((file) => file.name === name && kinds.includes(file.kind)) ?? [];
  if (broken.length > 0) return broken.flatMap(({ problems }) => problems);
  const known = kinds.flatMap((kind) => [...definitions(catalogue, kind).keys()]);
  const message = `no file defines ${kinds.join(" or ")} "${name.slice(0, 60)}"`;
  return [{ where: "name", message, remedy: chooseFrom(name, new Set(known)) }];
}

function definitions(catalogue: Catalogue, kind: ResourceKind): ReadonlyMap<string, Described> {
  return kind === "agent" ? catalogue.agents : kind === "team" ? catalogue.teams : catalogue.workflows;
}

async function getResult(reference: string, id: string, context: ActionContext): Promise<ActionResult> {
  const observation = await observe(reference, context);
  if (!observation.ok) return refusal("get", observation.problems, "nothing is shown");
  const { view } = observation.run;
  const task = view.tasks.find((candidate) => candidate.id === id);
  if (task === undefined) return refusal("get", [unknownTask(id, view)], "nothing is shown");
  if (task.result === undefined) {
    const text = `Task ${id} has no result:\n${taskLine(task, context.clock.now())}\nIts story: team status run=${view.runId} task=${id}.`;
    return aboutRun("get", true, view, text, context);
  }
  const file = join(attemptDirectory(view, task, context) ?? "", "outcome.json");
  const whole = await wholeResult(file, view, task);
  const text = `Result of task ${id} [${task.agent}], as the agent claims it (${file}):\n\n${whole}`;
  return aboutRun("get", true, view, bounded(text, file), context, { paths: [file] });
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
