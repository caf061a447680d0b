import { type Experience, estimate, experienceOf } from "../../core/estimate.ts";
import type { PlannedTask } from "../../core/plan.ts";
import type { StartedRun } from "../../core/state.ts";
import type { MailView, TaskView } from "../../core/view.ts";
import { formatDuration, formatUsage } from "../../lib/wording.ts";
import { wrapTold } from "../screen.ts";
import { words } from "../strings.ts";
import { modelName } from "../widget.ts";
import { cell, type Line, measure, plain, type Span, wrapSpan } from "../width.ts";
import type { OpenRun, Scene } from "./scene.ts";

const agentColumnsMax = 14;
const modelColumnsMax = 16;
/** Lines of a task's text below the graph; there is room for fewer on most screens. */
const textLinesMax = 12;

/** What asks for the approval of the run's plan, while it waits for that. */
export function proposal({ view }: OpenRun): MailView | undefined {
  return view.questions.find(({ about }) => about?.kind === "plan");
}

/** What a plan that waits for approval is, and what it is to take: by earlier runs, or that none tells. */
export function proposalHead({ state }: OpenRun, scene: Scene): readonly Line[] {
  if (state.status === "queued") return [];
  const { plan, revision, terms } = state;
  const { concurrency } = terms.settings;
  const experience = pastOf(scene);
  const taken = estimate(plan, concurrency, experience);
  const unknown = [...new Set(plan.tasks.map(({ agent }) => agent))].filter((name) => !experience.has(name));
  const costs =
    taken === undefined
      ? words.preview.unknown(unknown)
      : words.preview.about(formatDuration(taken.ms), formatUsage(taken), taken.tasks, taken.runs);
  return [[["text", words.preview.plan(revision, plan.tasks.length, concurrency)]], [["accent", costs]]];
}

/** What the earlier runs that are listed tell of each agent. */
export function pastOf({ experience, listings }: Scene): ReadonlyMap<string, Experience> {
  const manifests = () => listings.flatMap((one) => ("manifest" in one ? [one.manifest] : []));
  return experience?.() ?? experienceOf(manifests());
}

/** Who does each task on which model, whether it is approved, and how its text begins: a row's cells behind its id. */
export function proposalCells({ state, view }: OpenRun): (index: number) => readonly Span[] {
  const tasks = state.status === "queued" ? [] : state.plan.tasks;
  const model = (task: PlannedTask): string => modelOf(task, state);
  // Of a thousand tasks the first ones tell enough.
  const widest = (texts: readonly string[], max: number): number =>
    Math.min(max, Math.max(1, ...texts.map((text) => measure(plain(text)))));
  const first = tasks.slice(0, 200);
  const agentColumns = widest(
    first.map(({ agent }) => agent),
    agentColumnsMax,
  );
  const modelColumns = widest(first.map(model), modelColumnsMax);
  const gateColumns = tasks.some(({ gate }) => gate !== undefined) ? words.preview.gate.length : 0;
  return (index) => {
    const task = tasks[index];
    if (task === undefined) return [["muted", view.tasks[index]?.agent ?? ""]];
    return [
      ["muted", cell(task.agent, agentColumns)],
      ["dim", cell(model(task), modelColumns)],
      [
        "warning",
        gateColumns === 0 ? "" : cell(task.gate === undefined ? "" : words.preview.gate, gateColumns),
      ],
      ["text", promptOf(task, state)],
    ];
  };
}

function modelOf({ models: [first] }: PlannedTask, state: OpenRun["state"]): string {
  return modelName(first ?? (state.status === "queued" ? "" : state.terms.model)) || words.cost.defaultModel;
}

/** A task's text with the goal in its place, as its worker reads it. */
function promptOf({ prompt }: PlannedTask, state: OpenRun["state"]): string {
  return state.status === "queued" ? prompt : prompt.replaceAll("{goal}", () => state.plan.goal);
}

/** What the plan says of a task: its terms in a line, then its text, in at most so many lines. */
export function taskLines(
  { state }: Pick<OpenRun, "state">,
  chosen: TaskView | undefined,
  columns: number,
  linesMax = textLinesMax,
): readonly Line[] {
  const tasks: StartedRun["plan"]["tasks"] = state.status === "queued" ? [] : state.plan.tasks;
  const task = tasks.find(({ id }) => id === chosen?.id);
  if (task === undefined) return [];
  const { id, agent, models, dependsOn, writes, output, gate, attemptMaxMs } = task;
  const facts = [
    agent,
    models.length > 1 ? models.map(modelName).join(", ") : modelOf(task, state),
    dependsOn.length > 0 ? words.preview.after(dependsOn.join(", ")) : "",
    writes === "none" ? words.preview.readsOnly : words.preview.writes(writes.join(", ")),
    output === undefined ? "" : words.preview.leaves(output),
    gate === undefined ? "" : words.preview.gated,
    words.preview.atMost(formatDuration(attemptMaxMs)),
  ];
  const head = wrapSpan(["muted", `${id}: ${facts.filter(Boolean).join(" · ")}`], columns, 3);
  return [...head, ...wrapTold(promptOf(task, state), columns, linesMax)];
}
