import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from "yaml";
import { canonicalJson } from "../core/canonical.ts";
import type { PlannedTask, PlanProblem } from "../core/plan.ts";
import type { StartedRun } from "../core/state.ts";
import type { InlineTask } from "./compile.ts";
import { Findings } from "./findings.ts";
import { chooseFrom } from "./suggest.ts";

/** As much of a run as its plan's text is made of. */
export type Proposal = Pick<StartedRun, "plan" | "revision"> & { readonly terms: SettingsOf };
interface SettingsOf {
  readonly settings: { readonly limits: { readonly attemptMaxMs: number } };
}

/** What the text says is to be done: the tasks for `respond`, or none where it leaves the plan as it is, or is wrong. */
export interface PlanReading {
  readonly tasks?: readonly InlineTask[];
  /** Their places are lines of the text, from 1: `line 3`. */
  readonly problems: readonly PlanProblem[];
}

const keys = ["id", "agent", "model", "dependsOn", "writes", "gate", "timeout", "task"] as const;
type Key = (typeof keys)[number];
/** A task in the text. Everything is words; what is absent is as its agent has it. */
type Form = { readonly [K in Exclude<Key, "dependsOn">]?: string } & {
  readonly dependsOn?: readonly string[];
};

/** What stands for a line of the text that was taken out. */
const gone = { model: "inherit", writes: "**", gate: "none" };
const markSign = "#!";
const problemsMax = 20;

/** The plan as a list of tasks in YAML, with what can be done to it said below: that is what an editor shows first. */
export function planText(run: Proposal, agents: readonly string[]): string {
  const { plan } = run;
  const tasks = plan.tasks.map((task) => taskText(formOf(task, run), task.models.slice(1)));
  const help = [
    "Edit, drop, add or reorder tasks. A task that keeps its id keeps what is not said here.",
    "Each: id, agent, task; where wanted model, dependsOn: [ids], writes: globs or none, gate: approval, timeout: 10m.",
    `Agents: ${[...new Set([...Object.keys(plan.agents), ...agents])].sort().join(", ")}.`,
    "Unchanged or emptied it changes nothing. Nothing starts before the plan is approved.",
  ];
  return [...tasks, ...help.map((line) => `# ${line}`)].join("\n");
}

/** What such a text, as somebody left it, makes of this plan. The same tasks in another layout are no change. Total. */
export function readPlanText(text: string, run: Proposal): PlanReading {
  const { forms, found } = read(text);
  if (found.errors.length > 0) return { problems: found.errors };
  const before = run.plan.tasks.map((task) => formOf(task, run));
  if (forms.length === 0 || canonicalJson(forms) === canonicalJson(before)) return { problems: [] };
  const known = new Map(before.map((form) => [form.id, form]));
  const usually = { ...gone, timeout: timeText(run.terms.settings.limits.attemptMaxMs) };
  return { tasks: forms.map((form) => askOf(form, known.get(form.id) ?? {}, usually)), problems: [] };
}

/** The text with these problems as comments on top, in place of those of the last time; `tasks[2].agent` is told as its line. */
export function markedText(text: string, problems: readonly PlanProblem[]): string {
  if (problems.length === 0) return text;
  const { places, lines } = read(text);
  const told = problems.slice(0, problemsMax);
  const more = problems.length - told.length;
  const head = `${markSign} Not saved${more > 0 ? `; ${more} more problems` : ""}. What is wrong:`;
  const marks = told.map(({ where, message, remedy }) => {
    const line =
      places.get(where) ?? places.get(where.replace(/\].*/, "]")) ?? Number(/^line (\d+)$/.exec(where)?.[1]);
    const place = Number.isNaN(line) ? where : `line ${line + told.length + 1}`;
    return `${markSign} ${place}: ${message}. Remedy: ${remedy}.`.replace(/\s+/g, " ");
  });
  return [head, ...marks, ...lines].join("\n");
}

function formOf(task: PlannedTask, { plan, terms }: Proposal): Form {
  const { id, agent, models, dependsOn, writes, gate, attemptMaxMs, prompt } = task;
  const [model] = models;
  const reads = plan.agents[agent]?.permission === "read";
  const isUsual = writes === "none" ? reads : writes.length === 1 && writes[0] === "**";
  return {
    ...{ id, agent, task: prompt },
    ...(model !== undefined && { model }),
    ...(dependsOn.length > 0 && { dependsOn }),
    ...(!isUsual && { writes: writes === "none" ? writes : writes.join(",") }),
    ...(gate !== undefined && { gate }),
    ...(attemptMaxMs !== terms.settings.limits.attemptMaxMs && { timeout: timeText(attemptMaxMs) }),
  };
}

/** Says of a task only what the text changed, and what it took out. With another agent everything counts anew. */
function askOf(form: Form, old: Form, usually: Readonly<Record<string, string>>): InlineTask {
  const { id = "", agent, task = "", dependsOn } = form;
  const isOther = agent !== undefined && agent !== old.agent;
  const changed = (["model", "writes", "gate", "timeout"] as const).flatMap((key) => {
    const [now, was] = [form[key], old[key]];
    if (now === undefined) return was === undefined ? [] : [[key, usually[key]]];
    return isOther || now !== was ? [[key, now]] : [];
  });
  const isMoved = String(dependsOn ?? []) !== String(old.dependsOn ?? []);
  return {
    ...{ id, task: task === old.task ? "" : task },
    ...(isOther && { agent }),
    ...(isMoved && { dependsOn: dependsOn ?? ["-"] }),
    ...Object.fromEntries(changed),
  };
}

