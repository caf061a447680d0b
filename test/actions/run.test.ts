import { describe, expect, it } from "vitest";
import { perform } from "../../src/actions/perform.ts";
import { noUsage } from "../../src/core/outcome.ts";
import type { RunView } from "../../src/core/view.ts";
import { completed, failed } from "../support/plan.ts";
import type { FakeEngine, Script } from "./fake-engine.ts";
import { definitions, world } from "./world.ts";

const root = definitions();
const works: Script = {
  work: (task) => ({ afterMs: 5_000, outcome: completed(`${task} says hello`) }),
  stopsAfterMs: 500,
};
const hangs: Script = { stopsAfterMs: 1_500 };
const only = (engine: { readonly runs: ReadonlyMap<string, unknown> }): string =>
  [...engine.runs.keys()][0] ?? "none";

describe("nesting", () => {
  it("starts and resumes nothing in a worker that is as deep as runs may be", async () => {
    const { as, engine } = world(root());
    const deep = as({}, { nesting: { depth: 2, depthMax: 2 } });
    for (const name of ["run", "resume"]) {
      const told = await perform(name, { ...(name === "run" && { goal: "g" }) }, deep);
      expect(told).toMatchObject({ ok: false, details: { problems: [{ where: "depth" }] } });
    }
    expect(engine.runs.size).toBe(0);
    const higher = as({}, { nesting: { depth: 1, depthMax: 2 } });
    await perform("run", { goal: "g", background: true }, higher);
    expect(engine.runs.size).toBe(1);
  });
});

describe("the same run, asked for twice", () => {
  const goal = "fix  the build";

  it("is started once while it lives, by whatever session; also on purpose, and again when it is over", async () => {
    const { as, context, engine } = world(root(), hangs);
    const quick = as({ returnsAtOnce: true });
    await perform("run", { goal, team: "", agent: "", tasks: "", concurrency: "" }, quick);
    const other = as({ returnsAtOnce: true }, { sessionId: "session-2" });
    const again = await perform("run", { goal: " fix the build " }, other);
    expect(again).toMatchObject({ ok: true, details: { runId: only(engine), status: "running" } });
    expect(again.text).toContain("Nothing was started");
    expect(again.text).toContain("force=true");
    expect(engine.runs.size).toBe(1);
    await perform("run", { goal, force: true }, quick);
    expect(engine.runs.size).toBe(2);
    for (const run of engine.runs.keys()) await perform("cancel", { run }, context);
    await perform("run", { goal }, quick);
    expect(engine.runs.size).toBe(3);
  });

  it("is another one with another goal, task, team or place, and always as a child", async () => {
    const { as, engine } = world(root(), hangs);
    const quick = { returnsAtOnce: true };
    await perform("run", { goal }, as(quick));
    await perform("run", { goal: "fix it" }, as(quick));
    await perform("run", { goal, agent: "explorer" }, as(quick));
    const tasks = [{ id: "a", agent: "explorer", task: "look" }];
    await perform("run", { goal, tasks }, as(quick));
    await perform("run", { goal, tasks: [{ ...tasks[0], task: "see" }] }, as(quick));
    await perform("run", { goal }, as(quick, { cwd: "/elsewhere" }));
    await perform("run", { goal }, as(quick, { nesting: { depth: 1, depthMax: 2 } }));
    expect(engine.runs.size).toBe(7);
  });
});

