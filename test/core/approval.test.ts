import { describe, expect, it } from "vitest";
import { nextDeadline } from "../../src/core/deadline.ts";
import { letterOf, letterStatus, planApproval, revisionOf, stepApproval } from "../../src/core/letters.ts";
import { noUsage } from "../../src/core/outcome.ts";
import { reuse } from "../../src/core/reuse.ts";
import { runView } from "../../src/core/run-view.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { completed, plan, task } from "../support/plan.ts";
import { History } from "./history.ts";

const gated = plan(task("a", [], { gate: "approval" }), task("b", ["a"]));
const owner = { sessionId: "s2" };

function answering(history: History, question: string, text: string, id = `to-${question}`) {
  return history.command({ kind: "respond", id, by: "me", question, text, owner });
}

function refusalOf(events: readonly object[]): unknown {
  const [event] = events;
  return event !== undefined && "reason" in event ? event.reason : undefined;
}

function reused(history: History) {
  const terms = { plan: history.run().plan, model: undefined, hash: (text: string) => text };
  return reuse(history.run(), { ...terms, adopt: async () => true });
}

describe("a step that is to be approved", () => {
  function done(): History {
    const history = History.started(gated);
    history.command({ kind: "tick" });
    history.command({ kind: "ended", task: "a", attempt: 1, outcome: completed("the wall is blue") });
    return history;
  }

  it("waits without a worker, for as long as it takes, and says what was done and who waits", () => {
    const history = done();
    expect(history.alive()).toEqual([]);
    expect(nextDeadline(history.state)).toBeUndefined();
    history.now += 30 * 86_400_000;
    history.takeLease();
    history.command({ kind: "take_over", salvaged: new Map() });
    const view = runView(history.state, history.now);
    expect(view).toMatchObject({
      status: "waiting",
      reason: expect.stringContaining("a asks for approval: it is done, and b waits for it."),
    });
    expect(view?.tasks[0]).toMatchObject({ status: "waiting", result: { text: "the wall is blue" } });
    expect(view?.questions).toMatchObject([{ from: "a", kind: "approval", about: { kind: "step" } }]);
    expect(view?.questions[0]?.text).toMatch(
      /^it is done, and b waits for it\.\nIts result:\nthe wall is blue$/,
    );
    expect(history.alive()).toEqual([]);
  });

  it("is completed by an approval, and what depends on it starts; nothing is done twice", () => {
    const history = done();
    answering(history, "a-1-gate", "approve");
    expect(history.task("a")).toMatchObject({ status: "completed", attempt: 1 });
    expect(history.alive()).toEqual(["b"]);
    const reason = "it was answered already, by me: approve";
    expect(refusalOf(answering(history, "a-1-gate", "reject: late", "r2"))).toBe(reason);
  });

  it("ends its run when it is rejected, with the reason, also while the run is parked", () => {
    for (const isParked of [false, true]) {
      const history = done();
      if (isParked) history.command({ kind: "owner_gone" });
      answering(history, "a-1-gate", "reject: it was to be red");
      expect(runView(history.state, history.now)).toMatchObject({
        status: "cancelled",
        cause: "rejected",
        reason: "rejected: it was to be red (from another session)",
        tasks: [{ status: "cancelled" }, { status: "cancelled" }],
      });
    }
  });

  it("is reused once it was approved, and not when it was rejected", async () => {
    const [yes, no] = [done(), done()];
    answering(yes, "a-1-gate", "approve");
    yes.command({ kind: "cancel", id: "c", by: "me", reason: "" });
    yes.command({ kind: "ended", task: "b", attempt: 1, outcome: { kind: "cancelled", usage: noUsage } });
    answering(no, "a-1-gate", "reject");
    expect((await reused(yes)).reused.map(({ task: id }) => id)).toEqual(["a"]);
    expect((await reused(no)).reused).toEqual([]);
  });

  it("is rejected at once where nobody can be there and that is configured", () => {
    const settings = { ...defaultSettings, headless: "deny" } as const;
    const headless = { settings, background: true, owner: { ...owner, attended: false } };
    const history = History.started(gated, headless);
    history.command({ kind: "tick" });
    history.command({ kind: "ended", task: "a", attempt: 1, outcome: completed() });
    expect(history.run()).toMatchObject({ status: "cancelled", cause: "rejected" });
    const plans = { ...headless, settings: { ...settings, requireApproval: true } };
    expect(History.started(gated, plans).run()).toMatchObject({ status: "cancelled", cause: "rejected" });
  });

  it("takes back what its worker still asked when it was done", () => {
    const history = History.started(gated);
    history.command({ kind: "tick" });
    const mail = { id: "q1", to: "lead", kind: "question", text: "which?" } as const;
    history.command({ kind: "wrote", task: "a", attempt: 1, mail });
    history.command({ kind: "ended", task: "a", attempt: 1, outcome: completed() });
    expect(runView(history.state, history.now)?.questions.map(({ id }) => id)).toEqual(["a-1-gate"]);
    answering(history, "a-1-gate", "approve");
    expect(history.task("a").status).toBe("completed");
  });
});

