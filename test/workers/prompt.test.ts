import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Work, WorkInput } from "../../src/core/worker.ts";
import { assemblePrompt } from "../../src/workers/prompt.ts";
import { makeWork, plainTask } from "../support/workers/work.ts";

const base = await makeWork();
const input = (task: string, text: string, truncated = false): WorkInput => ({
  task,
  text,
  truncated,
  path: `/run/attempts/${task}-1/outcome.json`,
});
const withLimit = (promptMaxBytes: number): Work["settings"] => ({
  ...base.settings,
  limits: { ...base.settings.limits, promptMaxBytes },
});
const message = (change: Partial<Work>): string => assemblePrompt({ ...base, ...change }).message;
const size = (text: string): number => Buffer.byteLength(text);

describe("a worker's prompt", () => {
  it("stays within its budget whatever it is made of, and names the file of everything it cut", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 8_000 });
    fc.assert(
      fc.property(text, text, fc.array(text, { maxLength: 5 }), text, (goal, prompt, results, reason) => {
        const inputs = results.map((one, index) => input(`d${index}`, one));
        const work: Work = {
          ...base,
          goal,
          inputs,
          task: { ...plainTask, prompt },
          settings: withLimit(12_000),
          previous: { attempt: 1, cause: "stuck", message: reason },
        };
        const made = assemblePrompt(work);
        expect(size(made.system) + size(made.message)).toBeLessThanOrEqual(12_000);
        expect(made.whole !== undefined).toBe(made.message.includes("/task.md]"));
        for (const one of inputs)
          if (!made.message.includes(one.text.trim())) expect(made.message).toContain(one.path);
      }),
      { numRuns: 50 },
    );
  });

  it("puts role and rules first, apart from the task", () => {
    const { system, message: task } = assemblePrompt(base);
    expect(system.startsWith("You do things.")).toBe(true);
    expect(system).toContain("submit_result");
    expect(task).toMatch(/# Goal of the whole team\n\nReach the goal\.\n\n# Your task: t1\n\nDo the thing\./);
  });

  it("fills in goal, task and results once, and nothing inside of them", () => {
    const task = { ...plainTask, prompt: "{task}: {goal} / {a.output} / {other} / {b.output}" };
    const text = message({ goal: "{a.output}", task, inputs: [input("a", "{goal} $& {task}")] });
    expect(text).toBe("# Your task: t1\n\nt1: {a.output} / {goal} $& {task} / {other} / {b.output}");
  });

  it("puts in a result once, however often it is named", () => {
    const task = { ...plainTask, prompt: "{a.output} and {a.output}" };
    expect(message({ task, inputs: [input("a", "found")] })).toContain("found and [a.output: see above]");
  });

  it("hands on results, labelled as claims, with a pointer to what was shortened before", () => {
    const text = message({ inputs: [input("a", "found it"), input("b", "long", true)] });
    expect(text).toContain("# Result of task a (its claim, not verified)\n\nfound it");
    expect(text).toContain("long\n\n[shortened; the whole of it: /run/attempts/b-1/outcome.json]");
  });

  it("gives a small result all it needs and cuts the large one", () => {
    const inputs = [input("large", "L".repeat(50_000)), input("small", "S".repeat(500))];
    const text = message({ inputs, settings: withLimit(10_000) });
    expect(text).toContain("S".repeat(500));
    expect(text).toContain("[cut: 50000 bytes in all; the whole of it: /run/attempts/large-1/outcome.json]");
  });

  it("says why the last attempt did not do, what must be left behind, and what to read", () => {
    const task = { ...plainTask, reads: ["docs/a.md"], output: "out.md", verify: true };
    const text = message({ task, previous: { attempt: 1, cause: "hollow", message: "no text" } });
    for (const part of [
      "Read first: docs/a.md",
      "the file out.md",
      "verify the work of others",
      "Attempt 1 of this task did not do (hollow)\n\nno text",
    ]) {
      expect(text).toContain(part);
    }
  });

  it("tells a reader to change nothing", () => {
    const { system } = assemblePrompt({ ...base, agent: { ...base.agent, permission: "read" } });
    expect(system).toContain("Change no file");
  });
});
