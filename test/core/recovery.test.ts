import { expect, it } from "vitest";
import { defaultSettings } from "../../src/core/settings.ts";
import { completed, plan, task } from "../support/plan.ts";
import { History } from "./history.ts";

const settings = {
  ...defaultSettings,
  retries: { ...defaultSettings.retries, lostMax: 20 },
  recovery: { auto: true, max: 2 },
};
const owner = { sessionId: "session-1" };

function takeOver(history: History, salvaged: readonly string[] = []): string[] {
  history.takeLease();
  const outcomes = salvaged.map((id) => [`${id}/${history.task(id).attempts}`, completed()] as const);
  const events = history.command({ kind: "take_over", salvaged: new Map(outcomes) });
  history.now += 100_000;
  history.command({ kind: "tick" });
  return events.map((event) => event.type);
}

function driven(): History {
  return History.started(plan(task("a"), task("b", ["a"])), { settings });
}

it("a run that kills its drivers is parked after `recovery.max` of them, with nothing at work", () => {
  const history = driven();
  expect(takeOver(history)).not.toContain("run.parked");
  expect(takeOver(history)).not.toContain("run.parked");
  expect(takeOver(history)).toContain("run.parked");
  expect(history.run()).toMatchObject({ status: "blocked", cause: "recovery_limit", active: [] });
  expect(history.run().reason).toContain("2 new drivers in a row");
});

it("a task that finished in between, also one that was salvaged, begins the count anew", () => {
  const history = driven();
  takeOver(history);
  takeOver(history);
  takeOver(history, ["a"]);
  expect(history.run()).toMatchObject({ status: "running", recoveries: 0 });
  takeOver(history);
  takeOver(history);
  expect(history.run().status).toBe("running");
  takeOver(history);
  expect(history.run().status).toBe("blocked");
});

it("a person who resumes begins the count anew, be the run parked or only interrupted", () => {
  const history = driven();
  for (let times = 0; times < 3; times++) takeOver(history);
  history.command({ kind: "resume", id: "r1", owner, background: false });
  expect(history.run()).toMatchObject({ status: "running", recoveries: 0 });
  takeOver(history);
  history.command({ kind: "resume", id: "r2", owner, background: false });
  expect(history.run()).toMatchObject({ status: "running", recoveries: 0 });
});

it("a run that is being cancelled is driven to its end, however many drivers that takes", () => {
  const history = driven();
  history.command({ kind: "cancel", id: "c", by: "me", reason: "" });
  for (let times = 0; times < 5; times++) takeOver(history);
  expect(history.run().status).toBe("cancelled");
});

it("parked time is no recovery: only drivers that found the run running count", () => {
  const history = driven();
  history.command({ kind: "owner_gone" });
  for (let times = 0; times < 5; times++) takeOver(history);
  expect(history.run()).toMatchObject({ status: "blocked", cause: "owner_gone", recoveries: 0 });
});
