import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ActionContext } from "../../src/actions/context.ts";
import { perform } from "../../src/actions/perform.ts";
import type { RunTerms } from "../../src/core/events.ts";
import type { AttemptOutcome } from "../../src/core/outcome.ts";
import type { Worker, WorkerBackend } from "../../src/core/worker.ts";
import { exists } from "../../src/lib/files.ts";
import { instantWorkers } from "../support/instant-workers.ts";
import { noProcesses, type PastWorld, pastWorld, started } from "../support/past.ts";
import { completed } from "../support/plan.ts";

/** A run that is over. */
async function finished(world: PastWorld, change: Partial<RunTerms> = {}): Promise<string> {
  const runId = await started(world, change);
  await Promise.all(world.drives);
  expect(await world.engine.list(runId)).toMatchObject([{ manifest: { status: "completed" } }]);
  return runId;
}

/** Workers of `b` go on until they are stopped. */
function halfEndless(): WorkerBackend {
  const instant = instantWorkers();
  return {
    ...instant,
    start(work): Worker {
      const worker = instant.start(work);
      if (work.task.id !== "b") return worker;
      let settle: (outcome: AttemptOutcome) => void = () => undefined;
      const outcome = new Promise<AttemptOutcome>((resolve) => {
        settle = resolve;
      });
      return { ...worker, outcome, stop: () => settle({ kind: "cancelled", usage: completed().usage }) };
    },
  };
}

/** Resolves when the run's first task is done and its second under way. */
async function underWay({ engine }: PastWorld, runId: string): Promise<void> {
  const stop = new AbortController();
  for await (const event of engine.follow(runId, 1, stop.signal))
    if (event.type === "attempt.started" && event.task === "b") return;
}

const names = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);
const confirm = true;
const forced = { confirm, force: true, reason: "it is in the way" };

