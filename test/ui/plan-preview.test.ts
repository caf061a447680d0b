import { expect, test } from "vitest";
import { draw, momentOf } from "../../src/ui/dashboard/draw.ts";
import { press } from "../../src/ui/dashboard/keys.ts";
import { type Dashboard, type Intent, noDashboard } from "../../src/ui/dashboard/scene.ts";
import { plainTheme } from "../../src/ui/theme.ts";
import type { History } from "../core/history.ts";
import { approvals, pastRun, proposed, sceneOf } from "./screens.ts";

/** The graph of the first of these runs, as somebody who has opened it uses it. */
function opened(columns: number, ...histories: readonly History[]) {
  const scene = sceneOf(histories);
  const now = histories[0]?.now ?? 0;
  let state: Dashboard = { ...noDashboard, focus: "pane" };
  return {
    keys(...names: readonly string[]): Intent | undefined {
      const steps = names.map((name) => {
        const step = press(momentOf(state, scene, now, columns, 40), name);
        state = step.state;
        return step.intent;
      });
      return steps.at(-1);
    },
    text: () => draw(state, scene, now, columns, 40, plainTheme).join("\n"),
  };
}

const run = "20261121-090000-000-abcde";
const respond = (message: string): Intent => ({
  ...{ kind: "perform", action: "respond" },
  parameters: { run, name: "plan-1", message },
});

test("a plan that waits is approved, rejected with a reason and edited from its graph", () => {
  const { keys, text } = opened(120, proposed());
  expect(text()).toContain("\ny approve · n reject · e edit ·");
  expect(keys("y")).toEqual(respond("approve"));
  expect(keys("n")).toBeUndefined();
  expect(text()).toContain("reject the plan, because");
  expect(keys(..."too dear", "enter")).toEqual(respond("reject: too dear"));
  expect(keys("e")).toEqual({ kind: "edit", run });
  // Whoever searches goes on with n.
  expect(keys("/", ..."verify", "enter", "n", "y")).toEqual(respond("approve"));
});

test("the keys are no promise where they would do nothing", () => {
  const elsewhere = opened(120, proposed());
  for (const key of ["e", "y"]) expect(elsewhere.keys("3", key)).toBeUndefined();
  const others = opened(120, approvals());
  expect(others.text()).not.toContain("e edit");
  for (const keys of [["e"], ["4", "e"]]) expect(others.keys(...keys)).toBeUndefined();
});

test("the goal stands where a task's text asks for it, as its worker reads it", () => {
  const { keys, text } = opened(120, proposed("Do this: {goal}. Leave {braces}."));
  expect(text()).toContain("Do this: Vouchers must take their share. Leave {braces}.");
  keys("v");
  expect(text()).toContain("Do this: Vouchers must take their share. Leave {braces}.");
});

test("what the plan takes rests on earlier runs, or is said to be unknown", () => {
  const known = opened(120, proposed(), pastRun()).text();
  expect(known).toContain("about 11m30s, ↑96k ↓7.2k $0.25, as 8 tasks of 1 earlier run took");
  expect(opened(120, proposed()).text()).toMatch(/no earlier run of this kind tells .*none by explorer/);
});

test.each([40, 120])("in %d columns the chosen task can be read whole", (columns) => {
  const { keys, text } = opened(columns, proposed());
  keys("down", "down", "v");
  const shown = text().replace(/\s+/g, " ");
  expect(shown).toContain("cart: executor · default · after plan · writes src/** · its result waits for");
  expect(shown.split("Tell what you found, and where.")).toHaveLength(7);
});
