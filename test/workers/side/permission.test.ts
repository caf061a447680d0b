import { tmpdir } from "node:os";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ToolRules } from "../../../src/core/settings.ts";
import { judgeCall, type Rights, refusedTool, toolsFor } from "../../../src/workers/side/permission.ts";

const rules = (change: Partial<ToolRules> = {}): ToolRules => ({
  ...{ deny: [], ask: [], allow: [], askMaxMs: 0 },
  ...change,
});
const rights = (change: Partial<Rights> = {}): Rights => ({
  permission: "write",
  excludeTools: [],
  workspace: tmpdir(),
  rules: rules(),
  expectedParentPid: 4711,
  ...change,
});
const available = ["read", "grep", "find", "ls", "bash", "edit", "write", "team", "mcp_x", "submit_result"];
const names = fc.constantFrom(...available);
const anyRights = fc.record(
  {
    permission: fc.constantFrom("read" as const, "write" as const, "full" as const),
    tools: fc.uniqueArray(names),
    excludeTools: fc.uniqueArray(names),
    workspace: fc.constant(tmpdir()),
    rules: fc.constant(rules()),
    expectedParentPid: fc.constant(4711),
  },
  { requiredKeys: ["permission", "excludeTools", "workspace", "rules", "expectedParentPid"] },
);

describe("tools", () => {
  it("are active only when the worker may use them, and submit_result always is", () => {
    fc.assert(
      fc.property(anyRights, fc.uniqueArray(names), (given, active) => {
        const chosen = toolsFor(given, available, active);
        expect(chosen).toContain("submit_result");
        expect(chosen).not.toContain("team");
        for (const tool of chosen) {
          expect(refusedTool(tool, given)).toBeUndefined();
          if (tool === "submit_result") continue;
          expect(given.excludeTools).not.toContain(tool);
          if (given.tools !== undefined) expect(given.tools).toContain(tool);
          if (given.permission === "read") expect(["edit", "write"]).not.toContain(tool);
        }
      }),
    );
  });

  it("of a reading worker without a list are the host's readers", () => {
    const available = ["read", "bash", "edit", "write", "grep", "find", "ls", "mcp_x", "submit_result"];
    expect(toolsFor(rights({ permission: "read" }), available, ["read", "bash", "edit", "write"])).toEqual([
      "read",
      "grep",
      "find",
      "ls",
      "submit_result",
    ]);
  });

  it("bash is a reading worker's only when its list names it", () => {
    expect(refusedTool("bash", rights({ permission: "read" }))).toContain("may use only");
    expect(refusedTool("bash", rights({ permission: "read", tools: ["read", "bash"] }))).toBeUndefined();
  });
});

describe("a call", () => {
  const judged = async (tool: string, input: unknown, change: Partial<Rights> = {}) =>
    judgeCall(tool, input, rights(change));
  it.each([
    ["write", { path: "../x" }],
    ["edit", { path: ".git/config" }],
    ["write", { file_path: "/etc/x" }],
    ["write", {}],
    ["write", null],
    ["bash", { command: "git push" }],
    ["bash", { command: "touch ~/x" }],
    ["bash", {}],
    ["team", { action: "run" }],
  ])("%s %j is refused to a writing worker", async (tool, input) => {
    expect(await judged(tool, input)).toMatchObject({ by: "muster", reason: expect.stringMatching(/./) });
  });

  it.each([
    ["write", { path: "x/y" }],
    ["bash", { command: "npm test > log" }],
    ["read", { path: "/etc/hosts" }],
    ["mcp_x", {}],
    ["submit_result", {}],
  ])("%s %j passes", async (tool, input) => {
    expect(await judged(tool, input)).toBeUndefined();
  });

  it("of a reading worker's shell that redirects is refused, whatever rules allow", async () => {
    const reader = {
      permission: "read",
      tools: ["bash"],
      rules: rules({ allow: ["bash(echo *)"] }),
    } as const;
    expect(await judged("bash", { command: "echo x > y" }, reader)).toMatchObject({ by: "muster" });
  });
});

describe("rules", () => {
  const verdictOf = async (tool: string, input: object, change: Partial<ToolRules>) => {
    const verdict = await judgeCall(tool, input, rights({ rules: rules(change) }));
    return verdict === undefined ? "allowed" : "asks" in verdict ? `asks ${verdict.asks.join()}` : verdict.by;
  };
  const push = { command: "cd . && CI=1 git -C sub push origin main" };
  const danger = { command: "ls; sh -c 'rm -rf build' && git push" };

  it.each<[string, string, object, Partial<ToolRules>]>([
    ["allowed", "bash", push, { allow: ["bash(git push *)"] }],
    ["allowed", "bash", { command: "git push" }, { allow: ["bash(git push *)"] }],
    ["muster", "bash", push, { allow: ["bash(git push origin dev)"] }],
    ["muster", "bash", danger, { allow: ["bash(rm *)"], ask: ["bash(rm *)"] }],
    ["asks bash(git push *)", "bash", push, { ask: ["bash(git push *)"], allow: ["bash(git *)"] }],
    [
      "rule bash(git push *)",
      "bash",
      push,
      { deny: ["bash(git push *)"], ask: ["bash"], allow: ["bash(git *)"] },
    ],
    ["asks bash(rm *),bash(git *)", "bash", danger, { ask: ["bash(rm *)", "bash(git *)"] }],
    ["rule bash(rm *)", "bash", danger, { deny: ["bash(rm *)"], ask: ["bash(git *)"] }],
    ["rule bash", "bash", { command: "# nothing" }, { deny: ["bash"] }],
    ["asks bash(*my word*)", "bash", { command: "ls; echo 'my word'" }, { ask: ["bash(*my word*)"] }],
    ["muster", "bash", { command: "ls && git push" }, { allow: ["bash(ls *)"] }],
    ["rule Bash", "bash", { command: "ls" }, { deny: ["Bash"] }],
    ["allowed", "bash", { command: "echo 'git push'" }, { deny: ["bash(git *)"] }],
    ["rule write(src/*)", "write", { path: "x/../src/deep/a.ts" }, { deny: ["write(src/*)"] }],
    ["asks *(*.env)", "read", { path: "/srv/app/.env" }, { ask: ["*(*.env)"] }],
    ["rule read(/etc/*)", "read", { path: "/etc/hosts" }, { deny: ["read(/etc/*)"] }],
    ["muster", "write", { path: "/etc/x" }, { ask: ["write"] }],
    ["asks mcp_*(*prod*)", "mcp_query", { limit: 5, sql: "select from prod" }, { ask: ["mcp_*(*prod*)"] }],
    ["allowed", "mcp_query", { sql: "select" }, { ask: ["mcp_*(*prod*)"] }],
    ["allowed", "submit_result", { result: "x" }, { deny: ["*"] }],
  ])("%s: %s %j under %j", async (verdict, tool, input, change) => {
    expect(await verdictOf(tool, input, change)).toBe(verdict);
  });
});
