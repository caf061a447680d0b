import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { perform, performLine } from "../../src/actions/perform.ts";
import { StorageError } from "../../src/core/failure.ts";
import { completed, failed, result } from "../support/plan.ts";
import { definitions, graph, works, world } from "./world.ts";

const root = definitions();

describe("malformed input", () => {
  const task = { id: "a", agent: "explorer", task: "look" };
  const many = Array.from({ length: 1_001 }, (_, index) => ({ ...task, id: `t${index}` }));
  it.each<[string, string, unknown, readonly string[]]>([
    ["no goal", "run", {}, ["goal"]],
    ["a blank goal", "run", { goal: "  \n " }, ["goal"]],
    ["a goal that is an object", "run", { goal: { a: 1 } }, ["goal"]],
    ["a NUL in the goal", "run", { goal: "a\0b" }, ["goal"]],
    ["a goal of 2 MB", "run", { goal: "x".repeat(2_000_000) }, ["goal"]],
    ["an unknown team", "run", { goal: "g", team: "defualt" }, ["team"]],
    ["a team that is a path", "run", { goal: "g", team: "../../etc/passwd" }, ["team"]],
    ["an unknown workflow", "run", { goal: "g", workflow: "nope" }, ["workflow"]],
    ["an unknown agent", "run", { goal: "g", agent: "__proto__" }, ["agent"]],
    ["a team and an agent", "run", { goal: "g", team: "default", agent: "explorer" }, ["agent"]],
    ["a model that is none", "run", { goal: "g", model: "one or two" }, ["model"]],
    ["no workers", "run", { goal: "g", concurrency: 0 }, ["concurrency"]],
    ["half a worker", "run", { goal: "g", concurrency: 1.5 }, ["concurrency"]],
    ["tasks that are text", "run", { tasks: "do it" }, ["tasks"]],
    ["tasks in broken JSON", "run", { tasks: '[{"id": "a"' }, ["tasks"]],
    ["tasks of numbers", "run", { tasks: [1, 2] }, ["tasks[0]", "tasks[1]"]],
    ["a task without a text", "run", { tasks: [{ id: "a", agent: "explorer" }] }, ["tasks[0]"]],
    ["a task without an id", "run", { tasks: [{ agent: "explorer", task: "x" }] }, ["tasks[0].id"]],
    ["the same id twice", "run", { tasks: [task, task] }, ["tasks[1]"]],
    ["an unusable id", "run", { tasks: [{ ...task, id: "../x" }] }, ["tasks[0]"]],
    ["a task that depends on itself", "run", { tasks: [{ ...task, dependsOn: ["a"] }] }, ["tasks[0]"]],
    ["a dependency that is not there", "run", { tasks: [{ ...task, dependsOn: ["z"] }] }, ["tasks[0]"]],
    [
      "a cycle",
      "run",
      {
        tasks: [
          { ...task, dependsOn: ["b"] },
          { ...task, id: "b", dependsOn: ["a"] },
        ],
      },
      ["tasks[0]"],
    ],
    ["an unknown agent in a task", "run", { tasks: [{ ...task, agent: "nobody" }] }, ["tasks[0].agent"]],
    ["a task that writes outside", "run", { tasks: [{ ...task, writes: "../x" }] }, ["tasks[0].writes"]],
    ["too many tasks", "run", { tasks: many }, ["tasks"]],
    ["tasks and a team", "run", { tasks: [task], team: "default" }, ["tasks"]],
    ["an unknown parameter", "run", { goal: "g", isolation: "worktree" }, ["isolation"]],
    ["a parameter of another action", "cancel", { run: "last", task: "a" }, ["task"]],
    ["arguments that are a list", "run", ["g"], ["arguments"]],
    ["arguments that are text", "status", "last", ["arguments"]],
    ["an unknown action", "statsu", {}, ["action"]],
    ["an action of Object", "constructor", {}, ["action"]],
    ["a run that is a path", "status", { run: "../../etc" }, ["run"]],
    ["a run that is an absolute path", "summary", { run: "/etc/passwd" }, ["run"]],
    ["an unknown run", "wait", { run: "20990101" }, ["run"]],
    ["an unknown task", "status", { task: "../look" }, ["task"]],
    ["a resource that is a path", "get", { name: "../../../etc/passwd" }, ["name"]],
    ["nothing to get", "get", { resource: "agent" }, ["arguments"]],
    ["text without a name", "validate", { text: "---\n" }, ["resource", "name"]],
    ["a limit below one", "list", { limit: -3 }, ["limit"]],
    ["an unknown setting", "config", { key: "__proto__.x", value: "1" }, ["key"]],
    ["a setting out of bounds", "config", { key: "concurrency", value: "0" }, ["value"]],
    ["a value without a key", "config", { value: "1" }, ["key"]],
    [
      "several at once",
      "run",
      { goal: "g", gaol: "g", concurrency: "x", background: 7, team: "nope", model: "a b" },
      ["gaol", "concurrency", "background", "team", "model"],
    ],
  ])("%s: is refused with place and remedy, and nothing is created", async (_, name, raw, places) => {
    const { context, engine } = world(root(), works);
    await perform("run", { goal: "g" }, context);
    const answer = await perform(name, raw, context);
    expect(answer.ok).toBe(false);
    expect(answer.details.problems?.map(({ where }) => where)).toEqual(expect.arrayContaining([...places]));
    for (const { message, remedy } of answer.details.problems ?? []) expect(message && remedy).toBeTruthy();
    expect(Buffer.byteLength(answer.text)).toBeLessThanOrEqual(50_000);
    expect(engine.runs.size).toBe(1);
  });

  it("is told together with what a command line gets wrong", async () => {
    const { context } = world(root(), works);
    const answer = await performLine("run", "--limit 3 --concurrency x", context);
    expect(answer.details.problems?.map(({ where }) => where)).toEqual(["--limit", "concurrency"]);
  });

  it("keeps the host's process alive while somebody waits, and no longer", async () => {
    const { clock, as } = world(root(), works);
    const stays: AbortSignal[] = [];
    const stay = async (_: number, signal?: AbortSignal): Promise<void> =>
      void (signal && stays.push(signal));
    const held = { now: () => clock.now(), sleep: clock.sleep.bind(clock), stay };
    const context = as({ clock: held, onProgress: () => expect(stays.at(-1)?.aborted).toBe(false) });
    expect((await perform("run", { goal: "g" }, context)).ok).toBe(true);
    expect(stays.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it("names the run when the world fails after it was started", async () => {
    const { context, engine } = world(root(), works);
    engine.follow = () => {
      throw new Error("EIO: the disk is gone");
    };
    const answer = await perform("run", { goal: "g" }, context);
    expect(answer).toMatchObject({ ok: false, details: { runId: [...engine.runs.keys()][0] } });
    expect(answer.text).toContain("the disk is gone");
  });

  it("never makes a failing world throw", async () => {
    const { context, engine } = world(root(), works);
    engine.submit = () => Promise.reject(new Error("ENOSPC: no space left for s3cret"));
    const answer = await perform("run", { goal: "g" }, context);
    expect(answer).toMatchObject({ ok: false, details: { action: "run" } });
    expect(answer.text).toContain("no space left for [redacted]");
  });
});

describe("run references", () => {
  it("are named in the refusal where there is no run at all", async () => {
    const { context } = world(root(), works);
    expect((await perform("status", { run: "19990101-none" }, context)).text).toContain("19990101-none");
  });

  it("take an unambiguous prefix, the newest, and name the candidates of an ambiguous one", async () => {
    const { context } = world(root(), works);
    for (const goal of ["one", "two"]) await perform("run", { goal }, context);
    const runIdOf = async (run: string): Promise<string | undefined> =>
      (await perform("status", { run }, context)).details.runId;
    expect(await runIdOf("20261121-130000")).toBe("20261121-130000-abcd0");
    expect(await runIdOf("LAST")).toBe("20261121-130001-abcd1");
    const ambiguous = await perform("status", { run: "2026" }, context);
    expect(ambiguous.text).toMatch(/2 runs[\s\S]*abcd1 \(completed, two\); \S*abcd0 \(completed, one\)/);
    const near = await perform("status", { run: "20261121-130001-abce1" }, context);
    expect(near.text).toContain('did you mean "20261121-130001-abcd1"?');
  });
});

describe("looking at a run", () => {
  it("says why each task does not run, and for one task how far it came", async () => {
    const outcome = failed({ message: "exit 7" });
    const { context } = world(root(), {
      work: (task, attempt) => (task === "a" && attempt === 1 ? { afterMs: 10, outcome } : undefined),
    });
    await perform("run", { tasks: graph, background: true }, context);
    await context.clock.sleep(5_000);
    const status = await perform("status", {}, context);
    expect(status.text).toMatch(/- b \[executor\] pending waits for a\n/);
    const story = await perform("status", { task: "a" }, context);
    expect(story.text).toMatch(
      /Attempt 1: became ready.*failed \(self_exit\): exit 7; it was to be tried again\./,
    );
    expect((await perform("events", { task: "a", limit: 1 }, context)).text).toMatch(/^1 of \d+ events/);
  });

  it("says what a run waits for, what follows, and by earlier runs of its agents how long that takes", async () => {
    const { context } = world(root(), works);
    expect((await perform("plan", { tasks: graph }, context)).text).toContain(
      "No earlier run of all these agents",
    );
    await perform("run", { tasks: graph, background: true }, context);
    const first = await perform("status", {}, context);
    expect(first.text).toMatch(
      /It waits for a \(running\), c \(running\)\.\nAfter that: b\.\nLast record: attempt/,
    );
    await perform("wait", {}, context);
    const expected = /Estimate: about 10s \(medians of 3 finished tasks of these agents in 1 run\)/;
    expect((await perform("plan", { tasks: graph }, context)).text).toMatch(expected);
    await perform("run", { tasks: graph, background: true }, context);
    expect((await perform("status", {}, context)).text).toMatch(expected);
    const done = await perform("wait", {}, context);
    expect(done.text).not.toContain("Estimate");
  });

  it("says of a task that is under way what can be seen of it from outside", async () => {
    const { context, engine } = world(root(), {});
    await perform("run", { tasks: graph, background: true }, context);
    const words = {
      alive: "its worker lives",
      gone: "left no result",
      indeterminate: "nothing tells what became of it",
    } as const;
    for (const [verdict, said] of Object.entries(words)) {
      engine.judged = new Map([["a/1", verdict as keyof typeof words]]);
      const { text } = await perform("status", { task: "a" }, context);
      expect(text).toMatch(new RegExp(`Seen from outside, .*${said}`));
    }
  });

  it("shows a journal's damage instead of an answer", async () => {
    const { context, engine } = world(root(), works);
    const { runId = "" } = (await perform("run", { goal: "g" }, context)).details;
    engine.damage(runId);
    for (const name of ["status", "summary", "wait"]) {
      expect((await perform(name, {}, context)).text).toContain("journal/0001.jsonl:7: checksum is wrong");
    }
  });

  it("does not take what is left of a journal for the whole", async () => {
    const { context, engine } = world(root(), works);
    const { runId = "" } = (await perform("run", { goal: "g" }, context)).details;
    engine.runs.get(runId)?.events.splice(3);
    for (const name of ["status", "summary", "events"]) {
      const told = await perform(name, {}, context);
      expect(told).toMatchObject({ ok: false });
      expect(told.text).toMatch(/journal ends at record 3, but its manifest tells of record \d+/);
    }
  });

  it("gives the whole result from its file, and says so when there is only the journal's part", async () => {
    const { context, engine } = world(root(), works);
    engine.root = root();
    const { runId = "" } = (await perform("run", { goal: "g" }, context)).details;
    expect((await perform("get", { task: "look" }, context)).text).toMatch(
      /look done\n\[only the journal's part/,
    );
    const directory = join(engine.directory(runId), "attempts", "look-1");
    await mkdir(directory, { recursive: true });
    const whole = { ...completed(), result: result("all of it") };
    const record = { v: 1, runId, task: "look", attempt: 1, at: "", outcome: whole };
    await writeFile(join(directory, "outcome.json"), JSON.stringify(record));
    expect((await perform("get", { task: "look" }, context)).text).toMatch(/\n\nall of it$/);
    await rm(engine.root.concat("/.muster"), { recursive: true });
  });

  it("names artifacts with their files, and reports evidence apart from claims", async () => {
    const artifact = { name: "report.md", path: "look/report.md", bytes: 12, sha256: "f".repeat(64) };
    const outcome = { ...completed(), result: { ...result("I am sure"), artifacts: [artifact] } };
    const { context, engine } = world(root(), { work: () => ({ afterMs: 10, outcome }) });
    const { runId = "" } = (await perform("run", { goal: "g" }, context)).details;
    const shown = await perform("artifacts", { task: "look" }, context);
    expect(shown.details.paths).toEqual([join(engine.directory(runId), "artifacts/look/report.md")]);
    const report = (await perform("summary", {}, context)).text;
    expect(report).toMatch(
      /agents claim \(the engine verified none of it\)[\s\S]*engine recorded:\n- look: 1 attempt.*left report\.md/,
    );
  });

  it("keeps within 50 KB however much the agents say", async () => {
    const tasks = Array.from({ length: 300 }, (_, index) => ({
      id: `t${index}`,
      agent: "explorer",
      task: "x",
    }));
    const outcome = completed("ü".repeat(20_000));
    const { context } = world(root(), { work: () => ({ afterMs: 10, outcome }) });
    const answer = await perform("run", { tasks, concurrency: 300 }, context);
    expect(answer.ok).toBe(true);
    expect(Buffer.byteLength(answer.text)).toBeLessThanOrEqual(50_000);
    expect(answer.text).toMatch(/\[cut here; the rest: .*\]$/);
    expect(answer.details.tasks).toHaveLength(100);
  });
});

describe("definitions", () => {
  it("are listed by kind, and shown with their file", async () => {
    const { context } = world(root(), works);
    const listed = await performLine("list", "agents", context);
    expect(listed.text).toBe("- executor (builtin): Works\n- explorer (builtin): Looks around");
    const shown = await performLine("get", "default", context);
    expect(shown.text).toMatch(/^team default \(builtin\): .*\n[\s\S]*\n\nworkflow default \(builtin\): /);
    expect((await performLine("get", "exlorer", context)).text).toContain('did you mean "explorer"?');
  });

  it("are checked as a whole, or as one text", async () => {
    const { context } = world(root(), works);
    const text = "---\nname: odd\ndescription: Odd\n---\n- x: agent=nobody Odd\n";
    const answer = await perform("validate", { resource: "team", name: "odd", text }, context);
    expect(answer.text).toMatch(/odd:5: .*nobody/);
    const good = "---\nname: odd\ndescription: Odd\npermission: read\n---\nYou are odd.\n";
    expect((await perform("validate", { resource: "agent", name: "odd", text: good }, context)).ok).toBe(
      true,
    );
  });
});

describe("plan", () => {
  it("shows the graph, the longest chain, who writes, and starts nothing", async () => {
    const { context, engine } = world(root(), works);
    const { text } = await perform("plan", { tasks: graph }, context);
    expect(text).toMatch(/longest chain \(2\): a → b[\s\S]*take turns.*: b\.[\s\S]*- b .*after a,.*\n- c /);
    expect(engine.runs.size).toBe(0);
  });
});

describe("config", () => {
  it("sets, shows with its source, and unsets, in the project unless told otherwise", async () => {
    const { context } = world(root(), works);
    expect((await performLine("config", "limits.runMaxMs 7300000", context)).text).toContain(
      "7300000 (project)",
    );
    expect(JSON.parse(await readFile(join(root(), "project.json"), "utf8"))).toEqual({
      limits: { runMaxMs: 7_300_000 },
    });
    expect(
      (await perform("config", { key: "concurrency", value: 3, scope: "user" }, context)).text,
    ).toContain("= 3 (user)");
    expect((await perform("config", {}, context)).text).toMatch(
      /concurrency = 3 \(user\)[\s\S]*depthMax = 2 \(default\)/,
    );
    await perform("config", { key: "concurrency", value: "unset", scope: "user" }, context);
    const { text } = await performLine("config", "limits.runMaxMs=unset", context);
    expect(text).toContain("(default)");
  });

  it("does not write into a project whose settings may not be used", async () => {
    const { as } = world(root(), works);
    const context = as({ settingsFiles: { user: join(root(), "user.json") } });
    expect((await perform("config", { key: "concurrency", value: 3 }, context)).ok).toBe(false);
  });
});

describe("doctor", () => {
  it("tells what the machine, the definitions and the runs get wrong", async () => {
    const { as, engine, context } = world(root(), { stopsAfterMs: 1 });
    const { runId = "" } = (await perform("run", { goal: "g", background: true }, context)).details;
    engine.kill(runId);
    const user = join(root(), "broken-user");
    await mkdir(join(user, "agents"), { recursive: true });
    await writeFile(join(user, "agents", "odd.md"), "no front matter");
    const checks = async () => [
      { name: "git identity", ok: false, found: "no user.email", remedy: "set one" },
    ];
    const answer = await perform(
      "doctor",
      {},
      as({ checks, places: { builtin: join(root(), "builtin"), user } }),
    );
    expect(answer.ok).toBe(false);
    expect(answer.text).toMatch(/FAIL git identity: no user\.email — set one/);
    expect(answer.text).toMatch(/warn .*odd\.md:1: .*front matter/);
    expect(answer.text).toContain(
      `warn run ${runId}: it is not over, but its driver is gone — team resume run=${runId}`,
    );
  });

  it("names the run that no driver has taken", async () => {
    const { context } = world(root(), { unmanned: true });
    const { runId } = (await perform("run", { goal: "g", background: true }, context)).details;
    const { text } = await perform("doctor", {}, context);
    expect(text).toContain(`warn run ${runId}: no driver has taken it yet — team resume run=${runId}`);
  });

  it("shows what is to be thought of each living attempt of the run that is named", async () => {
    const { engine, context } = world(root());
    const { runId = "" } = (await perform("run", { goal: "g", background: true }, context)).details;
    engine.judged = new Map([["look/1", "indeterminate"]]);
    expect((await perform("doctor", { run: runId }, context)).text).toContain(
      "attempt look/1: indeterminate",
    );
    expect((await perform("doctor", {}, context)).text).not.toContain("look/1");
  });

  it("shows what a repair would do, does it with confirm, and what is another session's only with force and a reason", async () => {
    const { as, engine, context } = world(root());
    const { runId = "" } = (await perform("run", { goal: "g", background: true }, context)).details;
    engine.damage(runId);
    const doctor = async (parameters: object, asked = context) =>
      (await perform("doctor", parameters, asked)).text;
    expect(await doctor({})).toContain(
      `FAIL run ${runId}: journal/0001.jsonl:7: checksum is wrong — team doctor run=${runId} confirm=true would keep 6 records`,
    );
    const other = as({}, { sessionId: "session-2" });
    for (const parameters of [{ confirm: true }, { confirm: true, force: true }])
      expect(await doctor(parameters, other)).toContain("; nothing was repaired");
    expect(engine.repairs).toEqual([]);
    const forced = { confirm: true, force: true, reason: "s3cret disk" };
    expect(await doctor(forced, other)).toContain(`ok   run ${runId}: repaired: keep 6 records`);
    engine.damage(runId);
    expect(await doctor({ run: runId, confirm: true })).not.toContain("FAIL");
    expect(engine.repairs).toEqual([
      ["session-2", "[redacted] disk"],
      ["session-1", ""],
    ]);
  });

  it("tells everything else where the runs' directory cannot be read", async () => {
    const { context, engine } = world(root());
    const failure = { cause: undefined, code: "ENOTDIR", path: "/p/.muster/runs" };
    engine.list = () => Promise.reject(new StorageError("cannot list /p/.muster/runs: ENOTDIR", failure));
    const answer = await perform("doctor", {}, context);
    expect(answer).toMatchObject({ ok: false });
    expect(answer.text).toContain("FAIL runs: cannot list /p/.muster/runs: ENOTDIR — look at /p/.muster");
    expect(answer.text).toContain("ok   node: 20");
  });
});
