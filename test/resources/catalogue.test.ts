import { symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { defaultSettings } from "../../src/core/settings.ts";
import { loadCatalogue } from "../../src/resources/catalogue.ts";
import { compilePlan } from "../../src/resources/compile.ts";
import { validateText } from "../../src/resources/validate.ts";
import { placesWith, withFront } from "./places.ts";

const explorer = (who: string) => withFront(`name: explorer\ndescription: ${who}\ntools: read`);

test("a later place wins by name, and what it hides is remembered", async () => {
  const places = await placesWith({
    "user/agents/explorer.md": explorer("user"),
    "project/.crew/agents/explorer.md": explorer("crew"),
    "project/.pi/agents/mine.md": explorer("pi"),
  });
  const catalogue = await loadCatalogue(places);
  expect(catalogue.agents.get("explorer")).toMatchObject({ description: "pi", source: "project" });
  expect(
    catalogue.shadowed.map(({ file, by }) => [
      path.basename(path.dirname(path.dirname(file))),
      path.basename(by),
    ]),
  ).toEqual([
    [path.basename(path.resolve(places.builtin)), "explorer.md"],
    ["user", "explorer.md"],
    [".crew", "mine.md"],
  ]);
  expect(catalogue.problems).toEqual([]);
  expect(
    (await loadCatalogue({ builtin: places.builtin, user: places.user })).agents.get("explorer"),
  ).toMatchObject({
    description: "user",
    source: "user",
  });
});

test("a broken file hides what it was meant to replace, and whoever needs it is told why", async () => {
  const places = await placesWith({ "project/.pi/agents/explorer.md": "You are it." });
  const catalogue = await loadCatalogue(places);
  expect(catalogue.agents.has("explorer")).toBe(false);
  const file = path.join(places.project, ".pi/agents/explorer.md");
  expect(catalogue.broken).toMatchObject([{ kind: "agent", name: "explorer", file }]);
  const compiled = compilePlan(catalogue, { goal: "g", team: "research" }, defaultSettings);
  expect(compiled).toMatchObject({ ok: false, problems: [{ where: `${file}:1` }] });
  expect(compilePlan(catalogue, { goal: "g", team: "fast-fix" }, defaultSettings).ok).toBe(true);
});

test("a project's extensions are dropped with a problem; a user's are resolved", async () => {
  const text = withFront("name: x\ndescription: d\ntools: read\nextensions: [./tool.ts]");
  const places = await placesWith({
    "project/.pi/agents/x.md": text,
    "user/agents/y.md": text.replace("x", "y"),
    "user/agents/tool.ts": "",
  });
  const catalogue = await loadCatalogue(places);
  expect(catalogue.agents.get("x")?.extensions).toEqual([]);
  expect(catalogue.agents.get("y")?.extensions).toEqual([path.join(places.user, "agents/tool.ts")]);
  expect(catalogue.problems).toHaveLength(1);
  expect(catalogue.problems[0]).toMatchObject({
    where: path.join(places.project, ".pi/agents/x.md:5"),
    message: expect.stringMatching("tool.ts"),
  });
  const compiled = compilePlan(catalogue, { goal: "g", agent: "x" }, defaultSettings);
  expect(compiled).toMatchObject({ ok: true, warnings: catalogue.problems });
});

test("a folder that is reached twice defines everything once", async () => {
  const places = await placesWith({
    "user/agents/x.md": withFront("name: x\ndescription: d\ntools: read"),
    "project/.pi/none": "",
  });
  await symlink(path.join(places.user, "agents"), path.join(places.project, ".pi/agents"));
  const catalogue = await loadCatalogue(places);
  expect(catalogue.agents.get("x")?.source).toBe("user");
  expect(catalogue.shadowed).toEqual([]);
});

test("two files of one folder with one name: the later counts, and it is told", async () => {
  const places = await placesWith({ "user/agents/a.md": explorer("a"), "user/agents/b.md": explorer("b") });
  const catalogue = await loadCatalogue({ builtin: places.user, user: places.user });
  expect(catalogue.agents.get("explorer")?.description).toBe("b");
  expect(catalogue.problems[0]).toMatchObject({
    where: path.join(places.user, "agents/b.md:1"),
    message: expect.stringMatching("already defined by .*a.md"),
  });
});

test("a new file is there at the next load", async () => {
  const places = await placesWith({ "user/agents/a.md": explorer("a") });
  await loadCatalogue(places);
  await writeFile(
    path.join(places.user, "agents/new.md"),
    withFront("name: new\ndescription: d\ntools: read"),
  );
  expect((await loadCatalogue(places)).agents.has("new")).toBe(true);
});

test.for([
  [
    "Claude's",
    "tools: Read, Glob, Grep, Bash, MultiEdit\ndisallowedTools: WebFetch\nmodel: inherit\ncolor: red\npermissionMode: acceptEdits\nmax_turns: 4",
    {
      tools: ["read", "find", "grep", "bash", "edit"],
      excludeTools: ["WebFetch"],
      models: [],
      permission: "write",
      turnsMax: 4,
    },
  ],
  [
    "the relative's",
    "tools: read, write\nmodel: false\nfallbackModels: p/a, p/b\neffort: max\nskill: false\ntrigger: x, y\nprompt_mode: append",
    {
      tools: ["read", "write"],
      models: ["p/a", "p/b"],
      thinking: "xhigh",
      triggers: ["x", "y"],
      systemPromptMode: "append",
      permission: "write",
      skills: { names: [], where: expect.stringMatching(/x.md:8$/) },
    },
  ],
  ["all tools", 'tools: "*"\npermissionMode: plan', { permission: "read" }],
  [
    "numbers and times",
    "tools: [read]\ntimeout: 1.5h\nbudget: '0.50'\nmaxTurns: '7'\nthinking: off",
    { attemptMaxMs: 5_400_000, costMax: 0.5, turnsMax: 7, thinking: "off" },
  ],
] as const)("%s spellings are understood", async ([, head, expected]) => {
  const places = await placesWith({ "user/agents/x.md": withFront(`name: x\ndescription: d\n${head}`) });
  const catalogue = await loadCatalogue(places);
  expect(catalogue.problems).toEqual([]);
  expect(catalogue.agents.get("x")).toMatchObject(expected);
});

test("a text is validated among the others, and only for what it brings about itself", async () => {
  const places = await placesWith({
    "user/teams/bad.team.md": withFront("name: bad\ndescription: d", "- r: agent=nobody"),
  });
  const catalogue = await loadCatalogue(places);
  expect(catalogue.problems.length).toBeGreaterThan(0);
  const good = withFront(
    "name: x\ndescription: d\ndefaultWorkflow: research",
    "- explorer: agent=explorer\n- analyst: agent=critic",
  );
  expect(validateText("team", "x", good, catalogue)).toEqual([]);
  expect(validateText("team", "y", good, catalogue)).toMatchObject([
    { where: "y:1", message: expect.stringMatching('calls itself "x"') },
  ]);
  const unknown = good.replace("critic", "critik");
  expect(validateText("team", "x", unknown, catalogue)).toMatchObject([
    { where: "x:7", remedy: expect.stringMatching('did you mean "critic"') },
  ]);
  const cyclic = withFront(
    "name: w\ndescription: d",
    "## a\nrole: writer\ndependsOn: b\n\nx\n\n## b\nrole: writer\ndependsOn: a\n\ny",
  );
  expect(validateText("workflow", "w", cyclic, catalogue)).toMatchObject([
    { where: "w:5", message: expect.stringMatching("a → b → a") },
  ]);
  expect(validateText("agent", "z", "nothing", catalogue)).toMatchObject([{ where: "z:1" }]);
});
