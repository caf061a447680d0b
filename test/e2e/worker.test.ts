import { spawnSync } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Assignment } from "../../src/core/assignment.ts";
import {
  assignmentIn,
  bundleInto,
  type Extensions,
  filesBelow,
  type Host,
  type HostStart,
  isAlive,
  type Json,
  makePlace,
  outcomeIn,
  type Place,
  removePlace,
  served,
  sources,
  startHost,
  until,
} from "../support/host.ts";

const support = join(dirname(dirname(fileURLToPath(import.meta.url))), "support");
let place: Place;
let bundles: Place;
let bundled: Extensions;
let host: Host | undefined;
/** Processes that must end by themselves; if they do not, the test has failed and ends them. */
let strays: readonly number[] = [];

beforeAll(async () => {
  bundles = await makePlace();
  bundled = await bundleInto(bundles.top);
});
afterAll(() => removePlace(bundles));
beforeEach(async () => {
  place = await makePlace();
});
afterEach(async () => {
  await host?.end();
  host = undefined;
  for (const pid of strays) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  strays = [];
  await removePlace(place);
});

/** A worker that follows one rule whose answers come turn by turn. */
async function worker(
  turns: readonly (readonly object[])[],
  change: Partial<Assignment> = {},
  start: Partial<HostStart> = {},
): Promise<Host> {
  host = await startHost({
    place,
    extensions: [bundled.worker, bundled.scriptedModel],
    script: [{ name: "work", turns }],
    assignment: assignmentIn(place, change),
    ...start,
  });
  if (start.mode === undefined) await host.ready();
  return host;
}
const submit = (result: string, rest: object = {}): object => ({
  tool: "submit_result",
  arguments: { result, ...rest },
});
const bash = (command: string): object => ({ tool: "bash", arguments: { command } });
const write = (path: string): object => ({ tool: "write", arguments: { path, content: "x" } });

/** What came of each tool call, in the order of the calls. */
function results(events: readonly Json[]): readonly { tool: string; failed: boolean; text: string }[] {
  const ends = new Map(
    events.filter((event) => event.type === "tool_execution_end").map((event) => [event.toolCallId, event]),
  );
  return events
    .filter((event) => event.type === "tool_execution_start")
    .map(({ toolCallId, toolName }) => ({
      tool: String(toolName),
      failed: ends.get(toolCallId)?.isError === true,
      text: JSON.stringify(ends.get(toolCallId)?.result),
    }));
}
const refusals = (from: Host): readonly Json[] => from.announcements().filter((one) => "denied" in one);

