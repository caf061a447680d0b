import { crc32 } from "node:zlib";
import type { Json } from "../support/host.ts";

/** A journal of one segment with these records, which name no numbers of their own. */
export function journalOf(records: readonly Json[], at: string): string {
  return records.map((record, index) => journalLine(record, index + 1, at)).join("");
}

/** One line of it, its number and checksum included. */
export function journalLine(record: Json, seq: number, at: string): string {
  const body = JSON.stringify({ v: 1, seq, epoch: 1, at, ...record }).slice(0, -1);
  return `${body},"crc":"${crc32(body).toString(16).padStart(8, "0")}"}\n`;
}
