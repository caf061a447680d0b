import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import type { StoredEvent } from "../../src/core/events.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { freshStore, runId } from "./places.ts";

const contender = fileURLToPath(new URL("contender.ts", import.meta.url));
const rounds = 6;
const acknowledgedPerRound = 40;

describe("contenders", () => {
  it("lose no acknowledged record when each owner is killed at work, and followers see each record once", async () => {
    const fresh = await freshStore();
    const { root } = fresh;
    const children = new Set<ChildProcess>();
    onTestFinished(async () => {
      for (const child of children) child.kill("SIGKILL");
    });
    const acknowledged = new Map<number, string>();
    let owner: ChildProcess | undefined;
    let inRound = 0;
    let wake = (): void => undefined;
    const start = (name: string): void => {
      const child = spawn(process.execPath, ["--import", "jiti/register", contender, root, runId, name], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      children.add(child);
      createInterface({ input: child.stdout }).on("line", (line) => {
        const [word, seq, task = ""] = line.split(" ");
        if (word === "lease") {
          owner = child;
          inRound = 0;
        } else if (word === "ack") {
          expect(acknowledged.get(Number(seq)), line).toBeUndefined();
          acknowledged.set(Number(seq), task);
          if (child === owner) inRound += 1;
        }
        wake();
      });
    };
    const followed: StoredEvent[] = [];
    const ending = new AbortController();
    const following = (async () => {
      for await (const event of openRunStore(root).follow(runId, 1, ending.signal)) followed.push(event);
    })();
    for (let number = 1; number <= 3; number += 1) start(`c${number}`);
    for (let round = 1; round <= rounds; round += 1) {
      while (owner === undefined || inRound < acknowledgedPerRound) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const killed = owner;
      owner = undefined;
      start(`r${round}`);
      const ended = once(killed, "close");
      killed.kill("SIGKILL");
      await ended;
      children.delete(killed);
    }
    const all = [...children].map((child) => {
      const ended = once(child, "close");
      child.kill("SIGKILL");
      return ended;
    });
    await Promise.all(all);

    const { events, problem } = await fresh.read(runId);
    expect(problem).toBeUndefined();
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(acknowledged.size).toBeGreaterThanOrEqual(rounds * acknowledgedPerRound);
    for (const [seq, task] of acknowledged) expect(events[seq - 1]).toMatchObject({ seq, task });
    expect(events.filter(({ type }) => type === "lease.taken").length).toBeGreaterThanOrEqual(rounds);
    while (followed.length < events.length) await new Promise((resolve) => setImmediate(resolve));
    ending.abort();
    await following;
    expect(followed).toEqual(events);
  }, 180_000);
});
