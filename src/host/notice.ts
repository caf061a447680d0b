import type { MessageRenderer } from "@mariozechner/pi-coding-agent";
import { progressDetails } from "../actions/result.ts";
import { questionText, runHeader, taskLine } from "../actions/text.ts";
import { nextStep } from "../core/explain.ts";
import type { RunView } from "../core/view.ts";
import { countOf, formatDuration, formatUsage, oneLine } from "../lib/wording.ts";
import { readCard } from "../ui/card.ts";
import { glyphOf } from "../ui/glyph.ts";
import { drawLine, wrap } from "../ui/width.ts";
import { noticeType, type Rest, type Told } from "./ledger.ts";
import { Lines } from "./lines.ts";

/** The answer to a slash command that is too long for a line. */
export const replyType = "muster-reply";
const previewLines = 24;
const linesMax = 2_000;
const troublesMax = 5;

/**
 * The message that tells the lead about a run, once; its details are the ledger's proof of delivery. `directory` is where
 * the run's files are; `now` in ms since the epoch.
 */
export function noticeMessage(view: RunView, told: Rest, directory: string, now: number): Notice {
  return messageOf(view, told, noticeText(view, directory, now), now, { paths: [directory] });
}

/** A message of ours to the lead. */
export type Notice = ReturnType<typeof messageOf>;

function messageOf(view: RunView, told: Told, content: string, now: number, more: object = {}) {
  const details = { action: "run", ok: true, ...progressDetails(view, now), told, ...more };
  return { customType: noticeType, content, display: true, details };
}

/** The message that tells the lead that a new driver goes on with its run; the numbers are tasks. */
export function recoveryMessage(
  view: RunView,
  told: Told,
  { kept, again }: { readonly kept: number; readonly again: number },
  now: number,
): Notice {
  const tasks = `${kept} finished ${kept === 1 ? "task" : "tasks"} kept, ${again} tried again`;
  const content = `Team run ${view.runId} recovered: its driver died, a new one goes on; ${tasks}.`;
  return messageOf(view, told, content, now);
}

/** The message that tells the lead what a run asks, and how to answer. */
export function questionMessage(view: RunView, told: Told, question: string, now: number): Notice {
  const questions = view.questions.filter(({ id }) => id === question);
  const content = [`Team run ${view.runId} asks:`, ...questionText({ ...view, questions }, now)].join("\n");
  return messageOf(view, told, content, now);
}

/** Success is one line; anything else says what failed, why, and the exact call that helps. */
export function noticeText(view: RunView, directory: string, now: number): string {
  const { runId, status, tasks, createdAt, finishedAt = now } = view;
  if (status === "completed") {
    const took = formatDuration(finishedAt - createdAt);
    const bill = [countOf(tasks.length, "task"), formatUsage(view.usage)].filter(Boolean).join(", ");
    return `Team run ${runId} completed in ${took}: ${bill}. Results: team summary run=${runId}. Goal: ${oneLine(view.goal, 160)}`;
  }
  const troubled = tasks.filter((task) => task.status === "failed" || task.status === "blocked");
  const hidden = troubled.length - troublesMax;
  return [
    `Team: ${runHeader(view, now)}`,
    ...troubled.slice(0, troublesMax).map((task) => taskLine(task, now)),
    ...(hidden > 0 ? [`- and ${hidden} more`] : []),
    nextStep(view),
    `Files: ${directory}`,
  ]
    .filter(Boolean)
    .join("\n");
}

/** How our messages are drawn: a screenful, all when expanded; the first line in the colour of what became of the run. */
export const renderMessage: MessageRenderer = ({ content, details }, { expanded }, theme) =>
  new Lines((width) => {
    const { color } = glyphOf(readCard(details).status ?? "running");
    const lines = wrap(textOf(content), width, linesMax);
    const shown = expanded ? lines : lines.slice(0, previewLines);
    const hidden = lines.length - shown.length;
    return [
      ...shown.map((line, index) => drawLine([[index === 0 ? color : "text", line]], width, theme)),
      ...(hidden > 0 ? [drawLine([["dim", `+${hidden} more`]], width, theme)] : []),
    ];
  });

/** The text of a message's or result's content. */
export function textOf(
  content: string | readonly { readonly type: string; readonly text?: string }[],
): string {
  if (typeof content === "string") return content;
  return content.map((part) => part.text ?? "").join("\n");
}
