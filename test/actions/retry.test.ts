import { expect, it } from "vitest";
import { perform } from "../../src/actions/perform.ts";
import { completed, failed } from "../support/plan.ts";
import { definitions, world } from "./world.ts";

const root = definitions();
/** `look` completes; `work`, which builds on it, fails until it may not. */
function failing() {
  let isBroken = true;
  const worked: string[] = [];
  const made = world(root(), {
    work: (task) => {
      worked.push(task);
      const outcome = task === "work" && isBroken ? failed({ retryable: false }) : completed(`${task} done`);
      return { afterMs: 100, outcome };
    },
    stopsAfterMs: 10,
  });
  const mend = (): void => {
    isBroken = false;
  };
  return { ...made, worked, mend };
}

it.each(["retry", "resume"])(
  "%s of a failed run is a new run that keeps what finished and says why the rest is done again",
  async (action) => {
    const { context, engine, as, worked, mend } = failing();
    const old = (await perform("run", { goal: "g" }, context)).details.runId ?? "";
    mend();
    const answer = await perform(action, { run: old }, as({}, { sessionId: "session-2" }));
    expect(answer).toMatchObject({ ok: true, details: { status: "completed" } });
    const runId = answer.details.runId ?? "";
    expect(runId).not.toBe(old);
    expect(answer.text).toContain("1 finished task reused (look), 1 to do:\n- work: it failed (self_exit)");
    expect(answer.text).toContain(`reused from ${old}`);
    expect(worked).toEqual(["look", "work", "work"]);
    const [listing] = await engine.list(runId);
    expect(listing).toMatchObject({
      manifest: { continuedFrom: old, owner: { sessionId: "session-2" }, tasks: [{ reusedFrom: old }, {}] },
    });
  },
);

it("refuses what is live, what is completed, and what was retried already", async () => {
  const { context, mend } = failing();
  const old = (await perform("run", { goal: "g" }, context)).details.runId ?? "";
  mend();
  const next = (await perform("retry", { run: old }, context)).details.runId ?? "";
  const again = await perform("retry", { run: old }, context);
  expect(again).toMatchObject({ ok: false });
  expect(again.text).toContain(next);
  expect((await perform("retry", { run: next }, context)).text).toContain("completed");
  const { context: other } = world(root(), {});
  await perform("run", { goal: "g", background: true }, other);
  expect((await perform("retry", {}, other)).text).toContain("not over");
});

it("takes a run from a session that lives only with force and a reason, which is recorded", async () => {
  const host = { pid: 7, startTime: "1", bootId: "b" };
  const { engine, as } = world(root(), { stopsAfterMs: 10 });
  const owner = as({}, { host });
  const run = (await perform("run", { goal: "g", background: true }, owner)).details.runId ?? "";
  const other = as({ probe: async () => "alive" }, { sessionId: "session-2" });
  const refused = await perform("resume", { run }, other);
  expect(refused.text).toContain("session-1");
  expect((await perform("resume", { run, force: true }, other)).text).toContain("reason");
  const taken = await perform(
    "resume",
    { run, force: true, reason: "s3cret lunch", background: true },
    other,
  );
  expect(taken.ok).toBe(true);
  const { events } = await engine.read(run);
  expect(events.findLast(({ type }) => type === "run.resumed")).toMatchObject({
    owner: { sessionId: "session-2" },
    reason: "[redacted] lunch",
  });
});

it.each([
  ["as it did before, where nobody waits for it", {}, { returnsAtOnce: true }, true],
  ["as asked", { background: false }, { returnsAtOnce: true }, false],
  ["for a call that waits, before its eyes", {}, {}, false],
])("a background run goes on %s", async (_, asked, mode, expected) => {
  const { context, as, engine } = failing();
  const { runId: old = "" } = (await perform("run", { goal: "g", background: true }, context)).details;
  await perform("wait", { run: old }, context);
  const answer = await perform("retry", { run: old, ...asked }, as(mode));
  const [listing] = await engine.list(answer.details.runId ?? "");
  expect(listing).toMatchObject({ manifest: { background: expected } });
});
