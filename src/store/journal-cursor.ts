import { join } from "node:path";
import type { StoredEvent } from "../core/events.ts";
import type { JournalReading } from "../core/ports.ts";
import { openRegular } from "../lib/files.ts";
import { BadLine, decodeLine, endOfLine, restore } from "./journal-line.ts";
import { endOf, type SegmentEnd, segmentName, sizeOf } from "./segments.ts";

const pieceBytes = 16 * 1024 * 1024;

/** Reads a journal from its beginning, each record once, as far as it is written; asked again, it goes on. */
export class JournalCursor {
  readonly #journal: string;
  readonly #seals = new Map<number, number>();
  #epoch = 1;
  #offset = 0;
  #line = 0;
  #seq = 0;
  #pieceBytes = pieceBytes;

  constructor(journal: string) {
    this.#journal = journal;
  }

  /** Epoch and end (in bytes) of the segment that was read last, and the seals of those before. */
  get position(): {
    readonly epoch: number;
    readonly bytes: number;
    readonly seq: number;
    readonly seals: ReadonlyMap<number, number>;
  } {
    return { epoch: this.#epoch, bytes: this.#offset, seq: this.#seq, seals: this.#seals };
  }

  /** Everything up to the present end. */
  async rest(): Promise<JournalReading> {
    const events: StoredEvent[] = [];
    for (;;) {
      const more = await this.next();
      for (const event of more.events) events.push(event);
      if (more.problem !== undefined) return { events, problem: more.problem };
      if (more.events.length === 0) return { events };
    }
  }

  /** Some records more; none at the present end. A problem comes again whenever it is asked for what lies behind it. */
  async next(): Promise<JournalReading> {
    for (;;) {
      const end = await endOf(this.#journal, this.#epoch);
      if (end.kind === "problem") return { events: [], problem: { where: end.where, ...end.line } };
      const size = await sizeOf(this.#journal, this.#epoch);
      if (size < this.#offset) return this.#problem(shortened(size));
      const limit = end.kind === "sealed" ? Math.min(end.bytes, size) : size;
      const bytes = await this.#read(limit);
      // What was written after a takeover is no journal: believe an open end only when it was still open afterwards.
      if (end.kind === "open" && bytes.length > 0 && !(await this.#isStillOpen(limit))) continue;
      const reading = this.#decode(bytes, end);
      if (reading.events.length > 0 || reading.problem !== undefined) return reading;
      const isRead = this.#offset + bytes.length >= limit;
      if (end.kind === "open" && isRead) return reading;
      if (end.kind === "sealed" && this.#offset === end.bytes) this.#goOn(end.next);
      else if (end.kind === "sealed" && isRead)
        return this.#problem(size < end.bytes ? shortened(size) : cutLine());
      else this.#pieceBytes *= 2;
    }
  }

  #goOn(next: number): void {
    this.#seals.set(this.#epoch, this.#offset);
    this.#epoch = next;
    this.#offset = 0;
    this.#line = 0;
    this.#pieceBytes = pieceBytes;
  }

  async #isStillOpen(limit: number): Promise<boolean> {
    const again = await endOf(this.#journal, this.#epoch);
    return again.kind === "open" && (await sizeOf(this.#journal, this.#epoch)) >= limit;
  }

  async #read(limit: number): Promise<Buffer> {
    const length = Math.min(limit - this.#offset, this.#pieceBytes);
    if (length <= 0) return Buffer.alloc(0);
    const { file } = await openRegular(join(this.#journal, segmentName(this.#epoch)));
    try {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, this.#offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  #decode(bytes: Buffer, end: SegmentEnd): JournalReading {
    const events: StoredEvent[] = [];
    let start = 0;
    for (let stop = endOfLine(bytes, 0); stop >= 0; stop = endOfLine(bytes, start)) {
      const record = this.#checked(decodeLine(bytes, start, stop));
      if (record instanceof BadLine) {
        this.#offset += start;
        if (end.kind === "open" && isUnsyncedTail(bytes.subarray(start))) return { events };
        return { events, problem: this.#problem(record).problem };
      }
      events.push(record);
      this.#line += 1;
      this.#seq = record.seq;
      start = stop + 1;
    }
    this.#offset += start;
    return { events };
  }

  #checked(record: StoredEvent | BadLine): StoredEvent | BadLine {
    if (record instanceof BadLine) return record;
    if (record.seq !== this.#seq + 1) {
      return new BadLine(`record ${record.seq} stands where record ${this.#seq + 1} belongs`, restore);
    }
    if (record.epoch !== this.#epoch) {
      return new BadLine(`a record of epoch ${record.epoch} in the segment of epoch ${this.#epoch}`, restore);
    }
    if ((record.type === "lease.taken") !== (this.#line === 0)) {
      return new BadLine("a segment has one lease record, its first", restore);
    }
    return record;
  }

  #problem(line: BadLine): JournalReading & { readonly problem: NonNullable<JournalReading["problem"]> } {
    const where = `${join(this.#journal, segmentName(this.#epoch))}:${this.#line + 1}`;
    return { events: [], problem: { where, ...line } };
  }
}

/** After a power cut the end may hold blocks that were never written: zeros, and no whole record behind them. */
function isUnsyncedTail(rest: Buffer): boolean {
  if (!rest.includes(0)) return false;
  let start = 0;
  for (let stop = endOfLine(rest, 0); stop >= 0; stop = endOfLine(rest, start)) {
    if (!(decodeLine(rest, start, stop) instanceof BadLine)) return false;
    start = stop + 1;
  }
  return true;
}

function shortened(size: number): BadLine {
  return new BadLine(`the file ends at byte ${size}, before what was already read or sealed`, restore);
}

function cutLine(): BadLine {
  return new BadLine("the seal cuts this line", restore);
}
