import type { Theme } from "./theme.ts";
import { drawCell, drawLine, type Line } from "./width.ts";

/** What stands beside other parts of a screen. */
export interface Part {
  readonly columns: number;
  readonly lines: readonly Line[];
}

/** So many rows of the parts, with a bar between each two: together as wide as they are, and three columns a bar. */
export function beside(parts: readonly Part[], rows: number, theme: Theme): string[] {
  const bar = ` ${theme.fg("dim", theme.isAscii === true ? "|" : "│")} `;
  return Array.from({ length: rows }, (_, row) =>
    parts
      .map(({ columns, lines }, at) =>
        (at < parts.length - 1 ? drawCell : drawLine)(lines[row] ?? [], columns, theme),
      )
      .join(bar),
  );
}

/** A rule above or below the parts, with a joint where the bars end. */
export function ruleOf(parts: readonly Part[], joint: string): Line {
  const last = parts.length - 1;
  const pieces = parts.map(({ columns }, at) => "─".repeat(columns + Number(at > 0) + Number(at < last)));
  return [["dim", pieces.join(joint)]];
}
