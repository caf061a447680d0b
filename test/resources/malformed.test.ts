import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { loadCatalogue } from "../../src/resources/catalogue.ts";
import { directoryWith, placesWith, withFront } from "./places.ts";

const agent = (head: string, body?: string) => [
  "agents/x.md",
  withFront(`name: x\ndescription: d\n${head}`, body),
];
const team = (head: string, body = "- r: agent=explorer does it") => [
  "teams/x.team.md",
  withFront(`name: x\ndescription: d\ndefaultWorkflow: w\n${head}`, body),
];
const flow = (body: string, head = "") => [
  "workflows/x.workflow.md",
  withFront(`name: x\ndescription: d\n${head}`, body),
];
const step = (lines: string, prompt = "Do it.") => flow(`## a\nrole: explorer\n${lines}\n\n${prompt}`);

/** What is wrong · file and content · the line that is to be named · words of the message. */
const table: readonly (readonly [string, readonly (string | Uint8Array)[], number, RegExp])[] = [
  ["no front matter", ["agents/x.md", "You are it.\n"], 1, /does not begin with front matter/],
  ["empty", ["agents/x.md", ""], 1, /does not begin with front matter/],
  ["only blanks", ["teams/x.team.md", " \n\n \n"], 1, /does not begin with front matter/],
  ["front matter without end", ["agents/x.md", "---\nname: x\n"], 1, /no end/],
  ["front matter that is text", ["agents/x.md", "---\nhello\n---\nbody"], 2, /not a list of key: value/],
  ["front matter that is a list", ["agents/x.md", "---\n- a\n---\nbody"], 2, /not a list of key: value/],
  ["tabs", ["agents/x.md", "---\nname: x\ntools:\n\t- read\n---\nbody"], 4, /[Tt]abs/],
  ["colon in plain text", agent("useWhen: like this: that"), 4, /bad YAML/],
  ["open quote", agent("model: 'x"), 4, /bad YAML/],
  ["key twice", agent("tools: a\ntools: b"), 5, /unique/],
  ["alias bomb", agent("a: &a [x, x]\nb: &b [*a, *a]\ntools: [*b, *b]"), 6, /alias/],
  ["foreign tag", agent("tools: !!js/function 'x'"), 4, /bad YAML/],
  ["deep nesting", agent(`tools: ${"[".repeat(20_000)}`), 4, /bad YAML/],
  ["huge", ["agents/x.md", withFront("name: x", "x".repeat(300_000))], 1, /bytes/],
  ["binary", ["agents/x.md", new Uint8Array([0x2d, 0x2d, 0x2d, 0x0a, 0xff, 0xfe, 0x00])], 1, /not UTF-8/],
  ["NUL", ["agents/x.md", "---\nname: x\n---\na\0b\n"], 4, /NUL/],
  ["no prompt", agent("tools: read", ""), 1, /no system prompt/],
  ["no description", ["agents/x.md", withFront("name: x\ntools: read")], 1, /no description/],
  ["name with a path", ["agents/x.md", withFront("name: ../../x\ndescription: d")], 2, /not usable/],
  ["name that is a number", ["agents/x.md", withFront("name: 12\ndescription: d")], 2, /must be text/],
  ["description list", ["agents/x.md", withFront("name: x\ndescription: [a]")], 3, /must be text/],
  ["model mapping", agent("model: {a: b}"), 4, /model: .*"a":"b".* is not a model/],
  ["model like an option", agent("model: --api-key"), 4, /not a model/],
  ["a mapping that looks callable", agent("cost: {toString: 3}"), 4, /cost: .* is not known/],
  ["fallbackModels number", agent("fallbackModels: 3"), 4, /must be a list/],
  ["tools of numbers", agent("tools: [1, 2]"), 4, /must be a list/],
  ["tool rule", agent("tools: Read, Bash(git:*)"), 4, /plain tool names/],
  ["excludeTools mapping", agent("excludeTools: {a: b}"), 4, /must be a list/],
  ["thinking unknown", agent("thinking: deep"), 4, /"deep" is not known/],
  ["systemPromptMode unknown", agent("systemPromptMode: merge"), 4, /not known/],
  ["maxTurns text", agent("maxTurns: many"), 4, /whole number/],
  ["maxTurns zero", agent("maxTurns: 0"), 4, /whole number/],
  ["timeout without unit", agent("timeout: 30"), 4, /must be a time/],
  ["timeout negative", agent("timeout: -5m"), 4, /must be a time/],
  ["budget negative", agent("budget: -1"), 4, /US dollars/],
  ["budget infinite", agent("budget: .inf"), 4, /US dollars/],
  ["permission unknown", agent("permission: sudo"), 4, /"sudo" is not known/],
  ["permission number", agent("permission: 7"), 4, /"7" is not known/],
  ["cost unknown", agent("tools: read\ncost: dear"), 5, /not known/],
  ["triggers mapping", agent("tools: read\ntriggers: {a: b}"), 5, /must be a list/],
  [
    "skill unknown",
    [
      "teams/x.team.md",
      withFront(
        "name: x\ndescription: d\ndefaultWorkflow: research",
        "- explorer: agent=explorer skills=nope s\n- analyst: agent=analyst s",
      ),
    ],
    6,
    /skill "nope"/,
  ],
  ["misspelt key", agent("tools: read\npermision: write"), 5, /unknown key "permision"/],
  ["switched off elsewhere", agent("tools: read\ndisabled: true"), 5, /not supported/],
  ["alias says it again", agent("tools: read\nallowedTools: write"), 5, /says again/],
  [
    "extension missing",
    ["agents/x.md", withFront("name: x\ndescription: d\ntools: read\nextensions: ./no.ts")],
    1,
    /does not exist/,
  ],
  ["team in the wrong file", ["teams/x.md", withFront("name: x")], 1, /must end in/],
  ["team without roles", team("", "Just prose."), 1, /has 0 roles/],
  ["role twice", team("", "- r: agent=explorer\n- r: agent=writer"), 8, /already defined at .*:7$/],
  ["role that cannot be read", team("", "- r: agent=explorer\n- q agent=writer"), 8, /looks like a role/],
  ["role key unknown", team("", "- r: agent=explorer colour=red"), 7, /unknown key "colour"/],
  ["role limit", team("", "- r: agent=explorer maxConcurrency=0"), 7, /whole number/],
  ["unknown agent in team", team("", "- r: agent=explroer"), 7, /no file defines agent "explroer"/],
  ["unknown default workflow", team(""), 4, /no file defines workflow "w"/],
  ["team isolation", team("isolation: worktree"), 5, /not supported by this version/],
  ["maxConcurrency text", team("maxConcurrency: lots"), 5, /whole number/],
  ["workflow without steps", flow("Only a note."), 1, /has no step/],
  ["step twice", flow("## a\nrole: explorer\n\nx\n\n## a\nrole: writer\n\ny"), 11, /already used/],
  ["step id", flow("## A step\nrole: explorer\n\nx"), 6, /not usable/],
  ["step without prompt", flow("## a\nrole: explorer"), 6, /says nothing to do/],
  [
    "cycle",
    flow("## a\nrole: explorer\ndependsOn: b\n\nx\n\n## b\nrole: explorer\ndependsOn: a\n\ny"),
    6,
    /a → b → a/,
  ],
  ["itself", step("dependsOn: a"), 6, /depends on itself/],
  ["unknown dependency", step("dependsOn: zz"), 6, /"zz", which is not in the plan/],
  ["output of a stranger", step("", "{zz.output}"), 6, /does not depend on "zz"/],
  ["unknown variable", step("", "{goals} and {goal}"), 6, /no variable/],
  ["unknown role", flow("## a\nrole: explroer\n\nx"), 6, /no file defines agent "explroer"/],
  ["prompt among keys", step("and now do it"), 8, /not a key: value line/],
  ["step key unknown", step("retry: 3"), 8, /unknown key "retry"/],
  ["gate", step("gate: npm test"), 8, /gate: .* is no gate that this version/],
  ["worktree", step("worktree: true"), 8, /not supported/],
  ["when", step("when: x"), 8, /not supported/],
  ["forEach", step("forEach: x"), 8, /not supported/],
  ["loop", step("loop: 3"), 8, /not supported/],
  ["contract", step("contract: handoff"), 8, /not supported/],
  ["gate after a blank line", flow("## a\n\ngate: npm test\n\nx"), 8, /no gate/],
  ["verify number", step("verify: 1"), 8, /true or false/],
  ["retries negative", step("retries: -1"), 8, /whole number/],
  ["step timeout", step("timeout: soon"), 8, /must be a time/],
  ["output outside", step("output: ../x"), 8, /outside the workspace/],
  ["reads outside", step("reads: /etc/passwd"), 8, /outside the workspace/],
  ["writes outside", step("writes: ~/x"), 8, /outside the workspace/],
  ["output of a reader", step("output: notes.md"), 6, /writes no file/],
  ["writes of a reader", step("writes: docs/**"), 6, /may only read/],
  [
    "group and step of one name",
    flow("## a\nrole: explorer\nparallelGroup: a\n\nx"),
    6,
    /name of a group and of a step/,
  ],
  [
    "waiting inside a group",
    flow(
      "## a\nrole: explorer\nparallelGroup: g\n\nx\n\n## b\nrole: explorer\nparallelGroup: g\ndependsOn: a\n\ny",
    ),
    12,
    /starts together/,
  ],
];

