import { isRecord, type Json, parseObject } from "../lib/json.ts";

/** One thing that was said or done in a worker's conversation. */
export interface TranscriptEntry {
  /** `prompt`: said to the agent; `said`, `thought`: by it; `call` and `result` of a tool; `note`: of the host or ours. */
  readonly kind: "prompt" | "said" | "thought" | "call" | "result" | "note";
  readonly text: string;
  readonly tool?: string;
  /** Lines that begin with `+`, `-` or a space. */
  readonly diff?: string;
  readonly isError?: boolean;
}

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
  return [{ kind: "note", text: [spelled(type), told.join(", ")].filter(Boolean).join(" · ") }];
}

function messageEntries({ role, content, toolName, isError, details, errorMessage }: Json) {
  const given = typeof content === "string" ? [{ type: "text", text: content }] : content;
  const parts = Array.isArray(given) ? given.filter(isRecord) : [];
  if (role === "toolResult") {
    const diff = isRecord(details) && typeof details.diff === "string" ? { diff: details.diff } : {};
    const text = parts.map(wordsOf).join("\n");
    const result = { kind: "result", text, tool: spelled(toolName), isError: isError === true } as const;
    return [{ ...result, ...diff }];
  }
  const entries = parts.map((part): TranscriptEntry => {
    const { type, name, arguments: given } = part;
    if (type === "toolCall") return { kind: "call", tool: spelled(name), text: callText(given) };
    const kind = type === "thinking" ? "thought" : role === "assistant" ? "said" : "prompt";
    return { kind, text: wordsOf(part) };
  });
  const failure: TranscriptEntry = { kind: "note", text: spelled(errorMessage), isError: true };
  return [...entries, failure].filter(({ kind, text }) => kind === "call" || text.trim() !== "");
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
