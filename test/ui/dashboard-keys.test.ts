import { expect, test } from "vitest";
import { aimed } from "../../src/actions/command-line.ts";
import { draw, momentOf } from "../../src/ui/dashboard/draw.ts";
import { press } from "../../src/ui/dashboard/keys.ts";
import { chosenRun } from "../../src/ui/dashboard/runs.ts";
import { type Dashboard, noDashboard, type PaneName } from "../../src/ui/dashboard/scene.ts";
import { asciiTheme, plainTheme } from "../../src/ui/theme.ts";
import { end, looks, sceneOf, shopRun } from "./screens.ts";

/** The screen of a run after these keys in this pane. */
function used(
  name: string,
  pane: PaneName,
  keys: readonly string[],
  height = 40,
  theme = plainTheme,
): string {
  const look = looks[name]?.();
  if (look === undefined) throw new Error(name);
  const { scene, now } = look;
  let state: Dashboard = { ...noDashboard, pane, focus: "pane" };
  for (const key of keys) state = press(momentOf(state, scene, now, 120, height), key).state;
  return draw(state, scene, now, 120, height, theme).join("\n");
}

test("a search goes to what it finds at once, and says when there is nothing", () => {
  const sought = (text: string, ...more: readonly string[]) =>
    used("waiting", "tasks", ["/", ...text, "enter", ...more]);
  expect(sought("verify")).toMatch(/searching "verify"[\s\S]*▸ .*verify/);
  expect(sought("waits for cart", "n")).toMatch(/▸ .*review/);
  expect(sought("waits for cart", "N")).toMatch(/▸ .*review/);
  expect(sought("zebra")).toContain('no "zebra" in what is loaded');
  expect(sought("zebra", "escape")).not.toContain("zebra");
  // It is said of the pane in which it was sought.
  expect(sought("zebra", "8")).toContain('searching "zebra"');
});

test("a text is searched from its first line on, also while its end is followed", () => {
  const found = used("cancelled", "worker", ["/", ..."told", "enter"], 14);
  expect(found).toMatch(/▸ told/);
});

test("the page of keys names every key once", () => {
  const lines = used("waiting", "tasks", ["?"], 60).split("\n").slice(3, -3);
  const keys = lines.map((line) => line.slice(0, 16).trim()).filter(Boolean);
  expect(keys.length).toBeGreaterThan(20);
  expect(new Set(keys).size).toBe(keys.length);
  expect(lines.join("\n")).toMatch(/^v +raw · read all of it · its whole task$/m);
});

test("an attempt that waits for a person looks so, and takes no worker's place", () => {
  expect(used("waiting", "timeline", [])).toMatch(/\? prices +░/);
  expect(used("waiting", "health", [])).toMatch(/workers .*2\/9/);
});

test("in ASCII, too, the chosen row and the critical path are told apart", () => {
  const shown = used("waiting", "tasks", [], 40, asciiTheme(plainTheme));
  expect(shown).toMatch(/= critical path[\s\S]*> .*prices[\s\S]*verify =/);
});

test("a typed command means the run that is looked at, unless it names one or is about none", () => {
  const line = (typed: string): string | undefined => {
    const look = looks.waiting?.();
    if (look === undefined) throw new Error("no such look");
    const { listings } = look.scene;
    const scene = { ...look.scene, aimed: (...said: [string, string, string]) => aimed(...said, listings) };
    const moment = momentOf(noDashboard, scene, look.now, 120, 40);
    let step = press(moment, ":");
    for (const key of [...typed, "enter"]) step = press({ ...moment, state: step.state }, key);
    const intent = step.intent ?? step.state.confirm?.intent;
    return intent?.kind === "command" ? `${intent.name} ${intent.line}` : undefined;
  };
  const run = looks.waiting?.().scene.run?.view.runId;
  expect(line("steer --task cart last --force")).toBe(`steer --run ${run} --task cart last --force`);
  expect(line("cancel")).toBe(`cancel --run ${run}`);
  expect(line("get --task cart")).toBe(`get --run ${run} --task cart`);
  expect(line("transcript cart")).toBe(`transcript ${run} cart`);
  expect(line("status last")).toBe("status last");
  expect(line("cancel 20261121-110000-000-abcde")).toBe("cancel 20261121-110000-000-abcde");
  expect(line("send --run last hello")).toBe("send --run last hello");
  expect(line("doctor")).toBe("doctor ");
  expect(line("get explorer")).toBe("get explorer");
});

