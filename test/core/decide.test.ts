import { describe, expect, it } from "vitest";
import { unlimitedRoom } from "../../src/core/commands.ts";
import { nextDeadline } from "../../src/core/deadline.ts";
import { effects } from "../../src/core/effects.ts";
import type { RunEvent } from "../../src/core/events.ts";
import { runView } from "../../src/core/run-view.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { completed, failed, layeredPlan, plan, task } from "../support/plan.ts";
import { History } from "./history.ts";

const types = (events: readonly RunEvent[]): string[] =>
  events.map((event) => ("task" in event ? `${event.type} ${event.task}` : event.type));

function done(history: History, id: string, attempt = 1): RunEvent[] {
  return history.command({ kind: "ended", task: id, attempt, outcome: completed(id) });
}

describe("order", () => {
  it("starts D of a diamond only after both B and C, and ends the run with it", () => {
    const history = History.started(
      plan(task("a"), task("b", ["a"]), task("c", ["a"]), task("d", ["b", "c"])),
    );
    expect(history.alive()).toEqual(["a"]);
    done(history, "a");
    expect(history.alive()).toEqual(["b", "c"]);
    done(history, "b");
    expect(history.alive()).toEqual(["c"]);
    done(history, "c");
    expect(history.alive()).toEqual(["d"]);
    expect(types(done(history, "d"))).toEqual(["attempt.ended d", "run.finished"]);
    expect(history.state).toMatchObject({ status: "completed", cause: "completed" });
  });

  it("starts a dependent in the same step that its last dependency ends, whatever else runs", () => {
    const history = History.started(plan(task("a"), task("b"), task("c", ["a"])));
    expect(types(done(history, "a"))).toEqual(["attempt.ended a", "attempt.started c"]);
    expect(history.alive()).toEqual(["b", "c"]);
  });

  it("starts the head of the longest chain first when slots are short", () => {
    const settings = { ...defaultSettings, concurrency: 1 };
    const history = History.started(plan(task("short"), task("long"), task("next", ["long"])), { settings });
    expect(history.alive()).toEqual(["long"]);
  });

  it("lets one writer at a time into the checkout, while readers go on", () => {
    const writes = { writes: ["**"] };
    const history = History.started(plan(task("w1", [], writes), task("w2", [], writes), task("r")));
    expect(history.alive()).toEqual(["w1", "r"]);
    done(history, "w1");
    expect(history.alive()).toEqual(["r", "w2"]);
  });

  it("starts no writer while another run holds the checkout", () => {
    const history = new History();
    const only = plan(task("w", [], { writes: ["src/**"] }));
    const started = History.started(only).run();
    history.command(
      { kind: "start", id: "s", plan: only, terms: started.terms },
      { workers: Number.POSITIVE_INFINITY, writer: false },
    );
    expect(history.alive()).toEqual([]);
    history.command({ kind: "tick" }, unlimitedRoom);
    expect(history.alive()).toEqual(["w"]);
  });

  it("keeps a role within its own limit", () => {
    const one = { role: "explorer", roleMax: 1 };
    const history = History.started(plan(task("a", [], one), task("b", [], one), task("c")));
    expect(history.alive()).toEqual(["a", "c"]);
  });
});

