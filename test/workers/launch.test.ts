import { expect, it } from "vitest";
import { dialectOf, findPi } from "../../src/workers/executable.ts";
import { allowedTools, type Launch, launchArguments } from "../../src/workers/launch.ts";
import { plainAgent } from "../support/workers/work.ts";

const launch: Launch = {
  dialect: "h1",
  extensions: ["/m/worker.mjs", "/u/provider.ts"],
  agent: plainAgent,
  systemPromptFile: "/tmp/s.md",
  trusted: true,
};
const line = (change: Partial<Launch> = {}): string => launchArguments({ ...launch, ...change }).join(" ");
const lean = "--mode rpc --no-session -ne -ns -np --no-themes";

it("starts a lean worker that keeps no session and loads only what it is given", () => {
  expect(line()).toBe(`${lean} -e /m/worker.mjs -e /u/provider.ts --append-system-prompt /tmp/s.md`);
});

it("never shows the older host a flag that it dies on", () => {
  const agent = { ...plainAgent, excludeTools: ["bash"] };
  for (const trusted of [true, false]) expect(line({ agent, trusted })).not.toMatch(/approve|exclude-tools/);
});

it("decides trust and excluded tools by flag on the newer host", () => {
  const agent = { ...plainAgent, excludeTools: ["bash"] };
  expect(line({ dialect: "h2", agent })).toContain("--exclude-tools bash --approve");
  expect(line({ dialect: "h2", trusted: false })).toContain("--no-approve");
});

it("names model, thinking, skills and the prompt's mode", () => {
  const agent = { ...plainAgent, skills: ["/s/one"], systemPromptMode: "replace" } as const;
  const text = line({ agent, model: "p/m", thinking: "high" });
  expect(text).toContain("--skill /s/one --model p/m --thinking high");
  expect(text).toMatch(/--system-prompt \/tmp\/s\.md$/);
  expect(line({ model: "p/m:low", thinking: "high" })).not.toContain("--thinking");
});

it.each([
  [{}, undefined],
  [{ tools: ["read", "bash"] }, ["read", "bash", "submit_result", "ask", "send"]],
  [{ tools: ["read", "bash"], excludeTools: ["bash"] }, ["read", "submit_result", "ask", "send"]],
  [{ permission: "read" }, ["read", "grep", "find", "ls", "submit_result", "ask", "send"]],
  [{ permission: "read", tools: ["read", "write", "edit"] }, ["read", "submit_result", "ask", "send"]],
] as const)("allows %j the tools %j", (change, tools) => {
  expect(allowedTools({ ...plainAgent, ...change })).toEqual(tools);
});

it.each([
  [{}, { command: "/usr/bin/node", args: ["/pi/cli.js"], dialect: "h1" }],
  [{ override: "/opt/pi" }, { command: "/opt/pi", args: [], dialect: "h1" }],
  [{ override: "/opt/pi.mjs" }, { command: "/usr/bin/node", args: ["/opt/pi.mjs"], dialect: "h1" }],
  [
    { execPath: "/opt/pi-binary", script: "/$bunfs/app/pi" },
    { command: "/opt/pi-binary", args: [], dialect: "h1" },
  ],
  [{ script: undefined }, { command: "pi", args: [], dialect: "h1" }],
  [{ version: "1.5.2" }, { command: "/usr/bin/node", args: ["/pi/cli.js"], dialect: "h2" }],
])("finds the running host: %j", (change, command) => {
  const host = { execPath: "/usr/bin/node", script: "/pi/cli.js", version: "0.73.1", override: undefined };
  expect(findPi({ ...host, ...change })).toEqual(command);
});

it.each([
  ["0.73.1", "h1"],
  ["0.74.2", "h1"],
  ["0.87.1", "h2"],
  ["1.5.2", "h2"],
  ["dev", "h1"],
])("host %s speaks %s", (version, dialect) => {
  expect(dialectOf(version)).toBe(dialect);
});
