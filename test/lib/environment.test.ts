import { expect, it } from "vitest";
import {
  agentDirectory,
  depthOf,
  driverMark,
  readEnvironment,
  takeVariable,
} from "../../src/lib/environment.ts";

it("takes a variable away from processes started later", () => {
  process.env.PI_MUSTER_TEST_ONLY = "x";
  expect(readEnvironment().PI_MUSTER_TEST_ONLY).toBe("x");
  expect(takeVariable("PI_MUSTER_TEST_ONLY")).toBe("x");
  expect(readEnvironment().PI_MUSTER_TEST_ONLY).toBeUndefined();
  expect(takeVariable("PI_MUSTER_TEST_ONLY")).toBeUndefined();
});

it.each([
  [{}, { level: 0, max: undefined }],
  [
    { PI_MUSTER_DEPTH: "2", PI_MUSTER_MAX_DEPTH: "3" },
    { level: 2, max: 3 },
  ],
  [
    { PI_MUSTER_DEPTH: "1", PI_SUBAGENT_DEPTH: "2", PI_MUSTER_MAX_DEPTH: "4", PI_SUBAGENT_MAX_DEPTH: "3" },
    { level: 2, max: 3 },
  ],
  [
    { PI_MUSTER_DEPTH: "-1", PI_MUSTER_MAX_DEPTH: "many" },
    { level: 0, max: undefined },
  ],
])("reads the depth from %j, the stricter wins", (environment, depth) => {
  expect(depthOf(environment as Record<string, string>)).toEqual(depth);
});

it.each([
  [undefined, "/h/.pi/agent"],
  ["/elsewhere", "/elsewhere"],
  ["~", "/h"],
  ["~/a", "/h/a"],
])("finds the agent directory for %s", (configured, directory) => {
  expect(agentDirectory(configured === undefined ? {} : { PI_CODING_AGENT_DIR: configured }, "/h")).toBe(
    directory,
  );
});

it("marks a driver in one word, whatever its start time looks like", () => {
  expect(driverMark({ pid: 7, startTime: "123" })).toBe("7-123");
  expect(driverMark({ pid: 7, startTime: "Mon Jan  1 10:00:00" })).toMatch(/^7-\w+$/);
});
