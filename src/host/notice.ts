import type { MessageRenderer } from "@mariozechner/pi-coding-agent";
import { progressDetails } from "../actions/result.ts";
import { questionText, runHeader, taskLine } from "../actions/text.ts";
import { nextStep } from "../core/explain.ts";
import type { MailView, RunView } from "../core/view.ts";
import { countOf, formatDuration, formatUsage, oneLine } from "../lib/wording.ts";
import { messageLines } from "../ui/card.ts";
import { words } from "../ui/strings.ts";
import { asciiTheme } from "../ui/theme.ts";
import { answerKey } from "./dialog.ts";
import { noticeType, type Told } from "./ledger.ts";
import { type IsAscii, Lines } from "./lines.ts";

/** The answer to a slash command that is too long for a line. */
export const replyType = "muster-reply";
const troublesMax = 5;
/** In one message: news at all, those in full, and places to look. */
const newsMax = 50;
const fullMax = 5;
const pathsMax = 20;

/** Something that the lead is told of a run. */
export interface News {
  readonly view: RunView;
  readonly told: Told;
  /** Where the run's files are; of a run that ended or stands still. */
  readonly directory?: string;
  /** What became of its tasks; of a run that was taken over. */
  readonly recovered?: { readonly kept: number; readonly again: number };
}

/**
 * One message about all of the news, once; its details are the ledger's proof of delivery, for each of them. Who needs
 * somebody comes first; the first troubles are told in full, everything else in a line. `now` in ms since the epoch.
 */
export function noticeMessage(all: readonly News[], now: number) {
  const [first] = all;
  const isOne = first !== undefined && all.length === 1;
  const about = isOne ? progressDetails(first.view, now) : { status: worstOf(all) };
  const paths = all.flatMap(({ directory = [] }) => directory).slice(0, pathsMax);
  const details = {
    ...{ action: "run", ok: true, ...about },
    news: all.map(({ view, told }) => ({ runId: view.runId, told })),
    ...(paths.length > 0 && { paths }),
  };
  return {
    customType: noticeType,
    content: isOne ? newsText(first, now) : groupText(all, now),
    display: true,
    details,
  };
}

/** What is told of one run; a line unless it needs somebody. */
export function newsText({ view, told, directory = "", recovered }: News, now: number): string {
  if (recovered !== undefined) return recoveryText(view, recovered);
  if (!told.startsWith("asked-")) return noticeText(view, directory, now);
  const questions = view.questions.filter(({ id }) => told === `asked-${id}`);
  const asks = questions.some(({ kind }) => kind === "approval") ? "waits for approval" : "asks";
  return [`Team run ${view.runId} ${asks}:`, ...questionText({ ...view, questions }, now)].join("\n");
}

/** What a person is shown at once when a task asks something, with the command that answers it. */
export function askedText({ runId }: RunView, { id, from, kind, text }: MailView): string {
  const asks = words.said.asked(from, runId, kind === "approval", oneLine(text, 300));
  return `${asks}\n${words.said.answerBy(runId, id, answerKey)}`;
}

/** Least harmless first. */
const ranks: readonly RunView["status"][] = [
  "waiting",
  "failed",
  "blocked",
  "cancelled",
  "running",
  "completed",
];

function worstOf(all: readonly News[]): RunView["status"] {
  return ranks.find((rank) => all.some(({ view }) => view.status === rank)) ?? "running";
}

function groupText(all: readonly News[], now: number): string {
  const rankOf = ({ view, told }: News): number =>
    told.startsWith("asked-") ? -1 : ranks.indexOf(view.status);
  const sorted = [...all].sort((a, b) => rankOf(a) - rankOf(b));
  const texts = sorted.slice(0, newsMax).map((news, index) => {
    const text = newsText(news, now);
    return index < fullMax ? text : oneLine(text, 300);
  });
  const hidden = all.length - texts.length;
  const more = hidden > 0 ? [`And ${hidden} more: team list shows all runs.`] : [];
  return [`Team news, ${all.length} in all:`, ...texts, ...more].join("\n");
}

function recoveryText({ runId }: RunView, { kept, again }: NonNullable<News["recovered"]>): string {
  const tasks = `${kept} finished ${kept === 1 ? "task" : "tasks"} kept, ${again} tried again`;
  return `Team run ${runId} recovered: its driver died, a new one goes on; ${tasks}.`;
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

/** How our messages are drawn. */
export function messageRenderer(isAscii: IsAscii): MessageRenderer {
  return ({ content, details }, { expanded }, theme) => {
    const shown = asciiTheme(theme, isAscii);
    const message = { details, text: textOf(content) };
    return new Lines((width) => messageLines(message, expanded, width, shown), isAscii);
  };
}

/** The text of a message's or result's content. */
export function textOf(
  content: string | readonly { readonly type: string; readonly text?: string }[],
): string {
  if (typeof content === "string") return content;
  return content.map((part) => part.text ?? "").join("\n");
}
