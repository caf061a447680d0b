import { expect, test } from "vitest";
import type { StoredEvent } from "../../src/core/events.ts";
import { draw, momentOf } from "../../src/ui/dashboard/draw.ts";
import { Drawings } from "../../src/ui/dashboard/drawings.ts";
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
    expect(drawn(page)).toContain('type: "attempt.ready"');
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

/** The page of this one record, as often as it is drawn, on a screen of these sizes. */
function pageOf(event: StoredEvent): (columns: number, rows: number) => readonly string[] {
  const history = shopRun();
  const { run, ...rest } = sceneOf([history]);
  const scene = { ...rest, ...(run && { run: { ...run, events: [event] } }), drawings: new Drawings() };
  const page: Dashboard = { ...noDashboard, pane: "events", focus: "pane", isAlone: true, page: "event" };
  return (columns, rows) =>
    draw(page, scene, history.now, columns, rows, plainTheme).map((line) => line.trim());
}

/** What the run began with; `plan` as it is to be recorded. */
function startedWith(tasks: readonly object[]): StoredEvent {
  const event = shopRun().events.find(({ type }) => type === "run.started");
  if (event?.type !== "run.started") throw new Error("the run never started");
  const [first] = event.plan.tasks;
  if (first === undefined) throw new Error("the run has no task");
  return { ...event, plan: { ...event.plan, tasks: tasks.map((one) => Object.assign({}, first, one)) } };
}

test("a text in a record has its lines, and its end however long it is", () => {
  const long = "割x".repeat(15_000);
  const shown = pageOf(startedWith([{ prompt: `Do "this" in C:\\new\n\n- and that\n${long}END` }]))(
    100,
    2_000,
  );
  const at = shown.findIndex((line) => line.includes('prompt: "Do \\"this\\" in C:\\\\new'));
  expect(at).toBeGreaterThan(0);
  expect(shown.slice(at + 1, at + 3)).toEqual(["", "- and that"]);
  expect(
    shown
      .slice(at + 3)
      .join("")
      .replace(/\s/g, ""),
  ).toContain(`${long}END"`);
});

test("a huge record is made into lines once a width, and no further than is shown; the page says where the rest is", () => {
  const prompt = `${"A line of what is to be done.\n".repeat(60)}Done.`;
  const tasks = Array.from({ length: 1_000 }, (_, at) => ({ id: `t${at}`, prompt }));
  const reads: string[] = [];
  const event = startedWith(tasks);
  if (event.type !== "run.started") throw new Error("it is no start");
  for (const task of event.plan.tasks) {
    const get = (): string => {
      reads.push(task.id);
      return prompt;
    };
    Object.defineProperty(task, "prompt", { enumerable: true, get });
  }
  const page = pageOf(event);
  const first = page(100, 3_000);
  expect(first.filter((line) => line !== "").length).toBeLessThan(1_010);
  expect(first.join("\n")).toMatch(/… the journal has all of it: \S+\/journal/);
  expect([reads[0], reads.length < 50]).toEqual(["t0", true]);
  reads.length = 0;
  expect(page(100, 3_000)).toEqual(first);
  expect(page(100, 20).slice(3, 15)).toEqual(first.slice(3, 15));
  expect(reads).toEqual([]);
  page(80, 20);
  expect(reads[0]).toBe("t0");
});
