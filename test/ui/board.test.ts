import { expect, test } from "vitest";
import { draw, momentOf } from "../../src/ui/dashboard/draw.ts";
import { press } from "../../src/ui/dashboard/keys.ts";
import { chosenRun } from "../../src/ui/dashboard/runs.ts";
import { type Dashboard, type Intent, noDashboard, type Scene } from "../../src/ui/dashboard/scene.ts";
import { plainTheme } from "../../src/ui/theme.ts";
import { looks } from "./screens.ts";

const look = looks.board?.();
if (look === undefined) throw new Error("no board");
const { scene, now } = look;

/** The board after these keys. */
function used(keys: readonly string[], of: Scene = scene, width = 120) {
  let state: Dashboard = { ...noDashboard, isBoard: true };
  const intents: Intent[] = [];
  for (const key of keys) {
    const step = press(momentOf(state, of, now, width, 24), key);
    state = step.state;
    if (step.intent !== undefined) intents.push(step.intent);
  }
  const text = (): string => draw(state, of, now, width, 24, plainTheme).join("\n");
  return { state, intents, text, runId: chosenRun(state, of)?.runId };
}

const open = scene.run?.view.runId ?? "";
const perform = (action: string, parameters: object): Intent => ({
  kind: "perform",
  action,
  parameters: { ...parameters },
});

test("arrows go between cards and columns and stay within them", () => {
  expect(used([]).runId).toBe(open);
  expect(used(["up", "left"]).runId).toBe(open);
  expect(used(["down"]).runId).toMatch(/-0$/);
  expect(used(["down", "down", "down"]).runId).toMatch(/-0$/);
  // Waiting holds no card, and blocked two: what nobody drives, and what cannot be read.
  expect(used(["right"]).runId).toBe("lost");
  expect(used(["right", "down"]).runId).toBe("20261119-damaged");
  // Of a shorter column the last card is beside it; queued and waiting are stepped over.
  expect(used(["right", "down", "l", "tab", "right", "right", "right"]).text()).toMatch(/\[⊘ cancelled 1\]/);
  expect(used(["right", "down", "l", "h"]).runId).toBe("lost");
  expect(used(["G"]).runId).toBe(used(["end"]).runId);
});

test("a key on the board does what it does in the list", () => {
  expect(used(["x", "n"]).intents).toEqual([]);
  expect(used(["x", "y"]).intents).toEqual([perform("cancel", { run: open })]);
  expect(used(["s", "g", "o", "enter"]).intents).toEqual([
    perform("steer", { run: open, task: "prices", message: "go" }),
  ]);
  expect(used(["r"]).state).toMatchObject({ focus: "pane", pane: "mail" });
  expect(used(["/", ..."eight", "enter"]).runId).toMatch(/-0$/);
  expect(used(["/", ..."eight", "enter"]).text()).toMatch(/● running 1[\s\S]*\/eight/);
  const inside = used(["enter"]);
  expect(inside.state).toMatchObject({ focus: "pane", run: open });
  expect(inside.text()).toContain("[1 Tasks]");
  expect(used(["enter", "escape"]).text()).toContain("[● running 2]");
  expect(used(["b"]).text()).toContain("Team runs 7 here");
  expect(used(["b", "b"]).text()).toContain("[● running 2]");
  expect(used(["?"]).text()).toMatch(/tab right l +next column/);
  expect(used(["escape"]).intents).toEqual([{ kind: "close" }]);
});

test("a card says why its run stands or ended, as it was told, and of an older manifest in words of its cause", () => {
  const parked = scene.listings.flatMap((run) => ("manifest" in run ? [run] : []))[1];
  if (parked === undefined) throw new Error("none");
  const card = (more: object) => {
    const manifest = { ...parked.manifest, status: "blocked", cause: "owner_gone", ...more };
    return used([], { listings: [{ ...parked, manifest }] }, 200).text();
  };
  expect(card({ reason: "the session that asked has ended" })).toContain(
    "  the session that asked has ended",
  );
  expect(card({})).toContain("  its session has ended");
  expect(card({ cause: "of_tomorrow" })).toContain("  of_tomorrow");
  expect(card({})).not.toContain("owner_gone");
});

test("a narrow terminal shows a column at a time below the counts of all", () => {
  expect(used([], scene, 40).text()).toMatch(/^Team runs ○ 0 \[● 2\] \? 0 ■ 2 ✓ 1 ✗ 1 ⊘ 1\n[^│]*● running 2/);
  expect(used(["right"], scene, 40).text()).toMatch(/^Team runs .*\[■ 2\][\s\S]*■ blocked 2[\s\S]*no driver/);
  const many = scene.listings.flatMap((run) =>
    Array.from({ length: 400 }, (_, at) => ({ ...run, runId: `${run.runId}${at}` })),
  );
  expect(used([], { ...scene, listings: many }, 40).text()).toMatch(/^○ 0 \[● 800\] \? 0 ■ 800/);
});

test("a card that is chosen is seen, however many there are and however few rows", () => {
  const [run] = scene.listings;
  if (run === undefined) throw new Error("none");
  const listings = Array.from({ length: 60 }, (_, at) => ({ ...run, runId: `r${at}` }));
  for (const height of [1, 3, 4, 8, 9, 10, 24, 100])
    for (const at of [0, 1, 30, 58, 59]) {
      const state: Dashboard = { ...noDashboard, isBoard: true, run: `r${at}` };
      const lines = draw(state, { listings }, now, 60, height, plainTheme);
      expect(lines.filter((line) => line.includes("▸"))).toHaveLength(1);
    }
});
