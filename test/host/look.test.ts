import { expect, test } from "vitest";
import type { ActionResult } from "../../src/actions/context.ts";
import { defaultSettings, type Settings } from "../../src/core/settings.ts";
import { noticeType } from "../../src/host/ledger.ts";
import { replyType } from "../../src/host/notice.ts";
import { callTool, settle, World } from "./fake-world.ts";

const theme = { fg: (_: string, text: string) => text, bold: (text: string) => text };
const ascii: Settings = { ...defaultSettings, ui: { glyphs: "ascii" } };
const usage = { input: 12_000, output: 900, cacheRead: 1, cacheWrite: 0, cost: 0.01 };
const tasks = [
  { id: "b", agent: "executor", status: "failed", cause: "timeout", reason: "too slow … 👍", usage },
  { id: "a", agent: "writer", status: "completed", head: "größer → 済", usage },
];
const failed = { action: "run", ok: false, runId: "r1", status: "failed", tasks, usage, paths: ["/r1"] };
const text =
  "Team: Run r1 failed ×2 — ↑12k\n- b [executor] failed (timeout) “too slow” …\n? Task a asks\nNext: team retry";

/** Everything of ours that the host's conversation shows: the call, the result, messages; each anew as a host does it. */
function cards({ tools, renderers }: Awaited<ReturnType<World["start"]>>, expanded: boolean) {
  const tool = tools.get("team");
  const context = { lastComponent: undefined } as never;
  const result = { content: [{ type: "text", text }], details: failed } as never;
  const message = { content: text, details: failed } as never;
  const drawn = [
    tool?.renderCall?.({ action: "run", goal: "größer 👍", background: true }, theme as never, context),
    tool?.renderResult?.(result, { expanded, isPartial: false }, theme as never, context),
    ...[noticeType, replyType].map((type) => renderers.get(type)?.(message, { expanded }, theme as never)),
  ];
  return drawn.map((component) => {
    if (component === undefined) throw new Error("a renderer is missing");
    return component;
  });
}

/** Ours in other than ASCII; letters of other scripts are somebody's own. */
function signs(lines: readonly string[]): string[] {
  return [...lines.join("\n").replace(/[\p{Letter}\s]/gu, "")].filter((sign) => !/[ -~]/.test(sign));
}

test("cards and messages are drawn in ASCII as soon as the settings say so, those on the screen too", async () => {
  const world = new World();
  const pi = await world.start();
  const shown = [...cards(pi, false), ...cards(pi, true)];
  const drawn = () => shown.flatMap((card) => card.render(100));
  expect(drawn().join("\n")).toContain("✗ failed");
  await settle();
  expect(signs(drawn())).not.toEqual([]);
  world.settings = ascii;
  world.perform = async (action): Promise<ActionResult> => ({
    ok: true,
    text: "",
    details: { action, ok: true },
  });
  const before = pi.renders;
  await callTool(pi, { action: "config", key: "ui.glyphs", value: "ascii" });
  await settle();
  expect(pi.renders).toBeGreaterThan(before);
  expect(signs(drawn())).toEqual([]);
  expect(drawn().join("\n")).toContain("x failed 1 failed, 1 completed - ^12k v900 R1 $0.010 r1");
});

test("the first card of a session makes the settings known, and no renderer waits for them", async () => {
  const world = new World();
  world.settings = ascii;
  const pi = await world.start("resume");
  expect(world.loads).toBe(0);
  const shown = cards(pi, true);
  const drawn = () => shown.flatMap((card) => card.render(100));
  expect(drawn()[0]).toContain("größer 👍");
  await settle();
  expect(signs(drawn())).toEqual([]);
});

test("settings that cannot be read change nothing, and are told of once", async () => {
  const world = new World();
  Object.defineProperty(world, "settings", {
    get: () => {
      throw new Error("the disk is gone");
    },
  });
  const pi = await world.start();
  const shown = cards(pi, false);
  for (let round = 0; round < 3; round++) {
    expect(shown.flatMap((card) => card.render(100)).join("\n")).toContain("✗ failed");
    await settle();
  }
  expect(world.session.notes.map((note) => note.text)).toEqual(["team: the disk is gone"]);
});

test("what the host shows as it is speaks the same: lines and dialogs", async () => {
  const world = new World();
  world.settings = ascii;
  const pi = await world.startRun("run-00000001");
  const mail = { id: "q1", kind: "question", from: "build", to: "lead", text: "left → or right?" } as const;
  world.engine.append("run-00000001", {
    type: "mail.posted",
    mail: { ...mail, options: ["left …", "right ×2"] },
    task: "build",
  } as never);
  await world.clock.advance(3_000);
  const given: unknown[] = [];
  world.perform = async (action, line): Promise<ActionResult> => {
    given.push(line);
    return { ok: true, text: "→ told", details: { action, ok: true } };
  };
  world.session.answers.push(({ options = [] }) => options[1]);
  const command = pi.commands.get("team-respond");
  await command?.handler("", pi.context());
  await settle();
  const { asked, notes, status = "" } = world.session;
  expect(asked[0]?.options).toEqual(["left ~", "right x2", "Write an answer~"]);
  // What was chosen is what was offered, not how it was shown.
  expect(given).toEqual([expect.stringContaining("-- right ×2")]);
  const descriptions = [...pi.commands.values()].map(({ description = "" }) => description);
  const told = [...descriptions, asked[0]?.title ?? "", status, ...notes.map((note) => note.text)];
  expect(told.join("\n")).toContain("left > or right?");
  expect(signs(told)).toEqual([]);
});

test.each(["unicode", "ascii"] as const)(
  "in %s no escape reaches the terminal, and no choice hides another",
  async (glyphs) => {
    const world = new World();
    world.settings = { ...defaultSettings, ui: { glyphs } };
    const pi = await world.startRun("run-00000001");
    const bad = "\u001b]52;c;AAAA\u0007";
    const mail = {
      id: "q1",
      kind: "question",
      from: "build",
      to: "lead",
      text: `good?\nsure?${bad}`,
    } as const;
    const options = ["👍", "👎", `no${bad}`];
    world.engine.append("run-00000001", {
      type: "mail.posted",
      mail: { ...mail, options },
      task: "build",
    } as never);
    const given: unknown[] = [];
    world.perform = async (action, line): Promise<ActionResult> => {
      given.push(line);
      return { ok: true, text: `told${bad}\nmore`, details: { action, ok: true } };
    };
    const { asked, answers, notes } = world.session;
    for (let at = 0; at < options.length; at++) {
      answers.push((dialog) => dialog.options?.[at]);
      await pi.commands.get("team-respond")?.handler("", pi.context());
      await settle();
      expect(given[at]).toBe(`--run run-00000001 --name q1 -- ${options[at]}`);
    }
    const told = [
      ...asked.flatMap(({ title, options = [] }) => [title, ...options]),
      ...notes.map((note) => note.text),
    ];
    expect(told.join("")).not.toContain("\u001b");
    expect(asked[0]?.title).toContain("good?\nsure?");
  },
);
