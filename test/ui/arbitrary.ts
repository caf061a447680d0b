import { visibleWidth } from "@mariozechner/pi-tui";
import fc from "fast-check";
import { expect } from "vitest";
import { causes, noUsage } from "../../src/core/outcome.ts";
import {
  finalRunStatuses,
  finalTaskStatuses,
  liveRunStatuses,
  liveTaskStatuses,
} from "../../src/core/status.ts";
import type { RunView, TaskView } from "../../src/core/view.ts";
import type { Theme } from "../../src/ui/theme.ts";

/** Pieces that terminals and hosts disagree about. */
const nasty = [
  "日本語",
  "한국어",
  "ｶﾞ",
  "Ａ",
  "👍",
  "👍🏽",
  "👨‍👩‍👧‍👦",
  "🏳️‍🌈",
  "🇩🇪",
  "🇩",
  "1️⃣",
  "❤️",
  "❤",
  "☎",
  "⌚",
  "é",
  "e\u0301",
  "\u0301",
  "\u200d",
  "\u200b",
  "\ufeff",
  "\u0600",
  "\u0600Ａ",
  "กำ",
  "ກຳ",
  "क्ष",
  "\u0e33",
  "\t",
  "\n",
  "\r\n",
  "\u2028",
  "\u0085",
  "\x1b[31m",
  "\x1b[0m",
  "\x1b[38;5;12m",
  "\x1b[2J",
  "\x1b[5;1H",
  "\x1b]0;title\x07",
  "\x1b]8;;http://x\x1b\\",
  "\x1b_pi:c\x07",
  "\x1b[",
  "\x1b",
  "\x9b31m",
  "\x00",
  "\x07",
  "\x08",
  "\x7f",
  "\ud800",
  "\udc00",
  "\u202e",
  "\u{1f9d1}\u{1f3fb}",
  "…",
  "■",
  "▶️",
];

/** Text of every kind, the awkward kinds above all. */
export const anyText = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...nasty) },
      fc.string({ unit: "binary", maxLength: 6 }),
      fc.string({ maxLength: 20 }),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(""));

export const anyWidth = fc.integer({ min: 0, max: 250 });
/** Columns and rows of a terminal. */
export const anySize = fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 100 }));

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
const anyInstant = fc.oneof(fc.integer({ min: 0, max: 2_000_000 }), fc.double());
const anyUsage = fc.record({
  input: fc.nat(),
  output: fc.nat(),
  cacheRead: fc.nat(),
  cacheWrite: fc.nat(),
  cost: fc.double({ min: 0, noNaN: true }),
  turns: fc.nat(),
});

/** Drops what is undefined, as exact optional properties want it. */
function defined<T extends object>(value: T): T {
  // Every member is the one that was there.
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}

export const anyTask: fc.Arbitrary<TaskView> = fc
  .record({
    id: anyText,
    agent: anyText,
    status: fc.constantFrom(...liveTaskStatuses, ...finalTaskStatuses),
    cause: maybe(fc.constantFrom(...causes)),
    reason: maybe(anyText),
    dependsOn: fc.constant([]),
    attempts: fc.nat(5),
    startedAt: maybe(anyInstant),
    finishedAt: maybe(anyInstant),
    tool: maybe(anyText),
    activity: maybe(anyText),
    usage: fc.oneof(fc.constant(noUsage), anyUsage),
  })
  // The record's optional members are absent instead of undefined.
  .map((task) => defined(task) as TaskView);

export const anyView: fc.Arbitrary<RunView> = fc
  .record({
    runId: anyText,
    goal: anyText,
    team: maybe(anyText),
    workflow: maybe(anyText),
    status: fc.constantFrom(...liveRunStatuses, ...finalRunStatuses),
    cause: maybe(fc.constantFrom(...causes)),
    reason: maybe(anyText),
    createdAt: anyInstant,
    finishedAt: maybe(anyInstant),
    background: fc.boolean(),
    usage: anyUsage,
    tasks: fc.array(anyTask, { maxLength: 12 }),
  })
  .map((view) => viewOf(defined(view) as Partial<RunView>));

/** A run's view with everything that is not given filled in. */
export function viewOf(given: Partial<RunView>): RunView {
  const tasks = given.tasks ?? [];
  const counts = Object.fromEntries(
    [...liveTaskStatuses, ...finalTaskStatuses].map((status) => [
      status,
      tasks.filter((task) => task.status === status).length,
    ]),
  );
  return {
    runId: "run-00000001",
    goal: "goal",
    status: "running",
    cwd: "/tmp",
    owner: { sessionId: "s" },
    origin: { kind: "user", id: "t" },
    background: false,
    createdAt: 0,
    alive: 0,
    mail: [],
    questions: [],
    usage: noUsage,
    ...given,
    tasks,
    // Every status is a key.
    counts: counts as RunView["counts"],
  };
}

/** A task's view with everything that is not given filled in. */
export function taskOf(given: Partial<TaskView> & { readonly id: string }): TaskView {
  return { agent: "executor", status: "running", dependsOn: [], attempts: 1, usage: noUsage, ...given };
}

/** Colours as the host writes them. */
export const ansiTheme: Theme = {
  fg: (_color, text) => `\x1b[38;2;1;2;3m${text}\x1b[39m`,
  bold: (text) => `\x1b[1m${text}\x1b[22m`,
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
const unprintable = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of the test's theme
const colours = /\x1b\[[0-9;:]*m/g;

/** Holds what is drawn against its width, by the host's measure, and its height; of escapes there are only colours. */
export function expectFitting(lines: readonly string[], width: number, height = lines.length): void {
  const isFitting = (line: string): boolean =>
    visibleWidth(line) <= width && !unprintable.test(line.replace(colours, ""));
  // One call for all of them: there are a hundred thousand, and each call takes its time.
  expect(lines.filter((line) => !isFitting(line))).toEqual([]);
  expect(lines).toHaveLength(height);
}
