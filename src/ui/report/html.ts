import { formatDuration } from "../../lib/wording.ts";
import { reportWords as words } from "../strings.ts";
import { plain } from "../width.ts";

/** Markup. Only `html` makes it, so that what anybody else wrote is text wherever it stands. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }

  toString(): string {
    return this.markup;
  }
}

type Part = Html | string | number | undefined | false | readonly Part[];

const marks: Readonly<Record<string, string>> = {
  ...{ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" },
};

/**
 * Markup with values in it: texts and numbers are escaped, for an element's content as for a quoted attribute's, and rid
 * of escapes and control characters; lists are joined; `undefined` and `false` are nothing.
 */
export function html(markup: TemplateStringsArray, ...values: readonly Part[]): Html {
  return new Html(markup.map((piece, index) => piece + spelled(values[index])).join(""));
}

function spelled(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.markup;
  if (typeof part === "object") return part.map(spelled).join("");
  const lines = String(part).split("\n");
  return lines.map((line) => plain(line).replace(/[&<>"']/g, (sign) => marks[sign] ?? "")).join("\n");
}

/** The beginning of a long text, and how much is missing. */
export function head(text: string, max: number): string {
  const whole = text.trimEnd();
  return whole.length <= max ? whole : `${whole.slice(0, max)}\n${words.left(whole.length - max)}`;
}

/** "2026-11-21 19:20:05" in UTC; "–" for what is no instant. */
export function instant(ms: number | undefined): string {
  const isInstant = ms !== undefined && Math.abs(ms) < 8.64e15;
  return isInstant ? new Date(ms).toISOString().slice(0, 19).replace("T", " ") : "–";
}

/** From one instant to another, where both are known. */
export function span(from: number | undefined, to: number): string {
  return from === undefined ? "–" : formatDuration(to - from);
}

/** A table with headings; nothing without rows. */
export function table(
  caption: string,
  headings: readonly string[],
  rows: readonly (readonly Part[])[],
): Html | undefined {
  if (rows.length === 0) return undefined;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption>
<thead><tr>${headings.map((heading) => html`<th scope="col">${heading}</th>`)}</tr></thead>
<tbody>${rows.map(([first, ...rest]) => html`<tr><th scope="row">${first}</th>${rest.map((value) => html`<td>${value}</td>`)}</tr>\n`)}</tbody></table></div>`;
}