describe("failure", () => {
  it("retries with backoff, then fails and skips what depended on it, and lets independent work finish", () => {
    const history = History.started(plan(task("a"), task("b", ["a"]), task("c", ["b"]), task("x")));
    history.command({ kind: "ended", task: "a", attempt: 1, outcome: failed() });
    expect(history.task("a")).toMatchObject({ status: "retrying", retryAt: history.now + 2_000 });
    history.now += 2_000;
    expect(types(history.command({ kind: "tick" }))).toEqual(["attempt.started a"]);
    expect(types(history.command({ kind: "ended", task: "a", attempt: 2, outcome: failed() }))).toEqual([
      "attempt.ended a",
      "task.skipped b",
      "task.skipped c",
    ]);
    done(history, "x");
    expect(history.state).toMatchObject({ status: "failed", cause: "self_exit" });
    expect(history.task("b")).toMatchObject({ status: "skipped", because: "a" });
    expect(history.task("x")).toMatchObject({ status: "completed" });
  });

  it("tries the next model of the chain at once on a provider failure, without spending a retry", () => {
    const history = History.started(plan(task("a", [], { models: ["p/one", "p/two"], retries: 0 })));
    const limited = failed({ cause: "rate_limited", provider: true });
    const events = history.command({ kind: "ended", task: "a", attempt: 1, outcome: limited });
    expect(events.at(-1)).toMatchObject({ type: "attempt.started", model: "p/two", attempt: 2 });
    history.command({ kind: "ended", task: "a", attempt: 2, outcome: limited });
    expect(history.state).toMatchObject({ status: "failed", cause: "rate_limited" });
  });

  it("does not retry what cannot end differently", () => {
    const history = History.started(plan(task("a")));
    history.command({ kind: "ended", task: "a", attempt: 1, outcome: failed({ retryable: false }) });
    expect(history.state).toMatchObject({ status: "failed" });
  });

  it("a lost attempt costs no retry, but losses are bounded", () => {
    const history = History.started(plan(task("a", [], { retries: 0 })));
    for (let attempt = 1; attempt <= 4; attempt++) {
      history.takeLease();
      history.command({ kind: "take_over", salvaged: new Map() });
      history.now += 60_000;
      history.command({ kind: "tick" });
    }
    expect(history.task("a")).toMatchObject({ status: "failed", cause: "lost", losses: 4, failures: 0 });
  });

  it("an attempt that ended with its driver is lost, not cancelled", () => {
    const history = History.started(plan(task("a"), task("b", ["a"])));
    history.takeLease();
    const cancelled = { kind: "cancelled", usage: history.run().usage } as const;
    history.command({ kind: "take_over", salvaged: new Map([["a/1", cancelled]]) });
    expect(history.task("a")).toMatchObject({ status: "retrying", losses: 1 });
    expect(history.task("b")).toMatchObject({ status: "pending" });
  });

  it("a finished but unrecorded attempt is salvaged at takeover, not repeated", () => {
    const history = History.started(plan(task("a"), task("b", ["a"])));
    history.takeLease();
    const events = history.command({ kind: "take_over", salvaged: new Map([["a/1", completed("kept")]]) });
    expect(types(events)).toEqual(["attempt.ended a", "attempt.started b"]);
  });

  it("a salvaged result keeps the usage that the journal had counted", () => {
    const history = History.started(plan(task("a")));
    const usage = { ...history.run().usage, input: 700, turns: 2 };
    history.command({ kind: "progress", task: "a", attempt: 1, usage, activity: "" });
    history.takeLease();
    history.command({ kind: "take_over", salvaged: new Map([["a/1", completed("kept")]]) });
    expect(history.task("a")).toMatchObject({ status: "completed", usage });
  });
});

describe("deadlines", () => {
  const limits = defaultSettings.limits;

  it("ends a worker that never became ready, and tries again", () => {
    const history = History.started(plan(task("a")));
    expect(nextDeadline(history.state)).toBe(history.now + limits.startMaxMs);
    history.now += limits.startMaxMs;
    expect(types(history.command({ kind: "tick" }))).toEqual(["attempt.stopping a"]);
    expect(effects(history.state)).toMatchObject([{ kind: "stop", cause: "aborted_before_session" }]);
    history.command({
      kind: "ended",
      task: "a",
      attempt: 1,
      outcome: { kind: "cancelled", usage: history.run().usage },
    });
    expect(history.task("a")).toMatchObject({ status: "retrying", losses: 1 });
  });

  it("loses a silent worker and tries again, but lets a silent tool work on", () => {
    const history = History.started(plan(task("a")));
    const progress = {
      kind: "progress",
      task: "a",
      attempt: 1,
      usage: history.run().usage,
      activity: "",
    } as const;
    history.command({ kind: "ready", task: "a", attempt: 1 });
    history.command({ ...progress, tool: "bash" });
    history.now += limits.silenceMaxMs;
    expect(history.command({ kind: "tick" })).toEqual([]);
    history.command(progress);
    for (const type of ["attempt.escalated a", "attempt.escalated a", "attempt.stopping a"]) {
      history.now += limits.silenceMaxMs;
      expect(types(history.command({ kind: "tick" }))).toEqual([type]);
    }
    history.command({ kind: "ended", task: "a", attempt: 1, outcome: failed({ cause: "stuck" }) });
    expect(history.task("a")).toMatchObject({ status: "retrying", losses: 1, last: { cause: "stuck" } });
  });

  it("extends the silence over a known provider wait", () => {
    const history = History.started(plan(task("a")));
    const usage = history.run().usage;
    const waitsUntil = history.now + 900_000;
    history.command({ kind: "progress", task: "a", attempt: 1, usage, activity: "waits", waitsUntil });
    expect(nextDeadline(history.state)).toBe(waitsUntil + limits.nudgeAfterMs);
  });

  it("stops a worker that uses more turns than its agent allows, and does not retry it", () => {
    const history = History.started(plan(task("a", [], { turnsMax: 3 })));
    const usage = { ...history.run().usage, turns: 4 };
    const events = history.command({ kind: "progress", task: "a", attempt: 1, usage, activity: "" });
    expect(types(events)).toContain("attempt.stopping a");
    history.command({ kind: "ended", task: "a", attempt: 1, outcome: failed({ cause: "turn_limit" }) });
    expect(history.state).toMatchObject({ status: "failed", cause: "turn_limit" });
  });

  it("a run that was parked for a day does not time out when it is resumed", () => {
    const history = History.started(plan(task("a")));
    history.command({ kind: "owner_gone" });
    history.command({
      kind: "ended",
      task: "a",
      attempt: 1,
      outcome: { kind: "cancelled", usage: history.run().usage },
    });
    expect(history.state).toMatchObject({ status: "blocked", cause: "owner_gone" });
    history.now += 86_400_000;
    expect(runView(history.state, history.now)?.tasks[0]?.reason).toMatch(
      /^tries again when the run goes on/,
    );
    history.command({ kind: "resume", id: "r", owner: { sessionId: "s2" }, background: true });
    expect(history.state).toMatchObject({ status: "running" });
    expect(history.alive()).toEqual(["a"]);
    expect(history.task("a")).toMatchObject({ failures: 0, losses: 0 });
  });
});