test.for(table)("%s: a problem with its line and a remedy", async ([, [name, content], line, message]) => {
  const places = await placesWith({
    [`user/${String(name)}`]: content ?? "",
    "user/agents/good.md": withFront("name: good\ndescription: d\ntools: read"),
  });
  const catalogue = await loadCatalogue({ builtin: places.builtin, user: places.user });
  const file = path.join(places.user, String(name));
  const told = catalogue.problems.filter(({ where }) => where.startsWith(`${file}:`));
  expect(told.map((problem) => `${problem.where.slice(file.length + 1)} ${problem.message}`)).toContainEqual(
    expect.stringMatching(new RegExp(`^${line} .*${message.source}`)),
  );
  for (const problem of catalogue.problems) {
    expect(problem.remedy).toMatch(/\S/);
    expect(problem.where).toMatch(/:\d+$/);
    expect(problem.message.length, "is shown on a screen").toBeLessThan(400);
  }
  expect(catalogue.problems.length, "nobody reads a flood").toBeLessThan(10);
  expect(catalogue.agents.has("good"), "the others are left alone").toBe(true);
});

test.for([
  ["CRLF", withFront("name: x\ndescription: d\ntools: read").replaceAll("\n", "\r\n")],
  ["a byte order mark", `\uFEFF${withFront("name: x\ndescription: d\ntools: read")}`],
  ["a rule in the body", withFront("name: x\ndescription: d\ntools: read", "You.\n\n---\n\nMore.")],
])("%s is nothing to complain about", async ([, text]) => {
  const places = await placesWith({ "user/agents/x.md": text ?? "" });
  const catalogue = await loadCatalogue({ builtin: places.builtin, user: places.user });
  expect(catalogue.problems).toEqual([]);
  expect(catalogue.agents.get("x")).toMatchObject({ description: "d", tools: ["read"], source: "user" });
  expect(catalogue.agents.get("x")?.systemPrompt).toMatch(/^You.*[^\r\n]$/s);
});

