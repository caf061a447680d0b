import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { StoredEvent } from "../core/events.ts";
import { claimName, claimsIn } from "../lib/claim.ts";
import { errnoOf, openRegular } from "../lib/files.ts";
import { BadLine, decodeLine, endOfLine, restore } from "./journal-line.ts";

export const extension = "jsonl";
/** A lease record with hundreds of seals is shorter. */
const firstLineMaxBytes = 4 * 1024 * 1024;

export type LeaseTaken = Extract<StoredEvent, { type: "lease.taken" }>;

/** `0001.jsonl`: the segment of epoch 1. */
export function segmentName(epoch: number): string {
  return claimName(epoch, extension);
}

/** Epochs that have a segment, ascending. */
export function segmentsIn(journal: string): Promise<readonly number[]> {
  return claimsIn(journal, extension);
}

/** Stands beside a segment whose holder gave the lease back while it lived on. */
export function releaseMark(journal: string, epoch: number): string {
  return join(journal, claimName(epoch, "released"));
}

/**
 * The record that took the lease of this epoch. Undefined while its line is not complete: only where the file system
 * has no hard links, and then it either appears soon or its writer died.
 */
export async function leaseOf(journal: string, epoch: number): Promise<LeaseTaken | BadLine | undefined> {
  const { file } = await openRegular(join(journal, segmentName(epoch)));
  try {
    for (let length = 4_096; ; length *= 8) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, 0);
      const end = endOfLine(buffer.subarray(0, bytesRead), 0);
      if (end >= 0) return asLease(decodeLine(buffer, 0, end), epoch);
      if (bytesRead < length) return undefined;
      if (length > firstLineMaxBytes) return notALease();
    }
  } finally {
    await file.close();
  }
}

function asLease(record: StoredEvent | BadLine, epoch: number): LeaseTaken | BadLine {
  if (record instanceof BadLine) return record;
  return record.type === "lease.taken" && record.epoch === epoch ? record : notALease();
}

function notALease(): BadLine {
  return new BadLine("a segment must begin with the record that took its lease", restore);
}

/** How far a segment counts as journal. */
export type SegmentEnd =
  /** The newest: up to its last complete line, and more may come. */
  | { readonly kind: "open" }
  /** Up to this byte, forever; the journal goes on in the segment of epoch `next`. */
  | { readonly kind: "sealed"; readonly bytes: number; readonly next: number }
  | { readonly kind: "problem"; readonly where: string; readonly line: BadLine };

/**
 * Asks the later segments how far this one counts; the newest of them that can be read decides: seals are repeated as
 * they are, and only a repair takes some back.
 */
export async function endOf(journal: string, epoch: number): Promise<SegmentEnd> {
  const all = await segmentsIn(journal);
  let end: SegmentEnd = { kind: "open" };
  for (const later of all.filter((number) => number > epoch).reverse()) {
    const lease = await leaseOf(journal, later);
    if (lease === undefined) continue;
    if (lease instanceof BadLine) {
      end = problem(journal, later, lease);
      continue;
    }
    const seal = lease.sealed.find((one) => one.segment === segmentName(epoch));
    if (seal === undefined)
      return problem(journal, later, new BadLine(`it does not seal ${segmentName(epoch)}`, restore));
    if (seal.bytes > 0 && !all.includes(epoch)) break;
    return { kind: "sealed", bytes: seal.bytes, next: epoch + 1 };
  }
  const isThere = all.includes(epoch) || all.every((number) => number < epoch);
  return isThere ? end : problem(journal, epoch, new BadLine("the segment is missing", restore));
}

function problem(journal: string, epoch: number, line: BadLine): SegmentEnd {
  return { kind: "problem", where: `${join(journal, segmentName(epoch))}:1`, line };
}

/** Bytes in the segment, 0 when there is none. Whoever reads it refuses what is no file. */
export async function sizeOf(journal: string, epoch: number): Promise<number> {
  try {
    const found = await lstat(join(journal, segmentName(epoch)));
    return found.isFile() ? found.size : Number.POSITIVE_INFINITY;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw error;
  }
}