test("however narrow the screen, the end of what is typed is seen, and which keys answer a question", () => {
  const look = looks.waiting?.();
  if (look === undefined) throw new Error("no such look");
  const { scene, now } = look;
  const seen = (keys: readonly string[], width: number, height: number): string => {
    let state: Dashboard = { ...noDashboard, focus: "pane" };
    for (const key of keys) state = press(momentOf(state, scene, now, width, height), key).state;
    return draw(state, scene, now, width, height, plainTheme).join("\n");
  };
  for (let width = 20; width <= 130; width++) {
    for (const height of [2, 10, 30]) {
      expect(seen(["x"], width, height)).toContain("y yes");
      expect(seen(["s", ..."値引き券を", "👩‍👩‍👧‍👦", ..."the end"], width, height)).toContain("nd▏");
    }
  }
  expect(seen(["s", ..."short"], 60, 10)).toContain("short▏ enter sends · esc leaves");
});

test("mail that nobody has read yet, and what nobody will read, does not look like what was read", () => {
  const look = looks.waiting?.();
  const run = look?.scene.run;
  const [question] = run?.view.questions ?? [];
  if (look === undefined || run === undefined || question === undefined) throw new Error("no question");
  const told = (["offered", "consumed", "expired"] as const).map((status) => ({
    ...{ ...question, id: status, status, from: "lead", to: "cart", text: "words ".repeat(40) },
    kind: "message" as const,
  }));
  const view = { ...run.view, mail: [...run.view.mail, ...told] };
  const scene = { ...look.scene, run: { ...run, view } };
  const shown = draw({ ...noDashboard, pane: "mail" }, scene, look.now, 120, 40, plainTheme).join("\n");
  for (const row of [
    /○ \S+ ago delivered message lead → cart/,
    /✓ \S+ ago read by cart message/,
    /– \S+ ago expired message/,
  ])
    expect(shown).toMatch(row);
});

test("the worker that is watched is the one that was, though another task is worth more of a look by now", () => {
  const watched = (over: boolean): string => {
    const history = shopRun();
    const before = sceneOf([history]);
    let state: Dashboard = { ...noDashboard, focus: "pane" };
    const at = history.now;
    if (over) state = press(momentOf(state, before, at, 120, 40), "3").state;
    end(history, "cart", 5);
    state = press(momentOf(state, sceneOf([history]), at, 120, 40), "3").state;
    return draw(state, sceneOf([history]), at, 120, 40, plainTheme).join("\n");
  };
  expect(watched(true)).toContain("✓ completed cart");
  expect(watched(false)).toContain("● running prices");
});

test("where a run was removed the one below it is chosen, not one that lives", () => {
  const ids = ["20261121-120000-000-abcde", "20261121-110000-000-abcde", "20261121-100000-000-abcde"];
  const { scene } = looks.waiting?.() ?? { scene: sceneOf([]) };
  const [live, over] = scene.listings;
  if (live === undefined || over === undefined) throw new Error("no such look");
  const listings = [live, ...ids.map((runId) => ({ ...over, runId }))];
  const without = (gone: string | undefined, filter = "") =>
    chosenRun({ run: ids[1] ?? "", filter }, { listings: listings.filter(({ runId }) => runId !== gone) })
      ?.runId;
  expect(without(undefined)).toBe(ids[1]);
  expect(without(ids[1])).toBe(ids[2]);
  expect(without(ids[1], "question")).toBe(ids[0]);
});

test("where there is no run yet, the keys that are shown are those that do something", () => {
  const shown = draw(noDashboard, { listings: [] }, 0, 120, 30, plainTheme).at(-1);
  expect(shown).toBe(": any /team- command · esc back · ? keys");
});

test("of a run that is over Health says how it ended once, and nothing of what is left", () => {
  const shown = used("idle", "health", []);
  expect(shown).toMatch(/run +completed *\n/);
  expect(shown).not.toMatch(/│ left/);
  expect(used("waiting", "health", [])).toMatch(/│ left/);
});

test("an answer that does not fit tells how it is seen whole, and one of long ago is on its page only", () => {
  const look = looks.waiting?.();
  if (look === undefined) throw new Error("no such look");
  const shown = (text: string, ageMs: number, keys: readonly string[] = []): string => {
    const scene = { ...look.scene, answer: { ok: true, text, at: look.now - ageMs } };
    let state = noDashboard;
    for (const key of keys) state = press(momentOf(state, scene, look.now, 80, 30), key).state;
    return draw(state, scene, look.now, 80, 30, plainTheme).join("\n");
  };
  expect(shown("done", 1_000)).toMatch(/\ndone *\n/);
  expect(shown("done ".repeat(30), 1_000)).toMatch(/\ndone done .*… ! shows all of it\n/);
  expect(shown("done", 60_000)).not.toContain("done");
  expect(shown("done", 60_000, ["!"])).toContain("done");
});

test("what a search found in a text is marked, also where all of it is on the screen", () => {
  const found = used("cancelled", "worker", ["/", ..."kürzer", "enter"]);
  expect(found.match(/.*←$/gm)?.every((line) => /kürzer/i.test(line))).toBe(true);
  expect(used("cancelled", "worker", [])).not.toMatch(/←$/m);
});
