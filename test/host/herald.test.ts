import fc from "fast-check";
import { expect, test } from "vitest";
import type { RunEvent } from "../../src/core/events.ts";
import { noUsage } from "../../src/core/outcome.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { noticeType } from "../../src/host/ledger.ts";
import type { FakePi } from "./fake-pi.ts";
import { callTool, finished, live, World } from "./fake-world.ts";

const ids = Array.from({ length: 10 }, (_, index) => `run-0000000${index}`);
const [runId = ""] = ids;
const notices = ({ session }: World) =>
  session.sent.filter(({ message }) => message.customType === noticeType);
const contents = (world: World) => notices(world).map(({ message }) => String(message.content));

/** A session that left these runs in the background. */
async function withRuns(world: World, runIds: readonly string[]): Promise<FakePi> {
  const pi = await world.start();
  for (const id of runIds) {
    world.perform = async (action) => {
      world.engine.append(id, ...live(id, world.session.id, true));
      return { ok: true, text: "started", details: { action, ok: true, runId: id, status: "running" } };
    };
    await callTool(pi, { action: "run", background: true });
  }
  await world.clock.advance(100);
  return pi;
}

const question = (id: string): RunEvent => ({
  type: "mail.posted",
  mail: { id, from: "build", to: "lead", kind: "question", text: `${id}?` },
});
const answer = (id: string): RunEvent => ({
  type: "mail.posted",
  mail: { id: `a-${id}`, from: "lead", to: "build", kind: "answer", text: "yes", replyTo: id, by: "else" },
});

test("ten runs that end together make one message that names each; it is proof for each", async () => {
  const world = new World();
  const pi = await withRuns(world, ids);
  for (const [index, id] of ids.entries()) {
    world.engine.append(id, ...finished(index === 3 ? "failed" : "completed"));
    await world.clock.advance(300);
  }
  await world.clock.advance(10_000);
  const [text = "", ...more] = contents(world);
  expect(more).toEqual([]);
  for (const id of ids) expect(text).toContain(id);
  // The one that failed comes first, and in full.
  expect(text.split("\n").slice(1, 4)).toEqual([
    expect.stringContaining("run-00000003 failed"),
    "Reason: task build failed: too slow",
    "Goal: make it work",
  ]);
  await pi.end("quit");
  await world.start();
  await world.clock.advance(10_000);
  expect(contents(world)).toHaveLength(1);
});

test("one ending is told within a second; a stream of them in one message, within the bound", async () => {
  const world = new World();
  await withRuns(world, ids);
  world.engine.append(runId, ...finished("completed"));
  await world.clock.advance(1_000);
  expect(contents(world)).toHaveLength(1);
  const [, second = "", ...others] = ids;
  world.engine.append(second, ...finished("completed"));
  for (const [index, id] of others.entries()) {
    await world.clock.advance(index === 0 ? 800 : 1_900);
    expect(contents(world).length > 1).toBe(index * 1_900 + 800 > 8_000);
    world.engine.append(id, ...finished("completed"));
  }
});

test("what the lead saw by a call, or what is no longer so, is withdrawn while it waits for its moment", async () => {
  const world = new World();
  const pi = await withRuns(world, ids.slice(0, 3));
  world.session.isIdle = false;
  const [a = "", b = "", c = ""] = ids;
  world.engine.append(a, ...finished("completed"));
  world.engine.append(b, question("q1"));
  world.engine.append(c, question("q2"));
  await world.clock.advance(3_000);
  world.perform = async (action) => ({
    ok: true,
    text: "",
    details: { action, ok: true, runId: a, status: "completed" },
  });
  await callTool(pi, { action: "status" });
  const questions = ["q1"];
  world.perform = async (action) => ({
    ok: true,
    text: "",
    details: { action, ok: true, runId: b, questions },
  });
  await callTool(pi, { action: "wait" });
  world.engine.append(c, answer("q2"));
  await world.clock.advance(100);
  world.session.isIdle = true;
  await world.clock.advance(5_000);
  expect(contents(world)).toEqual([]);
  world.engine.append(c, question("q3"));
  await world.clock.advance(1_000);
  expect(contents(world)).toEqual([expect.stringContaining("q3?")]);
});

