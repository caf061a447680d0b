import { isAbsolute, relative, resolve, sep } from "node:path";
import { words } from "./strings.ts";
import type { TranscriptEntry } from "./transcript.ts";

/** One call that changed a file, as its tool showed it. */
export interface FileStep {
  /** Lines as the host's `edit` shows them: `+`, `-` or a space, the line's number, its text, tabs as two spaces. */
  readonly lines: readonly string[];
  /** Lines that are counted, but not kept. */
  readonly left: number;
  /** The file got a whole new content; what was there before was not shown. */
  readonly isWhole: boolean;
}

/** Lines added and removed, those that are not kept included. */
export interface Tally {
  readonly added: number;
  readonly removed: number;
}

/** One file with all that was done to it, in that order. */
export interface FileChange extends Tally {
  /** Relative to the workspace where it lies below it, else absolute or beginning with `~`. */
  readonly path: string;
  readonly steps: readonly FileStep[];
}

/** What the tools of an attempt showed of the files that they changed. What git would say may be something else. */
export interface Changes extends Tally {
  /** In order of first touch. */
  readonly files: readonly FileChange[];
  /** Shell commands, and calls of other tools that showed nothing: either may have changed files unseen. */
  readonly shells: number;
  readonly others: number;
  /** Some of the transcript is missing. */
  readonly isPartial: boolean;
  /** Calls without a result so far, by their ids. */
  readonly open: ReadonlyMap<string, TranscriptEntry>;
}

/** Nothing was read yet. */
export const noChanges: Changes = {
  ...{ files: [], added: 0, removed: 0, shells: 0, others: 0, isPartial: false, open: new Map() },
};

const shellTools = new Set(["bash", "powershell"]);
/** Tools of the host and of ours that change no file. */
const harmless = new Set(["read", "grep", "find", "ls", "submit_result", "ask", "send"]);
/** Lines of one call that are kept. */
const stepLinesMax = 2_000;

/**
 * The changes after these entries of an attempt's transcript, which follow those that led to `before`. A call counts once
 * its result came and was no failure; a shell command counts as soon as it is called, unless it was refused. Total.
 */
export function changesOf(
  entries: readonly TranscriptEntry[],
  workspace: string,
  before: Changes = noChanges,
): Changes {
  const files = new Map(before.files.map((file) => [file.path, file]));
  const open = new Map(before.open);
  const sum = { ...before };
  for (const { kind, tool = "", callId, isGap, ...entry } of entries) {
    if (isGap) sum.isPartial = true;
    if (shellTools.has(tool) && kind === "call") sum.shells += 1;
    else if (shellTools.has(tool) && kind === "note") sum.shells = Math.max(0, sum.shells - 1);
    if (callId === undefined || shellTools.has(tool) || harmless.has(tool)) continue;
    if (kind === "call") open.set(callId, { kind, tool, ...entry });
    const call = kind === "result" ? open.get(callId) : undefined;
    if (call === undefined) continue;
    open.delete(callId);
    if (entry.isError) continue;
    const found = stepOf(call, entry.diff);
    if (found === undefined) {
      sum.others += 1;
      continue;
    }
    const path = placeOf(found.path, workspace);
    const { steps, added, removed } = files.get(path) ?? { steps: [], added: 0, removed: 0 };
    const file = { path, steps: [...steps, found.step], added: added + found.added };
    files.set(path, { ...file, removed: removed + found.removed });
    sum.added += found.added;
    sum.removed += found.removed;
  }
  return { ...sum, files: [...files.values()], open };
}

/** True where no file was changed, and none can have been by a call that was seen. */
export function isNothing({ files, shells, others }: Changes): boolean {
  return files.length + shells + others === 0;
}

/** "2 files +12 -3". */
export function tallyOf({ files, added, removed }: Changes): string {
  return words.changes.tally(files.length, added, removed);
}

/** How much of the truth the changes are. */
export function notesOf({ shells, others, isPartial }: Changes): readonly string[] {
  const { shown, unseen, partial } = words.changes;
  return [shown, unseen(shells, others), isPartial ? partial : ""].filter((note) => note !== "");
}

/** The lines of a file's step of this index, and around them in lines without a sign what they do not show. */
export function stepLines({ lines, left, isWhole }: FileStep, index: number): readonly string[] {
  const { whole, again, left: more } = words.changes;
  const title = isWhole ? [`  ${whole}`] : index > 0 ? [`  ${again}`] : [];
  return [...title, ...lines, ...(left > 0 ? [`  ${more(left)}`] : [])];
}

function stepOf({ tool, given: { path, content } = {} }: TranscriptEntry, diff: string | undefined) {
  if (typeof path !== "string") return undefined;
  const isWhole = diff === undefined;
  if (isWhole && (tool !== "write" || typeof content !== "string")) return undefined;
  const all = isWhole ? numbered(String(content)) : diff.split("\n");
  const count = (sign: string): number => all.filter((line) => line.startsWith(sign)).length;
  const step: FileStep = {
    lines: all.slice(0, stepLinesMax).map((line) => line.replaceAll("\t", "  ")),
    left: Math.max(0, all.length - stepLinesMax),
    isWhole,
  };
  return { path, step, added: count("+"), removed: count("-") };
}

/** A new content as the host would show it. */
function numbered(content: string): readonly string[] {
  const lines = content.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const { length } = String(lines.length);
  return lines.map((line, at) => `+${String(at + 1).padStart(length)} ${line}`);
}

function placeOf(spelled: string, workspace: string): string {
  // The host (0.73.1, 1.5.2) takes a leading @ off, and knows whose home ~ is.
  const path = spelled.replace(/^@/, "");
  if (/^~(\/|$)/.test(path)) return path;
  const root = resolve("/", workspace);
  const file = resolve(root, path);
  const inside = relative(root, file);
  const isOutside = ["", ".."].includes(inside) || inside.startsWith(`..${sep}`) || isAbsolute(inside);
  return isOutside ? file : inside.split(sep).join("/");
}