function taskText(form: Form, fallbacks: readonly string[]): string {
  const lines = keys.flatMap((key) => {
    const value = form[key];
    if (value === undefined) return [];
    if (typeof value !== "string")
      return [`${key}: [${value.map((id) => word(id, /^\w[\w-]*$/)).join(", ")}]`];
    if (key === "task") return [`${key}: ${block(value)}`];
    const then =
      key === "model" && fallbacks.length > 0
        ? ` # then ${fallbacks.map((one) => word(one, plainShape)).join(", ")}`
        : "";
    return [`${key}: ${word(value, plainShape)}${then}`];
  });
  return `- ${lines.join("\n  ")}\n`;
}

const plainShape = /^[\w./][\w./*,+-]*(?::[\w./*,+-]+)*$/;
/** What an editor would change, show as something else, or hand to the terminal. */
const wild = /[\p{Control}\p{Surrogate}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/gu;

function word(text: string, shape: RegExp): string {
  return shape.test(text) ? text : quoted(text);
}

/** JSON text is YAML, too, once nothing in it is invisible. */
function quoted(text: string): string {
  const code = (sign: string): string => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).replace(wild, code);
}

/** The text as it stands, indented; in quotes where that would not bring it back unchanged. */
function block(text: string): string {
  const body = text.replace(/\n$/, "");
  if (body.replaceAll("\n", "").search(wild) >= 0 || /^\s*$|\n$/.test(body)) return quoted(text);
  // An indent of its own at the beginning has to be told from ours.
  const sign = `|${/^\s/.test(body) ? "2" : ""}${body === text ? "-" : ""}`;
  return `${sign}\n${body.replace(/^(?=.)/gm, "    ")}`;
}

/** "90s", "10m", "2h": what `timeout` reads. */
function timeText(ms: number): string {
  if (ms % 60_000 !== 0) return `${ms / 1_000}s`;
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000}h` : `${ms / 60_000}m`;
}

/** The tasks of a text as far as they can be read, where each of its parts stands, and its lines without our marks. */
function read(text: string) {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n?|\n/);
  while (lines[0]?.startsWith(markSign)) lines.shift();
  const found = new Findings();
  const places = new Map<string, number>();
  const lineCounter = new LineCounter();
  const lineOf = (node: unknown): number => {
    const { range } = node as Partial<Node>;
    return lineCounter.linePos(range?.[0] ?? 0).line;
  };
  const options = { schema: "failsafe", lineCounter, stringKeys: true, prettyErrors: false } as const;
  const document = parseDocument(lines.join("\n"), options);
  for (const { pos, message } of [...document.errors, ...document.warnings].slice(0, problemsMax)) {
    const remedy = "keep the layout of the others; quote a value that holds signs of YAML";
    found.error(`line ${lineCounter.linePos(pos[0]).line}`, `bad YAML: ${message}`, remedy);
  }
  const { contents } = document;
  const items = isSeq(contents) && found.errors.length === 0 ? contents.items : [];
  if (contents !== null && !isSeq(contents) && found.errors.length === 0)
    found.error("line 1", "this is no list of tasks", 'begin each task with "- id: …"');
  const forms = items.flatMap((item, index) => {
    places.set(`tasks[${index}]`, lineOf(item));
    if (!isMap(item)) return found.error(`line ${lineOf(item)}`, "this is no task", 'write "- id: …"') ?? [];
    for (const { key } of item.items)
      places.set(`tasks[${index}].${isScalar(key) ? key.value : ""}`, lineOf(key));
    return [formIn(item, lineOf, found)];
  });
  return { forms, found, places, lines };
}

function formIn(item: YAMLMap, lineOf: (node: unknown) => number, found: Findings): Form {
  const [begin, before] = [`line ${lineOf(item)}`, found.errors.length];
  const pairs = item.items.flatMap(({ key, value }): [string, string | readonly string[]][] => {
    const where = `line ${lineOf(key)}`;
    const name = isScalar(key) ? String(key.value) : "";
    const words = wordsOf(value);
    if (!keys.some((known) => known === name))
      found.error(where, `a task has no "${name.slice(0, 60)}"`, chooseFrom(name, keys));
    else if (words === undefined || (isSeq(value) && name !== "dependsOn"))
      found.error(where, `"${name}" is no text`, "write it out, as in the other tasks");
    else if (name === "dependsOn") {
      const ids = words.flatMap((one) => one.split(",")).map((id) => id.trim());
      return ids.some(Boolean) ? [[name, ids.filter(Boolean)]] : [];
    } else {
      const text = name === "task" ? words.join() : words.join().trim();
      return text.trim() === "" ? [] : [[name, text]];
    }
    return [];
  });
  const form: Form = Object.fromEntries(pairs);
  for (const key of ["id", "task"] as const)
    if (form[key] === undefined && !found.errors.slice(before).some(({ where }) => where === begin))
      found.error(begin, `this task has no ${key}`, "write one, or drop the task");
  return form;
}

/** The words of a text or of a list of texts; nothing for what is neither. */
function wordsOf(node: unknown): readonly string[] | undefined {
  if (node === null) return [""];
  if (isScalar(node)) return [String(node.value ?? "")];
  if (!isSeq(node) || !node.items.every(isScalar)) return undefined;
  return node.items.map((item) => (isScalar(item) ? String(item.value ?? "") : ""));
}
