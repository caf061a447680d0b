import { tmpdir } from "node:os";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Rights, refusedCall, refusedTool, toolsFor } from "../../../src/workers/side/permission.ts";

const rights = (change: Partial<Rights> = {}): Rights => ({
  permission: "write",
  excludeTools: [],
  workspace: tmpdir(),
  ...change,
});
const names = fc.constantFrom(
  "read",
  "grep",
  "find",
  "ls",
  "bash",
  "edit",
  "write",
  "team",
  "mcp_x",
  "submit_result",
);
const anyRights = fc.record(
  {
    permission: fc.constantFrom("read" as const, "write" as const, "full" as const),
    tools: fc.uniqueArray(names),
    excludeTools: fc.uniqueArray(names),
    workspace: fc.constant(tmpdir()),
  },
  { requiredKeys: ["permission", "excludeTools", "workspace"] },
);

describe("tools", () => {
  it("are active only when the worker may use them, and submit_result always is", () => {
    fc.assert(
      fc.property(anyRights, fc.uniqueArray(names), (given, active) => {
        const available = [
          "read",
          "grep",
          "find",
          "ls",
          "bash",
          "edit",
          "write",
          "team",
          "mcp_x",
          "submit_result",
        ];
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

describe("refusedCall", () => {
  it.each([
    ["write", { path: "../x" }],
    ["edit", { path: ".git/config" }],
    ["write", { file_path: "/etc/x" }],
    ["write", {}],
    ["write", null],
    ["bash", { command: "git push" }],
    ["bash", {}],
    ["team", { action: "run" }],
  ])("refuses %s %j to a writing worker", async (tool, input) => {
    expect(await refusedCall(tool, input, rights())).toBeTruthy();
  });

  it.each([
    ["write", { path: "x/y" }],
    ["bash", { command: "npm test > log" }],
    ["mcp_x", {}],
    ["submit_result", {}],
  ])("lets %s %j pass", async (tool, input) => {
    expect(await refusedCall(tool, input, rights())).toBeUndefined();
  });

  it("refuses a reading worker's redirection", async () => {
    const reader = rights({ permission: "read", tools: ["bash"] });
    expect(await refusedCall("bash", { command: "echo x > y" }, reader)).toContain("read-only");
  });
});
