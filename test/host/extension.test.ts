import { afterEach, beforeEach, expect, test } from "vitest";
import { noUsage } from "../../src/core/outcome.ts";
import { noticeType } from "../../src/host/ledger.ts";
import { callTool, finished, live, settle, World } from "./fake-world.ts";

const runId = "run-00000001";
const loose: unknown[] = [];
const note = (error: unknown): void => void loose.push(error);
beforeEach(() => {
  process.on("unhandledRejection", note);
});
afterEach(async () => {
  await settle();
  process.off("unhandledRejection", note);
  expect(loose.splice(0)).toEqual([]);
});

const notices = ({ session }: World) =>
  session.sent.filter(({ message }) => message.customType === noticeType);

test("the factory registers and does nothing else", () => {
  const world = new World();
  const pi = world.load();
  expect([...pi.tools.keys()]).toEqual(["team"]);
  expect([...pi.commands.keys()].sort()).toEqual([
    "team",
    "team-board",
    "team-dashboard",
    "team-doctor",
    "team-list",
    "team-mailbox",
    "team-resources",
    "team-respond",
    "team-run",
    "team-send",
    "team-settings",
    "team-status",
    "team-transcript",
  ]);
  expect([world.loads, world.clock.sleeping, world.engine.reads]).toEqual([0, 0, 0]);
});

test("a session without runs costs nothing: no engine, no timer, no word", async () => {
  const world = new World();
  await world.start();
  expect([world.loads, world.clock.sleeping, world.session.notes.length]).toEqual([0, 0, 0]);
});

test("a failed call is an error that keeps its details, and only that call", async () => {
  const world = new World();
  const details = { action: "status", ok: false, problems: [] };
  world.perform = async () => ({ ok: false, text: "no such run", details });
  const pi = await world.start();
  const { result, patch } = await callTool(pi, { action: "status" });
  expect(result).toEqual({ content: [{ type: "text", text: "no such run" }], details, isError: true });
  expect(patch).toEqual({ isError: true });
  expect(await pi.emit("tool_result", { toolName: "team", toolCallId: "call-1" })).toBeUndefined();
});

test("an action that breaks is told to the model, not thrown into the host", async () => {
  const world = new World();
  world.perform = () => Promise.reject(new Error("disk on fire"));
  const { result, patch } = await callTool(await world.start(), { action: "run" });
  expect(result.content).toMatchObject([{ text: expect.stringContaining("disk on fire") }]);
  expect(patch).toEqual({ isError: true });
});

test("updates are small", async () => {
  const world = new World();
  world.engine.append(runId, ...live(runId, "session-1", false));
  world.perform = async (action, _raw, { onProgress }) => {
    onProgress?.(world.engine.view(runId));
    return { ok: true, text: "", details: { action, ok: true, runId, status: "running" } };
  };
  const updates: unknown[] = [];
  await callTool(await world.start(), { action: "run" }, undefined, updates);
  expect(updates).toMatchObject([{ details: { runId, tasks: [{ id: "build", status: "running" }] } }]);
  expect(JSON.stringify(updates[0]).length).toBeLessThan(1_000);
});

test("a background run wakes the lead exactly once, whatever is reloaded in between", async () => {
  const world = new World();
  let pi = await world.startRun(runId);
  await pi.end("reload");
  pi = await world.start("reload");
  world.engine.append(runId, ...finished("completed"));
  await world.clock.advance(1_000);
  expect(notices(world)).toMatchObject([{ options: { triggerTurn: true, deliverAs: "followUp" } }]);
  expect(notices(world)[0]?.message.content).toMatch(/^Team run run-00000001 completed in .*$/);
  for (const reason of ["reload", "resume", "quit"]) {
    await pi.end(reason);
    pi = await world.start(reason);
  }
  expect(notices(world)).toHaveLength(1);
});

