import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../support/host.ts";
import { type Lead, makeProject, type Project } from "./support/lead.ts";
import { bash, submit, worker } from "./support/rules.ts";

let project: Project;
let lead: Lead;
/** Another session: it looks, and is not woken. */
let watcher: Lead;
beforeAll(async () => {
  project = await makeProject();
  const limits = { nudgeAfterMs: 3_000, abortAfterMs: 6_000, silenceMaxMs: 9_000, toolMaxMs: 11_000 };
  await project.settings({ limits, retries: { backoffMs: 0, lostMax: 1 } });
  const asked = "/There was no sign of work|Your last step gave no sign of life/";
  await project.script("1-silence", [
    // Asked to go on after an abort, one of the models does; the other falls silent again.
    { name: "goes on", when: { prompt: asked, model: "/second|third/" }, turns: [[submit("went on")]] },
    { name: "stays silent", when: { prompt: asked }, turns: [[{ hang: true }]] },
    {
      name: "again",
      when: { prompt: "/Attempt 1 of this task did not do \\(stuck\\)/" },
      turns: [[submit("at last")]],
    },
    worker("hang", [{ hang: true }]),
    worker("sleep", [bash("sleep 1000")]),
  ]);
  [lead, watcher] = await Promise.all([project.lead(), project.lead()]);
});
afterAll(() => project.end());

it("a worker that hangs is nudged, aborted, ended and tried again, and status shows each step", async () => {
  const tasks = [
    { id: "stuck", agent: "executor", task: "[hang]" },
    { id: "wakes", agent: "executor", task: "[hang] too", model: "scripted/second", writes: "none" },
    { id: "tool", agent: "executor", task: "[sleep]", model: "scripted/third", writes: "none" },
  ];
  const { runId, answer } = await lead.run({ tasks, background: true });
  await answer();
  const seen = new Set<string>();
  await until("the run is over", async () => {
    const { text, details } = await watcher.call({ action: "status", run: runId });
    for (const [shown] of text.matchAll(/quiet for \d+s, (nudged|turn aborted) \d+s ago/g))
      seen.add(shown.replaceAll(/\d+s/g, "…"));
    return !["queued", "running"].includes(String(details.status));
  });
  expect([...seen].sort()).toEqual(["quiet for …, nudged … ago", "quiet for …, turn aborted … ago"]);

  const events = await project.journal(runId);
  const lifeOf = (id: string): string[] =>
    events.flatMap((event) => {
      if (!("task" in event) || event.task !== id) return [];
      if (event.type === "attempt.escalated") return [`${event.step} ${event.attempt}`];
      if (event.type === "attempt.stopping") return [`${event.cause} ${event.attempt}`];
      return event.type === "attempt.ended" ? [`${event.outcome.kind} ${event.attempt}`] : [];
    });
  expect(lifeOf("stuck")).toEqual(["nudge 1", "abort 1", "stuck 1", "lost 1", "completed 2"]);
  expect(lifeOf("wakes")).toEqual(["nudge 1", "abort 1", "completed 1"]);
  expect(lifeOf("tool")).toEqual(["nudge 1", "abort 1", "completed 1"]);
  const { text } = await watcher.call({ action: "status", run: runId, task: "stuck" });
  expect(text).toMatch(
    /Attempt 1: turn aborted after \d+s without a sign of life; lost \(stuck\).*its turn was aborted/,
  );
});