describe("run", () => {
  it("waits for the end and tells outcome, claims, costs and where to look", async () => {
    const { context, engine } = world(root(), works);
    const views: RunView[] = [];
    const result = await perform(
      "run",
      { goal: "fix it" },
      { ...context, onProgress: (view) => views.push(view) },
    );
    expect(result).toMatchObject({ ok: true, details: { action: "run", ok: true, status: "completed" } });
    expect(result.details.tasks).toMatchObject([
      { id: "look", agent: "explorer", status: "completed" },
      { id: "work", agent: "executor", status: "completed" },
    ]);
    expect(result.text).toMatch(/agents claim.*\n+## work[\s\S]*work says hello/);
    expect(result.text).toContain(engine.directory(only(engine)));
    expect(views.at(-1)?.status).toBe("completed");
  });

  it("leaves secrets out of goal and tasks before they reach the plan", async () => {
    const { context, engine } = world(root(), works);
    const tasks = [{ id: "a", agent: "explorer", task: "use s3cret" }];
    await perform("run", { goal: "log in with s3cret", tasks }, context);
    const [run] = engine.runs.values();
    expect(JSON.stringify(run?.submission)).not.toContain("s3cret");
    expect(run?.submission.plan.goal).toContain("[redacted]");
  });

  it("returns at once in the background, and when the host says so", async () => {
    for (const [raw, change] of [
      [{ goal: "g", background: "true" }, {}],
      [{ goal: "g" }, { returnsAtOnce: true }],
    ] as const) {
      const { engine, as } = world(root(), hangs);
      const result = await perform("run", raw, as(change));
      expect(result).toMatchObject({ ok: true, details: { status: "running", runId: only(engine) } });
    }
  });

  it("says what failed and what to do about it", async () => {
    const outcome = failed({ retryable: false, message: "exit 3" });
    const { context } = world(root(), { work: () => ({ afterMs: 10, outcome }) });
    const result = await perform("run", { goal: "g" }, context);
    expect(result).toMatchObject({ ok: false, details: { status: "failed" } });
    expect(result.details.tasks?.map(({ status, cause }) => [status, cause])).toEqual([
      ["failed", "self_exit"],
      ["skipped", "dependency_failed"],
    ]);
    expect(result.text).toMatch(/exit 3[\s\S]*team status run=\S+ task=look/);
  });

  it("returns early when the run stands still", async () => {
    const { context } = world(root(), {
      ...hangs,
      meanwhile: { afterMs: 3_000, act: (engine, runId) => engine.report(runId, { kind: "owner_gone" }) },
    });
    const result = await perform("run", { goal: "g" }, context);
    expect(result).toMatchObject({ ok: false, details: { status: "blocked" } });
    expect(result.text).toContain("team cancel run=");
  });
});

describe("progress", () => {
  it("is told at once when the run begins, although nothing more happens", async () => {
    const act = (engine: FakeEngine, runId: string): void => engine.drive(runId);
    const late: Script = { ...hangs, unmanned: true, meanwhile: { afterMs: 100, act } };
    const { as, clock, engine } = world(root(), late);
    const told: number[] = [];
    const onProgress = (): void => void told.push(clock.now());
    const call = perform("run", { goal: "g" }, as({ onProgress }));
    while (engine.runs.size === 0) await clock.sleep(1);
    const asked = engine.runs.get(only(engine))?.createdAt ?? 0;
    await clock.sleep(5_000);
    expect(told[0]).toBe(asked + 100);
    await perform("cancel", { run: "last" }, as({}));
    await call;
  });

  it("is told at most four times a second however much happens, and not after the answer", async () => {
    const { as, clock, engine } = world(root(), hangs);
    let told = 0;
    const call = perform("run", { goal: "g" }, as({ onProgress: () => void told++ }));
    const started = clock.now();
    while (engine.runs.size === 0) await clock.sleep(1);
    for (let step = 0; step < 200; step++) {
      const usage = { ...noUsage, turns: step };
      engine.report(only(engine), {
        kind: "progress",
        task: "look",
        attempt: 1,
        usage,
        activity: `${step}`,
      });
      await clock.sleep(10);
    }
    const most = 1 + (clock.now() - started) / 250;
    expect(told).toBeGreaterThanOrEqual(4);
    expect(told).toBeLessThanOrEqual(most);
    await perform("cancel", { run: "last" }, as({}));
    await call;
    told = 0;
    await clock.sleep(10_000);
    expect(told).toBe(0);
  });
});

describe("Esc while a call waits", () => {
  it("cancels the run and returns only when that is verified", async () => {
    const esc = new AbortController();
    const { engine, as } = world(root(), { ...hangs, meanwhile: { afterMs: 4_000, act: () => esc.abort() } });
    const result = await perform("run", { goal: "g" }, as({ signal: esc.signal }));
    expect(result).toMatchObject({ ok: false, details: { status: "cancelled" } });
    expect(engine.runs.get(only(engine))?.requests).toMatchObject([
      { kind: "cancel", reason: "interrupted by Esc" },
    ]);
    expect(engine.settledUpTo.get(only(engine))).toBe(engine.runs.get(only(engine))?.events.length);
  });

  it("says honestly what may still be alive when the end cannot be verified", async () => {
    const esc = new AbortController();
    const { as } = world(root(), { meanwhile: { afterMs: 4_000, act: () => esc.abort() } });
    const result = await perform("run", { goal: "g" }, as({ signal: esc.signal }));
    expect(result.ok).toBe(false);
    expect(result.details.status).not.toBe("cancelled");
    expect(result.text).toContain("not verified yet; may still be alive: look (pid 4001)");
  });

  it("starts nothing when it came before the start", async () => {
    const { engine, as } = world(root(), works);
    expect((await perform("run", { goal: "g" }, as({ signal: AbortSignal.abort() }))).ok).toBe(false);
    expect(engine.runs.size).toBe(0);
  });

  it("is not meant by the end of the session", async () => {
    const end = new AbortController();
    const { engine, as } = world(root(), {
      ...hangs,
      meanwhile: { afterMs: 4_000, act: () => end.abort("shutdown") },
    });
    const result = await perform("run", { goal: "g" }, as({ signal: end.signal }));
    expect(result.details.status).toBe("running");
    expect(engine.runs.get(only(engine))?.requests).toEqual([]);
  });

  it("on wait, cancels a run of this session and only stops waiting for a background run", async () => {
    for (const background of [false, true]) {
      const esc = new AbortController();
      const { engine, as } = world(root(), {
        ...hangs,
        meanwhile: { afterMs: 4_000, act: () => esc.abort() },
      });
      await perform("run", { goal: "g", background }, as({ returnsAtOnce: true }));
      const result = await perform("wait", {}, as({ signal: esc.signal }));
      expect(result.details.status).toBe(background ? "running" : "cancelled");
      expect(engine.runs.get(only(engine))?.requests).toHaveLength(background ? 0 : 1);
    }
  });
});

describe("waiting for a run that nobody drives", () => {
  it("ends when its driver is gone, and does not call it running", async () => {
    const { context, clock } = world(root(), {
      ...hangs,
      meanwhile: { afterMs: 5_000, act: (engine, runId) => engine.kill(runId) },
    });
    const started = clock.now();
    const result = await perform("run", { goal: "g" }, context);
    expect(clock.now() - started).toBeLessThan(30_000);
    expect(result).toMatchObject({ ok: false, details: { status: "blocked" } });
    expect(result.text).toMatch(/Nobody drives the run/);
    expect(result.text).not.toMatch(/\brunning\b/);
    expect(result.text).toContain("team resume run=");
  });

  it("ends when no driver ever comes", async () => {
    const { context } = world(root(), { unmanned: true });
    const result = await perform("run", { goal: "g" }, context);
    expect(result).toMatchObject({ ok: false, details: { status: "queued" } });
    expect(result.text).toContain("team resume run=");
  });

  it("brings a driver where the first one died before its first record", async () => {
    const { context } = world(root(), { ...works, unmanned: true, recovers: true });
    expect((await perform("run", { goal: "g" }, context)).details.status).toBe("completed");
  });

  it("goes on as long as the driver lives, however silent it is", async () => {
    const { context } = world(root(), { work: () => ({ afterMs: 3_600_000, outcome: completed() }) });
    expect((await perform("run", { goal: "g" }, context)).details.status).toBe("completed");
  });
});

describe("wait", () => {
  it("serves several callers at once", async () => {
    const { context } = world(root(), works);
    await perform("run", { goal: "g", background: true }, context);
    const waits = await Promise.all(
      [{ run: "last" }, {}, { run: "2026" }].map((raw) => perform("wait", raw, context)),
    );
    expect(waits.map(({ details }) => details.status)).toEqual(["completed", "completed", "completed"]);
  });
});

describe("cancel", () => {
  it("works from another session, records why, and returns when verified", async () => {
    const { engine, context, as } = world(root(), hangs);
    await perform("run", { goal: "g", background: true }, context);
    const other = as({}, { sessionId: "session-2" });
    const result = await perform("cancel", { run: "last", reason: "s3cret wish" }, other);
    expect(result).toMatchObject({ ok: true, details: { status: "cancelled" } });
    expect(engine.runs.get(only(engine))?.requests).toMatchObject([
      { by: "session-2", reason: "[redacted] wish" },
    ]);
  });

  it("is friendly about a run that is over, and refuses to guess which run is meant", async () => {
    const { engine, context } = world(root(), works);
    await perform("run", { goal: "g" }, context);
    const over = await perform("cancel", { run: "last" }, context);
    expect(over).toMatchObject({ ok: true, details: { status: "completed" } });
    expect((await perform("cancel", {}, context)).ok).toBe(false);
    expect(engine.runs.get(only(engine))?.requests).toEqual([]);
  });
});