test.each([
  ["is not lost", "reload"],
  ["is not lost", "quit"],
])("what is to be told to a working agent %s by a %s", async (_, reason) => {
  const world = new World();
  const pi = await world.startRun(runId);
  world.session.isIdle = false;
  world.engine.append(runId, ...finished("failed"));
  await world.clock.advance(60_000);
  expect(notices(world)).toHaveLength(0);
  await pi.end(reason);
  world.session.isIdle = true;
  await world.start(reason);
  await world.clock.advance(5_000);
  expect(notices(world)).toMatchObject([{ options: { triggerTurn: true } }]);
});

test("a session that was closed is woken once at its next start, for what it left in the background", async () => {
  const world = new World();
  let pi = await world.startRun(runId);
  await pi.end("quit");
  world.engine.append(runId, ...finished("failed"));
  for (const reason of ["startup", "resume"]) {
    pi = await world.start(reason);
    await world.clock.advance(5_000);
    expect(notices(world)).toMatchObject([{ options: { triggerTurn: true }, message: { display: true } }]);
    await pi.end("quit");
  }
});

test("where the host ends with its prompt, the prompt finds what became of the background runs", async () => {
  const world = new World();
  let pi = await world.startRun(runId);
  await pi.end("quit");
  world.engine.append(runId, ...finished("failed"));
  Object.assign(world.session, { mode: "print", hasUI: false });
  pi = await world.start();
  expect(notices(world)).toMatchObject([{ options: { deliverAs: "nextTurn" } }]);
  expect([world.clock.sleeping, world.engine.following]).toEqual([0, 0]);
});

test("a run whose driver died and that gets none stands still, wakes the lead once, and goes on with a new one", async () => {
  const world = new World();
  const pi = await world.startRun(runId);
  await world.clock.advance(10_000);
  world.engine.driver = "gone";
  await world.clock.advance(60_000);
  expect(pi.widgetLines(120)?.join()).toMatch(
    RegExp(`needs you: /team-resume ${runId} .*its driver is gone`),
  );
  expect(notices(world)).toMatchObject([{ options: { triggerTurn: true, deliverAs: "followUp" } }]);
  expect(notices(world)[0]?.message.content).toContain(`team resume run=${runId}`);
  world.engine.driver = "alive";
  world.engine.append(runId, { type: "lease.taken", pid: 8, startTime: "1", bootId: "b", sealed: [] });
  await world.clock.advance(10_000);
  expect(pi.widgetLines(120)?.join()).not.toContain("its driver is gone");
  world.engine.append(runId, ...finished("completed"));
  await world.clock.advance(20_000);
  expect(notices(world)).toHaveLength(2);
  expect([world.clock.sleeping, world.engine.following]).toEqual([0, 0]);
});

test("a run whose driver died gets a new one at once; the lead is told what was kept, once, and not woken", async () => {
  const world = new World();
  const pi = await world.startRun(runId);
  await world.clock.advance(10_000);
  world.engine.driver = "gone";
  world.engine.recovery = { live: 1, coming: [runId], left: [] };
  await world.clock.advance(12_000);
  expect(world.engine.recoveries).toContainEqual({ only: runId, graceMs: 0 });
  expect(pi.widgetLines(120)?.join()).toContain("its driver is gone");
  // That one comes by itself.
  expect(pi.widgetLines(120)?.join()).not.toContain("needs you");
  expect(notices(world)).toEqual([]);
  world.engine.driver = "alive";
  const lost = { kind: "lost", cause: "lost", message: "gone", usage: noUsage } as const;
  world.engine.append(
    runId,
    { type: "lease.taken", pid: 8, startTime: "1", bootId: "b", sealed: [] },
    { type: "attempt.ended", task: "build", attempt: 1, outcome: lost, retryAt: 0 },
  );
  await world.clock.advance(10_000);
  expect(notices(world)).toMatchObject([{ options: undefined, message: { display: true } }]);
  expect(notices(world)[0]?.message.content).toContain("recovered: its driver died");
  expect(notices(world)[0]?.message.content).toContain("0 finished tasks kept, 1 tried again");
  await pi.end("quit");
  await world.start();
  await world.clock.advance(10_000);
  expect(notices(world)).toHaveLength(1);
});

