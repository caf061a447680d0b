import { expect, test } from "vitest";
import { draw } from "../../src/ui/dashboard/draw.ts";
import { type Dashboard, noDashboard } from "../../src/ui/dashboard/scene.ts";
import { plainTheme } from "../../src/ui/theme.ts";
import { looks } from "./screens.ts";

test("hints are whole at every width, and the way out and the page of keys are the last that go", () => {
  for (const [name, make] of Object.entries(looks)) {
    const { scene, now, pane, state: more } = make();
    const state: Dashboard = { ...noDashboard, pane, focus: "pane", ...more };
    if (state.page !== undefined) continue;
    const hintsAt = (width: number) =>
      (draw(state, scene, now, width, 24, plainTheme).at(-1) ?? "").split(" · ").filter(Boolean);
    const all = hintsAt(300);
    expect(all.slice(-2), name).toEqual(["esc back", "? keys"]);
    for (let width = 1; width < 130; width++) {
      const shown = hintsAt(width);
      expect(shown, `${name} at ${width}`).toEqual(all.filter((hint) => shown.includes(hint)));
      const least = [...(width >= 17 ? ["esc back"] : []), ...(width >= 6 ? ["? keys"] : [])];
      expect(shown).toEqual(expect.arrayContaining(least));
    }
  }
});
