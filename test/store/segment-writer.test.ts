import { type FileHandle, mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunEvent, StoredEvent } from "../../src/core/events.ts";
import { StorageError } from "../../src/core/failure.ts";
import type { Clock } from "../../src/core/ports.ts";
import { JournalCursor } from "../../src/store/journal-cursor.ts";
import { encodeLine, stored } from "../../src/store/journal-line.ts";
import { SegmentWriter } from "../../src/store/segment-writer.ts";
import { at, freshDirectory, somebody } from "./places.ts";

type Call = "write" | "datasync" | "truncate";
type Fault = Call | "short";

const control: RunEvent = { type: "attempt.ready", task: "t", attempt: 1 };
const telemetry = (activity: string): RunEvent => ({
  type: "attempt.progressed",
  task: "t",
  attempt: 1,
  usage: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, cost: 0, turns: 0 },
  activity,
});

/** A writer on a real file that tells its calls, and does what `faults` say, one entry a call, instead of working. */
async function instrumented(clock: Clock) {
  const journal = join(await freshDirectory(), "journal");
  await mkdir(journal);
  const place = { seq: 1, epoch: 1, at: new Date(at).toISOString() };
  const first = stored({ type: "lease.taken", ...somebody, sealed: [] }, place);
  await writeFile(join(journal, "0001.jsonl"), encodeLine(first));
  const real = await open(join(journal, "0001.jsonl"), "r+");
  const calls: Call[] = [];
  const faults: (Fault | undefined)[] = [];
  const fails = (call: Call): boolean => {
    calls.push(call);
    return faults.shift() === call;
  };
  const refused = (): Error => Object.assign(new Error("EIO"), { code: "EIO" });
  const file: FileHandle = Object.assign(Object.create(real), {
    async write(bytes: Buffer, offset: number, length: number, position: number) {
      const isShort = faults[0] === "short";
      const isRefused = fails("write");
      const done = isShort || isRefused ? Math.ceil(length / 2) : length;
      await real.write(bytes, offset, done, position);
      if (isRefused) throw refused();
      return { bytesWritten: done, buffer: bytes };
    },
    async datasync() {
      if (fails("datasync")) throw refused();
    },
    async truncate(length: number) {
      if (fails("truncate")) throw refused();
      await real.truncate(length);
    },
    close: () => real.close(),
  });
  const bytes = encodeLine(first).length;
  const writer = new SegmentWriter(
    { file, journal, epoch: 1, bytes, history: [first] },
    clock,
    (event) => event,
  );
  return { writer, calls, faults, first, read: () => new JournalCursor(journal).rest() };
}

const still: Clock = {
  now: () => at,
  sleep: (_ms, signal) => new Promise((resolve) => signal?.addEventListener("abort", () => resolve())),
};

describe("segment writer", () => {
  it("puts all batches that wait into one write and one sync", async () => {
    const { writer, calls } = await instrumented(still);
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => writer.append(index % 2 ? [control] : [telemetry("x")], at)),
    );
    expect(calls).toEqual(["write", "datasync"]);
    await writer.release();
  });

  it("lets telemetry wait for its second, for 64 KB, or for the next control record", async () => {
    let ring = (): void => undefined;
    const clock: Clock = {
      now: () => at,
      sleep: () =>
        new Promise((resolve) => {
          ring = resolve;
        }),
    };
    const { writer, calls } = await instrumented(clock);
    const took = (): Call[] => calls.splice(0);
    await writer.append([telemetry("a")], at);
    expect(took()).toEqual(["write"]);
    ring();
    while (!calls.includes("datasync")) await new Promise((resolve) => setImmediate(resolve));
    took();
    await writer.append([telemetry("b")], at);
    await writer.append([telemetry("c".repeat(70_000))], at);
    expect(took()).toEqual(["write", "write", "datasync"]);
    await writer.append([telemetry("d")], at);
    await writer.append([control], at);
    expect(took()).toEqual(["write", "write", "datasync"]);
    await writer.append([telemetry("e")], at);
    await writer.release();
    expect(took()).toEqual(["write", "datasync"]);
  });

  it("reads back exactly what was accepted, whatever the disk refuses", async () => {
    const fault = fc.option(fc.constantFrom<Fault>("write", "short", "datasync", "truncate"), {
      nil: undefined,
    });
    const batch = fc.constantFrom([control], [telemetry("x")], [telemetry("y"), control, control]);
    const groups = fc.array(fc.array(batch, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 30 }), groups, async (planned, all) => {
        const { writer, faults, first, read } = await instrumented(still);
        faults.push(...planned);
        const accepted: StoredEvent[] = [first];
        for (const group of all) {
          for (const result of await Promise.allSettled(group.map((events) => writer.append(events, at)))) {
            if (result.status === "fulfilled") accepted.push(...result.value);
            else expect(result.reason).toBeInstanceOf(StorageError);
          }
          // Where even cutting back failed, the next append does it.
          const { events } = await read();
          expect(events.slice(0, accepted.length)).toEqual(accepted);
        }
        faults.splice(0);
        accepted.push(...(await writer.append([control], at)));
        await writer.release();
        expect(await read()).toEqual({ events: accepted });
      }),
      { numRuns: 150 },
    );
  });
});
