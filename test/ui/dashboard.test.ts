import fc from "fast-check";
import { expect, test } from "vitest";
import type { StoredEvent } from "../../src/core/events.ts";
import { attemptsOf } from "../../src/core/explain.ts";
import { noUsage } from "../../src/core/outcome.ts";
import type { RunListing } from "../../src/core/ports.ts";
import { emptyState } from "../../src/core/state.ts";
import type { MailView, RunView } from "../../src/core/view.ts";
import { draw, momentOf } from "../../src/ui/dashboard/draw.ts";
import { graphRows } from "../../src/ui/dashboard/graph.ts";
import { bindings, press } from "../../src/ui/dashboard/keys.ts";
import { type Dashboard, type Intent, noDashboard, panes, type Scene } from "../../src/ui/dashboard/scene.ts";
import { Transcript } from "../../src/ui/dashboard/transcript.ts";
import { keyName } from "../../src/ui/key-name.ts";
import { asciiTheme } from "../../src/ui/theme.ts";
import { ansiTheme, anySize, anyText, anyView, expectFitting } from "./arbitrary.ts";
import { worked } from "./worked.ts";

const anyMail: fc.Arbitrary<MailView> = fc.record({
  id: anyText,
  from: anyText,
  to: anyText,
  kind: fc.constantFrom("question" as const, "message" as const),
  text: anyText,
  options: fc.array(anyText, { maxLength: 3 }),
  fallback: anyText,
  deadline: fc.nat(),
  at: fc.nat(),
  status: fc.constantFrom("produced" as const, "answered" as const),
});

const anyRecord = fc.oneof(
  anyText,
  fc
    .record({ role: fc.constantFrom("user", "assistant", "toolResult"), content: anyText, text: anyText })
    .map(({ role, content, text }) =>
      JSON.stringify({
        type: "message_end",
        message: {
          role,
          toolName: text,
          errorMessage: text,
          content: [
            { type: "text", text: content },
            { type: "thinking", thinking: text },
            { type: "toolCall", name: text, arguments: { text } },
          ],
        },
      }),
    ),
);

function listingOf(view: RunView): RunListing {
  const { runId, goal, status, cwd, owner, origin, background } = view;
  const at = new Date(0).toISOString();
  const tasks = view.tasks.map(({ id, agent, dependsOn }) => ({
    id,
    agent,
    dependsOn,
    status: "pending",
    attempts: 0,
  }));
  const manifest = {
    ...{
      schemaVersion: 1,
      seq: 1,
      runId,
      goal,
      team: "",
      workflow: "",
      status,
      cwd,
      owner,
      origin,
      background,
    },
    ...{ createdAt: at, updatedAt: at, usage: noUsage, tasks },
  };
  return { runId, manifest, driver: "alive" };
}

/** Whatever a run may hold, and whatever its files may say. */
const anyScene: fc.Arbitrary<Scene> = fc
  .record({
    views: fc.array(anyView, { minLength: 1, maxLength: 4 }),
    mail: fc.array(anyMail, { maxLength: 3 }),
    needs: fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 20 }),
    records: fc.array(anyRecord, { maxLength: 5 }),
    text: anyText,
    isOpen: fc.boolean(),
  })
  .map(({ views, mail, needs, records, text, isOpen }) => {
    const [first] = views;
    const listings: RunListing[] = [...views.map(listingOf), { runId: text, problem: text }];
    if (first === undefined || !isOpen) return { listings, sessionId: text };
    // A plan has no task twice and no cycle: the core refuses others.
    const ids = first.tasks.map(({ id }, index) => `${id}${index}`);
    const tasks = first.tasks.map((task, index) => ({
      ...task,
      id: ids[index] ?? "",
      dependsOn: needs.filter(([of, on]) => of === index && on < of).map(([, on]) => ids[on] ?? text),
    }));
    const view = { ...first, tasks, mail, questions: mail.filter(({ kind }) => kind === "question") };
    const place = { v: 1, seq: 1, epoch: 1, at: "2026-01-01T00:00:00.000Z" };
    const started: StoredEvent = { type: "attempt.started", task: text, attempt: 1, ...place };
    const event: StoredEvent = {
      ...{ type: "attempt.progressed", task: text, attempt: 1, usage: noUsage, activity: text },
      ...place,
    };
    const problems = [{ where: text, message: text, remedy: text }];
    const run = {
      view,
      state: emptyState,
      events: [started, event],
      stories: () => attemptsOf([started, event]),
      graph: graphRows(tasks),
      problems,
    };
    return {
      listings,
      run: { ...run, driver: "gone", directory: text },
      transcript: new Transcript(text).with([...records, ...worked(text)], 1),
      // A host that draws whatever it likes, or nothing.
      ...(text.length % 2 === 0 && {
        toolLook: () => (text === "" ? undefined : ["", text, `\x1b[41m${text} \x1b[m`]),
      }),
      touched: new Map(
        tasks.map(({ id, attempts }) => [
          `${id}/${attempts}`,
          { files: [{ path: text }], added: attempts, removed: 1e9, isPartial: true },
        ]),
      ),
      answer: { ok: false, text },
    };
  });

