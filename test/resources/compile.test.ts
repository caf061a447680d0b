import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson } from "../../src/core/canonical.ts";
import { defaultSettings, type Settings } from "../../src/core/settings.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { loadCatalogue } from "../../src/resources/catalogue.ts";
import { compilePlan, type PlanAsk } from "../../src/resources/compile.ts";
import { revisePlan } from "../../src/resources/revise.ts";
import { placesWith, withFront } from "./places.ts";

const builtins = async () => loadCatalogue(await placesWith({}));
const withWorkflow = async (
  body: string,
  roles = "- w: agent=writer\n- e: agent=explorer",
  agents: Record<string, string> = {},
) =>
  loadCatalogue(
    await placesWith({
      "user/workflows/x.workflow.md": withFront("name: x\ndescription: d", body),
      "user/teams/x.team.md": withFront("name: x\ndescription: d\nmaxConcurrency: 3", roles),
      ...agents,
    }),
  );
/** The plan, or the problems as the failure's text. */
function planOf(
  catalogue: Awaited<ReturnType<typeof builtins>>,
  ask: PlanAsk,
  settings: Settings = defaultSettings,
) {
  const compiled = compilePlan(catalogue, ask, settings);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems, undefined, 1));
  return compiled;
}
const graph = (tasks: readonly { id: string; dependsOn: readonly string[] }[]) =>
  tasks.map(({ id, dependsOn }) => `${id}<${dependsOn.join(",")}`);

test("a goal alone runs the configured team's workflow", async () => {
  const catalogue = await builtins();
  const { plan, concurrency } = planOf(catalogue, { goal: " do it " });
  expect(plan).toMatchObject({ goal: "do it", team: "default", workflow: "default" });
  expect(graph(plan.tasks)).toEqual(["explore<", "plan<explore", "execute<plan", "verify<execute"]);
  expect(plan.tasks.map(({ writes }) => writes)).toEqual(["none", "none", ["**"], "none"]);
  expect(concurrency).toBe(4);
  const { hash, ...rest } = plan;
  expect(hash).toBe(sha256(canonicalJson(rest)));
  expect(planOf(catalogue, { goal: "x" }, { ...defaultSettings, team: "review" }).plan.team).toBe("review");
});

test("an agent alone is one task named after it, as it stands in its file", async () => {
  const { plan } = planOf(await builtins(), { goal: "look", agent: "explorer" });
  expect(plan.tasks).toMatchObject([
    { id: "explorer", agent: "explorer", prompt: "{goal}", retries: 1, attemptMaxMs: 7_200_000 },
  ]);
  expect(plan.agents.explorer).toMatchObject({
    permission: "read",
    tools: ["read", "grep", "find", "ls"],
    source: "builtin",
  });
});

test("inline tasks keep their graph; the executor does what names no agent", async () => {
  const { plan } = planOf(await builtins(), {
    tasks: [
      { id: "a", agent: "explorer", task: "look", model: "p/one" },
      { id: "b", task: "use {a.output}", dependsOn: ["a"], writes: "src/**, test/**" },
      { id: "c", task: "only say", writes: "none" },
    ],
    goal: "all",
  });
  expect(graph(plan.tasks)).toEqual(["a<", "b<a", "c<"]);
  expect(plan.tasks.map(({ agent, writes, models }) => [agent, writes, models])).toEqual([
    ["explorer", "none", ["p/one"]],
    ["executor", ["src/**", "test/**"], []],
    ["executor", "none", []],
  ]);
  expect(planOf(await builtins(), { tasks: [{ id: "a", task: "only this" }] }).plan.goal).toBe("only this");
});

test("with tasks, the agent named is that of the tasks that name none", async () => {
  const tasks = [
    { id: "a", task: "x" },
    { id: "b", task: "y", agent: "writer" },
  ];
  const { plan } = planOf(await builtins(), { tasks, agent: "explorer" });
  expect(plan.tasks.map(({ agent }) => agent)).toEqual(["explorer", "writer"]);
});

test("an agent whose tools only read may only read; a workflow without a team names agents", async () => {
  const places = await placesWith({
    "user/agents/looks.md": withFront("name: looks\ndescription: d\ntools: read, bash"),
    "user/agents/acts.md": withFront("name: acts\ndescription: d\ntools: edit"),
    "user/workflows/alone.workflow.md": withFront(
      "name: alone\ndescription: d",
      "## looks\n\nx\n\n## b\nrole: acts\n\ny",
    ),
  });
  const { plan } = planOf(await loadCatalogue(places), { goal: "g", workflow: "alone" });
  expect(plan.team).toBeUndefined();
  expect(plan.tasks.map(({ agent, writes }) => [agent, plan.agents[agent]?.permission, writes])).toEqual([
    ["looks", "read", "none"],
    ["acts", "write", ["**"]],
  ]);
});