test("an answered run is looked after by who answered; who took it by that is told of it, too", async () => {
  for (const owner of ["ours", "theirs"] as const) {
    const world = new World();
    const pi = await world.start();
    world.engine.recovery = { live: 1, coming: [], left: [] };
    const session = owner === "ours" ? world.session.id : "another";
    world.engine.append(runId, ...live(runId, session, true));
    const details = { action: "respond", ok: true, runId, status: "running", owner: session };
    world.perform = async () => ({ ok: true, text: "answered", details });
    await pi.commands.get("team-respond")?.handler("left", pi.context());
    await world.clock.advance(11_000);
    expect(world.engine.recoveries).toContainEqual({ graceMs: 0 });
    world.engine.append(runId, ...finished("completed"));
    world.engine.recovery = { live: 0, coming: [], left: [] };
    await world.clock.advance(20_000);
    expect(notices(world)).toHaveLength(owner === "ours" ? 1 : 0);
    await pi.end("quit");
  }
});

test("the project's runs are looked after from the start, until none of them goes on", async () => {
  const world = new World();
  world.hasRuns = true;
  world.engine.recovery = { live: 1, coming: [], left: [] };
  await world.start();
  await world.clock.advance(11_000);
  world.engine.recovery = { live: 0, coming: [], left: [] };
  await world.clock.advance(11_000);
  expect(world.engine.recoveries).toEqual([
    { graceMs: 0 },
    { graceMs: 10_000 },
    { graceMs: 10_000 },
    { graceMs: 10_000 },
  ]);
  expect(world.clock.sleeping).toBe(0);
});

test("a driver that died before the session began is news like any other", async () => {
  const world = new World();
  const pi = await world.startRun(runId);
  await pi.end("quit");
  world.engine.driver = "gone";
  await world.start();
  await world.clock.advance(60_000);
  expect(notices(world)).toMatchObject([{ options: { triggerTurn: true }, message: { display: true } }]);
});

test.each([
  [5, 0],
  [6, 1],
])("of a run that cannot be read %i times in a row %i warnings are given", async (failing, warnings) => {
  const world = new World();
  world.engine.failing = failing;
  await world.startRun(runId);
  await world.clock.advance(60_000);
  world.engine.append(runId, ...finished("completed"));
  await world.clock.advance(20_000);
  expect(world.session.notes.filter(({ text }) => text.includes("cannot be followed"))).toHaveLength(
    warnings,
  );
  expect(notices(world)).toHaveLength(1 - warnings);
  expect([world.clock.sleeping, world.engine.following]).toEqual([0, 0]);
});

test("a copy of the session (fork) says nothing about the original's runs", async () => {
  const world = new World();
  world.session.entries.push({ type: "custom", customType: "muster-run", data: { runId } });
  world.engine.append(runId, ...live(runId, "another session", true), ...finished("completed"));
  await world.start();
  expect(notices(world)).toEqual([]);
});

test("a session file with entries of every shape is read without a word", async () => {
  const world = new World();
  const data = [undefined, null, 5, "x", {}, { runId: 5 }, { runId, told: "x" }];
  for (const each of data) world.session.entries.push({ customType: "muster-run", data: each }, each);
  await world.start();
  expect(world.session.notes.map(({ text }) => text)).toEqual([
    expect.stringContaining(`${runId} is not here any more`),
  ]);
});

test.each([
  ["completed", 0],
  ["running", 1],
])("a call that returned with the run %s leaves %i notices to be given", async (status, count) => {
  const world = new World();
  world.engine.append(runId, ...live(runId, "session-1", true));
  world.perform = async (action, _raw, context) => {
    context.onProgress?.(world.engine.view(runId));
    await settle();
    world.engine.append(runId, ...finished("completed"));
    await settle();
    return { ok: true, text: "", details: { action, ok: true, runId, status } };
  };
  const pi = await world.start();
  await callTool(pi, { action: "run" });
  await world.clock.advance(1_000);
  expect(notices(world)).toHaveLength(count);
  await pi.end("reload");
  await world.start("reload");
  await world.clock.advance(5_000);
  expect(notices(world)).toHaveLength(count);
});

