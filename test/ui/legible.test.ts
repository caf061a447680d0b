import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { callLines, messageLines, resultLines } from "../../src/ui/card.ts";
import { draw } from "../../src/ui/dashboard/draw.ts";
import { noDashboard, panes } from "../../src/ui/dashboard/scene.ts";
import { asciiTheme, type Color, plainTheme, type Theme } from "../../src/ui/theme.ts";
import { statusText, widgetLines } from "../../src/ui/widget.ts";
import { taskOf, viewOf } from "./arbitrary.ts";
import { looks } from "./screens.ts";

const themes = join(
  dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  "node_modules/@mariozechner/pi-coding-agent/dist/modes/interactive/theme",
);
/** What terminals of either kind have as background, besides the host's own behind cards. */
const backgrounds = { dark: ["#000000", "#1e1e1e"], light: ["#ffffff", "#fafafa"] };
const cardBackgrounds = ["toolPendingBg", "toolSuccessBg", "toolErrorBg"];
const taskStates = [
  ...(["pending", "running", "waiting", "stopping", "retrying"] as const),
  ...(["blocked", "completed", "failed", "cancelled", "skipped"] as const),
];
const runStates = ["running", "waiting", "blocked", "completed", "failed", "cancelled"] as const;

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** As WCAG 2 counts it: 1 to 21. */
function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((one, other) => other - one);
  return (light + 0.05) / (dark + 0.05);
}

async function colorsOf(name: "dark" | "light"): Promise<(color: string) => string> {
  const { vars, colors } = JSON.parse(await readFile(join(themes, `${name}.json`), "utf8"));
  return (color) => {
    const value: string = colors[color];
    // The terminal's own colour of letters.
    if (value === "") return name === "dark" ? "#d0d0d0" : "#303030";
    return vars[value] ?? value;
  };
}

/** Every screen and card of every state, drawn with this theme. */
function everything(theme: Theme): readonly string[] {
  return Object.values(looks).flatMap((make) => {
    const { scene, now } = make();
    const { view } = scene.run ?? {};
    const result = { details: { ...view, runId: "r" }, text: "said" };
    return [
      ...panes.flatMap((pane) => draw({ ...noDashboard, pane, focus: "pane" }, scene, now, 120, 40, theme)),
      ...(view === undefined ? [] : widgetLines([view], view.finishedAt ?? now, 120, theme)),
      ...resultLines(result, true, 120, theme),
      ...messageLines(result, true, 120, theme),
      ...callLines({ action: "run", goal: "g", team: "t" }, 120, theme),
    ];
  });
}

test("every colour that is used is legible in the host's themes, on terminals and on cards", async () => {
  const used = new Set<Color>();
  everything({
    fg: (color, text) => {
      used.add(color);
      return text;
    },
    bold: (text) => text,
  });
  expect(used.size).toBeGreaterThan(7);
  for (const name of ["dark", "light"] as const) {
    const colorOf = await colorsOf(name);
    for (const color of used)
      for (const behind of [...backgrounds[name], ...cardBackgrounds.map(colorOf)]) {
        // The host's own colour for what may be overlooked; nothing that somebody has to do is drawn in it.
        const least = color === "dim" ? 2 : 3;
        const ratio = contrast(colorOf(color), behind);
        expect(ratio, `${color} on ${behind} in ${name}`).toBeGreaterThanOrEqual(least);
      }
  }
});

test("without colour every state still reads otherwise than every other, in signs as in ASCII", () => {
  for (const theme of [plainTheme, asciiTheme(plainTheme)]) {
    const distinct = (drawn: readonly (readonly string[])[]): void => {
      expect(new Set(drawn.map((lines) => lines.join("\n"))).size).toBe(drawn.length);
    };
    const tasks = taskStates.map((status) => viewOf({ tasks: [taskOf({ id: "a", status, startedAt: 0 })] }));
    const runs = runStates.map((status) => viewOf({ status, finishedAt: 1, tasks: [taskOf({ id: "a" })] }));
    distinct(runs.map((view) => widgetLines([view], 1, 80, theme)));
    for (const views of [runs, tasks])
      distinct(views.map((view) => resultLines({ details: view, text: "" }, false, 80, theme)));
    distinct(runs.map((view) => messageLines({ details: view, text: "Run r" }, false, 80, theme)));
    const busy = tasks.filter(
      ({ tasks: [task] }) => /ing$|blocked/.test(task?.status ?? "") && task?.status !== "pending",
    );
    distinct(busy.map((view) => widgetLines([view], 1, 80, theme)));
  }
  const [calm, asking] = [viewOf({}), viewOf({ status: "blocked", reason: "parked" })];
  expect(statusText([calm], 1)).not.toBe(statusText([asking], 1));
});
