import { lstat, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StoredEvent } from "../../src/core/events.ts";
import { filesBelow, served } from "../support/host.ts";
import { git, type Lead, makeProject, manifestWhen, type Project } from "./support/lead.ts";
import { bash, submit, waitFor, worker } from "./support/rules.ts";

const environmentSecret = "hunter2-hunter2-hunter2";
const goalSecret = `sk-${"Ab3".repeat(16)}`;
const toolSecret = `ghp_${"Zy9".repeat(12)}`;

let project: Project;
let lead: Lead;
beforeAll(async () => {
  project = await makeProject();
  await project.settings({ retries: { backoffMs: 100 } });
  lead = await project.lead({ environment: { OPENAI_API_KEY: environmentSecret } });
});
afterAll(() => project.end());

/** Runs one task to its end. */
async function runTask(text: string, more: object = {}, args: object = {}) {
  const task = { id: "only", agent: "executor", task: text, writes: "none", ...more };
  const { runId, answer } = await lead.run({ tasks: [task], ...args });
  const { isError, text: said, details } = await answer();
  const [only] = (await project.manifest(runId)).tasks;
  return { runId, isError, said, details, task: only };
}
const outcomeOf = async (runId: string, attempt: string) =>
  JSON.parse(await readFile(join(project.runDirectory(runId), "attempts", attempt, "outcome.json"), "utf8"))
    .outcome;
const seqOf = (events: readonly StoredEvent[], type: StoredEvent["type"], task: string): number =>
  events.find((event) => event.type === type && "task" in event && event.task === task)?.seq ?? Number.NaN;
const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe("a graph of tasks", () => {
  it("starts each task when its last dependency ended, whatever else runs, and hands it the results", async () => {
    await project.script("1-diamond", [
      worker("do A", [submit("A found 41")]),
      worker("do B", [submit("B makes it forty-two")]),
      worker("do C", [bash("touch c-runs")], [submit("C writes it as XLII")]),
      // Answers only if the results of both reached the model.
      {
        when: { prompt: "/\\[do D\\][^]*forty-two[^]*XLII|XLII[^]*\\[do D\\][^]*forty-two/" },
        turns: [[submit("D saw both")]],
      },
      worker("do long", [waitFor("c-runs")], [submit("long is over")]),
    ]);
    const task = (id: string, text: string, ...dependsOn: string[]) => ({
      ...{ id, agent: "executor", writes: "none", dependsOn },
      task: text,
    });
    const { runId, answer } = await lead.run({
      concurrency: 3,
      tasks: [
        task("a", "[do A]"),
        task("long", "[do long]"),
        task("b", "[do B]", "a"),
        task("c", "[do C]", "a"),
        task("d", "[do D] B said: {b.output}", "b", "c"),
      ],
    });
    const { isError, text, details } = await answer();
    expect({ isError, status: details.status }).toEqual({ isError: false, status: "completed" });
    expect(text).toContain("D saw both");
    const events = await project.journal(runId);
    // Were C to wait for the unrelated one, that one would wait for C, and both for ever.
    expect(seqOf(events, "attempt.started", "c")).toBeLessThan(seqOf(events, "attempt.ended", "long"));
    for (const dependency of ["b", "c"])
      expect(seqOf(events, "attempt.started", "d")).toBeGreaterThan(
        seqOf(events, "attempt.ended", dependency),
      );
    const prompt = await readFile(join(project.runDirectory(runId), "attempts/d-1/prompt.md"), "utf8");
    expect(prompt).toContain("B said: B makes it forty-two");
    expect(prompt).toContain("C writes it as XLII");
    expect(prompt).not.toContain("A found 41");
  });

  it("comes from a team and its workflow when a person gives a goal", async () => {
    await project.script("1-fix", [
      {
        when: { system: "You are the executor", prompt: "the cart is [broken]" },
        turns: [[submit("mended line 8")]],
      },
      { when: { system: "You are the verifier", prompt: "mended line 8" }, turns: [[submit("it holds")]] },
    ]);
    const before = await project.runs();
    expect(await lead.command("/team-run --team fast-fix the cart is [broken]")).toContain("Started run");
    const runId = (await project.runs()).find((id) => !before.includes(id)) ?? "none";
    const manifest = await manifestWhen(
      project,
      runId,
      "its end",
      ({ finishedAt }) => finishedAt !== undefined,
    );
    expect(manifest).toMatchObject({
      status: "completed",
      goal: "the cart is [broken]",
      team: "fast-fix",
      workflow: "fast-fix",
      background: false,
      origin: { kind: "user", id: "/team-run" },
      tasks: [
        { id: "fix", agent: "executor", status: "completed", dependsOn: [] },
        { id: "verify", agent: "verifier", status: "completed", dependsOn: ["fix"] },
      ],
    });
    await lead.host.event(() => lead.notices(runId).length > 0);
    expect(lead.notices(runId)).toHaveLength(1);
  });
});

