import type { StoredEvent } from "../../core/events.ts";
import { type AttemptStory, explainTask } from "../../core/explain.ts";
import { isFinalTask } from "../../core/status.ts";
import type { RunView, TaskView } from "../../core/view.ts";
import { formatDuration, formatOutcome, formatQuiet, formatUsage, oneLine } from "../../lib/wording.ts";
import { glyphOf } from "../glyph.ts";
import { words } from "../strings.ts";
import { modelName, tellsOf } from "../widget.ts";
import { cell, type Line, measure, plain, type Span, wrapSpan } from "../width.ts";
import { criticalPath } from "./graph.ts";
import { proposal, proposalCells, proposalHead, taskLines } from "./preview.ts";
import type { Body, Dashboard, OpenRun, Scene } from "./scene.ts";

/** Columns that ids take at most, and deepest indentation where no lanes are drawn. */
const idColumnsMax = 22;
const depthMax = 12;
const footLinesMax = 3;
/** Of a thousand tasks the first ones tell how wide a column is to be. */
const widthTasksMax = 200;

/** What a pane is made of: one run, how it is looked at, and when (ms since the epoch). */
export interface Look {
  readonly state: Dashboard;
  readonly scene: Scene;
  readonly run: OpenRun;
  readonly now: number;
  /** Columns there are. */
  readonly columns: number;
}

/** The task that is chosen, or else the one that is most worth a look; undefined of a run without tasks. */
export function chosenTask({ task }: Pick<Dashboard, "task">, { tasks }: RunView): TaskView | undefined {
  const order = ["waiting", "running", "failed", "blocked", "retrying"];
  const rank = ({ status }: TaskView): number => order.indexOf(status) + 1 || 99;
  const chosen = tasks.find(({ id }) => id === task);
  return chosen ?? tasks.reduce<TaskView | undefined>((a, b) => (a && rank(a) <= rank(b) ? a : b), undefined);
}

/** True for a pane whose rows are the tasks, as the graph orders them. */
export function isTaskList({ pane }: Pick<Dashboard, "pane">): boolean {
  return pane === "tasks" || pane === "changes";
}

/** A page without content. */
export function emptyBody(text: string): Body {
  return { head: [], length: 1, row: () => [["dim", text]], foot: [], isList: false, isFollowing: false };
}

/** The graph of tasks: who needs whom, what decides the end, and why each task that waits does; or what a plan proposes. */
export function tasksPane({ state, scene, run, now, columns }: Look): Body {
  const { view, graph } = run;
  const proposed = proposal(run) && proposalCells(run);
  const path = criticalPath(view.tasks, graph);
  const chosen = chosenTask(state, view);
  const hasLanes = graph.columns > 0 && graph.columns <= columns / 3;
  const idColumns = idColumnsOf(view.tasks.map(({ id }) => id));
  const roleColumns = Math.min(
    Math.floor(columns / 4),
    Math.max(9, ...view.tasks.slice(0, widthTasksMax).map((task) => roleOf(task).length)),
  );
  const why = chosen === undefined ? [] : taskStory(view, chosen, now);
  const critical: Line[] = path.size > 0 ? [[["dim", words.tasks.critical(path.size)]]] : [];
  return {
    head: proposed === undefined ? critical : [...proposalHead(run, scene), ...critical],
    length: graph.rows.length,
    row(at) {
      const row = graph.rows[at];
      const task = row && view.tasks[row.index];
      if (row === undefined || task === undefined) return [];
      const { glyph, color, word } = glyphOf(task.status);
      const lanes = hasLanes
        ? cell(`${row.before}${glyph}${row.after}`, graph.columns)
        : `${"  ".repeat(Math.min(row.depth, depthMax))}${glyph}`;
      const took =
        task.startedAt === undefined ? "" : formatDuration((task.finishedAt ?? now) - task.startedAt);
      const isCritical = path.has(task.id);
      const head: Line = [
        [color, lanes],
        [isCritical ? "toolTitle" : "text", cell(`${task.id}${isCritical ? " »" : ""}`, idColumns)],
      ];
      if (proposed !== undefined) return [...head, ...proposed(row.index)];
      return [
        ...head,
        [color, cell(word, 9)],
        ["muted", cell(roleOf(task), roleColumns)],
        ["muted", took.padStart(6)],
        ["dim", tellsOf(task)],
      ];
    },
    foot:
      proposed !== undefined
        ? taskLines(run, chosen, columns)
        : why.flatMap((text) => wrapSpan(["muted", text], columns, footLinesMax)).slice(0, footLinesMax),
    isList: true,
    isFollowing: false,
  };
}

/** Columns for ids of a list. */
export function idColumnsOf(ids: readonly string[]): number {
  return Math.min(
    idColumnsMax,
    Math.max(4, ...ids.slice(0, widthTasksMax).map((id) => measure(plain(id)) + 2)),
  );
}

function roleOf({ role, agent }: TaskView): string {
  return role ?? agent;
}

/** What there is to know of one task, in a few lines: first why it is where it is. */
function taskStory(view: RunView, task: TaskView, now: number): readonly string[] {
  const { status, attempts } = task;
  const facts = [
    ...explainTask(view, task),
    status === "running" ? formatQuiet({ lastSignAt: now, ...task }, now) : "",
    attempts > 1 ? words.tasks.attempts(attempts) : "",
    task.reusedFrom && words.tasks.reused(task.reusedFrom),
    formatUsage(task.usage),
  ];
  return [facts.filter(Boolean).join(" "), task.result?.text ?? ""].filter(Boolean);
}