test("role lines may say role instead of a name, or leave out the agent", async () => {
  const roles =
    "# Roles\n\n- lookout: agent=explorer looks\n- role: agent=writer writes\n- planner: plans\n\n- not a role";
  const { teams } = await withWorkflow("## lookout\n\nx", roles);
  expect(teams.get("x")?.roles.map(({ name, agent, description }) => [name, agent, description])).toEqual([
    ["lookout", "explorer", "looks"],
    ["writer", "writer", "writes"],
    ["planner", "planner", "plans"],
  ]);
});

test("a group's name stands for all its steps, and they start together", async () => {
  const catalogue = await withWorkflow(
    "## pre\nrole: e\n\np\n\n## a\nrole: e\nparallelGroup: g\ndependsOn: pre\n\na\n\n## b\nrole: e\nparallelGroup: g\n\nb\n\n## end\nrole: w\ndependsOn: g\n\n{a.output} {b.output}",
  );
  expect(graph(planOf(catalogue, { goal: "g", team: "x" }).plan.tasks)).toEqual([
    "pre<",
    "a<pre",
    "b<pre",
    "end<a,b",
  ]);
});

test("the nearest word counts: call, step, role, agent, settings", async () => {
  const head =
    "name: e\ndescription: d\ntools: read\nmodel: p/agent\nfallbackModels: p/spare\ntimeout: 5m\nmaxTurns: 3\nbudget: 2\nthinking: low";
  const catalogue = await withWorkflow(
    "## a\nrole: r\nmodel: p/step\nretries: 0\ntimeout: 90s\nverify: true\nreads: README.md, docs/x.md\n\na\n\n## b\nrole: r\n\nb",
    "- r: agent=e model=p/role maxConcurrency=2 reads",
    { "user/agents/e.md": withFront(head) },
  );
  const settings = { ...defaultSettings, model: "p/settings" };
  const { plan, concurrency } = planOf(catalogue, { goal: "g", team: "x" }, settings);
  expect(concurrency).toBe(3);
  const chain = ["p/role", "p/agent", "p/spare", "p/settings"];
  expect(plan.tasks).toMatchObject([
    {
      models: ["p/step", ...chain],
      retries: 0,
      attemptMaxMs: 90_000,
      verify: true,
      reads: ["README.md", "docs/x.md"],
    },
    {
      models: chain,
      retries: 1,
      attemptMaxMs: 300_000,
      verify: false,
      turnsMax: 3,
      costMax: 2,
      roleMax: 2,
      thinking: "low",
    },
  ]);
  const called = planOf(catalogue, { goal: "g", team: "x", model: "p/call:high", concurrency: 9 }, settings);
  expect(called.plan.tasks.map(({ models }) => models)).toEqual([["p/call:high"], ["p/call:high"]]);
  expect(called).toMatchObject({
    concurrency: 3,
    warnings: [{ message: expect.stringMatching("allows 3 workers") }],
  });
});

