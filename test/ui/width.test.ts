import { visibleWidth } from "@mariozechner/pi-tui";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fitLine, measure, plain, wrap } from "../../src/ui/width.ts";
import { ansiTheme, anyText, anyWidth } from "./arbitrary.ts";

const runs = { numRuns: 3_000 };

test("our measure is never less than the host's", () => {
  fc.assert(
    fc.property(anyText, (text) => measure(text) >= visibleWidth(text)),
    runs,
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => measure(text) >= visibleWidth(text)),
    runs,
  );
});

test("every code point is measured at least as wide as by the host", () => {
  const narrower: number[] = [];
  for (let code = 0; code <= 0x3ffff; code++) {
    const text = String.fromCodePoint(code);
    if (measure(text) < visibleWidth(text) || measure(`a${text}`) < visibleWidth(`a${text}`))
      narrower.push(code);
  }
  expect(narrower).toEqual([]);
});

test("what fits is one line, no wider than asked in the host's eyes, and harmless", () => {
  fc.assert(
    fc.property(anyText, anyWidth, (text, width) => {
      for (const line of [fitLine(text, width), fitLine(ansiTheme.fg("dim", text), width)]) {
        expect(visibleWidth(line)).toBeLessThanOrEqual(width);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
        expect(line.replace(/\x1b\[[0-9;:]*m/g, "")).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]/);
      }
    }),
    runs,
  );
});

test("a cut keeps the styling that follows it, so that nothing leaks into the next line", () => {
  const line = fitLine(`${ansiTheme.fg("error", "日本語日本語")}${ansiTheme.bold("tail")}`, 5);
  expect(line).toContain("日本…");
  expect(line.split("\x1b[39m")).toHaveLength(2);
  expect(line.endsWith("\x1b[22m")).toBe(true);
});

test("plain text holds nothing that a terminal obeys, and fitting it changes it only by cutting", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const line = plain(text);
      expect(line).not.toContain("\x1b");
      expect(plain(line)).toBe(line);
      expect(fitLine(line, 10_000)).toBe(line);
    }),
    runs,
  );
});

test("wrapped text keeps every word and fits", () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 2, max: 60 }), (text, width) => {
      const lines = wrap(text, width, 1_000);
      for (const line of lines) expect(visibleWidth(line)).toBeLessThanOrEqual(width);
    }),
    runs,
  );
  expect(wrap("one two three", 7, 9)).toEqual(["one two", "three"]);
  expect(wrap("a\n\nb", 9, 9)).toEqual(["a", "", "b"]);
  expect(wrap("abcdef", 4, 1)).toEqual(["abcd"]);
});

test("a text of many megabytes is cut without being looked at", () => {
  const huge = "語\x1b[1m\n".repeat(3_000_000);
  expect(visibleWidth(fitLine(huge, 80))).toBeLessThanOrEqual(80);
  expect(measure(huge)).toBeGreaterThan(6_000_000);
});