/** A bar an attempt on the run's time axis. */
export function timelinePane({ run: { view, stories }, now, columns }: Look): Body {
  const attempts = stories();
  const statuses = new Map(view.tasks.map(({ id, status }) => [id, status]));
  const [from, to] = [view.createdAt, Math.max(view.finishedAt ?? now, view.createdAt + 1)];
  const idColumns = idColumnsOf(attempts.map(labelOf));
  const width = Math.max(4, columns - idColumns - 13);
  const at = (instant: number): number =>
    Math.floor(Math.max(0, Math.min(1, (instant - from) / (to - from))) * (width - 1));
  return {
    head: [
      [
        ["dim", cell("", idColumns + 1)],
        ["dim", `0s${"─".repeat(Math.max(0, width - 3))}${formatDuration(to - from)}`],
      ],
    ],
    length: attempts.length,
    row(index) {
      const span = attempts[index];
      if (span === undefined) return [];
      const end = span.outcome?.kind;
      const { glyph, color } = glyphOf(
        end === "lost" ? "retrying" : (end ?? statuses.get(span.task) ?? "running"),
      );
      const [start, last] = [at(span.startedAt), at(span.endedAt ?? to)];
      const bar = " ".repeat(start) + (end === undefined ? "░" : "█").repeat(Math.max(1, last - start + 1));
      return [
        [color, glyph],
        ["text", cell(labelOf(span), idColumns - 1)],
        [color, cell(bar, width)],
        ["muted", formatDuration((span.endedAt ?? to) - span.startedAt)],
        ["dim", end === "lost" ? words.lost : ""],
      ];
    },
    foot: [],
    isList: false,
    isFollowing: false,
  };
}

function labelOf({ task, attempt }: AttemptStory): string {
  return attempt === 1 ? task : `${task} #${attempt}`;
}

/** What the chosen task's worker was told, says and does. */
export function workerPane({ state, scene, run: { view }, now, columns }: Look): Body {
  const { transcript, toolLook } = scene;
  const task = chosenTask(state, view);
  if (task === undefined) return emptyBody(words.worker.noTask);
  const { glyph, word, color } = glyphOf(task.status);
  const lines = transcript?.lines(columns, state.isRaw, toolLook) ?? [];
  const took = task.startedAt === undefined ? "" : formatDuration((task.finishedAt ?? now) - task.startedAt);
  const attempt = words.worker.attempt(state.attempt ?? task.attempts, task.attempts);
  const facts = [roleOf(task), modelName(task.model), attempt, took, formatUsage(task.usage)];
  const isBegun = (transcript?.from ?? 0) === 0;
  return {
    head: [
      [
        [color, `${glyph} ${word}`],
        ["toolTitle", task.id],
        ["muted", facts.filter(Boolean).join(" · ")],
      ],
      [["dim", tellsOf(task)]],
    ],
    length: Math.max(1, lines.length),
    row: (at) => lines[at] ?? [["dim", task.attempts === 0 ? words.worker.notStarted : words.worker.nothing]],
    foot: [
      [
        ["dim", isBegun ? "" : words.worker.older],
        ["dim", state.at.worker === undefined && !isFinalTask(task.status) ? words.worker.following : ""],
      ],
    ],
    isList: false,
    isFollowing: true,
  };
}

/** The journal as it grows: each record in words, then as it stands there. */
export function eventsPane({ run: { events }, columns }: Look): Body {
  return {
    head: [],
    length: Math.max(1, events.length),
    row(at) {
      const event = events[at];
      return event === undefined ? [["dim", words.nothingYet]] : eventRow(event, columns);
    },
    foot: [],
    isList: true,
    isFollowing: true,
  };
}

function eventRow(event: StoredEvent, columns: number): readonly Span[] {
  const { v: _, seq, epoch: __, at, type, ...fields } = event;
  const {
    task = "",
    attempt = "",
    plan: ___,
    ...rest
  } = { attempt: undefined, task: undefined, plan: 0, ...fields };
  return [
    ["dim", String(seq).padStart(5)],
    ["muted", at.slice(11, 19)],
    ["accent", [task, attempt].filter(Boolean).join("/")],
    ["text", oneLine([type.replace(/[._]/g, " "), tell(event)].filter(Boolean).join(": "), columns)],
    ["dim", Object.keys(rest).length === 0 ? "" : oneLine(JSON.stringify(rest), columns)],
  ];
}

/** What there is in words; its type says the rest. */
function tell(event: StoredEvent): string {
  if ("outcome" in event) return formatOutcome(event.outcome);
  if (event.type === "mail.posted") return `${event.mail.from} → ${event.mail.to}: ${event.mail.text}`;
  if ("activity" in event) return event.activity;
  return "message" in event ? event.message : "reason" in event ? (event.reason ?? "") : "";
}

/** The text that a search looks at in each row of the pane. */
export function textOf(body: Body, index: number, columns: number): string {
  return body
    .row(index, columns)
    .map(([, text]) => text)
    .join(" ")
    .toLowerCase();
}