describe("resume", () => {
  const resume = { kind: "resume", owner: { sessionId: "s2" }, background: false } as const;

  it("gives a run whose driver and owner are gone to whoever resumes it", () => {
    const history = History.started(plan(task("a")));
    history.takeLease();
    history.command({ kind: "take_over", salvaged: new Map() });
    expect(types(history.command({ ...resume, id: "r1" }))).toContain("run.resumed");
    expect(history.run().terms.owner.sessionId).toBe("s2");
    expect(history.command({ ...resume, id: "r2" })).toEqual([]);
  });

  it("of two who go on with a parked run at once has the first, and tells the other; force takes it", () => {
    const history = History.started(plan(task("a")));
    history.command({ kind: "owner_gone" });
    const from = history.run().terms.owner;
    const other = { ...resume, owner: { sessionId: "s3" }, id: "r2" };
    expect(types(history.command({ ...resume, id: "r1", from }))).toContain("run.resumed");
    expect(history.command({ ...other, from })).toMatchObject([
      { type: "request.refused", request: "r2", reason: expect.stringContaining("s2") },
    ]);
    expect(history.command({ ...other, from })).toEqual([]);
    expect(history.run().terms.owner.sessionId).toBe("s2");
    history.command({ ...other, id: "r3" });
    expect(history.run().terms.owner.sessionId).toBe("s3");
  });

  it("leaves a parked run to its own session that came back in another host meanwhile", () => {
    const history = History.started(plan(task("a")));
    history.command({ kind: "owner_gone" });
    const from = history.run().terms.owner;
    const back = { ...from, host: { pid: 7, startTime: "9", bootId: "b" } };
    history.command({ ...resume, id: "r1", owner: back, from });
    history.command({ ...resume, id: "r2", owner: { sessionId: "s3" }, from });
    expect(history.run().terms.owner).toEqual(back);
  });

  it("does nothing to a run that is being cancelled, or is final", () => {
    const history = History.started(plan(task("a")));
    history.command({ kind: "cancel", id: "c", by: "me", reason: "" });
    expect(history.command({ ...resume, id: "r1" })).toEqual([]);
    done(history, "a");
    expect(history.command({ ...resume, id: "r2" })).toEqual([]);
  });
});

describe("cancel", () => {
  it("is final only after every worker is verified gone", () => {
    const history = History.started(plan(task("a"), task("b", ["a"])));
    expect(types(history.command({ kind: "cancel", id: "c", by: "me", reason: "enough" }))).toEqual([
      "run.cancel_requested",
      "attempt.stopping a",
      "task.cancelled b",
    ]);
    expect(history.state.status).toBe("running");
    const usage = history.run().usage;
    history.command({ kind: "ended", task: "a", attempt: 1, outcome: { kind: "cancelled", usage } });
    expect(history.state).toMatchObject({ status: "cancelled", cause: "cancelled" });
    expect(runView(history.state, history.now)?.reason).toBe("cancelled: enough (from another session)");
  });

  it("keeps a result that was durable before the stop", () => {
    const history = History.started(plan(task("a")));
    history.command({ kind: "cancel", id: "c", by: "me", reason: "" });
    done(history, "a");
    expect(history.task("a")).toMatchObject({ status: "completed" });
    expect(history.state).toMatchObject({ status: "cancelled" });
  });

  it("does nothing to a finished run, and nothing twice", () => {
    const history = History.started(plan(task("a")));
    done(history, "a");
    expect(history.command({ kind: "cancel", id: "c", by: "me", reason: "" })).toEqual([]);
    expect(done(history, "a")).toEqual([]);
  });
});

it("drives 10,000 layered tasks to their end", () => {
  const history = History.started(layeredPlan(100, 100), {
    settings: { ...defaultSettings, concurrency: 100 },
  });
  while (history.state.status === "running") {
    for (const id of history.alive()) done(history, id);
  }
  expect(history.run().counts.completed).toBe(10_000);
});