describe.each(["sources", "bundle"])("a worker from its %s", (form) => {
  const files = (): string[] => {
    const { worker: side, scriptedModel } = form === "bundle" ? bundled : sources;
    return [side, scriptedModel];
  };

  it("announces itself once, works, and leaves a durable result", async () => {
    const turns = [
      [{ text: "I look." }, bash("printenv | grep -c ASSIGNMENT; echo done > made.txt")],
      [submit("It is {lastToolResult}", { artifacts: ["made.txt"] }), submit("twice")],
    ];
    const child = await worker(turns, {}, { extensions: files() });
    const events = await child.prompt("go");
    expect(child.announcements()).toEqual([
      {
        ready: true,
        tools: ["read", "bash", "edit", "write", "submit_result", "ask", "send"],
        model: "scripted/demo",
      },
    ]);
    expect(results(events).map(({ tool, failed }) => [tool, failed])).toEqual([
      ["bash", false],
      ["submit_result", false],
      ["submit_result", false],
    ]);
    expect(results(events).at(-1)?.text).toContain("stands");
    expect(await outcomeIn(place)).toMatchObject({
      kind: "completed",
      model: "scripted/demo",
      result: {
        form: "submitted",
        text: expect.stringContaining("It is 0"),
        artifacts: [{ name: "made.txt", bytes: 5 }],
      },
    });
    expect(await served(place)).toHaveLength(2);
  });

  it("may write inside its workspace and nowhere else, and delivers nothing", async () => {
    await mkdir(join(place.top, "outside"));
    await symlink(join(place.top, "outside"), join(place.workspace, "link"));
    const turns = [
      [
        write("ok/file"),
        write("../outside/a"),
        write("link/b"),
        write(join(place.home, "c")),
        write(".git/config"),
      ],
      [bash("cd ok && git push origin main"), { tool: "edit", arguments: { path: ".muster/x", edits: [] } }],
      [{ text: "done" }],
    ];
    const child = await worker(turns, {}, { extensions: files() });
    const events = await child.prompt("go");
    expect(results(events).map(({ failed }) => failed)).toEqual([false, true, true, true, true, true, true]);
    expect(refusals(child)).toHaveLength(6);
    expect(JSON.stringify(refusals(child))).toContain("delivers work");
    expect(await filesBelow(place.workspace)).toEqual(["link", "ok/file"]);
    expect(await filesBelow(join(place.top, "outside"))).toEqual([]);
  });

  it("has no tool to write with when it only reads, and its shell changes nothing", async () => {
    await writeFile(join(place.workspace, "kept"), "k");
    const turns = [
      [
        bash("cat kept"),
        bash("echo x > new"),
        bash("sh -c 'rm kept'"),
        write("new"),
        { tool: "team", arguments: {} },
      ],
      [{ text: "done" }],
    ];
    const reader = { permission: "read", tools: ["read", "bash", "write"] } as const;
    const child = await worker(turns, reader, { extensions: files() });
    expect((await child.ready()).tools).toEqual(["read", "bash", "submit_result", "ask", "send"]);
    const events = await child.prompt("go");
    expect(results(events).map(({ failed }) => failed)).toEqual([false, true, true, true, true]);
    expect(JSON.stringify(refusals(child))).toContain("read-only");
    expect(await filesBelow(place.workspace)).toEqual(["kept"]);
  });

  it("keeps its rights in a new session of the same process", async () => {
    const child = await worker(
      [[write("../escaped"), bash("printenv PI_MUSTER_ASSIGNMENT")], [{ text: "done" }]],
      {},
      {
        extensions: files(),
      },
    );
    await child.request({ type: "new_session" });
    const events = await child.prompt("go");
    expect(results(events).map(({ failed }) => failed)).toEqual([true, true]);
    expect(await filesBelow(place.top)).not.toContain("escaped");
  });

  it.each(["inherit", "pipe"])(
    "ends with its driver, and so does what it runs (input: %s)",
    async (input) => {
      const pidFile = join(place.workspace, "shell.pid");
      const start: Partial<HostStart> = {
        extensions: files(),
        through: [process.execPath, join(support, "foster-parent.mjs")],
        environment: { PI_MUSTER_WORKER: `test-${process.pid}-${form}-${input}`, FOSTER_INPUT: input },
      };
      // The last one left the shell's process group, and the warden that would know it is killed with its driver.
      const script = "setsid sleep 601 & echo $$ $PPID $! > shell.pid; exec sleep 600";
      const child = await worker([[bash(script)]], {}, start);
      await child.request({ type: "prompt", message: "go" });
      await until("the shell runs", async () =>
        (await readFile(pidFile, "utf8").catch(() => "")).includes("\n"),
      );
      strays = (await readFile(pidFile, "utf8")).trim().split(" ").map(Number);
      expect(strays.map(isAlive)).toEqual([true, true, true]);
      process.kill(child.pid, "SIGKILL");
      // An inherited input stays open: we hold the other end. Then only the guard can know.
      await until("all are gone", () => !strays.some(isAlive));
    },
  );
});