test("pipes, folders and dangling links are problems, not hangs", async () => {
  const places = await placesWith({
    "user/agents/ok.md": withFront("name: ok\ndescription: d\ntools: read"),
  });
  await mkdir(path.join(places.user, "agents/folder.md"));
  const run = promisify(execFile);
  await run("mkfifo", [path.join(places.user, "agents/pipe.md")]);
  await run("ln", ["-s", "nowhere", path.join(places.user, "agents/link.md")]);
  const catalogue = await loadCatalogue({ builtin: places.builtin, user: places.user });
  expect(catalogue.problems.map(({ where, message }) => `${path.basename(where)} ${message}`)).toEqual([
    "folder.md:1 this is not a regular file",
    "link.md:1 the file cannot be read (ENOENT)",
    "pipe.md:1 this is not a regular file",
  ]);
});

test("whatever the files hold, loading yields a catalogue", async () => {
  const pieces = fc.constantFrom(
    "---\n",
    "name: x\n",
    "## a\n",
    "## b",
    "role: a\n",
    "dependsOn: [a,",
    "- r: agent=x",
    "\n\n",
    "{a.output}",
    "```\n",
    "\t",
    "é",
    "\0",
    ": ",
    "&a *a",
    "__proto__: 1\n",
    "constructor: x\n",
  );
  const text = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .array(fc.oneof(pieces, fc.string({ maxLength: 5 })), { maxLength: 40 })
      .map((parts) => `---\n${parts.join("")}`),
    fc.array(pieces, { maxLength: 30 }).map((parts) => `---\nname: n\n---\n${parts.join("")}`),
  );
  await fc.assert(
    fc.asyncProperty(text, text, text, async (one, two, three) => {
      const user = await directoryWith({
        "agents/a.md": one,
        "teams/b.team.md": two,
        "workflows/c.workflow.md": three,
      });
      const catalogue = await loadCatalogue({ builtin: user, user: path.join(user, "none"), project: user });
      const usable = catalogue.agents.size + catalogue.teams.size + catalogue.workflows.size;
      expect(usable + (catalogue.broken?.length ?? 0)).toBe(3);
    }),
    { numRuns: 150 },
  );
});
