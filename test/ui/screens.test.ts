import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import xterm from "@xterm/headless";
import { expect, test } from "vitest";
import { draw } from "../../src/ui/dashboard/draw.ts";
import { type Dashboard, noDashboard } from "../../src/ui/dashboard/scene.ts";
import { asciiTheme, type Theme } from "../../src/ui/theme.ts";
import { widgetLines } from "../../src/ui/widget.ts";
import { type Look, looks } from "./screens.ts";

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = join(repository, "test/golden/screens");
const rows = 24;
const widths = [40, 80, 120, 200];
/** What the widget meets. */
const states = [
  "idle",
  "starting",
  "eight-running",
  "waiting",
  "failed",
  "cancelled",
  "unmanned",
  "thousand",
];

/** The host's own colours of this name. */
async function hostTheme(name: "dark" | "light"): Promise<Theme> {
  const file = join(
    repository,
    "node_modules/@mariozechner/pi-coding-agent/dist/modes/interactive/theme/theme.js",
  );
  return (await import(pathToFileURL(file).href)).getThemeByName(name);
}

interface Seen {
  readonly text: string;
  /** Colours of all that is written, by the letter's place. */
  readonly colors: readonly number[];
}

/** What a terminal of this width shows of the lines. */
async function seen(lines: readonly string[], columns: number): Promise<Seen> {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(lines.join("\r\n"), resolve));
  const texts: string[] = [];
  const colors: number[] = [];
  for (let row = 0; row < rows; row++) {
    const line = terminal.buffer.active.getLine(row);
    texts.push(line?.translateToString(true) ?? "");
    for (let column = 0; column < columns; column++) {
      const cell = line?.getCell(column);
      if (cell !== undefined && cell.getChars().trim() !== "") colors.push(cell.getFgColor());
    }
  }
  // A line that was too long would have pushed the first one out.
  expect(terminal.buffer.active.baseY).toBe(0);
  terminal.dispose();
  return { text: `${texts.join("\n").trimEnd()}\n`, colors };
}

function lines({ scene, now, pane, state: more }: Look, columns: number, theme: Theme): string[] {
  const state: Dashboard = { ...noDashboard, pane, focus: "pane", ...more };
  return draw(state, scene, now, columns, rows, theme);
}

/** `UPDATE_SCREENS=1 npx vitest run test/ui/screens` writes them anew; read what changed before it is committed. */
test.each(Object.keys(looks).flatMap((name) => widths.map((width) => [name, width] as const)))(
  "%s at %d columns is the screen that was looked at, in dark and in light",
  async (name, width) => {
    const look = looks[name]?.();
    if (look === undefined) throw new Error(name);
    const dark = await seen(lines(look, width, await hostTheme("dark")), width);
    const light = await seen(lines(look, width, await hostTheme("light")), width);
    const file = join(folder, `${name}-${width}.txt`);
    if (process.env.UPDATE_SCREENS === "1") await writeFile(file, dark.text);
    expect(dark.text).toBe(await readFile(file, "utf8"));
    expect(light.text).toBe(dark.text);
    // Each theme draws in colours of its own: nothing of ours is black on black.
    expect(light.colors).not.toEqual(dark.colors);
  },
);

test("without colours, and without our signs, nothing is lost", async () => {
  const plain: Theme = { fg: (_, text) => text, bold: (text) => text };
  for (const name of Object.keys(looks)) {
    const look = looks[name]?.();
    if (look === undefined) throw new Error(name);
    const ascii = lines(look, 120, asciiTheme(plain)).join("\n");
    // Letters of other scripts stay.
    expect(ascii.replace(/[\p{Letter}\s]/gu, "")).toMatch(/^[ -~]*$/);
    const { view } = look.scene.run ?? {};
    if (view !== undefined) expect(ascii).toContain(view.status);
  }
});

test.each(widths)(
  "the widget of each state at %d columns is the one that was looked at, in dark and in light",
  async (width) => {
    const shown = async (name: "dark" | "light") => {
      const theme = await hostTheme(name);
      let [text, colors]: [string, number[]] = ["", []];
      for (const state of states) {
        const look = looks[state]?.();
        if (look === undefined) throw new Error(state);
        const { scene, now } = look;
        // A run that is over is shown for a moment only.
        const { view } = scene.run ?? {};
        const one = await seen(widgetLines(view ? [view] : [], view?.finishedAt ?? now, width, theme), width);
        text += `== ${state}\n${one.text}`;
        colors = [...colors, ...one.colors];
      }
      return { text, colors };
    };
    const [dark, light] = [await shown("dark"), await shown("light")];
    const file = join(folder, `widget-${width}.txt`);
    if (process.env.UPDATE_SCREENS === "1") await writeFile(file, dark.text);
    expect(dark.text).toBe(await readFile(file, "utf8"));
    expect(light.text).toBe(dark.text);
    expect(light.colors).not.toEqual(dark.colors);
  },
);

test("the widget of each state fits its lines", async () => {
  for (const [name, make] of Object.entries(looks)) {
    const { scene, now } = make();
    const { view } = scene.run ?? {};
    if (view === undefined) throw new Error(name);
    const drawn = widgetLines([view], now, 80, await hostTheme("dark"));
    expect(drawn.length).toBeLessThanOrEqual(10);
    if (name === "waiting") expect((await seen(drawn, 80)).text).toContain("needs you: /team-respond");
  }
});
