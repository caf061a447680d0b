import { readFile, writeFile } from "node:fs/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { DefinitionRow, SettingRow } from "../../src/core/catalogue.ts";
import { draw, momentOf } from "../../src/ui/browser/draw.ts";
import { definitionEntries, problemText, settingEntries } from "../../src/ui/browser/entries.ts";
import {
  answered,
  type Browser,
  bindings,
  chosenEntry,
  press,
  type Scene,
} from "../../src/ui/browser/keys.ts";
import { asciiTheme, plainTheme } from "../../src/ui/theme.ts";
import { ansiTheme, anySize, anyText, expectFitting } from "./arbitrary.ts";

const begin: Browser = { filter: "", scope: "user", top: 0 };

const anySetting: fc.Arbitrary<SettingRow> = fc.record({
  key: anyText,
  value: fc.oneof(anyText, fc.boolean(), fc.nat(), fc.array(anyText, { maxLength: 3 })),
  source: fc.constantFrom("default", "user", "project"),
  default: fc.oneof(anyText, fc.boolean()),
  type: anyText,
  choices: fc.array(anyText, { maxLength: 3 }),
  description: anyText,
});
const anyDefinition: fc.Arbitrary<DefinitionRow> = fc.record({
  kind: fc.constantFrom("agent", "team", "workflow"),
  name: anyText,
  source: fc.constantFrom("builtin", "user", "project"),
  isBroken: fc.boolean(),
  description: anyText,
  file: anyText,
  shadows: fc.array(anyText, { maxLength: 3 }),
});
const anyScene: fc.Arbitrary<Scene> = fc
  .record({
    settings: fc.array(anySetting, { maxLength: 8 }),
    definitions: fc.array(anyDefinition, { maxLength: 8 }),
    isSettings: fc.boolean(),
    text: anyText,
    ok: fc.boolean(),
  })
  .map(({ settings, definitions, isSettings, text, ok }) => {
    const file = definitions[0]?.file ?? text;
    const problems = [{ where: `${file}:3`, message: `"${settings[0]?.key}"`, remedy: text }];
    const entries = isSettings
      ? settingEntries({ rows: settings, problems })
      : definitionEntries({ rows: definitions, problems });
    const files = isSettings ? { user: text, project: text } : {};
    return { title: text, entries, problems: problems.map(problemText), files, answer: { ok, text } };
  });
const anyKey = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...bindings.flatMap(({ keys }) => keys), "y", "backspace") },
  { weight: 1, arbitrary: anyText },
  { weight: 1, arbitrary: anyText.map((text) => `paste:${text}`) },
);

test("whatever is listed and whichever keys are pressed, every line fits, nothing throws, and nothing is unset unasked", () => {
  fc.assert(
    fc.property(
      anyScene,
      fc.array(anyKey, { maxLength: 25 }),
      anySize,
      fc.boolean(),
      (scene, keys, [width, height], isAscii) => {
        const theme = isAscii ? asciiTheme(ansiTheme) : ansiTheme;
        let state = begin;
        for (const [index, key] of [...keys, "?", ""].entries()) {
          const before = state;
          const moment = momentOf(state, scene, width, height);
          const { state: after, intent } = press(moment, key);
          state = after;
          if (intent?.kind === "perform") {
            const { action, parameters } = intent;
            expect(scene.entries).toContain(chosenEntry(moment));
            // The page of a definition's text, and what is typed until it is taken.
            if (parameters.value === "unset" && before.box === undefined)
              expect(before.confirm).toBeDefined();
            expect(action).toBe(Object.keys(scene.files).length > 0 ? "config" : "get");
            state = answered(state, action, scene.answer?.ok === true);
          }
          if (index % 4 !== 0) continue;
          expectFitting(draw(state, scene, width, height, theme), width, height);
        }
      },
    ),
    { numRuns: 200 },
  );
});

const row = (key: string, value: unknown, more: Partial<SettingRow> = {}): SettingRow => ({
  ...{
    key,
    value,
    source: "default",
    default: value,
    type: "text",
    choices: [],
    description: `About ${key}.`,
  },
  ...more,
});

/** The state and the intents after these keys. */
function typed(scene: Scene, ...keys: readonly string[]) {
  let state = begin;
  const intents = keys.flatMap((key) => {
    const step = press(momentOf(state, scene, 80, 24), key);
    state = step.state;
    return step.intent ?? [];
  });
  return { state, intents };
}

test("a switch is turned, a choice is gone through, a text is typed and kept until it is taken", () => {
  const rows = [
    row("auto", true, { choices: ["true", "false"] }),
    row("glyphs", "unicode", { choices: ["unicode", "ascii"] }),
    row("limit", 4, { source: "project" }),
  ];
  const scene: Scene = {
    ...{ title: "Settings", entries: settingEntries({ rows, problems: [] }), problems: [] },
    files: { user: "/user", project: "/project" },
  };
  const set = (key: string, value: string, scope = "user") => ({
    ...{ kind: "perform", action: "config", parameters: { key, value, scope } },
  });
  expect(typed(scene, "enter").intents).toEqual([set("auto", "false")]);
  expect(typed(scene, "down", "enter", "down", "enter").intents).toEqual([set("glyphs", "ascii")]);
  const { state, intents } = typed(scene, "G", "s", "enter", "backspace", "x", "enter");
  expect(intents).toEqual([set("limit", "x", "project")]);
  expect(answered(state, "config", false).box?.text).toBe("x");
  expect(answered(state, "config", true).box).toBeUndefined();
  expect(typed(scene, "/", "l", "i", "m", "enter", "u", "n").intents).toEqual([]);
  expect(typed(scene, "/", "l", "i", "m", "enter", "u", "y").intents).toEqual([set("limit", "unset")]);
});

/** `UPDATE_SCREENS=1` writes them anew; read what changed before it is committed. */
test.each([20, 80, 200])("the settings at %d columns are the screen that was looked at", async (width) => {
  const rows = [
    row("concurrency", 8, { default: 4, source: "project", type: "a whole number from 1 to 1000" }),
    row("ui.glyphs", "unicode", { choices: ["unicode", "ascii"], description: "Zeichen 日本 👍." }),
    row("permissions.deny", ["bash(git push *)"], { default: [], source: "user" }),
  ];
  const problems = [{ where: "/p/config.json:3", message: '"concurrency" is odd', remedy: "mend it" }];
  const entries = settingEntries({ rows, problems });
  const files = { user: "/user/config.json", project: "/p/config.json" };
  const scene: Scene = { title: "Settings", entries, problems: problems.map(problemText), files };
  const screen = `${draw(begin, scene, width, 24, plainTheme).join("\n").trimEnd()}\n`;
  const file = new URL(`../golden/screens/settings-${width}.txt`, import.meta.url);
  if (process.env.UPDATE_SCREENS === "1") await writeFile(file, screen);
  expect(screen).toBe(await readFile(file, "utf8"));
});
