import type { RunStatus, TaskStatus } from "../core/status.ts";
import type { Color } from "./theme.ts";

/** How a status looks: one column, the same word everywhere. */
export interface Glyph {
  readonly glyph: string;
  readonly word: string;
  readonly color: Color;
}

const glyphs: Readonly<Record<RunStatus | TaskStatus, Glyph>> = {
  queued: { glyph: "○", word: "queued", color: "muted" },
  pending: { glyph: "○", word: "pending", color: "muted" },
  running: { glyph: "●", word: "running", color: "accent" },
  waiting: { glyph: "?", word: "waiting", color: "warning" },
  stopping: { glyph: "◌", word: "stopping", color: "warning" },
  retrying: { glyph: "↻", word: "retrying", color: "warning" },
  blocked: { glyph: "■", word: "blocked", color: "warning" },
  completed: { glyph: "✓", word: "completed", color: "success" },
  failed: { glyph: "✗", word: "failed", color: "error" },
  cancelled: { glyph: "⊘", word: "cancelled", color: "muted" },
  skipped: { glyph: "–", word: "skipped", color: "muted" },
};

/** The look of a run's or a task's status; a word that we do not know (from a newer version's file) is shown as it is. */
export function glyphOf(status: string): Glyph {
  return isKnown(status) ? glyphs[status] : { glyph: "·", word: status, color: "muted" };
}

function isKnown(status: string): status is keyof typeof glyphs {
  return Object.hasOwn(glyphs, status);
}
