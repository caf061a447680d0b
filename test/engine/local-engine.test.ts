import { mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { decide } from "../../src/core/decide.ts";
import { fold } from "../../src/core/evolve.ts";
import type { Lease, RunStore, Submission } from "../../src/core/ports.ts";
import type { Liveness } from "../../src/core/process.ts";
import { type LocalEngineParts, localEngine } from "../../src/engine/local-engine.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { plan, task, terms } from "../support/plan.ts";

const driver = { pid: 4711, startTime: "100", bootId: "boot" };
const submission: Submission = { plan: plan(task("a")), terms: terms({ background: true }) };

async function world(liveness: Liveness = "gone") {
  const top = await mkdtemp(join(tmpdir(), "muster-engine-"));
  onTestFinished(() => rm(top, { recursive: true, force: true }));
  const store = openRunStore(join(top, ".muster"), { probe: async () => liveness });
  let made = 0;
  const parts: LocalEngineParts = {
    store,
    clock: systemClock,
    newRunId: () => `20261121-000000-run${made++}`,
    launch: async () => undefined,
  };
  return { store, engine: localEngine(parts) };
}

/** Takes the run and records its start, as a driver does. */
async function startUnseen(store: RunStore, runId: string): Promise<Lease> {
  const lease = await store.acquire(runId, driver, 1);
  if ("heldBy" in lease) throw new Error("held");
  const started = { plan: submission.plan, terms: { ...submission.terms, runId } };
  await lease.append([{ type: "run.started", request: "start", ...started }], 2);
  return lease;
}

describe("listing runs", () => {
  it("shows every run beside one that cannot be read, whatever is wrong with that", async () => {
    const { store, engine } = await world();
    const ids = [];
    for (let n = 0; n < 5; n += 1) ids.push(await engine.submit(submission));
    const [noJournal = "", binary = "", linked = "", absurd = "", good = ""] = ids;
    await rename(join(engine.directory(noJournal), "journal"), join(engine.directory(noJournal), "j"));
    await writeFile(join(engine.directory(binary), "journal/0001.jsonl"), Buffer.from([1, 255, 10, 7, 10]));
    await rm(join(engine.directory(linked), "journal"), { recursive: true });
    await writeFile(join(engine.directory(linked), "journal"), "");
    const lease = await startUnseen(store, absurd);
    await lease.append([{ type: "run.finished", status: "completed", cause: "completed" }], 3);
    await lease.release();
    await rm(join(engine.directory(absurd), "manifest.json"));
    const before = await readdir(engine.directory(binary));
    const listed = new Map((await engine.list()).map((one) => [one.runId, one]));
    expect(listed.get(good)).toMatchObject({ manifest: { status: "queued" } });
    expect(listed.get(noJournal)).toMatchObject({ problem: expect.stringContaining("no run") });
    expect(listed.get(binary)).toMatchObject({ problem: expect.stringContaining("0001.jsonl:1") });
    expect(listed.get(absurd)).toMatchObject({ problem: expect.stringContaining("last task") });
    expect(listed.get(linked)).toMatchObject({ problem: expect.stringContaining("ENOTDIR") });
    expect(await readdir(engine.directory(binary))).toEqual(before);
    expect(await engine.list(good)).toEqual([listed.get(good)]);
    expect(await store.ids()).toHaveLength(5);
  });

  it("tells the end of a run whose driver died before the manifest could", async () => {
    const { store, engine } = await world();
    const runId = await engine.submit(submission);
    const lease = await startUnseen(store, runId);
    onTestFinished(() => lease.release());
    await engine.settled(runId, 2);
    const [running] = await engine.list();
    expect(running).toMatchObject({ manifest: { status: "running" }, driver: "gone" });
    if (!running || !("manifest" in running)) throw new Error("unreadable");
    await store.writeManifest(runId, { ...running.manifest, driver: { ...driver, epoch: 1 } });
    const { events } = await store.read(runId);
    const cancel = { kind: "cancel", id: "c", by: "s", reason: "no more", at: 3 } as const;
    await lease.append(decide(fold(events), cancel), 3);
    expect(await engine.list()).toMatchObject([{ manifest: { status: "cancelled" }, driver: "none" }]);
  });
});
