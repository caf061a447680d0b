import type { Usage } from "../core/outcome.ts";
import type { PlanProblem } from "../core/plan.ts";
import type { Manifest } from "../core/ports.ts";
import type { Liveness } from "../core/process.ts";
import { isFinalTask } from "../core/status.ts";
import type { RunView, TaskView } from "../core/view.ts";

/** What a model is given at most; the host cuts at the same sizes. */
const textMaxBytes = 50_000;
const textMaxLines = 2_000;
const problemsShownMax = 50;

/** The text, or as much of its beginning as fits, with a last line that says where the rest is. */
export function bounded(text: string, whereTheRestIs: string): string {
  const lines = text.split("\n");
  if (lines.length <= textMaxLines && Buffer.byteLength(text) <= textMaxBytes) return text;
  const pointer = `\n[cut here; the rest: ${whereTheRestIs}]`;
  const head = lines.slice(0, textMaxLines - 1).join("\n");
  return headOf(head, textMaxBytes - Buffer.byteLength(pointer)) + pointer;
}

/** The longest beginning of at most `maxBytes` bytes of UTF-8 that cuts no character. */
export function headOf(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = Math.max(0, maxBytes);
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString();
}

/** One line: white space folded, cut to `max` characters. */
export function oneLine(text: string, max: number): string {
  const folded = text
    .slice(0, max * 4)
    .replace(/\s+/g, " ")
    .trim();
  return folded.length <= max ? folded : `${folded.slice(0, max - 1)}…`;
}

/** `850 ms`, `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

/** `in 12.3k, out 840, cache 40k read 2k written, $0.0123, 5 turns`. */
export function usageText(usage: Usage): string {
  const cache = usage.cacheRead + usage.cacheWrite;
  return [
    `in ${amount(usage.input)}`,
    `out ${amount(usage.output)}`,
    ...(cache > 0 ? [`cache ${amount(usage.cacheRead)} read ${amount(usage.cacheWrite)} written`] : []),
    `$${usage.cost.toFixed(usage.cost >= 1 ? 2 : 4)}`,
    `${usage.turns} turn${usage.turns === 1 ? "" : "s"}`,
  ].join(", ");
}

/** One line about a run, from its manifest. What runs without its driver does not run. */
export function runLine(manifest: Manifest, driver: Liveness | "none", now: number): string {
  const done = manifest.tasks.filter((task) => task.status === "completed").length;
  const end = manifest.finishedAt === undefined ? now : Date.parse(manifest.finishedAt);
  const cause =
    manifest.cause === undefined || manifest.cause === manifest.status ? "" : ` (${manifest.cause})`;
  const lostDriver = driver === "gone" && manifest.status === "running";
  const status = lostDriver ? "blocked (its driver is gone)" : manifest.status + cause;
  const what = manifest.team === "" ? "" : ` ${manifest.team}`;
  return `${manifest.runId}${what} ${status}, ${done}/${manifest.tasks.length} done, ${duration(end - Date.parse(manifest.createdAt))}: ${oneLine(manifest.goal, 100)}`;
}

/** `Run <id> running for 3 min: 2 of 5 tasks completed, 1 failed, 2 running.` */
export function runHeader(view: RunView, now: number): string {
  const counts = Object.entries(view.counts).filter(([, count]) => count > 0);
  const cause = view.cause === undefined || view.cause === view.status ? "" : ` (${view.cause})`;
  const elapsed = duration((view.finishedAt ?? now) - view.createdAt);
  const which = [view.team && `team ${view.team}`, view.workflow && `workflow ${view.workflow}`].filter(
    Boolean,
  );
  return [
    `Run ${view.runId} ${view.status}${cause} ${view.finishedAt === undefined ? "for" : "after"} ${elapsed}: ${counts
      .map(([status, count]) => `${count} ${status}`)
      .join(", ")} of ${view.tasks.length} tasks${view.background ? "; background" : ""}.`,
    ...(view.reason === undefined ? [] : [`Reason: ${oneLine(view.reason, 500)}`]),
    `Goal: ${oneLine(view.goal, 300)}${which.length > 0 ? ` [${which.join(", ")}]` : ""}`,
  ].join("\n");
}

