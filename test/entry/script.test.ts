import { describe, expect, it } from "vitest";
import { choose, filled, type Moment, parseScript } from "../../src/entry/script.ts";

const moment = (change: Partial<Moment> = {}): Moment => ({
  prompt: "fix the failing test",
  system: "You are the executor.",
  model: "demo",
  tools: [],
  lastToolResult: "",
  messages: 1,
  answers: 0,
  ...change,
});
const rules = (list: readonly unknown[]): ReturnType<typeof parseScript> =>
  parseScript(JSON.stringify(list), "s.json");
const chosen = (list: readonly object[], at: Moment, used = new Map<string, number>()): string | undefined =>
  choose(rules(list), at, used)?.rule.name;
const key = "then";
/** A rule as a script file holds it; the key in a literal would look like a promise. */
const rule = (name: string, rest: object = {}, parts: unknown = [{ text: "ok" }]): object => ({
  name,
  [key]: parts,
  ...rest,
});

describe("choose", () => {
  it.each([
    [{ prompt: "failing" }, true],
    [{ prompt: "FAILING" }, false],
    [{ prompt: "/FAILING/i" }, true],
    [{ prompt: "/^fix.*test$/" }, true],
    [{ system: "executor" }, true],
    [{ system: "reviewer" }, false],
    [{ model: "second" }, false],
    [{ lastToolResult: "x" }, false],
    [{ after: 1 }, false],
    [{ after: "any" }, true],
    [{}, true],
  ])("%j fits a fresh prompt: %s", (when, fits) => {
    expect(chosen([rule("r", { when })], moment()) === "r").toBe(fits);
  });

  it("takes the first that fits, after the tool or the number of results it waits for", () => {
    const list = [
      rule("after bash", { when: { after: "bash" } }),
      rule("after two", { when: { after: 2 } }),
      rule("fresh"),
    ];
    expect(chosen(list, moment())).toBe("fresh");
    expect(chosen(list, moment({ tools: ["read", "bash"] }))).toBe("after bash");
    expect(chosen(list, moment({ tools: ["bash", "read"] }))).toBe("after two");
    expect(chosen(list, moment({ tools: ["read"] }))).toBeUndefined();
  });

  it("gives turns one after the other, and then falls through", () => {
    const list = [{ name: "t", turns: [[{ text: "1" }], [{ text: "2" }]] }];
    const parts = [0, 1, 2].map((answers) => choose(rules(list), moment({ answers }), new Map())?.parts);
    expect(parts).toEqual([[{ text: "1" }], [{ text: "2" }], undefined]);
  });

  it("lets a rule answer only so often", () => {
    const list = [
      rule("busy", { times: 2 }, [{ error: { status: 429, message: "slow down" } }]),
      rule("fine"),
    ];
    expect(chosen(list, moment(), new Map([["busy", 1]]))).toBe("busy");
    expect(chosen(list, moment(), new Map([["busy", 2]]))).toBe("fine");
  });
});

describe("parseScript", () => {
  it("names every problem with its place", () => {
    const bad = [
      rule("", { when: { prompt: 3, what: 1 } }, [{ txt: "x" }]),
      { name: "neither" },
      rule("", { when: { prompt: "/(/", after: -1 } }, "x"),
      { turns: [[{ tool: "a", arguments: 1 }]], usage: { input: "x" } },
      { turns: [], when: { after: 1 } },
      7,
    ];
    expect(() => rules(bad)).toThrow(
      /rules\[0\]\.when has an unknown key "what"[\s\S]*rules\[0\]\.when\.prompt[\s\S]*rules\[1\] needs[\s\S]*rules\[2\]\.when\.prompt[\s\S]*rules\[2\]\.then must be a list[\s\S]*rules\[3\]\.turns\[0\]\[0\]\.arguments[\s\S]*rules\[3\]\.usage\.input[\s\S]*rules\[4\] has "turns"[\s\S]*rules\[5\] must be an object/,
    );
    expect(() => parseScript("{", "s.json")).toThrow("s.json is no JSON");
    expect(() => parseScript("3", "s.json")).toThrow("list of rules");
  });
});

it("fills in what the model was told, and leaves other braces alone", () => {
  const at = moment({ lastToolResult: "3 passed" });
  expect(filled("{prompt}: {lastToolResult} {x}", at)).toBe("fix the failing test: 3 passed {x}");
});