describe("what a run leaves", () => {
  it("is the manifest of the contract, in few private files that git does not see", async () => {
    await project.script("1-noop", [worker("no-op", [submit("nothing to do")])]);
    const { runId, details } = await runTask("[no-op]", {}, { goal: "do nothing" });
    const usage = { input: 1_000, output: 100, cacheRead: 0, cacheWrite: 0, cost: 0.25, turns: 1 };
    expect(await project.manifest(runId)).toEqual({
      ...{ schemaVersion: 1, seq: expect.any(Number), runId, goal: "do nothing", team: "", workflow: "" },
      ...{ status: "completed", cause: "completed", cwd: project.directory, background: false },
      ...{ createdAt: iso, updatedAt: iso, finishedAt: iso },
      owner: { sessionId: expect.stringMatching(/./) },
      origin: { kind: "agent", id: expect.stringMatching(/./) },
      usage,
      tasks: [
        {
          ...{ id: "only", agent: "executor", status: "completed", dependsOn: [], attempts: 1, usage },
          ...{ startedAt: iso, finishedAt: iso },
        },
      ],
    });
    expect(runId).toMatch(/^[a-z0-9][a-z0-9-]{7,63}$/);
    expect(details).toMatchObject({ action: "run", ok: true, runId, status: "completed", usage });
    const directory = project.runDirectory(runId);
    const files = (await filesBelow(directory)).filter((file) => !file.endsWith("session.jsonl"));
    const sizes = await Promise.all(files.map(async (file) => (await lstat(join(directory, file))).size));
    expect(files.length).toBeLessThanOrEqual(8);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(16_384);
    expect(await git(project.directory, "status", "--porcelain")).not.toContain(".muster");
  });

  it("is private to the user, down to the last file", async () => {
    await project.script("1-noop", [worker("no-op", [submit("nothing to do")])]);
    await runTask("[no-op]");
    const open: string[] = [];
    const look = async (path: string): Promise<void> => {
      const { mode } = await lstat(path);
      if ((mode & 0o077) !== 0) open.push(`${path} ${(mode & 0o777).toString(8)}`);
    };
    await look(project.state);
    for (const file of await filesBelow(project.state)) {
      for (let at = file; at !== "."; at = join(at, "..")) await look(join(project.state, at));
    }
    expect([...new Set(open)]).toEqual([]);
  });

  it("counts every model call once", async () => {
    await project.script("1-count", [
      worker("count", [bash("true")], [bash("true"), bash("true")], [submit("counted")]),
    ]);
    const before = (await served(project.place)).length;
    const { runId } = await runTask("[count]");
    const calls = (await served(project.place)).slice(before).filter((call) => call.rule === "count").length;
    expect(calls).toBe(3);
    expect((await project.manifest(runId)).usage).toMatchObject({
      ...{ input: 3_000, output: 300, cost: 0.75, turns: 3 },
    });
  });

  it("holds no secret, wherever the secret came from", async () => {
    await project.script("1-secret", [
      worker(
        "leak",
        [bash(`echo ${toolSecret}; printenv OPENAI_API_KEY; echo ${environmentSecret} >&2`)],
        [submit(`It is ${toolSecret}, ${goalSecret} and ${environmentSecret}.`)],
      ),
      worker("leak by text", [{ text: `It is ${toolSecret}, ${goalSecret} and ${environmentSecret}.` }]),
    ]);
    const goal = `use ${goalSecret} and ${environmentSecret}`;
    const submitted = await runTask(`[leak] with ${goalSecret}`, {}, { goal });
    const spoken = await runTask(`[leak by text] with ${goalSecret}`, {}, { goal });
    expect([submitted.isError, spoken.isError]).toEqual([false, false]);
    const leaks: string[] = [];
    for (const file of await filesBelow(project.state)) {
      const text = await readFile(join(project.state, file), "utf8");
      for (const secret of [goalSecret, toolSecret, environmentSecret])
        if (text.includes(secret)) leaks.push(`${file}: ${secret}`);
    }
    expect(leaks).toEqual([]);
    for (const secret of [goalSecret, toolSecret, environmentSecret]) {
      expect(submitted.said).not.toContain(secret);
      expect(spoken.said).not.toContain(secret);
    }
    const transcript = join(project.runDirectory(submitted.runId), "attempts/only-1/session.jsonl");
    expect(await readFile(transcript, "utf8")).toContain("[redacted]");
  });
});

