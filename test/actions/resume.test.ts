import { expect, it } from "vitest";
import { perform } from "../../src/actions/perform.ts";
import { completed } from "../support/plan.ts";
import { definitions, world } from "./world.ts";

const root = definitions();
const works = { work: () => ({ afterMs: 1_000, outcome: completed() }), stopsAfterMs: 10 };

it("goes on with a parked run, which then belongs to the session that asked", async () => {
  const { context, engine, as } = world(root(), works);
  const started = await perform("run", { goal: "g" }, { ...context, returnsAtOnce: true });
  const runId = started.details.runId ?? "";
  engine.report(runId, { kind: "owner_gone" });
  await perform("wait", { run: runId }, context);
  const answer = await perform("resume", { run: runId }, as({}, { sessionId: "session-2" }));
  expect(answer).toMatchObject({ ok: true, details: { status: "completed" } });
  const state = engine.runs.get(runId)?.state;
  expect(state?.status === "queued" ? undefined : state?.terms.owner.sessionId).toBe("session-2");
});

it("of two sessions that go on with a run at once has one, and the other is told whose it is", async () => {
  const { context, engine, as } = world(root(), works);
  const started = await perform("run", { goal: "g" }, { ...context, returnsAtOnce: true });
  const run = started.details.runId ?? "";
  engine.report(run, { kind: "owner_gone" });
  await perform("wait", { run }, context);
  const sessions = ["session-2", "session-3"].map((sessionId) => as({}, { sessionId }));
  const answers = await Promise.all(
    sessions.map((session) => perform("resume", { run, background: true }, session)),
  );
  expect(answers.map(({ ok }) => ok)).toEqual([true, false]);
  expect(answers[1]?.text).toContain("session session-2 goes on with it already");
});

it("takes a run that another session has just asked for only by force", async () => {
  const { context, as } = world(root(), { ...works, unmanned: true });
  const { details } = await perform("run", { goal: "g" }, { ...context, returnsAtOnce: true });
  const resume = { run: details.runId, background: true };
  const other = as({}, { sessionId: "session-2" });
  const answer = await perform("resume", resume, other);
  expect(answer).toMatchObject({ ok: false, text: expect.stringContaining("has not begun") });
  const forced = await perform("resume", { ...resume, force: true, reason: "its session is gone" }, other);
  expect(forced).toMatchObject({ ok: true, details: { status: "running" } });
});

it("says of a run that ended while it was to go on that it is over", async () => {
  const { context, engine } = world(root(), { ...works, stopsAfterMs: 10 });
  const started = await perform("run", { goal: "g" }, { ...context, returnsAtOnce: true });
  const run = started.details.runId ?? "";
  engine.report(run, { kind: "owner_gone" });
  await perform("wait", { run }, context);
  const send = engine.send.bind(engine);
  engine.send = async (runId, request) => {
    await send(runId, { id: "c", kind: "cancel", by: "me", reason: "" });
    await send(runId, request);
  };
  const answer = await perform("resume", { run, background: true }, context);
  expect(answer).toMatchObject({ ok: false, details: { status: "cancelled" } });
  expect(answer.text).toContain("is over");
});

it("refuses a finished run and one that is being driven, with the remedy", async () => {
  const { context } = world(root(), { stopsAfterMs: 10 });
  const started = await perform("run", { goal: "g", background: true }, context);
  const run = started.details.runId;
  const driven = await perform("resume", { run }, context);
  expect(driven).toMatchObject({ ok: false, details: { problems: [{ where: "run" }] } });
  expect(driven.text).toContain("team wait");
  const done = world(root(), works).context;
  await perform("run", { goal: "g" }, done);
  const over = await perform("resume", {}, done);
  expect(over).toMatchObject({ ok: false });
  expect(over.text).toContain("completed");
});

it("gives a driver to a run that never got one, and waits until it is driven", async () => {
  const { context } = world(root(), { ...works, unmanned: true });
  const started = await perform("run", { goal: "g" }, { ...context, returnsAtOnce: true });
  const run = started.details.runId ?? "";
  const answer = await perform("resume", { run, background: true }, context);
  expect(answer).toMatchObject({ ok: true, details: { status: "running" } });
  expect((await perform("wait", { run }, context)).details.status).toBe("completed");
});
