import type { MessageRenderer } from "@mariozechner/pi-coding-agent";
import type { RunView } from "../core/view.ts";
import { progressDetails } from "../ui/card.ts";
import { noticeLines, noticeText } from "../ui/notice.ts";
import { wrap } from "../ui/width.ts";
import type { Rest } from "./ledger.ts";
import { Lines } from "./lines.ts";

/** The answer to a slash command that is too long for a line. */
export const replyType = "muster-reply";
const replyPreview = 24;
const replyLinesMax = 2_000;

/** The message that tells the lead about a run; its details are the ledger's proof of delivery. */
export function noticeMessage(customType: string, view: RunView, told: Rest, directory: string, now: number) {
  const details = { ...progressDetails("run", view, now), told, paths: [directory] };
  return { customType, content: noticeText(view, directory), display: true, details };
}

/** How a notice is drawn: a success in one line, the rest as it is; wrapped when expanded. */
export const renderNotice: MessageRenderer = ({ content, details }, { expanded }, theme) => {
  const text = textOf(content);
  return new Lines((width) => noticeLines({ details, text }, expanded, width, theme));
};

/** All of it when expanded, a screenful else: the person asked for it. */
export const renderReply: MessageRenderer = ({ content }, { expanded }, theme) => {
  const text = textOf(content);
  return new Lines((width) => {
    const lines = wrap(text, width, replyLinesMax);
    const shown = expanded ? lines : lines.slice(0, replyPreview);
    const hidden = lines.length - shown.length;
    return [
      ...shown.map((line, index) => theme.fg(index === 0 ? "accent" : "text", line)),
      ...(hidden > 0 ? [theme.fg("dim", `+${hidden} more`)] : []),
    ];
  });
};

/** The text of a message's or result's content. */
export function textOf(
  content: string | readonly { readonly type: string; readonly text?: string }[],
): string {
  if (typeof content === "string") return content;
  return content.map((part) => part.text ?? "").join("\n");
}