describe("a plan that is to be approved", () => {
  const settings = { ...defaultSettings, requireApproval: true };
  const other = plan(task("c"), task("d", ["c"]));
  const proposed = () => History.started(gated, { settings });
  const edit = (history: History, revision: number, id = "e1") =>
    history.command({ kind: "revise", id, by: "me", revision, plan: other });

  it("starts nothing before that, however long it takes and whoever drives", () => {
    const history = proposed();
    for (let days = 1; days < 30; days++) {
      history.now += 86_400_000;
      history.takeLease();
      history.command({ kind: "take_over", salvaged: new Map() });
      expect(nextDeadline(history.state)).toBeUndefined();
    }
    expect(history.alive()).toEqual([]);
    const view = runView(history.state, history.now);
    expect(view).toMatchObject({ status: "waiting", questions: [{ id: "plan-1", from: "muster" }] });
    expect(view?.questions[0]?.text).toContain(
      "- b [explorer] the host's model, read, writes no project file, after a",
    );
    answering(history, "plan-1", "approve");
    expect(history.alive()).toEqual(["a"]);
    expect(nextDeadline(history.state)).toBeGreaterThan(history.now);
  });

  it("ends its run when it is rejected, with nothing spent", () => {
    const history = proposed();
    answering(history, "plan-1", "reject: too dear");
    expect(runView(history.state, history.now)).toMatchObject({
      ...{
        status: "cancelled",
        cause: "rejected",
        reason: "rejected: too dear (from another session)",
        questions: [],
      },
    });
    expect(history.events.some(({ type }) => type === "attempt.started")).toBe(false);
  });

  it("can be edited: the approval is of the new revision alone, and the old one stays on record", () => {
    const history = proposed();
    expect(edit(history, 1)).toMatchObject([
      { type: "plan.revised", revision: 2, by: "me" },
      { type: "mail.posted", mail: { id: "plan-2", about: { revision: 2 } } },
    ]);
    const old = letterOf(history.run(), "plan-1");
    expect(old && letterStatus(history.run(), old)).toBe("withdrawn");
    const stale = "that is about revision 1, and the plan is at revision 2 now";
    expect(refusalOf(answering(history, "plan-1", "approve"))).toBe(stale);
    expect(refusalOf(edit(history, 1, "e2"))).toBe(stale);
    expect(edit(history, 1)).toEqual([]);
    expect(history.alive()).toEqual([]);
    answering(history, "plan-2", "approve");
    expect(history.alive()).toEqual(["c"]);
    expect(refusalOf(edit(history, 2, "e3"))).toBe("the plan waits for no approval");
    expect(history.events.flatMap((event) => ("plan" in event ? event.plan : []))).toEqual([gated, other]);
  });

  it("needs no other approval in a run that goes on with it, unless nobody approved it", async () => {
    const [yes, no] = [proposed(), proposed()];
    answering(yes, "plan-1", "approve");
    for (const history of [yes, no]) history.command({ kind: "cancel", id: "c", by: "me", reason: "" });
    yes.command({ kind: "ended", task: "a", attempt: 1, outcome: { kind: "cancelled", usage: noUsage } });
    expect(await reused(yes)).toMatchObject({ isApproved: true });
    expect(await reused(no)).not.toHaveProperty("isApproved");
  });

  it("cannot be edited where a part of it was done before", async () => {
    const before = History.started(plan(task("a"), task("b", ["a"])));
    before.command({ kind: "tick" });
    before.command({ kind: "ended", task: "a", attempt: 1, outcome: completed() });
    before.command({ kind: "cancel", id: "c", by: "me", reason: "" });
    const { isApproved: _, ...continued } = await reused(before);
    const history = new History();
    const terms = { ...before.run().terms, settings };
    history.command({ kind: "start", id: "start", plan: before.run().plan, terms, continued });
    expect(refusalOf(edit(history, 1))).toContain("keeps what run");
  });

  it("is known by the id of its mail, which no other mail has", () => {
    expect(revisionOf(planApproval(3))).toBe(3);
    expect(planApproval(3)).toBe("plan-3");
    for (const other of [
      stepApproval({ task: "plan", attempt: 1 }),
      "plan-1-q1",
      "my-plan-1",
      "plan-",
      "x",
      "",
    ])
      expect(revisionOf(other)).toBeUndefined();
  });
});
