import { cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunEvent, StoredEvent } from "../../src/core/events.ts";
import { LeaseLost } from "../../src/core/failure.ts";
import { encodeLine, stored } from "../../src/store/journal-line.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { acquired, at, freshDirectory, freshStore, runId, somebody, taken } from "./places.ts";

const ready = (task: string): RunEvent => ({ type: "attempt.ready", task, attempt: 1 });
const progress = (activity: string): RunEvent => ({
  type: "attempt.progressed",
  task: "t",
  attempt: 1,
  usage: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4, cost: 0.5, turns: 1 },
  activity,
});
const journalOf = (root: string): string => join(root, "runs", runId, "journal");

describe("journal", () => {
  it("gives back what was appended, in order, in one private file, whatever the texts hold", async () => {
    const texts = fc.array(fc.string({ unit: "binary", maxLength: 40 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(texts, async (activities) => {
        const store = await freshStore({ redact: (text) => text });
        const lease = await acquired(store);
        const odd = ["a\u2028b\u2029c\n\r\0", '","crc":"00000000"}', ...activities];
        const acknowledged = (
          await Promise.all(odd.map((text) => lease.append([ready("t"), progress(text)], at)))
        ).flat();
        await lease.release();
        const reading = await store.read(runId);
        expect(reading.problem).toBeUndefined();
        expect(reading.events).toEqual([...lease.history, ...acknowledged]);
        expect(reading.events.map(({ seq }) => seq)).toEqual(reading.events.map((_, index) => index + 1));
        const path = join(journalOf(store.root), "0001.jsonl");
        expect((await stat(path)).mode & 0o777).toBe(0o600);
        const lines = (await readFile(path, "utf8")).split("\n");
        expect(lines.pop()).toBe("");
        for (const line of lines)
          expect(JSON.parse(line)).toMatchObject({
            v: 1,
            epoch: 1,
            crc: expect.stringMatching(/^[0-9a-f]{8}$/),
          });
      }),
      { numRuns: 15 },
    );
  });

  it("recovers from a cut at every byte of its last lines", async () => {
    const store = await freshStore();
    const lease = await acquired(store);
    const all = [...lease.history];
    for (const task of ["first", "zweite-ü-\u2028", "third"])
      all.push(...(await lease.append([ready(task)], at)));
    await lease.release();
    const path = join(journalOf(store.root), "0001.jsonl");
    const whole = await readFile(path);
    const ends = [...whole.entries()].filter(([, byte]) => byte === 10).map(([index]) => index + 1);
    for (let length = whole.length; length > (ends[1] ?? 0); length -= 1) {
      await writeFile(path, whole.subarray(0, length));
      const expected = all.slice(0, ends.filter((end) => end <= length).length);
      expect(await store.read(runId)).toEqual({ events: expected });
      const next = await acquired(store);
      expect(next.history.slice(0, -1)).toEqual(expected);
      expect(next.history.at(-1)).toMatchObject({
        type: "lease.taken",
        epoch: 2,
        seq: expected.length + 1,
        sealed: [{ segment: "0001.jsonl", bytes: ends[expected.length - 1] }],
      });
      expect((await stat(path)).size).toBe(ends[expected.length - 1]);
      const [more] = await next.append([ready("more")], at);
      await next.release();
      expect(await store.read(runId)).toEqual({ events: [...next.history, more] });
      await removeSegment(store.root, 2);
    }
  });

  it("drops blocks that a power cut left unwritten at the end, but nothing that whole records follow", async () => {
    const store = await freshStore();
    const lease = await acquired(store);
    await lease.append([ready("a")], at);
    await lease.release();
    const path = join(journalOf(store.root), "0001.jsonl");
    const whole = await readFile(path);
    const extra = stored(ready("b"), { seq: 3, epoch: 1, at: new Date(at).toISOString() });
    await writeFile(path, Buffer.concat([whole, Buffer.alloc(300), Buffer.from('rest"}\n')]));
    expect((await store.read(runId)).events).toHaveLength(2);
    expect((await acquired(store)).history).toHaveLength(3);
    await removeSegment(store.root, 2);
    await writeFile(path, Buffer.concat([whole, Buffer.alloc(3), Buffer.from(`\n${encodeLine(extra)}`)]));
    expect((await store.read(runId)).problem?.where).toBe(`${path}:3`);
    await expect(store.acquire(runId, somebody, at)).rejects.toThrow(`${path}:3`);
  });

  it("names file and line of any changed byte, gives what stands before, and changes nothing", async () => {
    const store = await freshStore();
    const lease = await acquired(store);
    await lease.append([ready("a"), ready("b"), ready("c")], at);
    await lease.release();
    const path = join(journalOf(store.root), "0001.jsonl");
    const whole = await readFile(path);
    const lastLineAt = whole.lastIndexOf(10, whole.length - 2) + 1;
    await fc.assert(
      fc.asyncProperty(fc.nat(lastLineAt - 1), fc.integer({ min: 1, max: 255 }), async (index, change) => {
        const bytes = Buffer.from(whole);
        bytes[index] = (bytes[index] ?? 0) ^ change;
        await writeFile(path, bytes);
        const line = whole.subarray(0, index).filter((byte) => byte === 10).length + 1;
        const { events, problem } = await store.read(runId);
        expect(problem?.where).toBe(`${path}:${line}`);
        expect(events).toHaveLength(line - 1);
        await expect(store.acquire(runId, somebody, at)).rejects.toMatchObject({ name: "JournalDamaged" });
        expect(await readFile(path)).toEqual(bytes);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ["a newer schema", { v: 2 }, /newer.*read-only/],
    ["a newer record type", { type: "task.invented" }, /"task.invented" is newer/],
    ["a gap", { seq: 4 }, /record 4 stands where record 2 belongs/],
    ["a foreign epoch", { epoch: 7 }, /epoch 7 in the segment of epoch 1/],
  ])("refuses %s with an explanation", async (_what, change, message) => {
    const store = await freshStore();
    await (await acquired(store)).release();
    const record = stored(ready("a"), { seq: 2, epoch: 1, at: new Date(at).toISOString() });
    const changed: StoredEvent = Object.assign(record, change);
    await writeFile(join(journalOf(store.root), "0001.jsonl"), encodeLine(changed), { flag: "a" });
    const { events, problem } = await store.read(runId);
    expect(events).toHaveLength(1);
    expect(problem?.message).toMatch(message);
    await expect(store.acquire(runId, somebody, at)).rejects.toThrow(message);
  });

  it("reports a segment that is missing or shorter than its seal", async () => {
    const store = await freshStore();
    for (const task of ["a", "b", "c"]) await (await acquired(store)).append([ready(task)], at);
    const copy = openRunStore(join(await freshDirectory(), ".muster"));
    await mkdir(copy.root);
    await cp(store.root, copy.root, { recursive: true });
    expect((await copy.read(runId)).events).toHaveLength(6);
    const second = join(journalOf(copy.root), "0002.jsonl");
    await truncate(second, (await stat(second)).size - 1);
    expect((await copy.read(runId)).problem?.message).toContain("ends at byte");
    await removeSegment(copy.root, 2);
    expect((await copy.read(runId)).problem).toMatchObject({
      where: `${second}:1`,
      message: "the segment is missing",
    });
  });

  it("does not read what a sealed predecessor appends, and tells it that its lease is lost", async () => {
    const store = await freshStore();
    const zombie = await acquired(store);
    await zombie.append([ready("before")], at);
    const lease = await acquired(store);
    const late = [zombie.append([ready("late")], at), zombie.append([progress("late")], at)];
    for (const result of await Promise.allSettled(late)) {
      expect(result).toMatchObject({ status: "rejected", reason: expect.any(LeaseLost) });
    }
    await expect(zombie.append([ready("later")], at)).rejects.toThrow(LeaseLost);
    await lease.append([ready("after")], at);
    await zombie.release();
    const { events, problem } = await store.read(runId);
    expect(problem).toBeUndefined();
    expect(events.flatMap((event) => ("task" in event ? [event.task] : []))).toEqual(["before", "after"]);
  });

  it("lets nobody take a lease whose holder lives or may live, and anybody one that was given back", async () => {
    for (const liveness of ["alive", "indeterminate"] as const) {
      const store = await freshStore({ probe: async () => liveness });
      expect(await store.holder(runId)).toBeUndefined();
      const lease = await acquired(store);
      const heldBy = { ...somebody, epoch: 1 };
      expect(await store.acquire(runId, { ...somebody, pid: 1 }, at)).toEqual({ heldBy, liveness });
      expect(await store.holder(runId)).toEqual({ holder: heldBy, liveness });
      await lease.release();
      await lease.release();
      expect(await store.holder(runId)).toEqual({ holder: heldBy, liveness: "gone" });
      expect((await acquired(store)).epoch).toBe(2);
      await expect(lease.append([ready("x")], at)).rejects.toThrow("released");
    }
  });

  it("treats a segment without its first record as taken while it is fresh, and as nothing later", async () => {
    let now = Date.now();
    const store = await freshStore({ clock: { now: () => now, sleep: async () => undefined } });
    const lease = await acquired(store);
    const [a] = await lease.append([ready("a")], at);
    await writeFile(join(journalOf(store.root), "0002.jsonl"), '{"v":1,"se');
    expect(await store.acquire(runId, somebody, at)).toMatchObject({ liveness: "indeterminate" });
    now += 60_000;
    const next = await acquired(store);
    expect(next).toMatchObject({ epoch: 3, history: [{ seq: 1 }, a, { seq: 3, epoch: 3 }] });
    expect(await store.read(runId)).toEqual({ events: next.history });
  });

  it("redacts free text on the way to the disk and returns what was written; names and paths stay", async () => {
    const store = await freshStore({ redact: (text) => text.replaceAll("hush", "[x]") });
    const lease = await acquired(store);
    const [written] = await lease.append([{ ...progress("says hush"), ...{ task: "hush" } }], at);
    expect(written).toMatchObject({ activity: "says [x]", task: "hush" });
    expect((await store.read(runId)).events.at(-1)).toEqual(written);
  });

  it("has exactly one winner when many take the lease at once", async () => {
    const store = await freshStore({ probe: async () => "alive" });
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, pid) => store.acquire(runId, { ...somebody, pid }, at)),
    );
    const leases = all.filter((one) => "append" in one);
    expect(leases).toHaveLength(1);
    expect(await readdir(journalOf(store.root))).toEqual(["0001.jsonl"]);
    await taken(leases[0] ?? { heldBy: { ...somebody, epoch: 0 }, liveness: "alive" }).release();
  });
});

async function removeSegment(root: string, epoch: number): Promise<void> {
  for (const extension of ["jsonl", "released"]) {
    await rm(join(journalOf(root), `000${epoch}.${extension}`), { force: true });
  }
}