describe("a worker", () => {
  it("that only answers leaves the outcome to its driver", async () => {
    const child = await worker([[{ text: "The answer is 42." }]]);
    const events = await child.prompt("go");
    const last = events.filter((event) => event.type === "message_end").at(-1);
    expect(JSON.stringify(last?.message)).toContain("The answer is 42.");
    expect(await outcomeIn(place)).toBeUndefined();
  });

  it("is told what is missing, and can mend it", async () => {
    const turns = [
      [submit(" ")],
      [submit("all done", { artifacts: null })],
      [write("docs/report.md")],
      [submit("all done", { artifacts: "" })],
    ];
    const child = await worker(turns, { output: "docs/report.md" });
    const events = await child.prompt("go");
    expect(results(events).map(({ tool, failed }) => [tool, failed])).toEqual([
      ["submit_result", true],
      ["submit_result", true],
      ["write", false],
      ["submit_result", false],
    ]);
    expect(results(events)[1]?.text).toContain("docs/report.md");
    expect(await outcomeIn(place)).toMatchObject({
      result: { text: "all done", artifacts: [{ name: "docs/report.md" }] },
    });
  });

  it("does nothing more once its result is in", async () => {
    const child = await worker([[submit("done"), write("late")], [{ text: "oh" }]]);
    const events = await child.prompt("go");
    expect(results(events).map(({ failed }) => failed)).toEqual([false, true]);
    expect(await filesBelow(place.workspace)).toEqual([]);
  });

  it("pays for no compaction that nobody reads", async () => {
    const full = [{ name: "long", turns: [[{ text: "done" }]], usage: { input: 195_000, output: 10 } }];
    const child = await worker([], {}, { script: full });
    await child.prompt("go");
    await until("it is idle", async () => {
      const { data } = await child.request({ type: "get_state" });
      return (
        typeof data === "object" && data !== null && "isCompacting" in data && data.isCompacting === false
      );
    });
    expect(await served(place)).toHaveLength(1);
  });

  it("works without network, and touches nothing of the user's", async () => {
    const isolated = spawnSync("unshare", ["-rn", "true"]).status === 0;
    const child = await worker([[submit("done")]], {}, isolated ? { through: ["unshare", "-rn"] } : {});
    await child.prompt("go");
    await child.end();
    expect(await outcomeIn(place)).toMatchObject({ kind: "completed" });
    expect(await filesBelow(place.workspace)).toEqual([]);
    const ownOfHost = [".pi/agent/auth.json", ".pi/agent/models-store.json"];
    expect((await filesBelow(place.home)).filter((file) => !ownOfHost.includes(file))).toEqual([]);
  });

  it("is not held up by another extension's dialog", async () => {
    const asking = join(place.top, "asking.ts");
    await writeFile(
      asking,
      `export default (pi) => { pi.on("tool_call", async (_e, ctx) => { await ctx.ui.confirm("Sure?", "Really?"); }); };`,
    );
    const child = await worker(
      [[submit("done")]],
      {},
      { extensions: [bundled.worker, asking, bundled.scriptedModel] },
    );
    await child.prompt("go");
    expect(await outcomeIn(place)).toMatchObject({ kind: "completed" });
  });

  it("is not ended by another extension that asks at its start, when the host reads no answer yet", async () => {
    const asking = join(place.top, "asking.ts");
    const questions = ["confirm('a', 'b')", "select('a', ['b'])", "input('a')", "editor('a', 'b')"];
    const body = questions.map((question) => `await ctx.ui.${question};`).join(" ");
    await writeFile(asking, `export default (pi) => pi.on("session_start", async (_e, ctx) => { ${body} });`);
    const extensions = [bundled.worker, asking, bundled.scriptedModel];
    const child = await worker([[submit("done")]], {}, { extensions });
    await child.prompt("go");
    expect(await outcomeIn(place)).toMatchObject({ kind: "completed" });
  });

  it("ends by itself after a prompt on its input in json mode", async () => {
    const child = await worker(
      [[{ delayMs: 300 }, submit("done")]],
      {},
      { mode: ["--mode", "json", "-p", "go"] },
    );
    child.closeInput();
    expect(await child.exit).toBe(0);
    expect(await outcomeIn(place)).toMatchObject({ kind: "completed" });
  });

  it("does not start without knowing its rights", async () => {
    host = await startHost({ place, extensions: [bundled.worker, bundled.scriptedModel] });
    expect(await host.exit).toBe(1);
    expect(host.story()).toContain("PI_MUSTER_ASSIGNMENT is not set");
  });
});

describe("the scripted model", () => {
  const rules = [
    {
      name: "busy",
      times: 1,
      when: { prompt: "busy" },
      turns: [[{ error: { status: 429, message: "slow down" } }]],
    },
    {
      name: "calm",
      when: { prompt: "busy" },
      turns: [[{ text: "now" }]],
      usage: { input: 7, output: 3, cost: 0.5 },
    },
    { name: "stuck", when: { prompt: "stuck" }, turns: [[{ text: "hm" }, { hang: true }]] },
    { name: "many", when: { prompt: "many" }, turns: [[{ tokens: 50, everyMs: 1 }]] },
  ];
  const alone = async (): Promise<Host> => {
    host = await startHost({ place, extensions: [bundled.scriptedModel], script: rules });
    return host;
  };
  const answers = (events: readonly Json[]): string =>
    JSON.stringify(events.filter((event) => event.type === "message_end").map((event) => event.message));

  it("is labelled for what it is", async () => {
    const { data } = await (await alone()).request({ type: "get_available_models" });
    expect(JSON.stringify(data)).toContain("demo: scripted (not a real model)");
  });

  it("fails as told, and the host tries again", async () => {
    const child = await alone();
    await child.request({ type: "prompt", message: "busy" });
    await child.event((event) => event.type === "auto_retry_end");
    await child.event((event) => event.type === "message_end" && JSON.stringify(event).includes("now"));
    expect(answers(child.events)).toContain('"total":0.5');
    expect((await served(place)).map((line) => line.rule)).toEqual(["busy", "calm"]);
  });

  it("hangs until it is aborted", async () => {
    const child = await alone();
    await child.request({ type: "prompt", message: "stuck" });
    await until("it was asked", async () => (await served(place)).length > 0);
    await child.request({ type: "abort" });
    await child.event((event) => event.type === "agent_end");
    expect(answers(child.events)).toContain('"stopReason":"aborted"');
  });

  it("streams words, and says so when no rule fits", async () => {
    const child = await alone();
    expect(answers(await child.prompt("many"))).toContain("token49 token50");
    const unmatched = answers(await child.prompt("something else"));
    expect(unmatched).toContain("No rule matched");
    expect(unmatched).toContain("busy; calm; stuck; many");
  });
});
