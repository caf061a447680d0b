import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { noUsage, type OutcomeRecord } from "../../src/core/outcome.ts";
import type { Manifest } from "../../src/core/ports.ts";
import { crc32, crc32ByTable } from "../../src/lib/crc32.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { plan, task, terms } from "../support/plan.ts";
import { at, freshDirectory, freshStore, runId, somebody } from "./places.ts";

const manifest: Manifest = {
  schemaVersion: 1,
  seq: 7,
  runId,
  goal: "a goal",
  team: "",
  workflow: "",
  status: "running",
  cwd: "/somewhere",
  createdAt: new Date(at).toISOString(),
  updatedAt: new Date(at).toISOString(),
  background: false,
  owner: { sessionId: "s" },
  origin: { kind: "user", id: "u" },
  usage: noUsage,
  tasks: [{ id: "t", agent: "a", status: "running", dependsOn: [], attempts: 1 }],
};

describe("run store", () => {
  it("makes private directories, once, and nothing of it shows in git but settings", async () => {
    const project = await freshDirectory();
    const git = (...args: string[]) => promisify(execFile)("git", ["-C", project, ...args]);
    await git("init", "-q");
    const store = openRunStore(join(project, ".muster"));
    expect(await store.ids()).toEqual([]);
    await store.create(runId);
    expect((await git("status", "--porcelain", "-uall")).stdout).toBe("");
    await writeFile(join(store.root, "config.json"), "{}");
    expect((await git("status", "--porcelain", "-uall")).stdout).toBe("?? .muster/config.json\n");
    await expect(store.create(runId)).rejects.toMatchObject({ failure: { code: "EEXIST" } });
    await store.create("20251231-older");
    await writeFile(join(store.root, "runs", "20251231-a-file"), "");
    await mkdir(join(store.root, "runs", "Not_A_Run"));
    expect(await store.ids()).toEqual(["20251231-older", runId]);
    for (const name of ["", "runs", `runs/${runId}`, `runs/${runId}/journal`, `runs/${runId}/inbox`]) {
      expect((await stat(join(store.root, name))).mode & 0o777, name).toBe(0o700);
    }
    expect((await readdir(join(store.root, "runs"))).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("makes a run whole: with its start request and what a listing shows of it", async () => {
    const store = openRunStore(join(await freshDirectory(), ".muster"));
    const request = { id: "start", kind: "start", plan: plan(task("a")), terms: terms({ runId }) } as const;
    await store.create(runId, { start: request, manifest });
    expect(await store.inbox(runId).pending()).toEqual([request]);
    expect(await store.readManifest(runId)).toEqual(manifest);
  });

  it("has one winner when many create the same run, and leaves nothing of the others", async () => {
    const store = openRunStore(join(await freshDirectory(), ".muster"));
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => store.create(runId)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await readdir(join(store.root, "runs"))).toEqual([runId]);
  });

  it("takes no id that is not one of ours, in any method", async () => {
    const store = await freshStore();
    const ids = [
      "",
      "../../etc",
      "short",
      "UPPER-CASE",
      "a/../../b-long",
      "-leading",
      "x".repeat(65),
      "nul\0long-id",
    ];
    for (const id of ids) {
      const all = [
        () => store.create(id),
        () => store.acquire(id, somebody, at),
        () => store.holder(id),
        () => store.read(id),
        () => store.writeManifest(id, manifest),
        () => store.readManifest(id),
        async () => store.inbox(id),
        async () => store.attempts(id),
      ];
      for (const one of all) await expect(one(), id).rejects.toMatchObject({ name: "RunNotFound" });
    }
    expect(await readdir(dirname(store.root))).toEqual([".muster"]);
  });

  it.each(["", "runs", `runs/${runId}`, `runs/${runId}/journal`, `runs/${runId}/inbox`])(
    "follows no link at .muster/%s",
    async (place) => {
      const store = await freshStore();
      const elsewhere = await freshDirectory();
      await mkdir(join(elsewhere, runId, "journal"), { recursive: true });
      await rm(join(store.root, place), { recursive: true });
      await symlink(elsewhere, join(store.root, place));
      for (const one of [
        () => store.acquire(runId, somebody, at),
        () => store.read(runId),
        () => store.writeManifest(runId, manifest),
        () => store.attempts(runId).directory("t", 1),
        () => store.inbox(runId).post({ id: "a", kind: "cancel", by: "", reason: "" }),
      ]) {
        await expect(one()).rejects.toThrow(/ENOTDIR/);
      }
      expect(await readdir(elsewhere)).toEqual([runId]);
      expect(await readdir(join(elsewhere, runId))).toEqual(["journal"]);
    },
  );

  it("tells a missing manifest from an unreadable one, and reads one of a newer version", async () => {
    const store = await freshStore();
    const path = join(store.root, "runs", runId, "manifest.json");
    expect(await store.readManifest(runId)).toBeUndefined();
    await store.writeManifest(runId, manifest);
    expect(await store.readManifest(runId)).toEqual(manifest);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const newer = { ...manifest, schemaVersion: 2, more: true };
    await store.writeManifest(runId, newer);
    expect(await store.readManifest(runId)).toEqual(newer);
    const { tasks: _, ...noTasks } = manifest;
    for (const text of [
      "",
      "{",
      "[]",
      "null",
      JSON.stringify(noTasks),
      JSON.stringify({ ...manifest, runId: "other-run" }),
      // What is shown as text is text or absent.
      ...["goal", "status", "cause", "reason", "finishedAt"].flatMap((field) =>
        [5, null, {}, ["a"]].map((value) => JSON.stringify({ ...manifest, [field]: value })),
      ),
      JSON.stringify({ ...manifest, tasks: [{ id: "a", status: "failed", dependsOn: [], cause: 5 }] }),
    ]) {
      await writeFile(path, text);
      expect(await store.readManifest(runId), text).toBe("unreadable");
      expect(await readFile(path, "utf8")).toBe(text);
    }
    await rm(path);
    await mkdir(path);
    expect(await store.readManifest(runId)).toBe("unreadable");
  });

  it("tells a missing outcome from an unreadable one", async () => {
    const store = await freshStore();
    const attempts = store.attempts(runId);
    expect(await attempts.readOutcome("t", 1)).toBeUndefined();
    const directory = await attempts.directory("t", 1);
    expect(directory).toBe(join(store.root, "runs", runId, "attempts", "t-1"));
    expect(await attempts.directory("t", 1)).toBe(directory);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(await attempts.readOutcome("t", 1)).toBeUndefined();
    const record: OutcomeRecord = {
      v: 1,
      runId,
      task: "t",
      attempt: 1,
      at: "2026-11-21T00:00:00.000Z",
      outcome: { kind: "cancelled", usage: noUsage },
    };
    await writeFile(join(directory, "outcome.json"), JSON.stringify(record));
    expect(await attempts.readOutcome("t", 1)).toEqual(record);
    const others = [
      { attempt: 2 },
      { task: "u" },
      { runId: "other-run" },
      { v: 2 },
      { outcome: { kind: "completed", usage: noUsage } },
    ];
    for (const text of [
      "",
      '{"v":1',
      "7",
      ...others.map((other) => JSON.stringify({ ...record, ...other })),
    ]) {
      await writeFile(join(directory, "outcome.json"), text);
      expect(await attempts.readOutcome("t", 1), text).toBe("unreadable");
    }
    for (const task of ["../x", "", "a/b", ".."]) {
      await expect(attempts.directory(task, 1)).rejects.toThrow("cannot name a file");
    }
    await expect(attempts.directory("t", 0)).rejects.toThrow("count from 1");
  });

  it("computes the same checksum on every version of Node", () => {
    const bytes = Buffer.from("123456789");
    expect([crc32(bytes), crc32ByTable(bytes)]).toEqual([0xcbf43926, 0xcbf43926]);
    const long = Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * 7) & 255));
    expect(crc32ByTable(long)).toBe(crc32(long));
  });
});