/** A line a task, in plan order; beyond `max`, completed tasks give way to those that tell more. */
export function taskTable(view: RunView, now: number, max = 200): string {
  const shown = telling(view.tasks, max);
  const hidden = view.tasks.length - shown.length;
  return [
    ...shown.map((task) => taskLine(task, now)),
    ...(hidden > 0 ? [`- … and ${hidden} more`] : []),
  ].join("\n");
}

/** At most `max` tasks in plan order: those that failed, live or wait first, completed ones as far as there is room. */
export function telling(tasks: readonly TaskView[], max: number): readonly TaskView[] {
  if (tasks.length <= max) return tasks;
  const rank = (task: TaskView): number =>
    task.status === "failed" ? 0 : task.status === "pending" || isFinalTask(task.status) ? 2 : 1;
  const chosen = new Set([...tasks].sort((a, b) => rank(a) - rank(b)).slice(0, max));
  return tasks.filter((task) => chosen.has(task));
}

/** `- build [executor] running 12 s, attempt 2, bash: npm test`. */
export function taskLine(task: TaskView, now: number): string {
  const elapsed = task.startedAt === undefined ? [] : [duration((task.finishedAt ?? now) - task.startedAt)];
  const silent = task.lastSignAt === undefined ? 0 : now - task.lastSignAt;
  const notes = [
    ...elapsed,
    ...(task.attempts > 1 ? [`attempt ${task.attempts}`] : []),
    ...(task.model === undefined ? [] : [task.model]),
    ...(task.reason === undefined ? [] : [oneLine(task.reason, 300)]),
    ...(task.activity === undefined ? [] : [oneLine(task.activity, 100)]),
    ...(silent >= 30_000 ? [`no sign of life for ${duration(silent)}`] : []),
    ...(task.result?.form === "unstructured" ? ["unstructured"] : []),
    ...(task.result?.truncated ? ["result cut"] : []),
  ];
  const cause = task.cause === undefined || task.cause === task.status ? "" : ` (${task.cause})`;
  return `- ${task.id} [${task.agent}] ${task.status}${cause}${notes.length > 0 ? ` ${notes.join(", ")}` : ""}`;
}

/** Every problem with its place and remedy; beyond 50 only their number. */
export function problemsText(problems: readonly PlanProblem[]): string {
  const lines = problems
    .slice(0, problemsShownMax)
    .map(
      ({ where, message, remedy }) =>
        `- ${where}: ${oneLine(message, 400)}. Remedy: ${oneLine(remedy, 600)}.`,
    );
  const hidden = problems.length - lines.length;
  return [...lines, ...(hidden > 0 ? [`- … and ${hidden} more problems`] : [])].join("\n");
}

/** The exact call that helps next, for a run in this state; empty when there is nothing left to do. */
export function nextStep(view: RunView): string {
  switch (view.status) {
    case "queued":
    case "running":
      return `Next: team wait run=${view.runId}, or team cancel run=${view.runId}.`;
    case "waiting":
    case "blocked":
      return `It stands still. To go on: team resume run=${view.runId}; to give it up: team cancel run=${view.runId} reason="…".`;
    case "failed": {
      const failed = view.tasks.find((task) => task.status === "failed");
      const look = failed === undefined ? "" : ` task=${failed.id}`;
      return `Next: team status run=${view.runId}${look} says what happened to it; then correct and team run again.`;
    }
    case "completed":
    case "cancelled":
      return "";
  }
}

function amount(tokens: number): string {
  if (tokens < 1_000) return String(tokens);
  return tokens < 1_000_000 ? `${(tokens / 1_000).toFixed(1)}k` : `${(tokens / 1_000_000).toFixed(2)}M`;
}
