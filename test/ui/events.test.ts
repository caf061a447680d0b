import { expect, test } from "vitest";
import { draw, momentOf } from "../../src/ui/dashboard/draw.ts";
import { press } from "../../src/ui/dashboard/keys.ts";
import { type Dashboard, noDashboard } from "../../src/ui/dashboard/scene.ts";
import { plainTheme } from "../../src/ui/theme.ts";
import { sceneOf, shopRun } from "./screens.ts";

const screen = [100, 40] as const;

test("a record is said in words, and shown whole until it is closed, whatever comes meanwhile", () => {
  const history = shopRun();
  const scene = sceneOf([history]);
  const after = (state: Dashboard, key: string): Dashboard =>
    press(momentOf(state, scene, history.now, ...screen), key).state;
  const drawn = (state: Dashboard, shown = scene): string =>
    draw(state, shown, history.now, ...screen, plainTheme).join("\n");
  const pane: Dashboard = { ...noDashboard, pane: "events", focus: "pane", isAlone: true };
  expect(drawn(pane)).toMatch(/cart\/1 attempt ready/);
  expect(drawn(pane)).toContain("enter read all of it");
  for (const key of ["enter", "v"]) {
    const page = after(after(pane, "up"), key);
    expect(drawn(page)).toContain('"type": "attempt.ready"');
    const more = scene.run && {
      ...scene,
      run: { ...scene.run, events: [...scene.run.events, ...history.events] },
    };
    expect(drawn(page, more)).toBe(drawn(page));
  }
  // The newest is followed until another one is chosen, and again from the end on.
  expect(after(pane, "up").at.events).toBe(history.events.length - 2);
  expect(after(after(pane, "up"), "down").at.events).toBeUndefined();
  expect(after(after(pane, "enter"), "escape").at.events).toBe(history.events.length - 1);
});
