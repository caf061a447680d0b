import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parameterShapes } from "../../src/actions/action.ts";
import type { Json } from "../support/host.ts";
import { type Answer, type Lead, makeProject, type Project } from "./support/lead.ts";

let project: Project;
let lead: Lead;
beforeAll(async () => {
  project = await makeProject();
  lead = await project.lead({
    environment: {
      PI_MUSTER_PI_BIN: join(dirname(fileURLToPath(import.meta.url)), "support/counted.mjs"),
      COUNTED_DIRECTORY: join(project.place.top, "counted"),
    },
  });
});
afterAll(() => project.end());

/** Everything under .muster, or nothing where it does not exist. */
async function stateEntries(): Promise<readonly string[]> {
  const found = await readdir(project.state, { recursive: true }).catch(() => []);
  return found.sort();
}

const task = (id: string, more: object = {}): object => ({
  ...{ id, agent: "executor", task: "do it", writes: "none" },
  ...more,
});
const graph = (...tasks: readonly unknown[]): Json => ({ action: "run", tasks });
const goal = (more: object): Json => ({ action: "run", goal: "g", agent: "executor", ...more });

/** What is wrong, the arguments, and what the answer must name. */
const malformed: readonly (readonly [string, Json, string])[] = [
  ["no action", {}, "action"],
  ["an unknown action", { action: "explode" }, "action"],
  ["an action of another type", { action: { run: true } }, "action"],
  ["no goal", { action: "run" }, "goal"],
  ["a blank goal", { action: "run", goal: " \n\t " }, "goal"],
  ["a goal that is a list", { action: "run", goal: ["a", "b"] }, "goal"],
  ["a goal with NUL", goal({ goal: "a\0b" }), "goal"],
  ["a goal of 2 MB", goal({ goal: "x".repeat(2_000_000) }), "goal"],
  ["an unknown team", { action: "run", goal: "g", team: "nobody" }, "nobody"],
  ["an unknown workflow", { action: "run", goal: "g", workflow: "nowhere" }, "nowhere"],
  ["an unknown agent", goal({ agent: "nemo" }), "nemo"],
  ["agent and team at once", goal({ team: "default" }), "agent"],
  ["tasks and team at once", { ...graph(task("a")), team: "default" }, "tasks"],
  ["a cycle", graph(task("a", { dependsOn: ["b"] }), task("b", { dependsOn: ["a"] })), "a → b → a"],
  ["a task that waits for itself", graph(task("a", { dependsOn: ["a"] })), "itself"],
  ["two tasks of one name", graph(task("a"), task("a")), '"a"'],
  ["a dependency that is missing", graph(task("a", { dependsOn: ["zz"] })), "zz"],
  ["a task without a text", graph({ id: "a", agent: "executor" }), 'task "a" says nothing to do'],
  ["a task without an id", graph({ agent: "executor", task: "do it" }), "tasks[0].id"],
  ["a task id that is a path", graph(task("../../escape")), "../../escape"],
  ["a task id that is no name", graph(task("a b/c")), "a b/c"],
  ["a task that is no object", graph(5), "tasks"],
  ["a task of an unknown agent", graph(task("a", { agent: "nemo" })), "nemo"],
  ["a task with an unknown part", graph(task("a", { banana: 1 })), "banana"],
  ["a model that is none", graph(task("a", { model: "just words" })), "just words"],
  ["tasks that are a number", { action: "run", tasks: 5 }, "tasks"],
  ["tasks that are no JSON", { action: "run", tasks: "[{" }, "tasks"],
  ["no tasks at all", { action: "run", tasks: [] }, "goal"],
  ["a huge concurrency", goal({ concurrency: 1e9 }), "concurrency"],
  ["a negative concurrency", goal({ concurrency: -1 }), "concurrency"],
  ["a concurrency that is NaN", goal({ concurrency: "NaN" }), "concurrency"],
  ["half a worker", goal({ concurrency: 0.5 }), "concurrency"],
  ["a background that is no flag", goal({ background: "maybe" }), "background"],
  ["an unknown parameter", goal({ banana: "yellow" }), "banana"],
  ["a parameter of another action", goal({ limit: 3 }), "limit"],
  ["a run id that is a path", { action: "status", run: "../../etc/passwd" }, "run"],
  ["a run id that nobody has", { action: "status", run: "19990101-000000-none" }, "19990101-000000-none"],
  ["a task id that leads out", { action: "get", run: "last", task: "../../../etc/passwd" }, "run"],
  ["nothing to cancel", { action: "cancel" }, "run"],
  ["a setting that does not exist", { action: "config", key: "no.such", value: "1" }, "no.such"],
  ["a setting of a wrong type", { action: "config", key: "concurrency", value: "many" }, "concurrency"],
];

