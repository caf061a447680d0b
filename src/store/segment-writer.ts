import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { isControl, type RunEvent, type StoredEvent } from "../core/events.ts";
import { LeaseLost, StorageError } from "../core/failure.ts";
import { invariant } from "../core/invariant.ts";
import type { Clock, Lease } from "../core/ports.ts";
import { exists, writeAtomic } from "../lib/files.ts";
import { onDisk } from "./disk.ts";
import { encodeLine, stored } from "./journal-line.ts";
import { releaseMark, segmentName } from "./segments.ts";

/** Telemetry waits at most this long, or until it is this much, for the disk to confirm it. */
const lazySyncMs = 1_000;
const lazyMaxBytes = 64 * 1024;
/** Batches that wait while the disk is slow. The driver awaits each append, so more is a bug. */
const queueMax = 100_000;
/** Bytes of one group, about: what does not fit goes with the next. */
const groupMaxBytes = 4 * 1024 * 1024;

interface Batch {
  readonly events: readonly RunEvent[];
  readonly at: number;
  /** The disk must confirm it before `resolve`. */
  readonly sync: boolean;
  readonly resolve: (events: readonly StoredEvent[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What a writer starts from: its segment, open for writing, with only the lease record in it, durable. */
export interface Segment {
  readonly file: FileHandle;
  readonly journal: string;
  readonly epoch: number;
  readonly bytes: number;
  readonly history: readonly StoredEvent[];
}

/** Writes one segment: all batches that wait go down in one write and, where one of them asks for it, one fdatasync. */
export class SegmentWriter implements Lease {
  readonly epoch: number;
  readonly history: readonly StoredEvent[];
  readonly #segment: Segment;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #redact: (event: RunEvent) => RunEvent;
  readonly #closing = new AbortController();
  #queue: Batch[] = [];
  #flushing: Promise<void> | undefined;
  #lost: LeaseLost | undefined;
  #seq: number;
  /** Bytes the disk has confirmed. */
  #durable: number;
  /** Accepted telemetry behind them, which the disk has not confirmed. */
  #tail = Buffer.alloc(0);
  /** The last sync failed: the kernel may have dropped the tail's pages, so they are written again. */
  #rewrite = false;
  /** Bytes of a rejected group may stand behind the tail. */
  #overhang = false;
  #isSyncPlanned = false;

  constructor(segment: Segment, clock: Clock, redact: (event: RunEvent) => RunEvent) {
    this.epoch = segment.epoch;
    this.history = segment.history;
    this.#segment = segment;
    this.#path = join(segment.journal, segmentName(segment.epoch));
    this.#clock = clock;
    this.#redact = redact;
    this.#seq = segment.history.length;
    this.#durable = segment.bytes;
  }

  async append(events: readonly RunEvent[], at: number): Promise<readonly StoredEvent[]> {
    invariant(!this.#closing.signal.aborted, `append to ${this.#path} after its lease was released`);
    if (events.length === 0) return [];
    return await this.#enqueue(events, at, events.some(isControl));
  }

  async release(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    try {
      await this.#flushing;
      if (this.#tail.length > 0 && this.#lost === undefined) await this.#enqueue([], 0, true);
    } finally {
      await this.#segment.file.close();
    }
    if (this.#lost !== undefined) return;
    const mark = releaseMark(this.#segment.journal, this.epoch);
    await onDisk("write", mark, () => writeAtomic(mark, "", { durable: false }));
  }

  #enqueue(events: readonly RunEvent[], at: number, sync: boolean): Promise<readonly StoredEvent[]> {
    invariant(this.#queue.length < queueMax, `more than ${queueMax} batches wait for ${this.#path}`);
    return new Promise((resolve, reject) => {
      this.#queue.push({ events, at, sync, resolve, reject });
      this.#flushing ??= this.#flushAll();
    });
  }

  async #flushAll(): Promise<void> {
    // Whoever appends in the same turn joins the first group.
    await Promise.resolve();
    while (this.#queue.length > 0) await this.#flushGroup();
    this.#flushing = undefined;
  }

  /** One group: accepted or rejected as a whole. */
  async #flushGroup(): Promise<void> {
    const taken: { batch: Batch; records: StoredEvent[] }[] = [];
    try {
      let text = "";
      let seq = this.#seq;
      while (this.#queue.length > 0 && text.length < groupMaxBytes) {
        const batch = this.#queue.shift();
        if (batch === undefined) break;
        const records: StoredEvent[] = [];
        taken.push({ batch, records });
        const at = new Date(batch.at).toISOString();
        for (const event of batch.events) {
          seq += 1;
          const record = stored(this.#redact(event), { seq, epoch: this.epoch, at });
          records.push(record);
          text += encodeLine(record);
        }
      }
      if (this.#lost !== undefined) throw this.#lost;
      const sync = taken.some(({ batch }) => batch.sync);
      await onDisk("append to", this.#path, () => this.#write(Buffer.from(text), sync));
      this.#seq = seq;
    } catch (error) {
      for (const { batch } of taken) batch.reject(error);
      return;
    }
    for (const { batch, records } of taken) batch.resolve(records);
  }

  async #write(bytes: Buffer, wanted: boolean): Promise<void> {
    const { file } = this.#segment;
    const end = this.#durable + this.#tail.length;
    if (this.#overhang) await file.truncate(end);
    const again = this.#rewrite ? this.#tail : Buffer.alloc(0);
    const sync = wanted || this.#tail.length + bytes.length >= lazyMaxBytes;
    this.#overhang = true;
    try {
      await writeWhole(file, Buffer.concat([again, bytes]), end - again.length);
      if (sync) {
        this.#rewrite = true;
        await file.datasync();
        this.#rewrite = false;
      }
      await this.#requireLease();
    } catch (error) {
      if (error instanceof LeaseLost) throw error;
      // Readers must not see what is rejected now. Where even this fails, the next append begins with it.
      await file.truncate(end).then(
        () => {
          this.#overhang = false;
        },
        () => undefined,
      );
      throw error;
    }
    this.#overhang = false;
    this.#tail = sync ? Buffer.alloc(0) : Buffer.concat([this.#tail, bytes]);
    if (sync) this.#durable = end + bytes.length;
    else this.#planSync();
  }

  /** After the write: what a successor could not see before it sealed this segment must not be acknowledged. */
  async #requireLease(): Promise<void> {
    const next = join(this.#segment.journal, segmentName(this.epoch + 1));
    if (!(await exists(next))) return;
    this.#lost = new LeaseLost(`${this.#path} was sealed by another driver: ${next} exists`);
    throw this.#lost;
  }

  #planSync(): void {
    if (this.#isSyncPlanned) return;
    this.#isSyncPlanned = true;
    void this.#clock.sleep(lazySyncMs, this.#closing.signal).then(async () => {
      this.#isSyncPlanned = false;
      if (this.#closing.signal.aborted || this.#tail.length === 0) return;
      try {
        await this.#enqueue([], 0, true);
      } catch (error) {
        // The next append meets the same disk or the same successor, and its caller hears of it.
        if (!(error instanceof StorageError) && !(error instanceof LeaseLost)) throw error;
      }
    });
  }
}

/** A short write means that the disk is full: it is not continued, so that as little as possible becomes visible. */
async function writeWhole(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  if (bytes.length === 0) return;
  const { bytesWritten } = await file.write(bytes, 0, bytes.length, position);
  if (bytesWritten === bytes.length) return;
  throw Object.assign(new Error(`ENOSPC: ${bytesWritten} of ${bytes.length} bytes`), { code: "ENOSPC" });
}
