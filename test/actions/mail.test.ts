import { describe, expect, it } from "vitest";
import { perform } from "../../src/actions/perform.ts";
import { completed } from "../support/plan.ts";
import type { Script } from "./fake-engine.ts";
import { definitions, world } from "./world.ts";

const root = definitions();
const slow: Script = {
  work: (task) => ({ afterMs: 3_600_000, outcome: completed(`${task} done`) }),
  stopsAfterMs: 100,
};
const tasks = [
  { id: "a", agent: "explorer", task: "look", writes: "none" },
  { id: "b", agent: "explorer", task: "look elsewhere", writes: "none" },
];

/** A live run of two tasks; those that are named have asked something. */
async function asking(...askers: readonly string[]) {
  const { context, engine, as } = world(root(), slow);
  await perform("run", { tasks }, as({ returnsAtOnce: true }));
  const [runId = ""] = engine.runs.keys();
  await context.clock.sleep(1_000);
  for (const task of askers) {
    const mail = { id: `${task}-1-q1`, to: "lead", kind: "question", text: `why ${task}?` } as const;
    engine.report(runId, { kind: "wrote", task, attempt: 1, mail: { ...mail, options: ["so", "not so"] } });
  }
  return { context, runId, engine };
}

describe("questions", () => {
  it("are shown by status and wait, with the call that answers", async () => {
    const { context, runId } = await asking("a");
    for (const action of ["status", "wait", "inbox"]) {
      const { text } = await perform(action, {}, context);
      expect(text).toContain("why a?");
      expect(text).toContain("so | not so");
      expect(text).toContain(`team respond run=${runId} name=a-1-q1 message="…"`);
    }
  });

  it("that are approvals are shown with the verdicts they take, and take nothing else", async () => {
    const { context, runId, engine } = await asking();
    const mail = { id: "a-1-q1", to: "lead", kind: "approval", text: "May I push?" } as const;
    engine.report(runId, { kind: "wrote", task: "a", attempt: 1, mail });
    for (const action of ["status", "wait", "inbox"]) {
      const { text } = await perform(action, {}, context);
      expect(text).toMatch(/Task a waits for approval \(\d+s ago, without a deadline\):\n {2}May I push\?/);
      expect(text).toContain(
        `respond run=${runId} name=a-1-q1 message="approve" or message="reject: <reason>"`,
      );
    }
    const vague = await perform("respond", { message: "well" }, context);
    expect(vague.text).toContain('"well" decides nothing: answer "approve" or "reject: <reason>"');
    expect(await perform("respond", { message: "approve" }, context)).toMatchObject({ ok: true });
  });

  it("must be told apart where there are several, by id or by task", async () => {
    const { context } = await asking("a", "b");
    const vague = await perform("respond", { message: "so" }, context);
    expect(vague.details.problems?.[0]?.remedy).toContain("a-1-q1 (why a?); b-1-q1 (why b?)");
    expect(await perform("respond", { message: "so", name: "b" }, context)).toMatchObject({ ok: true });
    expect(await perform("respond", { message: "so" }, context)).toMatchObject({ ok: true });
    const none = await perform("respond", { message: "so" }, context);
    expect(none).toMatchObject({ ok: false });
    expect(none.text).toContain("asks nothing");
  });
});

it.each(["respond", "steer", "send"])(
  "%s says nothing without a message, and nothing to a run that is over",
  async (name) => {
    const { context } = await asking("a");
    expect((await perform(name, name === "respond" ? {} : { task: "a" }, context)).text).toContain(
      "nothing to say",
    );
    await perform("cancel", { run: "last" }, context);
    expect(
      (await perform(name, { message: "x", ...(name !== "respond" && { task: "a" }) }, context)).text,
    ).toContain("is over");
  },
);

it("mail to a role that nobody has is refused, mail to all is on record", async () => {
  const { context } = await asking();
  const refused = await perform("send", { message: "x", task: "role:nobody" }, context);
  expect(refused.text).toContain("the run has no role nobody");
  expect(await perform("send", { message: "hello all" }, context)).toMatchObject({ ok: true });
  expect((await perform("steer", { message: "go left", task: "b" }, context)).text).toContain(
    "Recorded: b gets it",
  );
  const { text } = await perform("inbox", {}, context);
  expect(text).toContain("to all: hello all");
  expect(text).toContain("to b: go left");
  expect((await perform("inbox", { task: "a" }, context)).text).not.toContain("go left");
});

describe("steer", () => {
  it("with stop says what became of the task, and the next message goes on with it", async () => {
    const { context } = await asking("b");
    const long = await perform("steer", { task: "a", message: "x".repeat(32_001) }, context);
    expect(long.text).toContain("write the rest to a file");
    await perform("send", { task: "b", message: "one" }, context);
    const held = await perform("steer", { task: "b", message: "two", force: true }, context);
    expect(held.text).toMatch(/b waits for an answer .* name=b-1-q1/);
    expect((await perform("status", {}, context)).text).toContain("2 instructions queued");
    const waiting = await perform("steer", { task: "b", message: "STOP!" }, context);
    expect(waiting.text).toContain("b is waiting: nothing of it runs. 2 undelivered instructions withdrawn.");
    const stopped = await perform("steer", { task: "a", message: "stop" }, context);
    expect(stopped.text).toMatch(/a was stopped; its worker has not confirmed that.*It waits: team steer/);
    const on = await perform("steer", { task: "a", message: "go on" }, context);
    expect(on.text).toContain("Task a has its answer");
  });
});