test("skills of a step or role make a variant of the agent; none means none", async () => {
  const catalogue = await withWorkflow(
    "## a\nrole: r\nskills: two\n\na\n\n## b\nrole: r\n\nb\n\n## c\nrole: q\n\nc",
    "- r: agent=e skills=one,two x\n- q: agent=e skills=false x",
    {
      "user/agents/e.md": withFront("name: e\ndescription: d\ntools: read\nskills: one"),
      "user/skills/one/SKILL.md": "x",
      "user/skills/two/SKILL.md": "x",
    },
  );
  const { plan } = planOf(catalogue, { goal: "g", team: "x" });
  const skills = plan.tasks.map(({ agent }) =>
    plan.agents[agent]?.skills.map((file) => file.replace(/.*\/skills\//, "")),
  );
  expect(skills).toEqual([["two/SKILL.md"], ["one/SKILL.md", "two/SKILL.md"], []]);
  expect(new Set(Object.values(plan.agents).map(({ name }) => name))).toEqual(new Set(["e"]));
});

test("a step's gate, and the word of a team or workflow that its plan is to be approved", async () => {
  const catalogue = await withWorkflow("## w\ngate: approval\n\nDo it.\n\n## e\ndependsOn: w\n\nLook.");
  const { plan, requireApproval } = planOf(catalogue, { goal: "g", team: "x" });
  expect(plan.tasks.map(({ gate }) => gate)).toEqual(["approval", undefined]);
  expect(requireApproval).toBe(false);
  const files = {
    "user/workflows/y.workflow.md": withFront(
      "name: y\ndescription: d\nrequireApproval: true",
      "## explorer\n\nLook.",
    ),
  };
  expect(
    planOf(await loadCatalogue(await placesWith(files)), { goal: "g", workflow: "y" }).requireApproval,
  ).toBe(true);
  const inline = [{ id: "a", task: "x", gate: "npm test" }];
  const refused = compilePlan(catalogue, { tasks: inline }, defaultSettings);
  expect(refused).toMatchObject({ ok: false, problems: [{ where: "tasks[0].gate" }] });
});

test("an edited plan keeps what is not said anew, also of an agent that no file defines any more", async () => {
  const catalogue = await withWorkflow(
    "## w\noutput: out.md\nskills: false\n\nWrite.\n\n## e\ndependsOn: w\n\nLook.",
  );
  const { plan } = planOf(catalogue, { goal: "g", team: "x" });
  const [w, e] = plan.tasks;
  const empty = { ...catalogue, agents: new Map() };
  const edited = [
    { id: "w", task: "", gate: "approval" },
    { id: "e", task: "Look twice.", model: "p/m" },
  ];
  const revised = revisePlan(empty, plan, edited, defaultSettings);
  if (!revised.ok) throw new Error(JSON.stringify(revised.problems));
  const tasks = [
    { ...w, gate: "approval" },
    { ...e, prompt: "Look twice.", models: ["p/m"] },
  ];
  expect(revised.plan).toMatchObject({ goal: "g", team: "x", agents: plan.agents, tasks });
  expect(revised.plan.hash).not.toBe(plan.hash);
  const same = plan.tasks.map(({ id }) => ({ id, task: "" }));
  expect(revisePlan(empty, plan, same, defaultSettings)).toMatchObject({ plan });
});

test("headings in fenced code and variables of other languages belong to the prompt", async () => {
  const catalogue = await withWorkflow(
    "Note.\n\n## a\nrole: w\noutput: docs/a.md\n\nWrite:\n\n```md\n## Title\n$" +
      "{x} {{y}}\n```\n\n### Sub\n\nend",
  );
  const { plan, warnings } = planOf(catalogue, { goal: "g", workflow: "x" });
  expect(warnings).toEqual([]);
  expect(plan.tasks).toHaveLength(1);
  expect(plan.tasks[0]).toMatchObject({
    output: "docs/a.md",
    prompt: expect.stringMatching(/^Write:.*## Title.*end$/s),
  });
});

test.for<[string, PlanAsk, RegExp[]]>([
  ["no goal", {}, [/goal is missing/]],
  ["a blank goal", { goal: " ", team: "nope" }, [/goal is missing/, /no file defines team "nope"/]],
  ["an unknown team", { goal: "g", team: "reviw" }, [/no file defines team "reviw"/]],
  ["an unknown workflow", { goal: "g", workflow: "x" }, [/no file defines workflow "x"/]],
  ["an unknown agent", { goal: "g", agent: "x" }, [/no file defines agent "x"/]],
  ["agent and team", { goal: "g", agent: "explorer", team: "review" }, [/together with a team/]],
  ["tasks and team", { tasks: [{ id: "a", task: "x" }], team: "review" }, [/graph of their own/]],
  ["no tasks", { tasks: [] }, [/no task/]],
  ["a bad concurrency", { goal: "g", concurrency: 0 }, [/0 must be a whole number/]],
  ["an option as model", { goal: "g", model: "--help" }, [/not a model/]],
  [
    "everything at once",
    {
      concurrency: 1.5,
      tasks: [
        { id: "A", task: "x", dependsOn: ["q"] },
        { id: "b", agent: "y", task: " ", writes: "../x", model: "a b" },
      ],
    },
    [
      /1.5 must be a whole number/,
      /id "A" is not usable/,
      /"q", which is not in the plan/,
      /agent "y"/,
      /says nothing/,
      /"\.\.\/x" names a path outside/,
      /"a b" is not a model/,
    ],
  ],
])("%s is refused with every reason", async ([, ask, reasons]) => {
  const compiled = compilePlan(await builtins(), ask, defaultSettings);
  expect(compiled.ok).toBe(false);
  if (compiled.ok) return;
  const told = compiled.problems.map(({ message }) => message);
  for (const reason of reasons) expect(told).toContainEqual(expect.stringMatching(reason));
  expect(told, told.join("\n")).toHaveLength(reasons.length);
});

test("any ask yields a plan or problems, and equal asks equal hashes", async () => {
  const catalogue = await builtins();
  const word = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom("a", "b", "explorer", "default", "__proto__", "constructor", "{a.output}"),
  );
  const task = fc.record({
    id: word,
    task: word,
    agent: fc.option(word, { nil: undefined }),
    dependsOn: fc.option(fc.array(word), { nil: undefined }),
    writes: fc.option(word, { nil: undefined }),
  });
  const ask = fc.record(
    {
      goal: word,
      team: word,
      workflow: word,
      agent: word,
      tasks: fc.array(task, { maxLength: 4 }),
      model: word,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(ask, (raw) => {
      const asked = JSON.parse(JSON.stringify(raw)) as PlanAsk;
      const [one, two] = [
        compilePlan(catalogue, asked, defaultSettings),
        compilePlan(catalogue, structuredClone(asked), defaultSettings),
      ];
      expect(two).toEqual(one);
      if (!one.ok)
        for (const problem of one.problems)
          expect(problem.where && problem.message && problem.remedy).toBeTruthy();
      else for (const { agent } of one.plan.tasks) expect(Object.hasOwn(one.plan.agents, agent)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
