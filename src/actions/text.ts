import { StringDecoder } from "node:string_decoder";
import { badges, standing } from "../core/board.ts";
import { verdictsOf } from "../core/decision.ts";
import { asks } from "../core/mail.ts";
import type { PlanProblem } from "../core/plan.ts";
import type { ReadListing } from "../core/ports.ts";
import { isFinalTask } from "../core/status.ts";
import type { MailView, RunView, TaskView } from "../core/view.ts";
import { countOf, formatCounts, formatDuration, formatQuiet, formatStatus, oneLine } from "../lib/wording.ts";

/** What a model is given at most; the host cuts at the same sizes. */
const textMaxBytes = 50_000;
const textMaxLines = 2_000;
/** Tasks in a table. */
const tasksMax = 200;
/** Problems in a text, and in `details`. */
export const problemsMax = 50;

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
  return new StringDecoder("utf8").write(Buffer.from(text).subarray(0, maxBytes));
}

/** One line about a run, from its manifest: where it stands, why, and what is to be known of it; `sessionId`: who asks. */
export function runLine(run: ReadListing, sessionId: string, now: number): string {
  const { runId, team, goal, tasks, createdAt, finishedAt, cause } = run.manifest;
  const done = tasks.filter((task) => task.status === "completed").length;
  const took = (finishedAt === undefined ? now : Date.parse(finishedAt)) - Date.parse(createdAt);
  const status = standing(run);
  const why = cause === undefined || cause === status ? [] : [cause];
  const notes = [...why, ...badges(run, sessionId)].join(", ");
  const who = [runId, team, status, notes && `(${notes})`].filter(Boolean).join(" ");
  return `${who}, ${done}/${tasks.length} done, ${formatDuration(took)}: ${oneLine(goal, 100)}`;
}

/** `Run <id> running for 3m05s: 2 completed, 1 running of 3 tasks.`, with reason and goal below. */
export function runHeader(view: RunView, now: number): string {
  const { finishedAt, createdAt, team, workflow } = view;
  const elapsed = `${finishedAt === undefined ? "for" : "after"} ${formatDuration((finishedAt ?? now) - createdAt)}`;
  const counts = `${formatCounts(view.counts)} of ${countOf(view.tasks.length, "task")}`;
  const which = [team && `team ${team}`, workflow && `workflow ${workflow}`].filter(Boolean).join(", ");
  return [
    `Run ${view.runId} ${formatStatus(view)} ${elapsed}: ${counts}${view.background ? "; background" : ""}.`,
    ...(view.reason === undefined ? [] : [`Reason: ${oneLine(view.reason, 500)}`]),
    `Goal: ${oneLine(view.goal, 300)}${which && ` [${which}]`}`,
  ].join("\n");
}

/** A line a task, in plan order; where there are too many, completed tasks give way to those that tell more. */
export function taskTable(view: RunView, now: number): string {
  const lines = telling(view.tasks, tasksMax).map((task) => taskLine(task, now));
  const hidden = view.tasks.length - lines.length;
  return [...lines, ...(hidden > 0 ? [`- … and ${hidden} more`] : [])].join("\n");
}

/** At most `max` tasks in plan order: those that failed, live or wait first, completed ones as far as there is room. */
export function telling(tasks: readonly TaskView[], max: number): readonly TaskView[] {
  const rank = ({ status }: TaskView): number =>
    status === "failed" ? 0 : status === "pending" || isFinalTask(status) ? 2 : 1;
  const chosen = new Set([...tasks].sort((a, b) => rank(a) - rank(b)).slice(0, max));
  return tasks.filter((task) => chosen.has(task));
}

/** `- build [executor] running 12s, attempt 2, bash: npm test`. */
export function taskLine(task: TaskView, now: number): string {
  const { startedAt, lastSignAt = now, result, queued } = task;
  const notes = [
    startedAt === undefined ? "" : formatDuration((task.finishedAt ?? now) - startedAt),
    task.attempts > 1 ? `attempt ${task.attempts}` : "",
    task.reusedFrom === undefined ? "" : `reused from ${task.reusedFrom}`,
    task.model,
    oneLine(task.reason ?? "", 300),
    task.denied === undefined ? "" : `${countOf(task.denied, "call")} denied`,
    oneLine(task.activity ?? "", 100),
    formatQuiet({ ...task, lastSignAt }, now),
    queued === undefined
      ? ""
      : `${countOf(queued.count, "instruction")} queued for ${formatDuration(now - queued.since)}`,
    result?.form === "unstructured" ? "unstructured" : "",
    result?.truncated ? "result cut" : "",
  ];
  return `- ${task.id} [${task.agent}] ${formatStatus(task)} ${notes.filter(Boolean).join(", ")}`.trimEnd();
}

/** Every problem with its place and remedy; beyond 50 only their number. */
export function problemsText(problems: readonly PlanProblem[]): string {
  const lines = problems
    .slice(0, problemsMax)
    .map(
      ({ where, message, remedy }) =>
        `- ${where}: ${oneLine(message, 400)}. Remedy: ${oneLine(remedy, 600)}.`,
    );
  const hidden = problems.length - lines.length;
  return [...lines, ...(hidden > 0 ? [`- … and ${hidden} more problems`] : [])].join("\n");
}

/** Who asks what, since when, what it proposes, and what happens without an answer. */
export function askingText(mail: MailView, now: number): string {
  const { from, kind, text, at, options, fallback, deadline, status } = mail;
  const word = fallback === undefined ? "" : `"${fallback}"`;
  const until =
    deadline === undefined
      ? "without a deadline"
      : status === "expired" || deadline <= now
        ? `its deadline is over, it can still be answered${word && `; else it takes ${word} when the run goes on`}`
        : `until ${formatDuration(deadline - now)} from now${word && `, then ${word}`}`;
  const isApproval = kind === "approval";
  const proposed = options === undefined || isApproval ? "" : `\n  Proposed: ${options.join(" | ")}`;
  const who = from === "muster" ? "The plan" : `Task ${from}`;
  return `${who} ${isApproval ? "waits for approval" : "asks"} (${formatDuration(now - at)} ago, ${until}):\n  ${text}${proposed}`;
}

/** Each open question and approval, and the call that answers it. */
export function questionText({ runId, questions }: RunView, now: number): string[] {
  return questions.map((mail) => {
    const words = mail.kind === "approval" ? verdictsOf(mail).map((one) => `"${one}"`) : ['"…"'];
    return `? ${askingText(mail, now)}\n  The lead or a person answers: team respond run=${runId} name=${mail.id} message=${words.join(" or message=")}`;
  });
}

/** One line a mail: its fate, its way and its beginning. */
export function mailLine({ id, from, to, kind, text, at, status, by }: MailView, now: number): string {
  const who = by === undefined ? from : `${from} (${by})`;
  const fate = status === "produced" && !asks({ kind }) ? "queued" : status;
  return `- ${id} ${fate}, ${formatDuration(now - at)} ago, ${kind} from ${who} to ${to}: ${oneLine(text, 300)}`;
}