describe("malformed input is refused, and leaves nothing", () => {
  it.each(malformed)("%s", async (_what, args, named) => {
    const before = await stateEntries();
    const { isError, text, details } = await lead.call(args);
    expect({ text, isError }).toMatchObject({ isError: true });
    expect(text).toContain(named);
    expect(text.length).toBeLessThan(6_000);
    // What the host's own validator refuses never reaches us: then there are no details to keep.
    if (!text.startsWith("Validation failed")) {
      expect(details).toMatchObject({ action: String(args.action ?? ""), ok: false });
      expect(details.problems?.length).toBeGreaterThan(0);
    }
    expect(await stateEntries()).toEqual(before);
  });

  it("names every problem at once", async () => {
    const { text } = await lead.call(
      graph(task("a", { agent: "nemo", dependsOn: ["zz"] }), task("b", { model: "just words" })),
    );
    for (const named of ["nemo", "zz", "just words"]) expect(text).toContain(named);
  });
});

describe("input in a strange dialect is understood", () => {
  const understood: readonly (readonly [string, Json])[] = [
    ["tasks as JSON text", { action: "run", tasks: JSON.stringify([task("a")]) }],
    ["one task as an object", { action: "run", tasks: task("a") }],
    ["dependencies as words", graph(task("a"), task("b"), task("c", { dependsOn: "a, b" }))],
    ["half a surrogate pair in the goal", goal({ goal: "broken \ud83d here" })],
    ["a concurrency as text", goal({ concurrency: "5" })],
    ["line separators and emoji", goal({ goal: "one\u2028two\u2029three 👩‍👩‍👧" })],
    ["an unknown parameter that is not set", goal({ banana: null })],
  ];
  it.each(understood)("%s", async (_what, args) => {
    const { isError, text, details } = await lead.call(args);
    expect({ isError, text, status: details.status }).toMatchObject({ isError: false, status: "completed" });
  });
});

/** Every optional parameter, with an action that takes it and what that needs besides. */
const optional: readonly (readonly [string, Json])[] = [
  ...["goal", "team", "workflow", "agent", "tasks", "concurrency", "model", "background"].map(
    (name) => [name, { action: "run", goal: "g", agent: "executor" }] as const,
  ),
  ...["run", "task"].map((name) => [name, { action: "status", run: "last" }] as const),
  ...["resource", "limit"].map((name) => [name, { action: "list" }] as const),
  ...["name", "text"].map(
    (name) => [name, { action: "validate", resource: "agent", name: "x", text: "You are x." }] as const,
  ),
  ...["key", "value", "scope"].map((name) => [name, { action: "config", key: "concurrency" }] as const),
  ["reason", { action: "cancel", run: "last" }],
  ...["confirm", "force"].map((name) => [name, { action: "cleanup" }] as const),
  ["path", { action: "export", run: "last" }],
  ["message", { action: "send", run: "last", message: "hello" }],
];

describe('every optional parameter takes "", null, "5" and "false"', () => {
  const isInOrder = ({ isError, details, text }: Answer): boolean =>
    isError
      ? text.startsWith("Validation failed") || (details.ok === false && (details.problems ?? []).length > 0)
      : details.ok === true;

  beforeAll(async () => {
    await lead.call({ action: "run", goal: "there is a last run", agent: "executor" });
  });

  it.each(optional)("%s", async (name, base) => {
    for (const value of ["", null, "5", "false"]) {
      const runs = await project.runs();
      const answer = await lead.call({ ...base, [name]: value });
      const story = `${name} = ${JSON.stringify(value)}: ${answer.text.slice(0, 300)}`;
      expect(isInOrder(answer), story).toBe(true);
      // Unset is as if it were not there. What the base itself needs may then be missing.
      if ((value === "" || value === null) && !(name in base)) expect(answer.isError, story).toBe(false);
      const isRunStarted = answer.details.action === "run" && answer.details.runId !== undefined;
      expect((await project.runs()).length - runs.length, story).toBe(isRunStarted ? 1 : 0);
      if (answer.isError) expect(isRunStarted, story).toBe(false);
    }
  });

  it("and no parameter is left out here", () => {
    expect(optional.map(([name]) => name).sort()).toEqual(Object.keys(parameterShapes).sort());
  });

  it("in one call that sets none of them", async () => {
    const names = optional.map(([name]) => name).filter((name) => name !== "goal");
    for (const value of ["", null]) {
      const unset = Object.fromEntries(names.map((name) => [name, value]));
      const { isError, text } = await lead.call({ action: "plan", goal: "g", ...unset });
      expect({ isError, text }).toMatchObject({ isError: false });
    }
  });
});
