import fc from "fast-check";
import { expect, test } from "vitest";
import { frame, wrapTold } from "../../src/ui/screen.ts";
import { words } from "../../src/ui/strings.ts";
import { plainTheme } from "../../src/ui/theme.ts";

test("a text is told whole where it fits, and says so where it does not", () => {
  const size = { min: 1, max: 12 };
  fc.assert(
    fc.property(fc.integer(size), fc.integer(size), (has, room) => {
      const text = Array.from({ length: has }, (_, index) => `line ${index}`).join("\n");
      const told = wrapTold(text, 40, room).map((line) => line.map(([, part]) => part).join(""));
      expect(told).toHaveLength(Math.min(has, room));
      expect(told.at(-1) === words.transcript.cut).toBe(has > room);
    }),
  );
});

test("one problem is told at once, several are counted, with the way to all of them", () => {
  const shown = (text: string): string => {
    const moment = { state: { filter: "" }, scene: { answer: { ok: false, text } }, rows: 2, columns: 90 };
    return frame(moment, [], { title: [], parts: [], more: "! shows all" }, [90, 8], plainTheme).join("\n");
  };
  expect(shown("1 problem, nothing was done:\n- task: it broke off. Remedy: free some space.")).toContain(
    "task: it broke off. Remedy: free some space.",
  );
  const two = shown("2 problems, nothing was done:\n- task: it broke off.\n- run: it is over.");
  expect(two).toContain("2 problems, nothing was done: ! shows all");
});
