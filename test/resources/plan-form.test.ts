import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultSettings } from "../../src/core/settings.ts";
import { loadCatalogue } from "../../src/resources/catalogue.ts";
import { compilePlan, type InlineTask } from "../../src/resources/compile.ts";
import { markedText, type Proposal, planText, readPlanText } from "../../src/resources/plan-form.ts";
import { revisePlan } from "../../src/resources/revise.ts";

const builtin = join(import.meta.dirname, "../..");
const catalogue = await loadCatalogue({ builtin, user: join(builtin, "nowhere") });
const agents = ["explorer", "executor", "writer"];

function proposal(tasks: readonly InlineTask[]): Proposal | undefined {
  const compiled = compilePlan(catalogue, { goal: "g", tasks }, defaultSettings);
  return compiled.ok ? { plan: compiled.plan, revision: 1, terms: { settings: defaultSettings } } : undefined;
}

function sound(tasks: readonly InlineTask[]): Proposal {
  const run = proposal(tasks);
  if (run === undefined) throw new Error("this plan was to be sound");
  return run;
}

/** What the host's editor makes of a text that it is given and gives back. */
function throughEditor(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").trim();
}

const signs = [
  "\n",
  "\n\n",
  "  ",
  "\t",
  "#",
  " # ",
  "#!",
  "---\n",
  "...",
  "- id: x\n",
  ": ",
  "|-\n",
  ">",
  "*a",
  "&a",
  "!!b ",
];
const nasty = [
  ...signs,
  "'",
  '"',
  "\\",
  "%",
  "\r\n",
  "\u0085",
  "\u2028",
  "\ufeff",
  "\u202e",
  "\u001b[2J",
  "割引",
  "👩‍👩‍👧",
];
const prose = fc
  .array(fc.oneof(fc.constantFrom(...nasty), fc.string(), fc.string({ unit: "binary" })), { maxLength: 8 })
  .map((parts) => `${parts.join("")}`)
  .filter((text) => text.trim() !== "" && !/[\0{]|^\s*null\s*$/i.test(text) && text.isWellFormed());
const some = <Value>(of: fc.Arbitrary<Value>) => fc.option(of, { nil: undefined });
const inline = fc.record({
  ...{
    agent: fc.constantFrom(...agents),
    task: prose,
    model: some(fc.constantFrom("acme/haiku:low", "a#b:")),
  },
  ...{ gate: some(fc.constant("approval")), timeout: some(fc.constantFrom("90s", "10m", "3h", "1.5s")) },
  ...{ writes: some(fc.constantFrom("none", "src/**", "a b.txt,c/*")), needs: fc.subarray([0, 1, 2, 3]) },
});
const ids = ["a", "none", "c-3", "d_4", "null", "7"];
const plans = fc
  .tuple(fc.shuffledSubarray(ids, { minLength: 1 }), fc.array(inline, { minLength: 6, maxLength: 6 }))
  .map(([names, all]) =>
    names.map((id, at): InlineTask => {
      const { needs, agent, task, ...more } = all[at] ?? { needs: [], agent: "writer", task: "x" };
      const said = Object.entries(more).filter(([, value]) => value !== undefined);
      const dependsOn = needs.flatMap((need) => (need < at ? (names[need] ?? []) : []));
      return { id, agent, task, dependsOn, ...Object.fromEntries(said) };
    }),
  );

test("a plan that is written out, goes through an editor and is read again is the same plan", () => {
  fc.assert(
    fc.property(plans, (tasks) => {
      const run = sound(tasks);
      expect(readPlanText(throughEditor(planText(run, agents)), run)).toEqual({ problems: [] });
    }),
  );
});

test("whatever plan the text is made into, that plan is what comes of it", () => {
  fc.assert(
    fc.property(plans, plans, (before, after) => {
      const [run, wanted] = [sound(before), sound(after)];
      const { tasks, problems } = readPlanText(throughEditor(planText(wanted, agents)), run);
      expect(problems).toEqual([]);
      const revised = revisePlan(catalogue, run.plan, tasks ?? [], defaultSettings);
      const now = tasks === undefined ? run.plan : revised.ok ? revised.plan : undefined;
      expect(now && planText({ ...run, plan: now }, agents)).toBe(planText(wanted, agents));
    }),
  );
});

test("nothing that somebody types makes it throw, and what is wrong has a line of the text", () => {
  const run = sound([{ id: "a", task: "x" }]);
  fc.assert(
    fc.property(fc.oneof(prose, fc.string({ unit: "binary" })), fc.nat(400), (typed, at) => {
      const text = planText(run, agents);
      const torn = text.slice(0, at) + typed + text.slice(at + 3);
      const { problems } = readPlanText(torn, run);
      for (const { where } of problems) expect(where).toMatch(/^line [1-9]\d*$/);
      if (problems.length === 0) return;
      const marked = markedText(torn, problems);
      expect(
        marked.endsWith(
          torn
            .replace(/^\uFEFF|^(#!.*\n)+/, "")
            .split(/\r\n?|\n/)
            .join("\n"),
        ),
      ).toBe(true);
    }),
  );
});

const typed = `- id: a
  agent: explorer
  task: look
- id: b
  agents: executor
  dependsOn: [a]
  task:
# the end`;

test("everything that is wrong is told on top with its line, once, and the text below stays as it was typed", () => {
  const run = sound([{ id: "a", task: "x" }]);
  const { problems } = readPlanText(typed, run);
  const marked = markedText(typed, problems);
  expect(marked).toBe(
    `#! Not saved. What is wrong:
#! line 8: a task has no "agents". Remedy: did you mean "agent"? Known: agent, dependsOn, gate, id, model, task, timeout, writes.
#! line 7: this task has no task. Remedy: write one, or drop the task.
${typed}`,
  );
  expect(markedText(marked, readPlanText(marked, run).problems)).toBe(marked);
  // What planning finds names tasks by their number.
  const found = [{ where: "tasks[1].dependsOn", message: "no", remedy: "yes" }];
  expect(markedText(typed, found).split("\n")[1]).toBe("#! line 8: no. Remedy: yes.");
  expect(markedText("- id: [", readPlanText("- id: [", run).problems)).toMatch(
    /^#! .*\n#! line 3: bad YAML: /,
  );
});

test.each(["", "\n", "# nothing is left", "#! an old problem"])("%j changes nothing", (text) => {
  expect(readPlanText(text, sound([{ id: "a", task: "x" }]))).toEqual({ problems: [] });
});

test("a text of more than one document is refused: what stands below the line is not left out", () => {
  const { tasks, problems } = readPlanText(
    "- id: a\n  task: x\n---\n- id: b\n  task: y",
    sound([{ id: "a", task: "z" }]),
  );
  expect(tasks).toBeUndefined();
  expect(problems.map(({ where }) => where)).toEqual(["line 3"]);
});

test("a dependency on a task of any name can be taken back, and no model's name reaches the terminal as it is", () => {
  const task = (id: string, dependsOn: readonly string[]) => ({ id, task: "x", dependsOn });
  const run = sound([task("undefined", []), task("b", ["undefined"])]);
  const text = planText(run, agents).replace("  dependsOn: [undefined]\n", "");
  expect(readPlanText(text, run).tasks?.[1]?.dependsOn).toEqual(["-"]);
  const tasks = run.plan.tasks.map((one) => ({ ...one, models: ["m", "n\u001b[2J"] }));
  expect(planText({ ...run, plan: { ...run.plan, tasks } }, agents)).not.toContain("\u001b");
});

test("30,000 wrong tasks take no minutes: no error is compared with all others", { timeout: 60_000 }, () => {
  const run = sound([{ id: "a", task: "x" }]);
  expect(readPlanText("- x: y\n".repeat(30_000), run).problems).toHaveLength(30_000);
});
