import { expect, test } from "vitest";
import { DashboardFeed } from "../../src/host/dashboard-feed.ts";
import { noHistory } from "../support/past.ts";
import { worked } from "../ui/worked.ts";
import { live, settle, World } from "./fake-world.ts";

const unwatched = { isComing: () => false, changed: () => undefined };

test("changes are counted for who is near, once until there may be more, within a bound, and for no other run", async () => {
  const world = new World();
  const runId = "run-00000001";
  world.engine.append(runId, ...live(runId, "session-1", true));
  const asked: unknown[] = [];
  const history = {
    ...noHistory("/project"),
    transcript: async (_: string, task: string, attempt: number, where: object) => {
      asked.push([task, attempt, where]);
      if (task === "broken") throw new Error("it cannot be read");
      return { path: "session.jsonl", records: worked(), from: 7, to: 9 };
    },
  };
  const terms = { engine: world.engine, history, clock: world.clock, sessionId: "session-1" };
  const feed = new DashboardFeed({ ...terms, ...unwatched });
  feed.choose(runId);
  await world.clock.advance(100);
  await settle();
  const count = async (...tasks: readonly (readonly [task: string, mark: string])[]): Promise<void> => {
    feed.count(tasks.map(([task, mark]) => ({ runId, task, attempt: 1, mark })));
    await settle();
  };
  const maxBytes = 1_048_576;
  await count(["build", "1"], ["other", "1"]);
  await count(["build", "1"], ["other", "1"]);
  expect(asked).toEqual(["build", "other"].map((task) => [task, 1, { maxBytes }]));
  expect(feed.scene(0).touched?.get("build/1")).toMatchObject({ added: 5, removed: 3, isPartial: true });
  await count(["build", "2"], ["other", "1"]);
  expect(asked).toHaveLength(3);
  // What cannot be read is told, asked for once, and keeps nobody else from being counted.
  await count(["broken", "1"], ["last", "1"]);
  await count(["broken", "1"], ["last", "1"]);
  expect(feed.scene(0).answer?.text).toBe("it cannot be read");
  expect(asked).toHaveLength(5);
  feed.choose("run-00000002");
  await count(["build", "3"]);
  expect([asked.length, feed.scene(0).touched?.size]).toEqual([5, 0]);
  feed.close();
});

test("a list that cannot be read is told, and read again", async () => {
  const world = new World();
  const runId = "run-00000001";
  world.engine.append(runId, ...live(runId, "session-1", true));
  const { list } = world.engine;
  let refusals = 2;
  world.engine.list = async (...args) => {
    if (refusals-- > 0) throw new Error("too many open files");
    return list.apply(world.engine, args);
  };
  const terms = { engine: world.engine, history: noHistory("/project"), clock: world.clock };
  const feed = new DashboardFeed({ ...terms, sessionId: "session-1", ...unwatched });
  await settle();
  expect(feed.scene(0)).toMatchObject({ listings: [], answer: { ok: false, text: "too many open files" } });
  await world.clock.advance(10_000);
  expect(feed.scene(0).listings.map((one) => one.runId)).toEqual([runId]);
  const aimed = ["", "run-0"].map((line) => feed.scene(0).aimed?.("status", line, "seen"));
  expect(aimed).toEqual(["--run seen", "run-0"]);
  feed.close();
});

test("what lies before a transcript is read again after it could not be read", async () => {
  const world = new World();
  let refusals = 1;
  const history = {
    ...noHistory("/project"),
    transcript: async (_run: string, _task: string, _attempt: number, where: object) => {
      if ("before" in where && refusals-- > 0) throw new Error("it cannot be read");
      return { path: "session.jsonl", records: ["{}"], from: "before" in where ? 0 : 7, to: 9 };
    },
  };
  const terms = { engine: world.engine, history, clock: world.clock, sessionId: "session-1" };
  const feed = new DashboardFeed({ ...terms, ...unwatched });
  const attempt = { runId: "run-00000001", task: "build", attempt: 1 };
  feed.watch(attempt);
  await settle();
  const older = async (): Promise<number | undefined> => {
    feed.older(attempt);
    await settle();
    return feed.scene(0).transcript?.from;
  };
  expect([await older(), feed.scene(0).answer?.text]).toEqual([7, "it cannot be read"]);
  expect(await older()).toBe(0);
  feed.close();
});

test("a run and a transcript that cannot be read now are read as soon as they can be", async () => {
  const world = new World();
  const runId = "run-00000001";
  world.engine.append(runId, ...live(runId, "session-1", true));
  const { read } = world.engine;
  const refused = { run: 2, transcript: 2 };
  world.engine.read = async (...args) => {
    if (refused.run-- > 0) throw new Error("too many open files");
    return read.apply(world.engine, args);
  };
  const transcript = async (): Promise<{ path: string; records: string[]; from: number; to: number }> => {
    if (refused.transcript-- > 0) throw new Error("it is locked");
    return { path: "session.jsonl", records: ["{}"], from: 0, to: 2 };
  };
  const history = { ...noHistory("/project"), transcript };
  const terms = { engine: world.engine, history, clock: world.clock, sessionId: "session-1" };
  const feed = new DashboardFeed({ ...terms, ...unwatched });
  feed.watch({ runId, task: "build", attempt: 1 });
  await settle();
  expect(feed.scene(0).answer?.text).toBe("it is locked");
  // What was told is not told again while it stays as it is.
  feed.answer = { ok: true, text: "something else" };
  await world.clock.advance(2_500);
  await settle();
  expect([refused.transcript, feed.scene(0).answer?.text]).toEqual([0, "something else"]);
  feed.choose(runId);
  await world.clock.advance(20_000);
  await settle();
  expect(feed.scene(0)).toMatchObject({ run: { directory: expect.any(String) }, transcript: { to: 2 } });
  feed.close();
});
