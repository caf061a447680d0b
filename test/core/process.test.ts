import { expect, it } from "vitest";
import type { AttemptOutcome, OutcomeRecord } from "../../src/core/outcome.ts";
import { type AttemptEvidence, type Verdict, verdictOf } from "../../src/core/process.ts";
import { completed, failed } from "../support/plan.ts";

const now = 1_000_000;
const graceMs = 60_000;
const recordOf = (outcome: AttemptOutcome): OutcomeRecord => {
  return { v: 1, runId: "r", task: "a", attempt: 1, at: "2026-01-01T00:00:00.000Z", outcome };
};
const records = { none: undefined, unreadable: "unreadable" } as const;
const workers = { alive: "alive", gone: "gone", indeterminate: "indeterminate", unknown: undefined } as const;

/** The whole table: record, worker, whether a sign came lately. */
const table: readonly [keyof typeof records, keyof typeof workers, boolean, Verdict][] = [
  ["none", "alive", true, "alive"],
  ["none", "alive", false, "alive"],
  ["none", "gone", true, "gone"],
  ["none", "gone", false, "gone"],
  ["none", "indeterminate", true, "alive"],
  ["none", "indeterminate", false, "indeterminate"],
  ["none", "unknown", true, "alive"],
  ["none", "unknown", false, "indeterminate"],
  ["unreadable", "alive", true, "alive"],
  ["unreadable", "alive", false, "alive"],
  ["unreadable", "gone", true, "indeterminate"],
  ["unreadable", "gone", false, "indeterminate"],
  ["unreadable", "indeterminate", true, "alive"],
  ["unreadable", "indeterminate", false, "indeterminate"],
  ["unreadable", "unknown", true, "alive"],
  ["unreadable", "unknown", false, "indeterminate"],
];

it.each(table)("outcome %s, worker %s, a sign lately: %s → %s", (record, process, isFresh, verdict) => {
  const worker = workers[process];
  const lastSignAt = isFresh ? now - graceMs + 1 : now - graceMs;
  const evidence: AttemptEvidence = {
    record: records[record],
    lastSignAt,
    graceMs,
    ...(worker && { worker }),
  };
  expect(verdictOf(evidence, now)).toBe(verdict);
});

it.each(Object.keys(workers))("a result counts, whatever is known of its worker: %s", (name) => {
  const worker = workers[name as keyof typeof workers];
  const evidence = { lastSignAt: 0, graceMs, ...(worker && { worker }) };
  expect(verdictOf({ ...evidence, record: recordOf(completed("done")) }, now)).toBe("result_ok");
  expect(verdictOf({ ...evidence, record: recordOf(failed({})) }, now)).toBe("result_failed");
});