test("a run that a person started does not wake the model, nor disturb it at work", async () => {
  const world = new World();
  world.perform = async (action) => {
    world.engine.append(runId, ...live(runId, "session-1", false));
    return { ok: true, text: "started", details: { action, ok: true, runId, status: "running" } };
  };
  const pi = await world.start();
  await pi.commands.get("team-run")?.handler("make it work", pi.context());
  world.session.isIdle = false;
  world.engine.append(runId, ...finished("completed"));
  await world.clock.advance(2_000);
  expect(world.session.notes.filter(({ text }) => text.includes("completed"))).toHaveLength(1);
  expect(notices(world)).toEqual([]);
  world.session.isIdle = true;
  await world.clock.advance(1_000);
  expect(notices(world)).toMatchObject([{ options: undefined, message: { display: true } }]);
});

test("another owner of the tool's name is named once, with the remedy; the commands still work", async () => {
  const world = new World();
  const pi = world.load();
  pi.foreignTool = "teams, but others";
  await pi.emit("session_start", { reason: "startup" });
  await pi.emit("session_start", { reason: "startup" });
  expect(world.session.notes).toHaveLength(1);
  expect(world.session.notes[0]?.text).toMatch(/\/other\/extension\.ts.*pi remove/);
  await pi.commands.get("team-status")?.handler("", pi.context());
  expect(world.session.notes.at(-1)).toEqual({ text: "done", level: "info" });
});

test("a session that starts twice is taken up once", async () => {
  const world = new World();
  world.session.entries.push({ type: "custom", customType: "muster-run", data: { runId } });
  world.engine.append(runId, ...live(runId, "session-1", true), ...finished("completed"));
  const pi = await world.start("new");
  await pi.emit("session_start", { reason: "new" });
  await world.clock.advance(5_000);
  expect([notices(world).length, world.engine.reads]).toEqual([1, 1]);
});

test("fifty reloads with a live run leave no timer, no reader and no widget behind", async () => {
  const world = new World();
  let pi = await world.startRun(runId);
  for (let round = 0; round < 50; round++) {
    await world.clock.advance(300);
    expect(pi.widgetLines(80)).toHaveLength(2);
    await pi.end("reload");
    await settle();
    expect([world.clock.sleeping, world.engine.following, world.session.widget]).toEqual([0, 0, undefined]);
    pi = await world.start("reload");
  }
  expect([world.engine.following, world.session.entries.length]).toEqual([1, 1]);
});

test("a context that goes stale without a word ends our part silently", async () => {
  const world = new World();
  const pi = await world.startRun(runId);
  await world.clock.advance(300);
  pi.isStale = true;
  world.engine.append(runId, ...finished("failed"));
  await world.clock.advance(60_000);
  expect([notices(world).length, world.clock.sleeping, world.engine.following]).toEqual([0, 0, 0]);
});

test("cards are drawn by one component a place, and what cannot be drawn is a line, not a throw", async () => {
  const tool = (await new World().start()).tools.get("team");
  const theme = { fg: (_: string, text: string) => text, bold: (text: string) => text } as never;
  const first = tool?.renderCall?.({ action: "run", goal: "x" } as never, theme, {} as never);
  expect(first?.render(40)).toEqual(["team run x"]);
  const again = tool?.renderCall?.({ action: "list" } as never, theme, { lastComponent: first } as never);
  expect(again).toBe(first);
  expect(again?.render(40)).toEqual(["team list"]);
  const broken = {
    fg: () => {
      throw new Error("no such colour");
    },
    bold: (text: string) => text,
  } as never;
  const card = tool?.renderCall?.({} as never, broken, {} as never);
  expect(card?.render(20)).toEqual(["team: this cannot b…"]);
});