describe("forget", () => {
  it("shows first, removes then, and leaves a tombstone that status and import know", async () => {
    const world = await pastWorld();
    const { context, root } = world;
    const [first, second] = [await finished(world), await finished(world)];
    const preview = await perform("forget", { run: first }, context);
    expect(preview).toMatchObject({ ok: true });
    expect(preview.text).toContain("Nothing was removed");
    expect(await names(join(root, "runs"))).toEqual([first, second]);
    expect(await perform("forget", { run: first, confirm, reason: "s3cretive" }, context)).toMatchObject({
      ...{ ok: true, details: { runId: first, status: "forgotten" } },
    });
    expect(await names(join(root, "runs"))).toEqual([second]);
    expect(await names(join(root, "trash"))).toEqual([]);
    for (const action of ["status", "summary", "events", "forget", "export"]) {
      const { ok, text } = await perform(action, { run: first }, context);
      expect({ action, ok, tells: text.includes("was forgotten") }).toEqual({
        action,
        ok: false,
        tells: true,
      });
    }
    const tombstone = await readFile(join(root, "forgotten", `${first}.json`), "utf8");
    expect(JSON.parse(tombstone)).toMatchObject({ by: "session-1", reason: "[redacted]", goal: "the goal" });
    await expect(world.store.create(first)).rejects.toThrow("exists already");
    expect((await perform("status", { run: second }, context)).ok).toBe(true);
  });

  it("ends a live run first, and takes neither it nor a foreign one without force and a reason", async () => {
    const world = await pastWorld(halfEndless());
    const { context, root, as } = world;
    const runId = await started(world);
    await underWay(world, runId);
    const other = as({ sessionId: "session-2" });
    for (const [given, asked] of [
      [{ confirm }, context],
      [{ confirm, reason: "so" }, context],
      [{ confirm, force: true }, context],
      [{ confirm, force: true, reason: "  " }, other],
      [{ confirm }, other],
    ] as const) {
      const { ok, details } = await perform("forget", { run: runId, ...given }, asked);
      expect({ ok, problems: details.problems?.length }).toMatchObject({ ok: false });
      expect(await world.engine.list(runId)).toMatchObject([{ manifest: { status: "running" } }]);
    }
    expect(await perform("forget", { run: runId, ...forced }, other)).toMatchObject({ ok: true });
    expect(await names(join(root, "runs"))).toEqual([]);
    expect(await world.history.tombstones()).toMatchObject([
      { runId, by: "session-2", reason: "it is in the way" },
    ]);
  });

  it("tells those who wait for the run what became of it", async () => {
    const world = await pastWorld(halfEndless());
    const { context, history } = world;
    const runId = await started(world);
    await underWay(world, runId);
    const waiting = perform("wait", { run: runId }, context);
    const mark = { goal: "", status: "running", at: "then", by: "session-2", reason: "in the way" };
    const { remove } = history;
    await world.engine.send(runId, { id: "c", kind: "cancel", by: "session-2", reason: "" });
    await Promise.all(world.drives);
    await remove(runId, mark);
    const { ok, text } = await waiting;
    expect({ ok, text }).toMatchObject({ ok: false, text: expect.stringMatching(/cancelled|was forgotten/) });
  });

  it("tells who asks something of the run in that very moment what became of it", async () => {
    const world = await pastWorld(halfEndless());
    const { context, engine, as } = world;
    const runId = await started(world);
    await underWay(world, runId);
    const send = engine.send.bind(engine);
    engine.send = async (...asked) => {
      engine.send = send;
      await perform("forget", { run: runId, ...forced }, as({ sessionId: "session-2" }));
      await send(...asked);
    };
    const { ok, text } = await perform("send", { run: runId, message: "go on" }, context);
    expect({ ok, text }).toMatchObject({ ok: false, text: expect.stringContaining("was forgotten") });
    expect(text).not.toContain("broke off");
  });

  it("removes nothing while a process of the run lives, or its worktrees stand", async () => {
    const living = [{ pid: 7, startTime: "1", bootId: "b" }];
    const world = await pastWorld(instantWorkers(), {
      ...noProcesses,
      living: async () => living,
      end: async () => living,
    });
    const runId = await finished(world);
    expect((await perform("forget", { run: runId }, world.context)).text).toContain("pid 7");
    const { ok, text } = await perform("forget", { run: runId, ...forced }, world.context);
    expect({ ok, text }).toMatchObject({ ok: false, text: expect.stringContaining("alive: pid 7") });
    expect((await perform("status", { run: runId }, world.context)).ok).toBe(true);
    const unmerged = await pastWorld();
    const run = await finished(unmerged);
    await mkdir(join(unmerged.root, "worktrees", run), { recursive: true });
    expect((await perform("forget", { run, confirm }, unmerged.context)).text).toContain("may not be merged");
    expect((await perform("forget", { run, ...forced }, unmerged.context)).ok).toBe(true);
  });

  it("takes a damaged run only with force, and none whose driver cannot be probed", async () => {
    const world = await pastWorld();
    const { context, root } = world;
    const runId = await finished(world);
    const segment = join(root, "runs", runId, "journal", "0001.jsonl");
    await writeFile(segment, (await readFile(segment, "utf8")).replace('"seq":2', '"seq":9'));
    await writeFile(join(root, "runs", runId, "manifest.json"), "{");
    expect((await perform("forget", { run: runId, confirm }, context)).ok).toBe(false);
    expect((await perform("prune", { value: 0, limit: 1, ...forced }, context)).text).toContain(
      "cannot be read",
    );
    expect(await names(join(root, "runs"))).toEqual([runId]);
    expect((await perform("forget", { run: runId, ...forced }, context)).ok).toBe(true);
    expect(await names(join(root, "runs"))).toEqual([]);
  });
});

