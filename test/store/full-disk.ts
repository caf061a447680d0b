/**
 * full-disk <directory>
 *
 * Runs in a mount namespace of its own where <directory> is a small file system: fills it, lets a store meet that, makes
 * room again, and prints what it saw as one JSON object.
 */
import { execFile } from "node:child_process";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { RunEvent, StoredEvent } from "../../src/core/events.ts";
import { StorageError } from "../../src/core/failure.ts";
import { noUsage } from "../../src/core/outcome.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { plan, task, terms } from "../support/plan.ts";

const [directory = ""] = process.argv.slice(2);
const runId = "20261121-full-disk";
const at = Date.UTC(2026, 10, 21);
const self = { pid: process.pid, startTime: "1", bootId: "boot" };
const events: RunEvent[] = [1, 2, 3, 4].map((number) => ({
  type: "task.skipped",
  task: `t${number}`,
  because: "x".repeat(900),
}));
const store = openRunStore(join(directory, ".muster"), { probe: async () => "gone" });
await store.create(runId);
const first = await store.acquire(runId, self, at);
if ("heldBy" in first) throw new Error("nobody else is here");
const lease = first;
const accepted: StoredEvent[] = [...lease.history];
const followed: StoredEvent[] = [];
const ending = new AbortController();
const following = (async () => {
  for await (const event of store.follow(runId, 1, ending.signal)) followed.push(event);
})();

/** What the disk said, or undefined when it did its work. */
async function refusal(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return { ...error.failure, path: error.failure.path.replace(directory, "") };
  }
}
const append = async (): Promise<void> => {
  // Two batches in one group: both are rejected, or both accepted.
  const group = [lease.append(events, at), lease.append(events.slice(0, 1), at)];
  for (const result of await Promise.allSettled(group)) if (result.status === "rejected") throw result.reason;
  accepted.push(...(await Promise.all(group)).flat());
};
const manifest = {
  schemaVersion: 1,
  seq: 1,
  runId,
  goal: "x".repeat(50_000),
  team: "",
  workflow: "",
  status: "running",
  cwd: "/",
  createdAt: "",
  updatedAt: "",
  background: true,
  owner: { sessionId: "s" },
  origin: { kind: "user", id: "u" },
  usage: noUsage,
  tasks: [],
} as const;
await store.writeManifest(runId, manifest);
await store.inbox(runId).post({ id: "early", kind: "cancel", by: "x", reason: "" });

const filler = join(directory, "filler");
await writeFile(filler, Buffer.alloc(200_000));
let full: unknown;
while (full === undefined) full = await refusal(append);
const again = await refusal(append);
const readWhenFull = await store.read(runId);
const wasExactWhenFull = JSON.stringify(readWhenFull.events) === JSON.stringify(accepted);
const manifestRefusal = await refusal(() => store.writeManifest(runId, { ...manifest, seq: 2 }));
const oldManifest = await store.readManifest(runId);
const postRefusal = await refusal(() =>
  store.inbox(runId).post({ id: "late", kind: "cancel", by: "x", reason: "y".repeat(50_000) }),
);
const start = { id: "start", kind: "start", plan: plan(task("y".repeat(60_000))), terms: terms() } as const;
const createRefusal = await refusal(() => store.create("20261121-half-made", { start, manifest }));
const runs = await readdir(join(store.root, "runs"));
await rm(filler);
await append();
const pending = (await store.inbox(runId).pending()).map(({ id }) => id);
const reading = await store.read(runId);
while (followed.length < accepted.length) await new Promise((resolve) => setImmediate(resolve));
ending.abort();
await following;
await lease.release();
const leftovers = (await readdir(join(store.root, "runs", runId), { recursive: true })).filter((name) =>
  name.endsWith(".tmp"),
);
await promisify(execFile)("mount", ["-o", "remount,ro", directory]);
const readOnly = await refusal(() => store.acquire(runId, self, at));
const readWhenReadOnly = await store.read(runId);

console.log(
  JSON.stringify({
    full,
    again,
    manifestRefusal,
    postRefusal,
    createRefusal,
    runs,
    readOnly,
    pending,
    leftovers,
    readWhenFull: { problem: readWhenFull.problem ?? null, isWhatWasAccepted: wasExactWhenFull },
    oldManifest: typeof oldManifest === "object" ? oldManifest.seq : oldManifest,
    reads: [reading, readWhenReadOnly].map(({ events: read, problem }) => ({
      problem: problem ?? null,
      isWhatWasAccepted: JSON.stringify(read) === JSON.stringify(accepted),
    })),
    followedAll: JSON.stringify(followed) === JSON.stringify(accepted),
  }),
);
