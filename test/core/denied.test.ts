import { expect, it } from "vitest";
import { runView } from "../../src/core/run-view.ts";
import { failed, plan, task } from "../support/plan.ts";
import { History } from "./history.ts";

it("calls that workers were kept from are counted over all attempts, those of others not", () => {
  const history = History.started(plan(task("a")));
  history.command({ kind: "tick" });
  const call = { tool: "bash", what: "git push", reason: "no", by: "muster" };
  const denied = (attempt: number, times?: number) =>
    history.command({ kind: "denied", task: "a", attempt, call: { ...call, ...(times && { times }) } });
  expect(denied(1)).toEqual([{ type: "attempt.denied", task: "a", attempt: 1, ...call }]);
  history.command({ kind: "ended", task: "a", attempt: 1, outcome: failed() });
  expect(denied(1)).toEqual([]);
  history.now += 60_000;
  history.command({ kind: "tick" });
  denied(2, 4);
  expect(runView(history.state, history.now)?.tasks[0]).toMatchObject({ attempts: 2, denied: 5 });
});