describe("prune", () => {
  it("removes what is old or beyond the newest, and leaves alone what lives or is foreign", async () => {
    const world = await pastWorld(halfEndless());
    const { context, root, clock, as } = world;
    const live = await started(world);
    await underWay(world, live);
    const instant = await pastWorld();
    const own = [await finished(instant), await finished(instant), await finished(instant)];
    const foreign = await finished(instant, { owner: { sessionId: "session-2" } });
    expect((await perform("prune", {}, instant.context)).text).toContain("0 runs to be removed");
    const preview = await perform("prune", { limit: 2 }, instant.context);
    expect(preview.text).toContain("2 runs to be removed");
    expect(await names(join(instant.root, "runs"))).toHaveLength(4);
    expect((await perform("prune", { limit: 2, confirm }, instant.context)).text).toContain("2 runs removed");
    expect(await names(join(instant.root, "runs"))).toEqual([own[2], foreign]);
    instant.clock.aheadMs = 31 * 86_400_000;
    const old = await perform("prune", { confirm }, instant.context);
    expect(old.text).toContain(`${foreign} belongs to session session-2`);
    expect(await names(join(instant.root, "runs"))).toEqual([foreign]);
    await perform("prune", { value: "1", ...forced }, instant.context);
    expect(await names(join(instant.root, "runs"))).toEqual([]);
    clock.aheadMs = 99 * 86_400_000;
    await perform("prune", { limit: 1, ...forced }, as({ sessionId: "session-9" }));
    expect(await names(join(root, "runs"))).toEqual([live]);
    expect((await perform("prune", { value: "soon" }, context)).ok).toBe(false);
  });
});

describe("cleanup", () => {
  it("clears what crashes left and nothing else", async () => {
    const world = await pastWorld();
    const { context, root, clock } = world;
    const runId = await finished(world);
    const run = join(root, "runs", runId);
    const left = [
      [join(root, "trash", `${runId}.0123456789ab`), "journal/0001.jsonl"],
      [join(root, "runs", `.${runId}.0123456789ab`), "journal/0001.jsonl"],
      [run, ".manifest.json.0123456789ab.tmp"],
      [join(root, "runs", "20250101-empty"), ""],
      [join(root, "runs", "20250101-queued"), "inbox/start.json"],
      [run, "inbox/cancel.json.bad"],
    ] as const;
    for (const [directory, file] of left) {
      for (const name of ["journal", "inbox"]) await mkdir(join(directory, name), { recursive: true });
      if (file !== "") await writeFile(join(directory, file), "x");
    }
    expect((await perform("cleanup", { confirm }, context)).text).toContain("1 leftover cleared away");
    expect(await names(join(root, "trash"))).toEqual([]);
    clock.aheadMs = 2 * 3_600_000;
    const everything = await names(join(root, "runs"));
    const preview = await perform("cleanup", {}, context);
    expect(preview.text).toContain("3 leftovers to be cleared away");
    expect(await names(join(root, "runs"))).toEqual(everything);
    const done = await perform("cleanup", { confirm }, context);
    expect(done.text).toContain("bad request");
    expect(await names(join(root, "runs"))).toEqual(["20250101-queued", runId]);
    expect(await names(join(run, "inbox"))).toEqual(["cancel.json.bad"]);
    await perform("cleanup", forced, context);
    expect(await names(join(run, "inbox"))).toEqual([]);
    expect((await perform("cleanup", { confirm }, context)).text).toContain("0 leftovers");
    expect((await perform("status", { run: runId }, context)).ok).toBe(true);
  });

  it("ends marked processes of runs that are over or forgotten, of no others", async () => {
    const ended: string[] = [];
    const living = [{ pid: 7, startTime: "1", bootId: "b" }];
    let marked = new Set<string>();
    const world = await pastWorld(instantWorkers(), {
      living: async () => living,
      end: async ({ runId }) => {
        ended.push(runId);
        return [];
      },
      marked: async () => marked,
    });
    const { context } = world;
    const [over, foreign] = [
      await finished(world),
      await finished(world, { owner: { sessionId: "session-2" } }),
    ];
    const gone = await finished(world);
    await perform("forget", { run: gone, confirm }, context);
    ended.length = 0;
    marked = new Set([over, foreign, gone, "20200101-elsewhere"]);
    const { text } = await perform("cleanup", { confirm }, context);
    expect(text).toContain("belongs to another session");
    expect(ended.sort()).toEqual([over, gone].sort());
  });
});

