import { expect, test } from "vitest";
import { formatCount, formatDuration, formatStatus, formatUsage, oneLine } from "../../src/lib/wording.ts";

test("durations and amounts are short and total", () => {
  expect([-1, Number.NaN, 999, 42_000, 65_000, 7_380_000, 273_600_000].map(formatDuration)).toEqual([
    "0s",
    "0s",
    "0s",
    "42s",
    "1m05s",
    "2h03m",
    "3d04h",
  ]);
  expect([0, 950, 1_234, 9_949, 9_950, 34_000, 999_499, 999_500, 1_200_000].map(formatCount)).toEqual([
    "0",
    "950",
    "1.2k",
    "9.9k",
    "10k",
    "34k",
    "999k",
    "1.0M",
    "1.2M",
  ]);
  expect(formatUsage({})).toBe("");
  expect(formatUsage({ input: 12_000, output: 1_300, cacheRead: 40_000, cost: 0.0123 })).toBe(
    "↑12k ↓1.3k R40k $0.012",
  );
});

test("a status names its cause where that says more, and a line stays one", () => {
  expect(formatStatus({ status: "failed", cause: "timeout" })).toBe("failed (timeout)");
  expect(formatStatus({ status: "cancelled", cause: "cancelled" })).toBe("cancelled");
  expect(oneLine(" two\n\n lines ", 20)).toBe("two lines");
  expect(oneLine("abcdef", 4)).toBe("abc…");
});
