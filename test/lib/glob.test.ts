import fc from "fast-check";
import { expect, it } from "vitest";
import { globPattern, matchesGlob } from "../../src/lib/glob.ts";

const few = fc.string({ unit: fc.constantFrom(..."ab*.\n"), maxLength: 8 });

it("a glob matches as its pattern does", () => {
  fc.assert(
    fc.property(few, few, (glob, text) => {
      expect(matchesGlob(glob, text)).toBe(globPattern(glob).test(text));
    }),
    { numRuns: 2_000 },
  );
});

it("a text that begins a match everywhere is read through once", () => {
  const text = "git ".repeat(500_000);
  expect(matchesGlob("*git*git*push*", text)).toBe(false);
});
