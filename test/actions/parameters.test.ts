import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parameterShapes } from "../../src/actions/action.ts";
import {
  normalise,
  prepare,
  promptGuidelines,
  promptSnippet,
  toolDescription,
  toolSchema,
} from "../../src/actions/parameters.ts";
import { actions } from "../../src/actions/table.ts";

const names = Object.keys(parameterShapes);
/** Anything at all, with a good chance that the keys are known and the values nearly right. */
const anyArguments = fc.oneof(
  fc.anything({ withBigInt: true, withNullPrototype: true, withObjectString: true, withBoxedValues: true }),
  fc.dictionary(
    fc.constantFrom(...names, "action", "isolation", "__proto__", "constructor"),
    fc.oneof(
      fc.constantFrom(
        "",
        "null",
        null,
        "5",
        5,
        0,
        -1,
        2.5,
        "5.0",
        "true",
        "false",
        true,
        false,
        "agents",
        '["a"]',
      ),
      fc.array(
        fc.dictionary(
          fc.constantFrom("id", "agent", "task", "dependsOn", "writes", "model", "prompt"),
          fc.oneof(fc.string(), fc.array(fc.string()), fc.anything()),
        ),
      ),
      fc.string({ unit: "binary" }),
      fc.json(),
      fc.anything(),
    ),
  ),
);

describe("normalise", () => {
  it("takes anything, and reading its result again changes nothing", () => {
    fc.assert(
      fc.property(anyArguments, (raw) => {
        const { parameters, problems } = normalise(raw);
        expect(normalise(parameters)).toEqual({ parameters, problems: [], unreadable: {} });
        for (const problem of problems) expect(problem.remedy).not.toBe("");
      }),
      { numRuns: 1_000 },
    );
  });

  it("means the same before and after the host's own validation", () => {
    fc.assert(
      fc.property(anyArguments, (raw) => {
        const isObject = typeof raw === "object" && raw !== null && !Array.isArray(raw);
        fc.pre(isObject);
        expect(normalise(prepare(raw))).toEqual(normalise(raw));
      }),
    );
  });

  it.each([
    [{ goal: "", team: null, workflow: "null", tasks: [], background: "" }, {}],
    [
      { goal: false, run: " last ", concurrency: "5" },
      { run: "last", concurrency: 5 },
    ],
    [
      { goal: 5, background: "TRUE", limit: "3.0" },
      { goal: "5", background: true, limit: 3 },
    ],
    [
      { resource: "Agents", scope: "USER" },
      { resource: "agent", scope: "user" },
    ],
    [{ value: ["a", 1] }, { value: '["a",1]' }],
    [{ value: false }, { value: "false" }],
    ['{"goal": "x"}', { goal: "x" }],
    [undefined, {}],
    [{ goal: "a\ud800b" }, { goal: "a\ufffdb" }],
    [{ tasks: '[{"id": "a", "task": "t"}]' }, { tasks: [{ id: "a", task: "t" }] }],
    [{ tasks: { id: 1, agent: "x", task: "t" } }, { tasks: [{ id: "1", agent: "x", task: "t" }] }],
    [
      { tasks: [{ id: "b", task: "t", dependsOn: "a, c", model: null, writes: ["@src/**", "docs/*"] }] },
      { tasks: [{ id: "b", task: "t", dependsOn: ["a", "c"], writes: "src/**,docs/*" }] },
    ],
    [
      { tasks: [{ id: "b", task: "t", dependsOn: '["a"]', writes: "none" }] },
      { tasks: [{ id: "b", task: "t", dependsOn: ["a"], writes: "none" }] },
    ],
  ])("reads %j", (raw, parameters) => {
    expect(normalise(raw)).toEqual({ parameters, problems: [], unreadable: {} });
  });

  it.each([
    [{ prompt: "x" }, "prompt", "use one of: agent, background, concurrency, confirm,"],
    [{ concurency: 3 }, "concurency", 'did you mean "concurrency"?'],
    [{ concurrency: "many" }, "concurrency", "send a whole number from 1 to 1000"],
    [{ background: "5" }, "background", "send true or false"],
    [{ resource: "skill" }, "resource", "send one of: agent, team, workflow"],
    [{ goal: { text: "x" } }, "goal", "write it as text, or leave it out"],
    [
      { tasks: [{ id: "a", prompt: "x", task: "y" }] },
      "tasks[0].prompt",
      "use one of: agent, dependsOn, gate, id,",
    ],
    [
      { tasks: [{ id: "a", task: "y", depends_on: ["b"] }] },
      "tasks[0].depends_on",
      'did you mean "dependsOn"?',
    ],
    [{ tasks: [{ id: "a", task: "y", dependsOn: [{}] }] }, "tasks[0].dependsOn", "send a list of words"],
    [[1], "arguments", 'send an object such as {"action": "run", "goal": "…"}'],
  ])("corrects %j", (raw, where, remedy) => {
    expect(normalise(raw).problems).toEqual([
      { where, message: expect.any(String), remedy: expect.stringContaining(remedy) },
    ]);
  });

  it("tells all problems at once", () => {
    const { problems } = normalise({
      concurrency: -1,
      background: "maybe",
      gaol: "x",
      tasks: [5, { id: "a" }],
    });
    expect(problems.map(({ where }) => where)).toEqual(["concurrency", "background", "gaol", "tasks[0]"]);
  });
});

describe("what every session pays for", () => {
  it("stays under 1,300 tokens of JSON", () => {
    const paid = JSON.stringify([toolSchema, toolDescription, promptSnippet, promptGuidelines]);
    expect(paid.length / 4).toBeLessThan(1_300);
  });

  it("has a flat schema that hosts and providers accept", () => {
    const schema = JSON.stringify(toolSchema);
    expect(schema).not.toMatch(/anyOf|oneOf|maxLength|pattern|additionalProperties|\["string"/);
    const { properties } = toolSchema as { properties: Record<string, { type: string; enum?: string[] }> };
    expect(Object.keys(properties).length - 1).toBeLessThanOrEqual(24);
    expect(properties.action?.enum).toEqual(actions.map(({ name }) => name));
    for (const { type } of Object.values(properties))
      expect(type).toMatch(/^(string|integer|boolean|array)$/);
  });

  it("loads nothing heavy: no package, and few files", async () => {
    const files = new Set<string>();
    const walk = async (file: URL): Promise<void> => {
      if (files.has(file.href)) return;
      files.add(file.href);
      const text = await readFile(file, "utf8");
      for (const [, from = ""] of text.matchAll(/^(?:import|export) (?!type )[^;]*?from "([^"]+)";/gms)) {
        if (from.startsWith("node:")) continue;
        expect(from).toMatch(/^\.{1,2}\//);
        await walk(new URL(from, file));
      }
    };
    await walk(new URL("../../src/actions/parameters.ts", import.meta.url));
    expect([...files].some((file) => file.endsWith("/table.ts"))).toBe(true);
    expect(files.size).toBeLessThan(10);
  });

  it("names the tool in every guideline, and offers no parameter that nothing reads", () => {
    for (const guideline of promptGuidelines) expect(guideline).toMatch(/\bteam\b/);
    const read = new Set(actions.flatMap(({ parameters }) => parameters));
    expect(names.filter((name) => ![...read].some((known) => known === name))).toEqual([]);
  });
});