describe("export and import", () => {
  const ways = async (change: object = {}): Promise<readonly [PastWorld, PastWorld, ActionContext]> => {
    const [from, to] = [await pastWorld(halfEndless()), await pastWorld()];
    return [from, to, to.as({ sessionId: "session-2", ...change })];
  };

  it("carries a run that was not over to another project, where resume goes on with it", async () => {
    const [from, to, context] = await ways();
    const runId = await started(from);
    await underWay(from, runId);
    const file = join(from.project, "bundle.gz");
    const exported = await perform("export", { run: runId, path: "bundle.gz" }, from.context);
    expect({ text: exported.text, ok: exported.ok }).toMatchObject({ ok: true });
    expect(exported.text).toContain("snapshot");
    const report = await perform("export", { run: runId, path: "r.html" }, from.context);
    expect(report).toMatchObject({ ok: true, details: { status: "running" } });
    const preview = await perform("import", { path: file }, context);
    expect(preview.text).toContain(`run ${runId}`);
    expect(await exists(join(to.root, "runs"))).toBe(false);
    const imported = await perform("import", { path: file, confirm }, context);
    expect(imported).toMatchObject({ ok: true, details: { status: "blocked" } });
    expect(await to.engine.list()).toMatchObject([
      { manifest: { status: "blocked", cwd: to.project, owner: { sessionId: "session-2" } }, driver: "gone" },
    ]);
    expect((await perform("get", { run: runId, task: "a" }, context)).text).toContain(
      "as the agent claims it",
    );
    expect((await perform("events", { run: runId }, context)).text).toContain("run.imported");
    const [there = ""] = (await perform("export", { path: ".html" }, context)).details.paths ?? [];
    expect(await readFile(there, "utf8")).toMatch(/It stands still[\s\S]*run\.imported/);
    const { ok, text } = await perform("import", { path: file, confirm }, context);
    expect({ ok, text }).toMatchObject({ ok: false, text: expect.stringContaining("exists here already") });
    const resumed = await perform("resume", { run: runId }, context);
    expect(resumed).toMatchObject({ ok: true, details: { status: "completed" } });
    expect(await from.engine.list(runId)).toMatchObject([{ manifest: { status: "running" } }]);
  });

  it("takes back a forgotten run only by force", async () => {
    const world = await pastWorld();
    const { context } = world;
    const runId = await finished(world);
    const { paths } = (await perform("export", { run: runId }, context)).details;
    const path = paths?.[0];
    await perform("forget", { run: runId, confirm }, context);
    const { ok, text } = await perform("import", { path, confirm }, context);
    expect({ ok, text }).toMatchObject({ ok: false, text: expect.stringContaining("forgotten here") });
    expect(await perform("import", { path, ...forced }, context)).toMatchObject({
      ...{ ok: true, details: { status: "completed" } },
    });
    expect((await perform("events", { run: runId }, context)).text).toContain("it is in the way");
  });

  it("says why it exports nothing", async () => {
    const world = await pastWorld();
    const { context, project } = world;
    const runId = await finished(world);
    await writeFile(context.settingsFiles.user, '{"export":{"maxBytes":1000}}');
    for (const [given, why] of [
      [{ run: runId }, "the biggest: journal/0001.jsonl"],
      [{ run: runId, path: "user.json" }, "exists already"],
      [{ run: "nothing" }, "no run"],
    ] as const) {
      const { ok, text } = await perform("export", given, context);
      expect({ ok, text }).toMatchObject({ ok: false, text: expect.stringContaining(why) });
    }
    expect((await names(project)).sort()).toEqual([".muster", "builtin", "user.json"]);
    expect(await names(join(world.root, "exports"))).toEqual([]);
  });
});
