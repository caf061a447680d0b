import { type EventEnvelope, type RunEvent, type StoredEvent, schemaVersion } from "../core/events.ts";
import { crc32 } from "../lib/crc32.ts";

/** Why a complete line is no record of ours. */
export class BadLine {
  readonly message: string;
  readonly remedy: string;
  /** Not damaged: written by a version that knows more. */
  readonly isNewer: boolean;

  constructor(message: string, remedy: string, isNewer = false) {
    this.message = message;
    this.remedy = remedy;
    this.isNewer = isNewer;
  }
}

/** What helps against every kind of damage. */
export const restore =
  "team doctor tells what can be saved, and saves it with confirm=true; or restore the file from a backup. Nothing was changed";

/** `,"crc":"01234567"}`: CRC-32 of all bytes of the line before it. */
const checksumLength = 18;
const lineFeed = 10;

const knownTypes: Readonly<Record<RunEvent["type"], true>> = {
  "lease.taken": true,
  "journal.repaired": true,
  "run.started": true,
  "plan.revised": true,
  "run.cancel_requested": true,
  "run.parked": true,
  "run.resumed": true,
  "run.imported": true,
  "run.finished": true,
  "attempt.started": true,
  "attempt.spawned": true,
  "attempt.ready": true,
  "attempt.progressed": true,
  "attempt.escalated": true,
  "attempt.denied": true,
  "attempt.stopping": true,
  "attempt.ended": true,
  "mail.posted": true,
  "mail.offered": true,
  "mail.consumed": true,
  "mail.expired": true,
  "mail.withdrawn": true,
  "request.refused": true,
  "task.skipped": true,
  "task.cancelled": true,
};

/** The event with its place in the journal. Fields of the same names in `event` do not count. */
export function stored(event: RunEvent, place: Omit<EventEnvelope, "v">): StoredEvent {
  const envelope: EventEnvelope = { v: schemaVersion, ...place };
  return Object.assign({ ...envelope }, event, envelope);
}

/** One record as its line, the LF included. */
export function encodeLine(event: StoredEvent): string {
  const body = JSON.stringify(event).slice(0, -1);
  return `${body}${checksum(Buffer.from(body))}\n`;
}

/** Where the line that begins at `from` ends: the index of its LF, or -1 when it is not complete yet. */
export function endOfLine(bytes: Buffer, from: number): number {
  return bytes.indexOf(lineFeed, from);
}

/** The record in the bytes of one line, without its LF. */
export function decodeLine(bytes: Buffer, start: number, end: number): StoredEvent | BadLine {
  const sumAt = end - checksumLength;
  const isWhole =
    sumAt > start && bytes.toString("latin1", sumAt, end) === checksum(bytes.subarray(start, sumAt));
  if (!isWhole) return explain(bytes.toString("utf8", start, end));
  const event: unknown = JSON.parse(`${bytes.toString("utf8", start, sumAt)}}`);
  if (!isEnvelope(event)) return explain(bytes.toString("utf8", start, end));
  // The checksum proves that the line is one that this schema version wrote.
  return event as StoredEvent;
}

function checksum(body: Uint8Array): string {
  return `,"crc":"${crc32(body).toString(16).padStart(8, "0")}"}`;
}

function isEnvelope(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (!("v" in value && "seq" in value && "epoch" in value && "at" in value && "type" in value)) return false;
  return value.v === schemaVersion && typeof value.type === "string" && Object.hasOwn(knownTypes, value.type);
}

function explain(line: string): BadLine {
  const value = parsed(line);
  if (typeof value === "object" && value !== null && "v" in value && typeof value.v === "number") {
    const isNewer = value.v > schemaVersion;
    const type = "type" in value ? String(value.type) : "";
    if (isNewer || (value.v === schemaVersion && type !== "" && !Object.hasOwn(knownTypes, type))) {
      const what = isNewer ? `schema version ${value.v}` : `the record type "${type.slice(0, 80)}"`;
      return new BadLine(
        `${what} is newer than this version of pi-muster (it knows ${schemaVersion}); the run is read-only here`,
        "update pi-muster",
        true,
      );
    }
  }
  return new BadLine("the line is damaged: its checksum does not fit its content", restore);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
