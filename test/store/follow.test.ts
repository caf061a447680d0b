import { readdir, readFile, readlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RunEvent, StoredEvent } from "../../src/core/events.ts";
import { acquired, at, freshStore, runId } from "./places.ts";

const ready = (task: string): RunEvent => ({ type: "attempt.ready", task, attempt: 1 });

describe("follow", () => {
  it("yields each record once and in order over takeovers, torn ends and late writes, then ends on abort", async () => {
    const store = await freshStore();
    const ending = new AbortController();
    const seen: StoredEvent[] = [];
    let heard = (): void => undefined;
    const following = (async () => {
      for await (const event of store.follow(runId, 3, ending.signal)) {
        seen.push(event);
        heard();
      }
    })();
    const until = async (count: number): Promise<void> => {
      while (seen.length < count) {
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      }
    };
    const journal = join(store.root, "runs", runId, "journal");
    for (let epoch = 1; epoch <= 6; epoch += 1) {
      const lease = await acquired(store);
      await lease.append([ready(`${epoch}-a`), ready(`${epoch}-b`)], at);
      await lease.append([ready(`${epoch}-c`)], at);
      if (epoch % 2 === 0) await until(4 * epoch - 2);
      // What a dead owner leaves unfinished, in pieces: the follower must wait for none of it.
      const path = join(journal, `000${epoch}.jsonl`);
      await writeFile(path, '{"v":1,"seq":99', { flag: "a" });
      await writeFile(path, ',"epoch"', { flag: "a" });
    }
    const { events } = await store.read(runId);
    await until(events.length - 2);
    ending.abort();
    await following;
    expect(seen).toEqual(events.slice(2));
  });

  it("never shows what a sealed segment gets later", async () => {
    const store = await freshStore();
    const zombie = await acquired(store);
    const lease = await acquired(store);
    await expect(zombie.append([ready("late"), ready("later")], at)).rejects.toThrow();
    await lease.append([ready("last")], at);
    const ending = new AbortController();
    for await (const event of store.follow(runId, 1, ending.signal)) {
      expect(event).not.toMatchObject({ task: expect.stringContaining("late") });
      if ("task" in event && event.task === "last") ending.abort();
    }
  });

  it("tells of damage instead of waiting forever", async () => {
    const store = await freshStore();
    const lease = await acquired(store);
    await lease.append([ready("a")], at);
    const path = join(store.root, "runs", runId, "journal", "0001.jsonl");
    await writeFile(path, "nonsense\n", { flag: "a" });
    const seen: number[] = [];
    const follow = async (): Promise<void> => {
      for await (const { seq } of store.follow(runId, 1, AbortSignal.timeout(50_000))) seen.push(seq);
    };
    await expect(follow()).rejects.toThrow(`${path}:3`);
    expect(seen).toEqual([1, 2]);
    await truncate(path, 10);
  });

  it("leaves no watch, timer or open file behind, however it ends", async () => {
    const store = await freshStore();
    const lease = await acquired(store);
    await lease.append([ready("a"), ready("b")], at);
    /** Open files below the store, and watches of this process. */
    const held = async (): Promise<{ files: string[]; watches: number }> => {
      const files: string[] = [];
      let watches = 0;
      for (const fd of await readdir("/proc/self/fd")) {
        const target = await readlink(`/proc/self/fd/${fd}`).catch(() => "");
        if (target.startsWith(store.root)) files.push(target);
        if (!target.includes("inotify")) continue;
        const info = await readFile(`/proc/self/fdinfo/${fd}`, "utf8");
        watches += info.split("\n").filter((line) => line.startsWith("inotify wd:")).length;
      }
      return { files, watches };
    };
    const follow = async (how: "abort" | "break", ending: AbortController): Promise<void> => {
      for await (const { seq } of store.follow(runId, 1, ending.signal)) {
        if (seq === 2 && how === "break") break;
        if (seq === 3) queueMicrotask(() => ending.abort());
      }
    };
    const before = await held();
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        follow(index % 2 === 0 ? "abort" : "break", new AbortController()),
      ),
    );
    expect(await held()).toEqual(before);
  });

  it("of an unknown run fails at once", async () => {
    const store = await freshStore();
    const follow = store.follow("20261121-no-run", 1, new AbortController().signal)[Symbol.asyncIterator]();
    await expect(follow.next()).rejects.toMatchObject({ name: "RunNotFound" });
  });
});
