import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Action } from "../../src/actions/action.ts";
import { aimed, asCommands, complete, parseLine } from "../../src/actions/command-line.ts";
import { perform } from "../../src/actions/perform.ts";
import { actions } from "../../src/actions/table.ts";
import type { Manifest } from "../../src/core/ports.ts";
import { definitions, graph, works, world } from "./world.ts";

const root = definitions();

function action(name: string): Action {
  const found = actions.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no action ${name}`);
  return found;
}

it.each([
  [
    "Look: team status run=r-1. End it: team cancel run=r-1.",
    "Look: /team-status --run r-1. End it: /team-cancel --run r-1.",
  ],
  [
    'give it up: team cancel run=r reason="too slow".',
    'give it up: /team-cancel --run r --reason "too slow".',
  ],
  [
    "team doctor looks for causes; team list shows more",
    "/team-doctor looks for causes; /team-list shows more",
  ],
  [
    "the team status report; correct and team run again",
    "the team status report; correct and team run again",
  ],
  [
    'team respond run=r message="approve" or message="reject: <reason>"',
    '/team-respond --run r --message "approve" or --message "reject: <reason>"',
  ],
  ["team run force=true with the same words", "/team-run --force true with the same words"],
  ["team dinner run=5", "team dinner run=5"],
])("a person reads %s as a command", (call, typed) => {
  expect(asCommands(call)).toBe(typed);
});

describe("a slash command's arguments", () => {
  it.each([
    ["run", "fix the login", { goal: "fix the login" }],
    ["run", "--team review  look   at this", { team: "review", goal: "look   at this" }],
    [
      "run",
      'don\'t say "no" to 5" screens --concurrency=3',
      { goal: 'don\'t say "no" to 5" screens', concurrency: "3" },
    ],
    ["run", "fix --background it now", { goal: "fix it now", background: true }],
    ["run", "--background false fix it", { goal: "fix it", background: "false" }],
    ["run", '"a goal with --team in it"', { goal: "a goal with --team in it" }],
    ["run", "--team=x -- add a --verbose flag", { team: "x", goal: "add a --verbose flag" }],
    ["run", "line one\nline two", { goal: "line one\nline two" }],
    ["run", '--model \'a b\' --team="c \\"d\\""', { model: "a b", team: 'c "d"' }],
    ["cancel", "last --reason 'too slow'", { run: "last", reason: "too slow" }],
    ["doctor", "   ", {}],
  ])("/team-%s %s", (name, line, raw) => {
    expect(parseLine(action(name), line)).toEqual({ raw, problems: [] });
  });

  it("tells everything that it cannot read at once", () => {
    const { problems } = parseLine(
      action("run"),
      "--tem x --model --concurrency 3 --concurrency 4 --agent 'open fix",
    );
    expect(problems.map(({ where }) => where)).toEqual(["--tem", "--model", "--concurrency", "--agent"]);
    expect(problems[0]?.remedy).toContain('did you mean "team"?');
    expect(parseLine({ ...action("doctor"), parameters: [] }, "now").problems).toHaveLength(1);
    expect(parseLine(action("status"), "a --run b").problems).toHaveLength(1);
  });

  it("is total, and keeps every plain goal as it was typed", () => {
    fc.assert(
      fc.property(fc.constantFrom(...actions), fc.string({ unit: "binary" }), (any, line) => {
        parseLine(any, line);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z'",.()5-9]{1,8}$/), { minLength: 2 }), (words) => {
        const goal = words.map((word) => word.replace(/^["']+/, "") || "x").join(" ");
        expect(parseLine(action("run"), goal).raw).toEqual({ goal });
      }),
    );
  });
});

describe("a line that is typed where a run is looked at", () => {
  const seen = "20261121-120000-000-abcde";
  const runs = ["20261122-090000-000-newer", seen].map((runId) => ({ runId, problem: "" }));

  it.each([
    ["status", "", `--run ${seen}`],
    ["status", "2026", "2026"],
    ["status", '"LAST"', '"LAST"'],
    ["status", "cart", `--run ${seen} --task="cart"`],
    ["status", "--run cart", "--run cart"],
    ["wait", "cart", "cart"],
    ["export", "/tmp/x.html", `--run ${seen} --path="/tmp/x.html"`],
    ["export", "2026 /tmp/x.html", "2026 /tmp/x.html"],
    ["cancel", 'too "slow"', `--run ${seen} --reason="too \\"slow\\""`],
    ["cancel", "20250101-gone too slow", "20250101-gone too slow"],
    ["forget", "--confirm", `--run ${seen} --confirm`],
    ["steer", "look at --run flag", `--run ${seen} look at -- --run flag`],
    ["steer", "look at --run 202611 --force", "look at --run 202611 --force"],
    ["steer", "look at --run flag --task cart", "look at --run flag --task cart"],
    ["steer", '"look at --run flag"', `--run ${seen} "look at --run flag"`],
    ["send", "-- look at --run flag", `--run ${seen} -- look at --run flag`],
    ["steer", "--run flag look", "--run flag look"],
    ["steer", "--task a --run flag look", "--task a --run flag look"],
    ["transcript", "20261121", "20261121"],
    ["transcript", "cart", `${seen} cart`],
    ["transcript", "", seen],
    ["mailbox", "", seen],
    ["mailbox", "cart", "cart"],
    ["doctor", "", ""],
    ["get", "explorer", "explorer"],
    ["settings", "glyphs", "glyphs"],
  ])("/team-%s %s", (name, line, expected) => {
    expect(aimed(name, line, seen, runs)).toBe(expected);
  });

  it("is accepted as what was typed is, and is about that run unless it names one", () => {
    const plain = ["2026", "last", "cart", "too", "slow", "/tmp/x.html", "true", "--", '"a b"', "it's", '5"'];
    const options = [
      "--run",
      "--run=last",
      "--task",
      "--task=cart",
      "--force",
      "--reason",
      "--path",
      "--bogus",
    ];
    const word = fc.constantFrom(...plain, ...options, "--message", "--confirm", "'open");
    const fates = { complete: 0, alone: 0 };
    fc.assert(
      fc.property(fc.constantFrom(...actions), fc.array(word, { maxLength: 5 }), (any, said) => {
        const line = said.join(" ");
        const made = aimed(any.name, line, seen, runs);
        const [before, after] = [parseLine(any, line), parseLine(any, made)];
        expect(after.problems.length > 0).toBe(before.problems.length > 0);
        if (made === line) {
          fates.alone++;
          const isAbout = any.parameters.some((name) => name === "run") && !/doctor|get/.test(any.name);
          expect(isAbout && before.problems.length === 0 && before.raw.run === undefined).toBe(false);
          return;
        }
        fates.complete++;
        const { run, ...rest } = after.raw;
        const { run: named, ...others } = before.raw;
        expect(run).toBe(seen);
        expect(String(named ?? "")).not.toMatch(/^(last|2026)/);
        if (named === undefined) expect(rest).toEqual(others);
        // What was no run is still said, once.
        else expect(Object.values(rest).join(" ")).toContain(String(named));
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(...Object.values(fates))).toBeGreaterThan(100);
  });
});

describe("completion", () => {
  const manifest = { status: "running", goal: "fix" } as Manifest;
  const sources = {
    runs: async () => [
      { runId: "20261121-a1", manifest, driver: "alive" as const },
      { runId: "20261122-b2", problem: "unreadable" },
    ],
    names: async (kind: string) => (kind === "team" ? ["default", "review"] : ["explorer"]),
    settingKeys: () => ["concurrency", "limits.runMaxMs"],
  };
  const values = async (name: string, typed: string): Promise<readonly string[]> =>
    (await complete(name, typed, sources)).map(({ value }) => value);

  it.each([
    ["status", "", ["last", "20261121-a1", "20261122-b2"]],
    ["status", "20261122", ["20261122-b2"]],
    ["run", "--te", ["--team"]],
    ["run", "--team ", ["--team default", "--team review"]],
    ["run", "fix this", []],
    ["run", "fix this --team review", []],
    ["help", "doctor", []],
    ["config", "lim", ["limits.runMaxMs"]],
    ["config", "--scope ", ["--scope user", "--scope project"]],
    ["help", "doc", ["doctor"]],
    ["get", "--resource team r", []],
    ["validate", "-", ["--resource", "--name", "--text"]],
    ["doctor", "", ["last", "20261121-a1", "20261122-b2"]],
  ])("/team-%s %s", async (name, typed, expected) => {
    expect(await values(name, typed)).toEqual(expected);
  });
});

describe("what a person asks for", () => {
  it("is answered with commands, by a key as by a line, and what others wrote stays as it is", async () => {
    const { context, as } = world(root(), works);
    const { details } = await perform("run", { tasks: graph, background: true }, context);
    const person = as({}, { origin: { kind: "user", id: "/team-send" } });
    const call = { run: details.runId, task: "a", message: "team list" };
    expect((await perform("send", call, context)).text).toContain("team inbox run=");
    expect((await perform("send", call, person)).text).toContain(`/team-inbox --run ${details.runId}`);
    expect((await perform("inbox", { run: details.runId }, person)).text).not.toContain("/team-list");
  });

  it("is helped with what there is to be looked at first, which no model can open", async () => {
    const { context, as } = world(root(), works);
    const person = as({}, { origin: { kind: "user", id: "/team-help" } });
    const { text } = await perform("help", {}, person);
    expect(text.split("\n").findIndex((line) => line.startsWith("- /team-board: "))).toBeLessThan(8);
    for (const { name } of actions) expect(text).toContain(`- /team-${name}: `);
    expect(text).not.toMatch(/team action=|people only/);
    expect((await perform("help", {}, context)).text).toMatch(
      /^As a tool: [\s\S]*- run: [\s\S]*\(people only\)/,
    );
  });
});