describe("a worker", () => {
  it("goes on with the next model when its provider is busy", async () => {
    await mkdir(join(project.directory, ".pi/agents"), { recursive: true });
    await writeFile(
      join(project.directory, ".pi/agents/spoilt.md"),
      "---\nname: spoilt\ndescription: has two models\nmodel: scripted/demo\nfallbackModels: scripted/second\n---\nWork.\n",
    );
    await project.script("1-busy", [
      {
        when: { prompt: "[busy]", model: "demo" },
        turns: [[{ error: { status: 429, message: "rate limit" } }]],
      },
      worker("busy", [submit("the second one answered")]),
    ]);
    const { runId, isError, task } = await runTask("[busy]", { agent: "spoilt" });
    expect({ isError, task }).toMatchObject({ isError: false, task: { status: "completed", attempts: 2 } });
    const events = await project.journal(runId);
    expect(
      events.flatMap((event) => (event.type === "attempt.started" ? [[event.attempt, event.model]] : [])),
    ).toEqual([
      [1, "scripted/demo"],
      [2, "scripted/second"],
    ]);
    expect(await outcomeOf(runId, "only-1")).toMatchObject({
      ...{ kind: "failed", cause: "rate_limited", provider: true },
    });
    expect(await outcomeOf(runId, "only-2")).toMatchObject({ kind: "completed", model: "scripted/second" });
  });

  it("with a model that does not exist fails at once, by name", async () => {
    const { isError, said, task } = await runTask("[nobody]", { model: "nowhere/none" });
    expect(isError).toBe(true);
    expect(said).toContain("nowhere/none");
    expect(task).toMatchObject({ status: "failed", cause: "spawn_error", attempts: 1 });
  });

  it("that may only read changes nothing, whatever tools its agent names", async () => {
    await mkdir(join(project.directory, ".pi/agents"), { recursive: true });
    await writeFile(
      join(project.directory, ".pi/agents/looker.md"),
      "---\nname: looker\ndescription: looks\ntools: read, bash, write\npermission: read\n---\nLook.\n",
    );
    const write = { tool: "write", arguments: { path: "written.txt", content: "x" } };
    await project.script("1-read", [
      worker("peek", [write], [bash("touch written.txt")], [submit("I tried: {lastToolResult}")]),
    ]);
    for (const agent of ["explorer", "looker"]) {
      const { isError, said } = await runTask("[peek]", { agent });
      expect({ agent, isError, said }).toMatchObject({ agent, isError: false });
      expect(said).toContain(agent === "looker" ? "I tried: Refused" : "I tried: Tool bash not found");
    }
    expect(await filesBelow(project.directory)).not.toContain("written.txt");
  });

  it("that only talks has completed its task, and the result says how it came", async () => {
    await project.script("1-talk", [worker("talk", [{ text: "Here is my answer." }])]);
    const { runId, task } = await runTask("[talk]");
    expect(task).toMatchObject({ status: "completed" });
    expect(await outcomeOf(runId, "only-1")).toMatchObject({
      result: { form: "unstructured", text: "Here is my answer." },
    });
  });

  it("that ends without a word is hollow", async () => {
    await project.script("1-mute", [worker("mute", [{ text: "" }])]);
    const { isError, task } = await runTask("[mute]");
    expect({ isError, task }).toMatchObject({ isError: true, task: { status: "failed", cause: "hollow" } });
  });
});
