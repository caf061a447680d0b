import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { RunEvent } from "../../src/core/events.ts";
import { fold } from "../../src/core/evolve.ts";
import type { AttemptOutcome } from "../../src/core/outcome.ts";
import type { RunEngine, RunStore } from "../../src/core/ports.ts";
import type { Liveness, ProcessIdentity } from "../../src/core/process.ts";
import { runView } from "../../src/core/run-view.ts";
import { takeAndDrive } from "../../src/engine/lease.ts";
import { localEngine } from "../../src/engine/local-engine.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { probe } from "../../src/lib/identity.ts";
import { encodeLine, stored } from "../../src/store/journal-line.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { boundlessSlots, instantWorkers } from "../support/instant-workers.ts";
import { completed, plan, task, terms } from "../support/plan.ts";

const deadDriver: ProcessIdentity = { pid: 4_711, startTime: "1", bootId: "an earlier boot" };
const graph = plan(task("a"), task("b", ["a"]));
const lease: RunEvent = { type: "lease.taken", ...deadDriver, sealed: [] };
const began: RunEvent = { type: "run.started", request: "start", plan: graph, terms: terms() };
const startOf = (name: string): RunEvent => ({ type: "attempt.started", task: name, attempt: 1 });
const endOf = (name: string, outcome: AttemptOutcome = completed(`${name} is done`)): RunEvent => ({
  ...{ type: "attempt.ended", task: name, attempt: 1, outcome },
});
const finished: RunEvent = { type: "run.finished", status: "completed", cause: "completed" };
const parked: RunEvent = { type: "run.parked", cause: "owner_gone", message: "it waits for a person" };

/** Persisted states as somebody left them. */
class Disk {
  readonly store: RunStore;
  readonly engine: RunEngine;
  readonly launched: string[] = [];

  constructor(root: string, liveness: (process: ProcessIdentity) => Promise<Liveness>) {
    this.store = openRunStore(join(root, ".muster"), { probe: liveness });
    this.engine = localEngine({
      store: this.store,
      clock: systemClock,
      newRunId: () => "20260101-new-run",
      launch: async (runId) => void this.launched.push(runId),
    });
  }

  path(runId: string, ...parts: string[]): string {
    return join(this.store.root, "runs", runId, ...parts);
  }

  /** A run with this journal, record after record, `stepMs` apart; no manifest. */
  async holds(runId: string, events: readonly RunEvent[], stepMs = 10): Promise<void> {
    await this.store.create(runId);
    const lines = events.map((event, index) => {
      const at = new Date(Date.UTC(2026, 0, 1) + index * stepMs).toISOString();
      const own = event.type === "run.started" ? { ...event, terms: { ...event.terms, runId } } : event;
      return encodeLine(stored(own, { seq: index + 1, epoch: 1, at }));
    });
    await writeFile(this.path(runId, "journal", "0001.jsonl"), lines.join(""));
  }

  async leaves(runId: string, name: string, content: unknown): Promise<void> {
    const directory = await this.store.attempts(runId).directory(name, 1);
    const text = typeof content === "string" ? content : JSON.stringify(content);
    await writeFile(join(directory, "outcome.json"), text);
  }

  /** Drives the run to its end; tells which attempts were really made. */
  async drive(runId: string): Promise<{ status: string; made: string[]; live: number }> {
    const made: string[] = [];
    const instant = instantWorkers();
    const backend = {
      ...instant,
      start: (work: Parameters<typeof instant.start>[0]) => {
        made.push(`${work.task.id}/${work.attempt}`);
        return instant.start(work);
      },
    };
    const parts = { runId, store: this.store, backend, slots: boundlessSlots(), clock: systemClock };
    const self = { pid: 5_000, startTime: "5", bootId: "now" };
    const never = new AbortController().signal;
    const state = await takeAndDrive({ ...parts, probe: async () => "alive" }, self, never);
    if (!("counts" in state)) throw new Error("it was not driven");
    const { counts, status } = state;
    const live = counts.pending + counts.running + counts.stopping + counts.retrying;
    return { status, made, live };
  }

  /** Every file with its content and the time of its last change. */
  async files(): Promise<Readonly<Record<string, string>>> {
    const found: Record<string, string> = {};
    for (const entry of await readdir(this.store.root, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) found[path] = `${(await stat(path)).mtimeMs} ${await readFile(path, "latin1")}`;
    }
    return found;
  }
}

