import fc from "fast-check";
import { expect, test } from "vitest";
import { wrapTold } from "../../src/ui/screen.ts";
import { words } from "../../src/ui/strings.ts";

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
