import { isRecord, type Json, parseObject } from "../lib/json.ts";

/** One thing that was said or done in a worker's conversation. */
export interface TranscriptEntry {
  /** `prompt`: said to the agent; `said`, `thought`: by it; `call` and `result` of a tool; `note`: of the host or ours. */
  readonly kind: "prompt" | "said" | "thought" | "call" | "result" | "note";
  readonly text: string;
  /** Of a call, of its result, and of the note that it was refused. */
  readonly tool?: string;
  /** The same for a call and its result. */
  readonly callId?: string;
  /** A call's arguments. */
  readonly given?: Json;
  /** Lines that begin with `+`, `-` or a space. */
  readonly diff?: string;
  readonly isError?: boolean;
  /** What stood here is missing. */
  readonly isGap?: boolean;
}

/** An entry by itself, or a call with its result. */
export type Pair = readonly [TranscriptEntry, TranscriptEntry?];

/** The entries in their order, but each result beside its call; an id that comes again is the newer call's. */
export function paired(entries: readonly TranscriptEntry[]): readonly Pair[] {
  const open = new Map<string, [TranscriptEntry, TranscriptEntry?]>();
  return entries.flatMap((entry): readonly Pair[] => {
    const { kind, callId = "" } = entry;
    const call = kind === "result" ? open.get(callId) : undefined;
    const pair: [TranscriptEntry] = [entry];
    if (kind === "call" && callId !== "") open.set(callId, pair);
    if (call === undefined) return [pair];
    call[1] = entry;
    open.delete(callId);
    return [];
  });
}

/** Types of the records that stand for others: of a transcript that grew too large, and of one that is shown in part. */
const gaps: readonly unknown[] = ["cut", "left out here"];

/** The entries of a session.jsonl, or of a part of one; lines that are no objects are left out. Total. */
export function readTranscript(lines: string): readonly TranscriptEntry[] {
  return lines.split("\n").flatMap((line) => {
    const event = parseObject(line);
    return event === undefined ? [] : entriesOf(event);
  });
}

function entriesOf(event: Json): readonly TranscriptEntry[] {
  const { type, message, ...rest } = event;
  if (type === "message_end" && isRecord(message)) return messageEntries(message);
  const told = Object.entries(rest).map(([name, value]) => `${name}: ${spelled(value)}`);
  const text = [spelled(type), told.join(", ")].filter(Boolean).join(" · ");
  const refused = type === "tool_refused" && { tool: spelled(event.tool) };
  return [{ kind: "note", text, ...refused, ...(gaps.includes(type) && { isGap: true }) }];
}

function messageEntries({ role, content, toolName, toolCallId, isError, details, errorMessage }: Json) {
  const given = typeof content === "string" ? [{ type: "text", text: content }] : content;
  const parts = Array.isArray(given) ? given.filter(isRecord) : [];
  if (role === "toolResult") {
    const diff = isRecord(details) && typeof details.diff === "string" ? { diff: details.diff } : {};
    const text = parts.map(wordsOf).join("\n");
    const result = { kind: "result", text, tool: spelled(toolName), isError: isError === true } as const;
    return [{ ...result, ...idOf(toolCallId), ...diff }];
  }
  const entries = parts.map((part): TranscriptEntry => {
    const { type, name, id, arguments: given } = part;
    const call = { kind: "call", tool: spelled(name), text: callText(given), ...idOf(id) } as const;
    if (type === "toolCall") return { ...call, ...(isRecord(given) && { given }) };
    const kind = type === "thinking" ? "thought" : role === "assistant" ? "said" : "prompt";
    return { kind, text: wordsOf(part) };
  });
  const failure: TranscriptEntry = { kind: "note", text: spelled(errorMessage), isError: true };
  return [...entries, failure].filter(({ kind, text }) => kind === "call" || text.trim() !== "");
}

function idOf(id: unknown): Pick<TranscriptEntry, "callId"> {
  return typeof id === "string" ? { callId: id } : {};
}

function wordsOf({ type, text, thinking }: Json): string {
  if (typeof text === "string") return text;
  return typeof thinking === "string" ? thinking : `[${spelled(type)}]`;
}

/** A call's arguments, one a line; a single one by itself. */
function callText(given: unknown): string {
  const members = isRecord(given) ? Object.entries(given) : [];
  if (members.length === 1) return spelled(members[0]?.[1]);
  return members.map(([name, value]) => `${name}: ${spelled(value)}`).join("\n");
}

function spelled(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