async function disk(liveness: (process: ProcessIdentity) => Promise<Liveness> = async () => "gone") {
  const root = await mkdtemp(join(tmpdir(), "muster-incidents-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  return new Disk(root, liveness);
}

const outcomeOf = (runId: string, name: string, outcome: AttemptOutcome) => ({
  ...{ v: 1, runId, task: name, attempt: 1, at: "2026-01-01T00:00:00.000Z", outcome },
});

describe("persisted states that have hurt somebody", () => {
  it("C1 C2 C12 X1: an old run whose driver is dead is found behind sixty finished ones, and never called driven", async () => {
    const world = await disk();
    await world.holds("20250101-oldest", [lease, began, startOf("a")]);
    await world.holds("20250102-parked", [lease, began, parked]);
    for (let number = 10; number < 70; number++)
      await world.holds(`20260101-done-${number}`, [
        ...[lease, began, startOf("a"), endOf("a"), startOf("b"), endOf("b"), finished],
      ]);
    const listings = await world.engine.list();
    expect(listings.at(-1)).toMatchObject({ runId: "20250101-oldest", driver: "gone" });
    const report = await world.engine.recover({ graceMs: 0 });
    expect(report.coming).toEqual(["20250101-oldest"]);
    expect(world.launched).toEqual(["20250101-oldest"]);
    // C3: what waits for a person is no orphan.
    expect((await world.engine.list("20250102-parked"))[0]).toMatchObject({
      manifest: { status: "blocked" },
    });
  });

  it("C7: a run whose tasks are all finished completes, though its last word is missing", async () => {
    const world = await disk();
    await world.holds("20260101-no-end", [lease, began, startOf("a"), endOf("a"), startOf("b"), endOf("b")]);
    expect(await world.drive("20260101-no-end")).toEqual({ status: "completed", made: [], live: 0 });
  });

  it("C6 M6: projections can be deleted: what was shown is shown again, and nothing else believes them", async () => {
    const world = await disk();
    await world.holds("20260101-derived", [lease, began, startOf("a"), endOf("a"), parked]);
    const before = await world.engine.list();
    const manifest = world.path("20260101-derived", "manifest.json");
    const text = await readFile(manifest, "utf8");
    await rm(manifest);
    expect(await world.engine.list()).toEqual(before);
    expect(await readFile(manifest, "utf8")).toBe(text);
    await writeFile(manifest, text.replaceAll('"completed"', '"failed"'));
    expect(await world.drive("20260101-derived").then(() => world.engine.list())).toMatchObject([
      { manifest: { tasks: [{ id: "a", status: "completed" }, { id: "b" }] } },
    ]);
  });

  it("C8 C9 ST-7: an ancient or unreadable projection is a reason to delete nothing", async () => {
    const world = await disk();
    await world.holds("20260101-ancient", [lease, began, startOf("a"), endOf("a")]);
    const manifest = world.path("20260101-ancient", "manifest.json");
    const journal = await readFile(world.path("20260101-ancient", "journal", "0001.jsonl"));
    for (const garbage of ["", "{", "\0\0\0", '{"status":"completed"}']) {
      await writeFile(manifest, garbage);
      await utimes(manifest, 1, 1);
      await world.engine.list();
      await world.engine.recover({ graceMs: 0 });
      expect(await readFile(world.path("20260101-ancient", "journal", "0001.jsonl"))).toEqual(journal);
      expect(JSON.parse(await readFile(manifest, "utf8"))).toMatchObject({ status: "running" });
    }
  });

  it("C13 H7 H30 LC-4: twenty looks at runs that live, rest or are over write nothing and start nothing", async () => {
    const world = await disk(async ({ pid }) => (pid === deadDriver.pid ? "alive" : "gone"));
    await world.holds("20260101-driven", [lease, began, startOf("a")]);
    await world.holds("20260101-over", [lease, began, parked]);
    await world.engine.list();
    const before = await world.files();
    for (let pass = 0; pass < 20; pass++) {
      await world.engine.list();
      await world.engine.recover({ graceMs: 0 });
      await world.engine.examine("20260101-driven");
    }
    expect(await world.files()).toEqual(before);
    expect(world.launched).toEqual([]);
  });

  it("C14 H50 PS-2: a pid that somebody else has by now is a dead driver, and its new owner lives on", async () => {
    const stranger = spawn("sleep", ["60"], { stdio: "ignore" });
    onTestFinished(() => void stranger.kill("SIGKILL"));
    const world = await disk(probe);
    const recycled = { ...lease, pid: stranger.pid ?? 0, startTime: "17" };
    await world.holds("20260101-recycled", [recycled, began, startOf("a")]);
    expect(await world.store.holder("20260101-recycled")).toMatchObject({ liveness: "gone" });
    expect(await world.drive("20260101-recycled")).toMatchObject({ status: "completed" });
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  });

  it("C15 M19 LC-8: what was finished but not recorded is kept, what was only begun is done once more", async () => {
    const world = await disk();
    const runId = "20260101-salvage";
    await world.holds(runId, [lease, began, startOf("a")]);
    await world.leaves(runId, "a", outcomeOf(runId, "a", completed("a is done")));
    expect(await world.drive(runId)).toMatchObject({ status: "completed", made: ["b/1"] });
  });

  it("X8 X11: an outcome is a typed record of exactly its attempt, and its words decide nothing", async () => {
    const world = await disk();
    const rows: readonly [string, unknown, string[]][] = [
      ["20260101-words-1", outcomeOf("20260101-words-1", "a", completed("not done, it failed")), ["b/1"]],
      ["20260101-words-2", "DONE", ["a/2", "b/1"]],
      ["20260101-words-3", outcomeOf("20260101-another", "a", completed()), ["a/2", "b/1"]],
      [
        "20260101-words-4",
        { ...outcomeOf("20260101-words-4", "a", completed()), attempt: 2 },
        ["a/2", "b/1"],
      ],
    ];
    for (const [runId, content, made] of rows) {
      await world.holds(runId, [lease, began, startOf("a")]);
      await world.leaves(runId, "a", content);
      expect(await world.drive(runId), runId).toMatchObject({ status: "completed", made });
    }
  });

  it("C16 C4 LC-9: an interrupted run that is declined ends with every task, and every reader agrees", async () => {
    const world = await disk();
    const runId = "20260101-declined";
    await world.holds(runId, [lease, began, startOf("a")]);
    await world.store.inbox(runId).post({ id: "c", kind: "cancel", by: "me", reason: "no more" });
    expect(await world.drive(runId)).toMatchObject({ status: "cancelled", live: 0 });
    const [listing] = await world.engine.list(runId);
    expect(listing).toMatchObject({ driver: "none", manifest: { status: "cancelled" } });
    const statuses =
      listing && "manifest" in listing ? listing.manifest.tasks.map(({ status }) => status) : [];
    expect(new Set(statuses)).toEqual(new Set(["cancelled"]));
    expect((await world.store.inbox(runId).pending()).length).toBe(0);
  });

  it("H28 H29 H27 ST-5: a journal of a newer version is explained and not touched by anything that writes", async () => {
    const world = await disk();
    const runId = "20260101-newer";
    await world.holds(runId, [lease, began, startOf("a")]);
    const journal = world.path(runId, "journal", "0001.jsonl");
    await writeFile(
      journal,
      '{"v":999,"seq":4,"epoch":1,"at":"2026-01-01T00:00:00.000Z","type":"task.moved"}\n',
      {
        flag: "a",
      },
    );
    const before = await readFile(journal);
    expect(await world.engine.list()).toMatchObject([
      { problem: expect.stringContaining("newer than this") },
    ]);
    await expect(world.drive(runId)).rejects.toThrow("newer than this version");
    await world.engine.recover({ graceMs: 0 });
    expect(world.launched).toEqual([]);
    expect(await world.engine.repair(runId, "me", "")).toEqual([]);
    expect(await readFile(journal)).toEqual(before);
    expect(await readdir(world.path(runId, "journal"))).toEqual(["0001.jsonl"]);
  });

  it("W9 W11 ST-2: when the clock went backwards, order is by number and no duration is negative", async () => {
    const world = await disk();
    const runId = "20260101-backwards";
    await world.holds(
      runId,
      [lease, began, startOf("a"), endOf("a"), startOf("b"), endOf("b"), finished],
      -60_000,
    );
    const { events, problem } = await world.store.read(runId);
    expect(problem).toBeUndefined();
    const view = runView(fold(events), Date.UTC(2026, 0, 1));
    expect(view?.status).toBe("completed");
    for (const { startedAt = 0, finishedAt = 0 } of view?.tasks ?? [])
      expect(finishedAt).toBeGreaterThanOrEqual(startedAt);
    expect(view?.finishedAt).toBeGreaterThanOrEqual(view?.createdAt ?? Number.POSITIVE_INFINITY);
  });
});

it("DV-3: every incident has a test, and it exists", async () => {
  const readme = await readFile(join(import.meta.dirname, "README.md"), "utf8");
  const rows = [...readme.matchAll(/^\| (.*?) \| (test\/\S+) "(.*)" \|$/gm)];
  expect(rows.length).toBeGreaterThan(30);
  const missing: string[] = [];
  for (const [, incident = "", file = "", name = ""] of rows) {
    const text = await readFile(join(import.meta.dirname, "../..", file), "utf8").catch(() => "");
    if (!text.includes(name)) missing.push(`${incident}: ${file} "${name}"`);
  }
  expect(missing).toEqual([]);
});
