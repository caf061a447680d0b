import { expect, it } from "vitest";
import { decisionOf } from "../../src/core/decision.ts";
import type { Mail } from "../../src/core/mail.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { plan, task } from "../support/plan.ts";
import { History } from "./history.ts";

it.each([
  ["approve", { verdict: "approve", scope: "once" }],
  [" Approved. ", { verdict: "approve", scope: "once" }],
  ["approve for the task", { verdict: "approve", scope: "task" }],
  ["approve for run", { verdict: "approve", scope: "run" }],
  ["reject", { verdict: "reject", reason: "" }],
  ["Reject: not this way,\nbut that", { verdict: "reject", reason: "not this way,\nbut that" }],
  ["yes", undefined],
  ["approve the rest, but not this", undefined],
  ["do not approve", undefined],
  ["", undefined],
])("%j decides %j", (text, decision) => {
  expect(decisionOf(text)).toEqual(decision);
});

const tool = { kind: "tool", tool: "bash", input: "rm -r build", rule: "bash rm*" } as const;

function asking(change: Partial<Mail> = {}, deadlineMs?: number) {
  const history = History.started(plan(task("a")), { settings: { ...defaultSettings, concurrency: 1 } });
  history.command({ kind: "tick" });
  const mail = { id: "q1", to: "lead", kind: "approval", text: "may I?", about: tool, ...change } as const;
  const limit = deadlineMs === undefined ? {} : { deadlineMs };
  const posted = history.command({ kind: "wrote", task: "a", attempt: 1, mail, ...limit });
  const answer = (text: string, id = "r1") =>
    history.command({ kind: "respond", id, by: "me", question: "q1", text, owner: { sessionId: "s2" } });
  return { history, posted, answer };
}

it("an approval makes its task wait like a question, and takes nothing but a verdict", () => {
  const { history, answer } = asking();
  expect(history.task("a").status).toBe("waiting");
  const reason = 'it is an approval, and "sure" decides nothing: answer "approve" or "reject: <reason>"';
  expect(answer("sure")).toEqual([{ type: "request.refused", request: "r1", reason }]);
  // A scope that nobody offered is none.
  expect(answer("approve for run", "r2")).toMatchObject([{ type: "request.refused" }]);
  expect(history.task("a").status).toBe("waiting");
  expect(answer("reject: never", "r3")).toMatchObject([
    { type: "mail.posted", mail: { text: "reject: never" } },
  ]);
  expect(history.task("a").status).toBe("running");
});

it("a wider scope counts where it is offered", () => {
  const { answer } = asking({ options: ["approve", "approve for run", "reject: <reason>"] });
  expect(answer("approve for task")).toMatchObject([{ type: "request.refused" }]);
  expect(answer("approve for run", "r2")).toMatchObject([{ type: "mail.posted" }]);
});

it("what happens to an approval without an answer is a verdict, too", () => {
  expect(asking({ fallback: "go on" }, 5_000).posted).toMatchObject([{ type: "request.refused" }]);
  const { history, posted } = asking({ fallback: "reject: nobody was there" }, 5_000);
  expect(posted).toMatchObject([{ type: "mail.posted" }]);
  history.now += 5_000;
  history.command({ kind: "tick" });
  expect(history.run().letters.at(-1)?.mail).toMatchObject({
    from: "muster",
    text: "reject: nobody was there",
  });
  expect(history.task("a").status).toBe("running");
});

it.each([
  ["approve for run", "b", true],
  ["approve for task", "a", true],
  ["approve for task", "b", false],
  ["approve", "a", false],
  ["reject: never", "a", false],
])("after %j for a rule, task %s has its next call granted: %s", (verdict, asker, isGranted) => {
  const options = ["approve", "approve for task", "approve for run"];
  const history = History.started(plan(task("a"), task("b")));
  history.command({ kind: "tick" });
  const write = (id: string, from: string, change: object = {}) => {
    const about = { ...tool, ...change };
    const mail = { id, to: "lead", kind: "approval", text: "may I?", options, about } as const;
    const events = history.command({ kind: "wrote", task: from, attempt: 1, mail });
    return events.map((event) => (event.type === "mail.posted" ? event.mail : event));
  };
  write("q1", "a");
  const owner = { sessionId: "s2" };
  history.command({ kind: "respond", id: "r1", by: "me", question: "q1", text: verdict, owner });
  // The answer goes first: at no moment is there an open question.
  const granted = { from: "muster", to: asker, kind: "answer", text: verdict, replyTo: "q2", by: "me" };
  expect(write("q2", asker)).toMatchObject(isGranted ? [granted, { id: "q2" }] : [{ id: "q2" }]);
  expect(history.task(asker).status).toBe(isGranted ? "running" : "waiting");
  if (isGranted) expect(write("q3", asker, { rule: "another" })).toMatchObject([{ id: "q3" }]);
});

it("a grant outlives its worker and its driver", () => {
  const options = ["approve", "approve for task"];
  const { history, answer } = asking({ options });
  answer("approve for task");
  history.takeLease();
  history.command({ kind: "take_over", salvaged: new Map() });
  history.now += 60_000;
  history.command({ kind: "tick" });
  const mail = { id: "q2", to: "lead", kind: "approval", text: "may I?", about: tool, options } as const;
  history.command({ kind: "wrote", task: "a", attempt: 2, mail });
  expect(history.run().letters.map(({ mail: { id, text } }) => `${id} ${text}`)).toEqual([
    "q1 may I?",
    "r1 approve for task",
    "q2-granted approve for task",
    "q2 may I?",
  ]);
  expect(history.task("a")).toMatchObject({ status: "running", attempts: 2 });
});
