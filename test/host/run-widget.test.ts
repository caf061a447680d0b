import { expect, test } from "vitest";
import { finished, World } from "./fake-world.ts";

const runId = "run-00000001";

test("the widget shows what a live run does, and goes when it is over; then nothing ticks", async () => {
  const world = new World();
  const pi = await world.startRun(runId);
  await world.clock.advance(300);
  expect(pi.widgetLines(80)).toEqual([
    expect.stringContaining("make it work"),
    expect.stringContaining("build executor"),
  ]);
  await world.clock.advance(5_000);
  expect(pi.widgetLines(80)?.[0]).toContain("5s");
  expect(pi.renders).toBeGreaterThanOrEqual(4);
  expect(pi.renders).toBeLessThanOrEqual(7);
  expect(world.session.status).toBe("● team 1 run · 0/1 · 1 at work");
  world.engine.append(runId, ...finished("completed"));
  await world.clock.advance(10_000);
  expect([pi.widgetLines(80), world.session.status]).toEqual([undefined, undefined]);
  expect([world.clock.sleeping, world.engine.following]).toEqual([0, 0]);
});

test("a flood of events redraws at most ten times a second, and nothing redraws what looks the same", async () => {
  const world = new World();
  const pi = await world.startRun(runId);
  await world.clock.advance(300);
  const before = pi.renders;
  const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, cost: 0, turns: 0 };
  for (let step = 0; step < 200; step++) {
    world.engine.append(runId, {
      type: "attempt.progressed",
      task: "build",
      attempt: 1,
      usage,
      activity: `line ${step}`,
    });
    await world.clock.advance(10);
  }
  expect(pi.renders - before).toBeLessThanOrEqual(21);
  await world.clock.advance(1_000);
  expect(pi.widgetLines(80)?.[1]).toContain("line 199");
  const { renders } = pi;
  for (let step = 0; step < 5; step++) {
    world.engine.append(runId, { type: "attempt.ready", task: "build", attempt: 1 });
    await world.clock.advance(110);
  }
  expect(pi.renders - renders).toBeLessThanOrEqual(1);
});

test("what comes too soon after a drawing is drawn a moment later", async () => {
  const world = new World();
  const pi = await world.startRun(runId);
  await world.clock.advance(22_500);
  const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, cost: 0, turns: 0 };
  const say = async (activity: string): Promise<void> => {
    const progress = { type: "attempt.progressed", task: "build", attempt: 1, usage, activity } as const;
    world.engine.append(runId, progress);
    await world.clock.advance(10);
  };
  await say("first");
  expect(pi.widgetLines(80)?.[1]).toContain("first");
  await say("second");
  expect(pi.widgetLines(80)?.[1]).toContain("first");
  await world.clock.advance(100);
  expect(pi.widgetLines(80)?.[1]).toContain("second");
});

test("a run of which nothing is heard redraws seldom, and under a screen of ours not at all", async () => {
  const world = new World();
  const pi = await world.startRun(runId);
  await world.clock.advance(15_000);
  const before = pi.renders;
  await world.clock.advance(30_000);
  expect(pi.renders - before).toBeLessThanOrEqual(7);
  expect(pi.widgetLines(80)?.[0]).toMatch(/4[0-5]s/);
  await pi.commands.get("team")?.handler("", pi.context());
  await world.clock.advance(15_000);
  const covered = pi.renders;
  await world.clock.advance(30_000);
  expect(pi.overlayLines(120, 24).join("")).toContain("make it work");
  expect(pi.renders - covered).toBeGreaterThanOrEqual(5);
  expect(pi.renders - covered).toBeLessThanOrEqual(7);
  expect(pi.widgetLines(80)?.[0]).toContain("1m30s");
});

test("an rpc client gets plain lines", async () => {
  const world = new World();
  world.session.mode = "rpc";
  await world.startRun(runId);
  await world.clock.advance(2_000);
  expect(world.session.widget).toEqual([
    expect.stringContaining("make it work"),
    expect.stringContaining("build"),
  ]);
});
