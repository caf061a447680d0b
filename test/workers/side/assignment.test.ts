import { expect, it } from "vitest";
import type { Assignment } from "../../../src/core/assignment.ts";
import { parseAssignment } from "../../../src/workers/side/assignment.ts";

const whole: Assignment = {
  runId: "run-12345678",
  task: "t",
  agent: "a",
  attempt: 1,
  outcomePath: "/r/outcome.json",
  artifactsDir: "/r/artifacts",
  workspace: "/w",
  permission: "read",
  rules: { deny: ["team"], ask: [], allow: [], askMaxMs: 5 },
  tools: ["read"],
  excludeTools: [],
  expectedParentPid: 7,
  depth: 1,
  resultMaxBytes: 1000,
  output: "o.md",
};

it("reads back what a driver writes", () => {
  expect(parseAssignment(JSON.stringify(whole))).toEqual(whole);
});

it.each(Object.keys(whole))("refuses an assignment whose %s is of the wrong kind", (field) => {
  expect(() => parseAssignment(JSON.stringify({ ...whole, [field]: { odd: true } }))).toThrow(
    `.${field}${field === "rules" ? ".deny" : ""} must be`,
  );
});

it.each(Object.keys(whole).filter((field) => field !== "tools" && field !== "output"))(
  "refuses an assignment without %s",
  (field) => {
    expect(() => parseAssignment(JSON.stringify({ ...whole, [field]: undefined }))).toThrow(
      `.${field} must be`,
    );
  },
);