const anyKey = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(...bindings.flatMap(({ keys }) => keys), "1", "3", "4", "5", "y", "enter"),
  },
  { weight: 1, arbitrary: anyText },
  { weight: 1, arbitrary: anyText.map((text) => `paste:${text}`) },
  { weight: 1, arbitrary: fc.constantFrom("backspace", "ctrl+u", "ctrl+w", "unknown", "") },
);

const taking = ["cancel", "forget", "prune", "cleanup", "import"];
const isTaking = (intent: Intent): boolean =>
  (intent.kind === "perform" && taking.includes(intent.action)) ||
  (intent.kind === "command" && (intent.name === "cancel" || intent.line.includes("--confirm")));

function expectSound(state: Dashboard): void {
  expect(panes).toContain(state.pane);
  for (const at of Object.values(state.at))
    expect(at === undefined || (Number.isInteger(at) && at >= 0)).toBe(true);
  expect(state.box !== undefined && state.confirm !== undefined).toBe(false);
}

test("whatever is looked at and whichever keys are pressed, every line fits, nothing throws, and nothing is taken away unasked", () => {
  fc.assert(
    fc.property(
      anyScene,
      fc.array(anyKey, { maxLength: 25 }),
      anySize,
      fc.nat(),
      fc.boolean(),
      (scene, keys, [width, height], now, isAscii) => {
        const theme = isAscii ? asciiTheme(ansiTheme) : ansiTheme;
        let state = noDashboard;
        for (const [index, key] of [...keys, "?", ""].entries()) {
          const before = state;
          const step = press(momentOf(state, scene, now, width, height), key);
          state = step.state;
          expectSound(state);
          if (step.intent !== undefined && isTaking(step.intent)) expect(before.confirm).toBeDefined();
          if (index % 4 !== 0) continue;
          expectFitting(draw(state, scene, now, width, height, theme), width, height);
        }
      },
    ),
    { numRuns: 250 },
  );
});

test("every pane, and the board, fits every width from 1 to 300", () => {
  const [scene] = fc.sample(
    anyScene.filter(({ run }) => run !== undefined),
    1,
  );
  const states = [
    ...panes.map((pane): Dashboard => ({ ...noDashboard, pane, focus: "pane" })),
    ...[{ isBoard: true }, { page: "changes" as const }].map((more) => ({ ...noDashboard, ...more })),
  ];
  for (const state of states)
    for (let width = 1; width <= 300; width += 1)
      expectFitting(draw(state, scene ?? { listings: [] }, 1_000, width, 12, ansiTheme), width, 12);
});

test("a diff is read and wrapped once, and what comes later is added to it", () => {
  const records = worked();
  const first = new Transcript("session.jsonl").with(records.slice(0, 6), 1);
  const lines = first.diff("/shop", 60);
  expect(first.diff("/shop", 60)).toBe(lines);
  const whole = first.with(records.slice(6), 2);
  expect(whole.diff("/shop", 60)).toEqual(new Transcript("x").with(records, 2).diff("/shop", 60));
  // The lines of what was there before are the very same.
  expect(whole.diff("/shop", 60)[1]).toBe(lines[1]);
  expect(whole.changes("/shop")).toBe(whole.changes("/shop"));
  expect(new Transcript("x", 7, 7).with(records, 9).changes("/shop").isPartial).toBe(true);
});

test("whatever a terminal sends has a name, and keys of all protocols have the same", () => {
  fc.assert(
    fc.property(
      fc.oneof(anyText, fc.string({ unit: "binary" })),
      (data) => typeof keyName(data) === "string",
    ),
  );
  const names: readonly (readonly [string, string])[] = [
    ["\x1b[A", "up"],
    ["\x1bOB", "down"],
    ["\x1b[1;1:1C", "right"],
    ["\x1b[5~", "pageUp"],
    ["\x1b[Z", "shift+tab"],
    ["\x1b[9;2u", "shift+tab"],
    ["\x1b[27u", "escape"],
    ["\x1b", "escape"],
    ["\r", "enter"],
    ["\x7f", "backspace"],
    ["\x03", "ctrl+c"],
    ["\x1b[99;5u", "ctrl+c"],
    ["\x1b[27;5;99~", "ctrl+c"],
    ["\x1b[103:71;2u", "G"],
    ["ö", "ö"],
    ["\x1b[200~two\nlines\x1b[201~", "paste:two\nlines"],
  ];
  for (const [data, name] of names) expect(keyName(data)).toBe(name);
});
