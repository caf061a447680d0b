import type { RunStatus, TaskStatus } from "../core/status.ts";
import { words } from "./strings.ts";
import type { Color } from "./theme.ts";

/** How a status looks: one column, the same word everywhere. */
export interface Glyph {
  readonly glyph: string;
  readonly word: string;
  readonly color: Color;
}

const looks: Readonly<Record<RunStatus | TaskStatus, readonly [glyph: string, color: Color]>> = {
  queued: ["○", "muted"],
  pending: ["○", "muted"],
  running: ["●", "accent"],
  waiting: ["?", "warning"],
  stopping: ["◌", "warning"],
  retrying: ["↻", "warning"],
  blocked: ["■", "warning"],
  completed: ["✓", "success"],
  failed: ["✗", "error"],
  cancelled: ["⊘", "muted"],
  skipped: ["–", "muted"],
};

/** The look of a run's or a task's status; a word that we do not know (from a newer version's file) is shown as it is. */
export function glyphOf(status: string): Glyph {
  if (!isKnown(status)) return { glyph: "·", word: status, color: "muted" };
  const [glyph, color] = looks[status];
  return { glyph, word: words.status[status], color };
}

function isKnown(status: string): status is keyof typeof looks {
  return Object.hasOwn(looks, status);
}

/** A part of a whole as `columns` blocks: "███░░". Nothing of nothing is an empty bar; what is not nothing shows. */
export function bar(part: number, whole: number, columns: number): string {
  const share = whole > 0 && part > 0 ? Math.min(1, part / whole) : 0;
  const filled = share === 0 ? 0 : Math.max(1, Math.floor(share * columns));
  return "█".repeat(filled) + "░".repeat(Math.max(0, columns - filled));
}
