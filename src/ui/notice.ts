import type { RunView, TaskView } from "../core/view.ts";
import { readCard } from "./card.ts";
import { formatDuration } from "./duration.ts";
import { glyphOf } from "./glyph.ts";
import type { Theme } from "./theme.ts";
import { formatUsage } from "./usage.ts";
import { fitLine, plain, wrap } from "./width.ts";

const troublesMax = 5;
const noticeLinesMax = 60;

/**
 * What the lead is told when a run ended or stands still. Success is one line; anything else says what failed, why, and
 * the exact call that helps. `directory` is where the run's files are.
 */
export function noticeText(view: RunView, directory: string): string {
  const took = formatDuration((view.finishedAt ?? view.createdAt) - view.createdAt);
  const usage = formatUsage(view.usage);
  const goal = cut(view.goal, 160);
  if (view.status === "completed") {
    const bill = usage === "" ? "" : `, ${usage}`;
    return `Team run ${view.runId} completed in ${took}: ${many(view.tasks.length)}${bill}. Goal: ${goal}. Results: team summary run=${view.runId}`;
  }
  const troubled = view.tasks.filter((task) => task.status === "failed" || task.status === "blocked");
  const hidden = troubled.length - troublesMax;
  const first = troubled[0];
  return [
    `Team run ${view.runId} ${verdict(view)}: ${countsText(view)}. Goal: ${goal}`,
    ...troubled.slice(0, troublesMax).map((task) => `- ${taskTrouble(task)}`),
    ...(hidden > 0 ? [`- and ${hidden} more`] : []),
    `Look: team status run=${view.runId}${first === undefined ? "" : ` task=${first.id}`}. Files: ${directory}`,
  ].join("\n");
}

/** The notice as it is drawn: one line for a success, all lines else; wrapped when expanded. */
export function noticeLines(
  notice: { readonly details: unknown; readonly text: string },
  expanded: boolean,
  width: number,
  theme: Theme,
): string[] {
  if (!(width >= 1)) return [];
  const { glyph, color } = glyphOf(readCard(notice.details).status ?? "");
  const lines = expanded
    ? wrap(notice.text, width, noticeLinesMax)
    : notice.text.split("\n").slice(0, noticeLinesMax);
  return lines.map((line, index) =>
    fitLine(index === 0 ? theme.fg(color, `${glyph} ${plain(line)}`) : theme.fg("muted", plain(line)), width),
  );
}

function verdict(view: RunView): string {
  const why = view.reason ?? (view.cause === view.status ? undefined : view.cause);
  const what =
    view.status === "blocked" || view.status === "waiting" ? "stands still and needs somebody" : view.status;
  return why === undefined ? what : `${what} (${cut(why, 300)})`;
}

function countsText(view: RunView): string {
  const counts = Object.entries(view.counts).filter(([, count]) => count > 0);
  return `${counts.map(([status, count]) => `${count} ${status}`).join(", ")} of ${many(view.tasks.length)}`;
}

function taskTrouble(task: TaskView): string {
  const cause = task.cause === undefined || task.cause === task.status ? "" : ` (${task.cause})`;
  return `${task.id} [${task.agent}] ${task.status}${cause}: ${cut(task.reason ?? "no reason was recorded", 300)}`;
}

function many(tasks: number): string {
  return `${tasks} task${tasks === 1 ? "" : "s"}`;
}

function cut(text: string, max: number): string {
  const line = plain(text).trim();
  return line.length <= max ? line : `${line.slice(0, max - 1)}…`;
}
