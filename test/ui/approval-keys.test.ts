import { expect, test } from "vitest";
import { draw, momentOf } from "../../src/ui/dashboard/draw.ts";
import { press } from "../../src/ui/dashboard/keys.ts";
import { chosenRun } from "../../src/ui/dashboard/runs.ts";
import { type Dashboard, type Intent, noDashboard, type Scene } from "../../src/ui/dashboard/scene.ts";
import { plainTheme } from "../../src/ui/theme.ts";
import type { History } from "../core/history.ts";
import { approvals, sceneOf } from "./screens.ts";

const room = { workers: 9, writer: true };

/** A dashboard of these histories, as somebody uses it. */
function opened(...histories: readonly History[]) {
  let state: Dashboard = noDashboard;
  let scene: Scene = sceneOf(histories);
  const now = histories[0]?.now ?? 0;
  return {
    keys(...names: readonly string[]): Intent | undefined {
      const steps = names.map((name) => {
        const step = press(momentOf(state, scene, now, 120, 30), name);
        state = step.state;
        return step.intent;
      });
      return steps.at(-1);
    },
    sees: (...seen: readonly History[]) => {
      scene = sceneOf(seen);
    },
    state: () => state,
    text: () => draw(state, scene, now, 120, 30, plainTheme).join("\n"),
  };
}

const respond = (run: string, name: string, message: string): Intent => ({
  ...{ kind: "perform", action: "respond" },
  parameters: { run, name, message },
});
const house = "20261121-110000-000-abcde";

test("y approves, n rejects with a reason, enter proposes both, and the screen says so before", () => {
  const { keys, text } = opened(approvals());
  expect(text()).toContain("needs you: paint asks for approval: it is done.");
  keys("4");
  expect(text()).toMatch(/y approves · n rejects with a reason[\s\S]*\ny approve · n reject · enter answer/);
  expect(keys("y")).toEqual(respond(house, "paint-1-gate", "approve"));
  expect(keys("n", ..."too blue", "enter")).toEqual(respond(house, "paint-1-gate", "reject: too blue"));
  expect(keys("n", " ", "enter")).toBeUndefined();
  expect(keys("n", "escape")).toBeUndefined();
  expect(keys("enter", "down", "enter")).toEqual(respond(house, "paint-1-gate", "approve"));
  expect(keys("enter", "down", "down", ..."no", "enter")).toEqual(
    respond(house, "paint-1-gate", "reject: no"),
  );
});

test("where keys go to the list of runs the pane does not promise them", () => {
  const { keys, text } = opened(approvals());
  keys("tab", "tab", "tab");
  expect(text()).toContain("[4 Mail (2)]");
  expect(keys("y")).toBeUndefined();
  expect(text()).not.toContain("y approve");
  expect(text()).toContain("enter opens the run");
});

test("what a task did is approved or rejected also where the task is looked at, and its diff is read", () => {
  const { keys, text } = opened(approvals());
  keys("enter", "down");
  expect(text()).toMatch(/▸ \? wire [\s\S]*\ny approve · n reject · enter/);
  expect(keys("y")).toEqual(respond(house, "wire-1-gate", "approve"));
  keys("5");
  expect(text()).toContain("\ny approve · n reject");
  expect(keys("n", ..."no", "enter")).toEqual(respond(house, "wire-1-gate", "reject: no"));
  keys("6");
  expect(keys("y")).toBeUndefined();
});

test("what comes, ends or is answered meanwhile never gets the answer to what was chosen", () => {
  const history = approvals();
  const { keys, sees, state, text } = opened(history);
  keys("4");
  const request = { id: "r", by: "s", owner: { sessionId: "s" }, question: "paint-1-gate", text: "approve" };
  history.command({ kind: "respond", ...request }, room);
  sees(history);
  expect(text()).toContain("[4 Mail (1)]");
  expect(keys("y")).toBeUndefined();
  expect(keys("r", "y")).toEqual(respond(house, "wire-1-gate", "approve"));
  // Another run comes, first of the list: what is looked at stays.
  const { listings } = sceneOf([approvals("", "20261121-120000-000-abcde"), history]);
  expect(chosenRun(noDashboard, { listings })?.runId).not.toBe(house);
  expect(chosenRun(state(), { listings })?.runId).toBe(house);
});

test("a letter that is too long for the pane says so, and is read whole", () => {
  const { keys, text } = opened(approvals(Array.from({ length: 40 }, (_, at) => `part ${at}`).join("\n")));
  keys("4");
  expect(text()).toContain("v shows all");
  expect(text()).not.toContain("part 20");
  keys("v");
  expect(text()).toContain("part 20");
  keys("pageDown");
  expect(text()).toContain("part 39");
  keys("escape");
  expect(text()).toContain("[4 Mail (2)]");
});
