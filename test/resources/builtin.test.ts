import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { defaultSettings } from "../../src/core/settings.ts";
import { loadCatalogue } from "../../src/resources/catalogue.ts";
import { compilePlan } from "../../src/resources/compile.ts";
import { directoryWith, packageRoot } from "./places.ts";

const builtins = async () => loadCatalogue({ builtin: packageRoot, user: await directoryWith({}) });
const names = ["default", "fast-fix", "implementation", "parallel-research", "research", "review"];

test("the builtins are complete and nothing is wrong with any of them", async () => {
  const catalogue = await builtins();
  expect(catalogue.problems).toEqual([]);
  expect(catalogue.broken).toEqual([]);
  expect([...catalogue.agents.keys()].sort()).toEqual([
    ...["analyst", "critic", "executor", "explorer", "planner", "reviewer"],
    ...["security-reviewer", "test-engineer", "verifier", "writer"],
  ]);
  expect([...catalogue.teams.keys()].sort()).toEqual(names);
  expect([...catalogue.workflows.keys()].sort()).toEqual(names);
});

test("every builtin team compiles without a warning and tells each worker the goal", async () => {
  const catalogue = await builtins();
  for (const team of names) {
    const compiled = compilePlan(catalogue, { goal: "make it so", team }, defaultSettings);
    expect(compiled, team).toMatchObject({ ok: true, warnings: [] });
    if (!compiled.ok) continue;
    for (const task of compiled.plan.tasks) {
      expect(task.prompt, `${team}/${task.id}`).toContain("{goal}");
      const used = [...task.prompt.matchAll(/\{([\w-]+)\.output\}/g)].map(([, id]) => id);
      if (task.dependsOn.length > 0)
        expect(used.length, `${team}/${task.id} uses results`).toBeGreaterThan(0);
    }
  }
});

test("only executor, test-engineer and writer may write, and readers have no tool that does", async () => {
  const { agents } = await builtins();
  const writers = [...agents.values()].filter(({ permission }) => permission !== "read");
  expect(writers.map(({ name }) => name).sort()).toEqual(["executor", "test-engineer", "writer"]);
  for (const agent of agents.values()) {
    expect(agent.tools?.includes("edit"), agent.name).toBe(writers.includes(agent));
    expect(agent.systemPrompt, agent.name).toMatch(/^You are the /);
    expect(agent.systemPrompt, agent.name).toContain("submit_result");
    expect(agent.systemPrompt.length, agent.name).toBeLessThan(2_500);
  }
});

test("the listing of our skills stays a small part of the always-on budget", async () => {
  const root = path.join(packageRoot, "skills");
  const skills = (await readdir(root)).sort();
  expect(skills).toEqual(["muster-delegate", "muster-read-run", "muster-write-team"]);
  let listed = 0;
  for (const name of skills) {
    const text = await readFile(path.join(root, name, "SKILL.md"), "utf8");
    const [, head = ""] = text.split("---\n");
    expect(head).toContain(`name: ${name}\n`);
    listed += head.length;
    expect(text.length, `${name} is short`).toBeLessThan(4_000);
  }
  expect(listed).toBeLessThan(400);
});
