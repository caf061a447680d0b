import type { StoredEvent } from "./events.ts";
import { type AttemptOutcome, noUsage, type Usage } from "./outcome.ts";
import type { TaskId } from "./plan.ts";
import type { Escalation } from "./process.ts";
import { isFinalRun, type TaskStatus } from "./status.ts";
import type { RunView, TaskView } from "./view.ts";

const namedMax = 8;

/** What keeps others waiting, the most telling first. */
const blame: readonly TaskStatus[] = [
  ...(["failed", "cancelled", "skipped", "blocked", "waiting"] as const),
  ...(["retrying", "stopping", "running", "pending"] as const),
];

/**
 * What happened to a run, or what it waits for, as sentences, the nearest cause first; none for one that completed or that
 * no driver has taken yet. What waits for a person is said by its questions.
 */
export function explainRun(view: RunView): string[] {
  const { status, tasks } = view;
  const of = (...wanted: readonly TaskStatus[]) => tasks.filter((task) => wanted.includes(task.status));
  const say = (what: string, about: readonly TaskView[], tell = ({ id }: TaskView) => id): string[] => {
    const more = about.length > namedMax ? ` and ${about.length - namedMax} more` : "";
    return about.length === 0 ? [] : [`${what} ${about.slice(0, namedMax).map(tell).join(", ")}${more}.`];
  };
  if (isFinalRun(status) || status === "blocked") {
    const failed = of("failed").sort((a, b) => (a.finishedAt ?? 0) - (b.finishedAt ?? 0));
    const cause = (task: TaskView): string => `${task.id} (${task.cause}, attempt ${task.attempts})`;
    return [...say("Failed:", failed, cause), ...say("Skipped because of that:", of("skipped"))];
  }
  const moving = of("running", "stopping", "retrying");
  const held = of("pending").filter(({ dependsOn }) => dependsOn.length > 0);
  return [
    ...say("It waits for", moving, (task) => `${task.id} (${task.status})`),
    ...say("After that:", held),
  ];
}

/** From the task to what it stands on, a sentence each: `c is pending: waits for b`, `b asks: left or right?`. */
export function explainTask(view: RunView, task: TaskView): string[] {
  const byId = new Map(view.tasks.map((each) => [each.id, each]));
  const chain = [task];
  for (let at: TaskView | undefined = task; at !== undefined; ) {
    const needed: readonly TaskView[] =
      at.status === "pending" || at.status === "skipped"
        ? at.dependsOn.flatMap((id) => byId.get(id) ?? [])
        : [];
    const open = needed.filter((each) => each.status !== "completed" && !chain.includes(each));
    at = open.sort((a, b) => blame.indexOf(a.status) - blame.indexOf(b.status))[0];
    if (at !== undefined) chain.push(at);
  }
  return chain.map((each) => standing(each).replace(/(?<![.?!…])$/, "."));
}

/** True of a task whose reason says by itself how it stands: "asks: …", "tries again in 4 s". */
export function saysHow({ status, reason }: TaskView): boolean {
  return reason !== undefined && (status === "waiting" || status === "retrying");
}

function standing(task: TaskView): string {
  const { id, status, cause, reason, activity } = task;
  const why = (reason ?? activity ?? "").trim();
  if (saysHow(task)) return `${id} ${why}`;
  const because = status === "skipped" || cause === undefined || cause === status ? "" : ` (${cause})`;
  return `${id} ${status === "failed" ? "" : "is "}${status}${because}${why && `: ${why}`}`;
}

/** The exact call that helps next, for a run in this state; empty when there is nothing left to do. */
export function nextStep({ runId, status, tasks }: RunView): string {
  switch (status) {
    case "queued":
    case "running":
      return `Next: team wait run=${runId}, or team cancel run=${runId}.`;
    case "waiting":
      return `Next: team respond run=${runId} message="…"; then team wait run=${runId}.`;
    case "blocked":
      return `It stands still. To go on: team resume run=${runId}; to give it up: team cancel run=${runId} reason="…".`;
    case "failed": {
      const failed = tasks.find((task) => task.status === "failed");
      const look = failed === undefined ? "" : ` task=${failed.id}`;
      return `Next: team status run=${runId}${look} says what happened to it; then team retry run=${runId} keeps what finished.`;
    }
    case "completed":
    case "cancelled":
      return "";
  }
}

/** One attempt as its records tell it. Instants in ms since the epoch. */
export interface AttemptStory {
  readonly task: TaskId;
  readonly attempt: number;
  readonly model?: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  /** The last point of its life that was recorded. */
  readonly point:
    | { readonly kind: "started" }
    | { readonly kind: "spawned"; readonly pid: number }
    | { readonly kind: "ready" }
    | { readonly kind: "worked"; readonly activity: string }
    | ({ readonly kind: "escalated" } & Escalation);
  readonly outcome?: AttemptOutcome;
  /** As far as it was counted. */
  readonly usage: Usage;
  /** When another try was to follow. */
  readonly retryAt?: number;
}

/** Every attempt of a run, in order of their start. */
export function attemptsOf(events: readonly StoredEvent[]): readonly AttemptStory[] {
  const stories = new Map<string, AttemptStory>();
  for (const event of events) {
    if (!("attempt" in event)) continue;
    const { task, attempt, at } = event;
    const key = `${task}/${attempt}`;
    const known = stories.get(key);
    if (event.type === "attempt.started") {
      const model = event.model === undefined ? {} : { model: event.model };
      const point = { kind: "started" } as const;
      stories.set(key, { task, attempt, ...model, startedAt: Date.parse(at), point, usage: noUsage });
    } else if (known !== undefined) stories.set(key, { ...known, ...told(event) });
  }
  return [...stories.values()];
}

function told(event: StoredEvent): Partial<AttemptStory> {
  switch (event.type) {
    case "attempt.spawned":
      return { point: { kind: "spawned", pid: event.worker.pid } };
    case "attempt.ready":
      return { point: { kind: "ready" } };
    case "attempt.progressed":
      return { point: { kind: "worked", activity: event.activity }, usage: event.usage };
    case "attempt.escalated":
      return { point: { kind: "escalated", step: event.step, quietMs: event.quietMs } };
    case "attempt.ended": {
      const { outcome, retryAt } = event;
      const model = "model" in outcome && outcome.model !== undefined ? { model: outcome.model } : {};
      const ended = { endedAt: Date.parse(event.at), outcome, usage: outcome.usage };
      return { ...ended, ...model, ...(retryAt !== undefined && { retryAt }) };
    }
    default:
      return {};
  }
}
