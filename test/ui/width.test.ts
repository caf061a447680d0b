import { visibleWidth } from "@mariozechner/pi-tui";
import fc from "fast-check";
import { expect, test } from "vitest";
import { plainTheme } from "../../src/ui/theme.ts";
import { drawLine, measure, plain, wrap } from "../../src/ui/width.ts";
import { ansiTheme, anyText, anyWidth, expectFitting } from "./arbitrary.ts";

const runs = { numRuns: 3_000 };

test("our measure is never less than the host's", () => {
  fc.assert(
    fc.property(anyText, (text) => measure(plain(text)) >= visibleWidth(plain(text))),
    runs,
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => measure(plain(text)) >= visibleWidth(plain(text))),
    runs,
  );
});

test("every code point is measured at least as wide as by the host", () => {
  const narrower: number[] = [];
  for (let code = 0; code <= 0x3ffff; code++) {
    const text = plain(String.fromCodePoint(code));
    if (measure(text) < visibleWidth(text) || measure(`a${text}`) < visibleWidth(`a${text}`))
      narrower.push(code);
  }
  expect(narrower).toEqual([]);
});

test("what fits is one line, no wider than asked in the host's eyes, and harmless", () => {
  fc.assert(
    fc.property(fc.array(anyText, { maxLength: 4 }), anyWidth, (texts, width) => {
      const spans = texts.map((text) => ["toolTitle", text] as const);
      expectFitting([drawLine(spans, width, plainTheme), drawLine(spans, width, ansiTheme)], width);
    }),
    runs,
  );
});

test("a cut keeps each span's colour, and nothing leaks into the next line", () => {
  const spans = [
    ["error", "日本語日本語"],
    ["dim", "tail"],
  ] as const;
  const theme = { ...plainTheme, fg: (color: string, text: string) => `<${color}>${text}</>` };
  expect(drawLine(spans, 5, theme)).toBe("<error>日本…</>");
  expect(drawLine(spans, 15, theme)).toBe("<error>日本語日本語 </><dim>t…</>");
});

test("plain text holds nothing that a terminal obeys, and fitting it changes it only by cutting", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const line = plain(text);
      expect(line).not.toContain("\x1b");
      expect(plain(line)).toBe(line);
      expect(drawLine([["text", line]], 100_000, plainTheme)).toBe(line);
    }),
    runs,
  );
});

test("wrapped text keeps every word and fits", () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 2, max: 60 }), (text, width) => {
      expectFitting(wrap(text, width, 1_000), width);
    }),
    runs,
  );
  expect(wrap("one two three", 7, 9)).toEqual(["one two", "three"]);
  expect(wrap("a\n\nb", 9, 9)).toEqual(["a", "", "b"]);
  expect(wrap("abcdef", 4, 1)).toEqual(["abcd"]);
});

test("a text of many megabytes is cut without being looked at", () => {
  const huge = "語\x1b[1m\n".repeat(3_000_000);
  expect(visibleWidth(drawLine([["text", huge]], 80, plainTheme))).toBeLessThanOrEqual(80);
  expect(measure(huge)).toBeGreaterThan(6_000_000);
});