test("a run that stands still again after it went on is news again, also when nobody looked meanwhile", async () => {
  const world = new World();
  let pi = await withRuns(world, [runId]);
  const parked = { type: "run.parked", cause: "recovery_limit", message: "too often" } as const;
  const resumed = {
    type: "run.resumed",
    request: "r",
    owner: { sessionId: "session-1" },
    background: true,
  } as const;
  for (let times = 1; times <= 3; times++) {
    world.engine.append(runId, parked);
    await world.clock.advance(2_000);
    expect(contents(world)).toHaveLength(times);
    if (times === 2) await pi.end("quit");
    world.engine.append(runId, resumed);
    if (times === 2) pi = await world.start();
    await world.clock.advance(2_000);
  }
});

test("what a person saw as the answer to a command is told to the lead without waking it", async () => {
  const world = new World();
  const pi = await withRuns(world, [runId]);
  world.perform = async (action) => {
    world.engine.append(runId, ...finished("failed"));
    return { ok: true, text: "", details: { action, ok: true, runId, status: "failed" } };
  };
  await pi.commands.get("team-status")?.handler("", pi.context());
  await world.clock.advance(2_000);
  expect(notices(world)).toMatchObject([{ options: undefined }]);
});

test.each(["completed", "failed", "question", "recovered"] as const)(
  "the setting notify.%s says whether the lead is woken, told or left alone; the last for good",
  async (subject) => {
    const news: Record<typeof subject, readonly RunEvent[]> = {
      completed: finished("completed"),
      failed: finished("failed"),
      question: [question("q1")],
      recovered: [taken, { type: "attempt.ended", task: "build", attempt: 1, outcome: lost, retryAt: 0 }],
    };
    for (const how of ["wake", "quiet", "none"] as const) {
      const world = new World();
      const others = { completed: "none", failed: "none", question: "none", recovered: "none" } as const;
      world.settings = { ...defaultSettings, notify: { ...others, opensDialog: false, [subject]: how } };
      const pi = await withRuns(world, [runId]);
      world.engine.append(runId, ...news[subject]);
      await world.clock.advance(10_000);
      const options = how === "wake" ? { triggerTurn: true } : undefined;
      expect(notices(world)).toMatchObject(how === "none" ? [] : [{ options }]);
      world.settings = defaultSettings;
      await pi.end("quit");
      await world.start();
      await world.clock.advance(10_000);
      expect(notices(world)).toHaveLength(how === "none" ? 0 : 1);
    }
  },
);
const taken: RunEvent = { type: "lease.taken", pid: 7, startTime: "1", bootId: "b", sealed: [] };
const lost = { kind: "lost", cause: "lost", message: "gone", usage: noUsage } as const;

test("a turn that failed is left time to be tried again before the lead is told", async () => {
  const world = new World();
  const pi = await withRuns(world, [runId]);
  await pi.emit("agent_end", { messages: [{ role: "assistant", stopReason: "error" }] });
  world.engine.append(runId, ...finished("completed"));
  await world.clock.advance(5_000);
  expect(contents(world)).toEqual([]);
  await world.clock.advance(6_000);
  expect(contents(world)).toHaveLength(1);
});

test("whatever happens in between, each ending is told exactly once and nothing is left behind", async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("end" as const), run: fc.nat(4) }),
    fc.record({ do: fc.constantFrom("busy", "idle", "reload", "quit", "wait") }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const world = new World();
      const runs = ids.slice(0, 5);
      let pi = await withRuns(world, runs);
      const over = new Set<string>();
      for (const one of steps) {
        if ("run" in one) {
          const id = runs[one.run] ?? runId;
          if (!over.has(id)) world.engine.append(id, ...finished("completed"));
          over.add(id);
        } else if (one.do === "busy" || one.do === "idle") world.session.isIdle = one.do === "idle";
        else if (one.do === "wait") await world.clock.advance(800);
        else {
          await pi.end(one.do);
          world.session.isIdle = true;
          pi = await world.start(one.do);
        }
        await world.clock.advance(50);
      }
      world.session.isIdle = true;
      await world.clock.advance(20_000);
      for (const id of runs) {
        const times = contents(world).join("\n").split(`Team run ${id} completed`).length - 1;
        expect(times).toBe(over.has(id) ? 1 : 0);
      }
      await pi.end("quit");
      expect(world.clock.sleeping).toBe(0);
    }),
    { numRuns: 60 },
  );
});
