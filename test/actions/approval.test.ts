import { expect, it } from "vitest";
import { perform } from "../../src/actions/perform.ts";
import { definitions, graph, works, world } from "./world.ts";

const root = definitions();

/** A plan that waits for approval, kept by the session of `context`. */
async function proposed() {
  const { context, engine, as, clock } = world(root(), works);
  const kept = await perform("plan", { tasks: graph, confirm: true }, context);
  const [runId = ""] = engine.runs.keys();
  const started = () =>
    engine.runs.get(runId)?.events.filter(({ type }) => type === "attempt.started").length;
  return { context, as, clock, kept, runId, started };
}

it("a plan that is kept waits for approval, which is shown with everything that one must know", async () => {
  const { context, kept, runId, started, clock } = await proposed();
  await clock.sleep(3_600_000);
  expect(kept.ok).toBe(true);
  const { text, details } = await perform("status", {}, context);
  for (const shown of [kept.text, text]) {
    expect(shown).toContain("The plan waits for approval");
    expect(shown).toContain("- b [executor] scripted/one, write, writes src/**, after a");
    expect(shown).toContain(
      `team respond run=${runId} name=plan-1 message="approve" or message="reject: <reason>"`,
    );
    expect(shown).toMatch(/\(\S+ ago, without a deadline\)/);
  }
  expect(text).toContain("c [explorer] pending the plan waits for approval");
  expect(details).toMatchObject({ runId, status: "waiting" });
  expect(started()).toBe(0);
  await perform("respond", { message: "approve" }, context);
  expect((await perform("wait", {}, context)).details.status).toBe("completed");
});

it("a rejected plan ends its run with the reason, whoever rejects it", async () => {
  const { as, started } = await proposed();
  const other = as({}, { sessionId: "session-2" });
  await perform("respond", { message: "reject: too much" }, other);
  const { text, details } = await perform("status", {}, other);
  expect(details).toMatchObject({ status: "cancelled" });
  expect(text).toContain("rejected: too much (from another session)");
  expect(started()).toBe(0);
});

it("an edit names everything that is wrong with it, changes the plan, and makes the old approval worthless", async () => {
  const { context, runId } = await proposed();
  const bad = [{ id: "a" }, { id: "new", agent: "nobody", task: "x", dependsOn: ["c"] }];
  const refused = await perform("respond", { tasks: bad }, context);
  expect(refused.text).toContain('"nobody"');
  expect(refused.text).toContain('depends on "c", which is not in the plan');
  const better = [
    { id: "a" },
    { id: "b", gate: "approval" },
    { id: "d", agent: "explorer", task: "look again" },
  ];
  const edited = await perform("respond", { tasks: better }, context);
  expect(edited.text).toMatch(
    /revision 2, 3 tasks.*\n.*\n- a \[explorer\].*\n- b \[executor\].* its result waits for/,
  );
  const stale = await perform("respond", { name: "plan-1", message: "approve" }, context);
  expect(stale.text).toContain("the plan is at revision 2 now");
  // Whoever edits a revision does not undo what another one made of it meanwhile.
  const blind = await perform("respond", { name: "plan-1", tasks: [{ id: "a" }] }, context);
  expect(blind.text).toContain("that is about revision 1, and the plan is at revision 2 now");
  expect(await perform("respond", { message: "approve" }, context)).toMatchObject({ ok: true });
  const step = await perform("wait", {}, context);
  expect(step.details.status).toBe("waiting");
  expect(step.text).toContain(`team respond run=${runId} name=b-1-gate message="approve"`);
  const unread = await perform("steer", { task: "b", message: "do it over" }, context);
  expect(unread).toMatchObject({
    ok: false,
    text: expect.stringContaining("b is done and waits for approval"),
  });
  const late = await perform("respond", { tasks: better }, context);
  expect(late.text).toContain("waits for no approval");
});

it("an edit can be approved in one go, and nothing else can be said with it", async () => {
  const { context, started } = await proposed();
  const refused = await perform("respond", { tasks: [{ id: "c" }], message: "well" }, context);
  expect(refused).toMatchObject({ ok: false });
  await perform("respond", { tasks: [{ id: "c" }], message: "approve" }, context);
  const { details } = await perform("wait", {}, context);
  expect(details).toMatchObject({ status: "completed", counts: { completed: 1 } });
  expect(started()).toBe(1);
});

it("a run asks for approval of its plan where the settings or its workflow say so", async () => {
  const { writeFile } = await import("node:fs/promises");
  const { context } = world(root(), works);
  await writeFile(context.settingsFiles.user, '{ "requireApproval": true }');
  await writeFile(context.settingsFiles.project ?? "", '{ "requireApproval": false }');
  const { ok, text } = await perform("run", { tasks: graph }, context);
  expect(text).toContain("The run waits for approval.");
  // To be asked is no failure.
  expect(ok).toBe(true);
  for (const file of Object.values(context.settingsFiles)) await writeFile(file, "{}");
});
