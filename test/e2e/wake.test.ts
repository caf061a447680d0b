import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isAnswered, type Json, served, until } from "../support/host.ts";
import { kill, type Lead, makeProject, manifestWhen, type Project } from "./support/lead.ts";
import { submit, waitFor, worker } from "./support/rules.ts";

let project: Project;
let lead: Lead;
const ask = (rest: object = {}): object => ({
  tool: "ask",
  arguments: { question: "Left or right?", options: ["left", "right"], ...rest },
});
beforeAll(async () => {
  project = await makeProject();
  await project.settings({ workersPerMachine: 12 });
  const got = submit("it was {lastToolResult}");
  await project.script("1-workers", [
    worker("asks", [ask()], [got]),
    worker("asks with a default", [ask({ default: "right" })], [got]),
    worker("asks in vain", [ask({ deadlineMinutes: 0.02 })], [got]),
  ]);
  await project.script("2-told", [
    { name: "told", when: { prompt: "/^Team (run|news)/" }, turns: [[{ text: "Noted." }]] },
  ]);
  lead = await project.lead();
});
afterAll(() => project.end());

const tasks = (text: string): Json => ({
  tasks: [{ id: "only", agent: "executor", task: text, writes: "none" }],
});
const isOver = ({ finishedAt }: { finishedAt?: string }): boolean => finishedAt !== undefined;

/** How often the model was asked by whom this rule answers, since a moment of the log. */
async function asked(rule: string, since = 0): Promise<number> {
  return (await served(project.place)).slice(since).filter((request) => request.rule === rule).length;
}
async function moment(): Promise<number> {
  return (await served(project.place)).length;
}
/** How often a worker's model was given the answer to a question as the result of its tool. */
async function answersSince(since: number): Promise<number> {
  return (await served(project.place)).slice(since).filter(isAnswered).length;
}
async function resultOf(runId: string): Promise<string> {
  await manifestWhen(project, runId, "the end", ({ status }) => status === "completed");
  return (await lead.call({ action: "get", run: runId, task: "only" })).text;
}
async function inBackground(text: string): Promise<string> {
  const { runId, answer } = await lead.run({ ...tasks(text), background: true });
  await answer();
  return runId;
}

describe("news of background runs", () => {
  it("are one message when ten of them end while the lead talks", async () => {
    await project.script("1-ten", [worker("ten", [waitFor("go")], [submit("done")])]);
    const one = {
      tool: "team",
      arguments: { action: "run", background: true, force: true, ...tasks("[ten]") },
    };
    await project.script("0-start", [
      {
        name: "start",
        when: { prompt: "Start ten" },
        turns: [Array.from({ length: 10 }, () => one), [{ text: "So." }]],
      },
      { name: "talk", when: { prompt: "Talk" }, turns: [[{ tokens: 600, everyMs: 40 }]] },
    ]);
    const before = await project.runs();
    await lead.host.prompt("Start ten of them.");
    const runs = (await project.runs()).filter((id) => !before.includes(id));
    expect(runs).toHaveLength(10);
    for (const id of runs)
      await manifestWhen(project, id, "a worker", ({ tasks: [only] }) => only?.status === "running");
    const since = await moment();
    await lead.idle();
    await lead.host.request({ type: "prompt", message: "Talk." });
    await writeFile(join(project.directory, "go"), "");
    for (const id of runs) await manifestWhen(project, id, "the end", isOver);
    await until("the lead is told", async () => (await asked("told", since)) > 0);
    await lead.idle();
    const notices = new Set(runs.flatMap((id) => lead.notices(id)));
    expect(notices.size).toBe(1);
    for (const id of runs) expect(JSON.stringify([...notices])).toContain(`Team run ${id} completed`);
    expect(await asked("told", since)).toBe(1);
  });

  it("wake a session that was killed once at its next start, and never again", async () => {
    await project.script("1-closed", [worker("closed", [waitFor("open")], [submit("done")])]);
    const owner = await project.lead({ mode: ["--mode", "rpc"] });
    const { runId, answer } = await owner.run({ ...tasks("[closed]"), background: true });
    await answer();
    kill(owner.host.pid);
    await owner.host.exit;
    await writeFile(join(project.directory, "open"), "");
    await manifestWhen(project, runId, "the end", isOver);
    const since = await moment();
    for (let start = 1; start <= 2; start += 1) {
      const next = await project.lead({ mode: ["--mode", "rpc", "--continue"] });
      await next.idle();
      if (start === 1) await until("it is woken", async () => (await asked("told", since)) === 1);
      else await pause(4_000);
      await next.idle();
      expect(next.notices(runId)).toHaveLength(start === 1 ? 1 : 0);
      await next.host.end();
    }
    expect(await asked("told", since)).toBe(1);
  });

  it("are not told again when the lead has seen them by a call", async () => {
    const since = await moment();
    const { runId, answer } = await lead.run({ ...tasks("[asks]"), background: true });
    await answer();
    expect((await lead.call({ action: "wait", run: runId })).text).toContain("Left or right?");
    await lead.call({ action: "respond", run: runId, message: "left" });
    expect((await lead.call({ action: "wait", run: runId })).details.status).toBe("completed");
    await pause(2_000);
    const told = lead.notices(runId).map((event) => JSON.stringify(event));
    expect(told.filter((text) => text.includes("completed"))).toEqual([]);
    expect(await answersSince(since)).toBe(1);
  });
});

describe("a question to a person", () => {
  it("is answered in a dialog, and the answer reaches the worker once", async () => {
    const since = await moment();
    const runId = await inBackground("[asks]");
    await lead.host.event((event) => String(event.message).includes(`/team-respond --run ${runId}`));
    await until("the lead is told", async () => (await asked("told", since)) === 1);
    await lead.idle();
    const seen: string[] = [];
    lead.host.answerDialog = ({ title, options }) => {
      seen.push(`${title} ${options}`);
      return { value: "right" };
    };
    expect(await lead.command("/team-respond")).toContain("has its answer");
    expect(seen).toEqual([expect.stringMatching(/Task only asks .*without a deadline.*left,right,Write/s)]);
    expect(await resultOf(runId)).toContain("it was Answer: right");
    expect(await answersSince(since)).toBe(1);
  });

  it("closes the dialog when somebody else answers, who is named; that answer reaches the worker once", async () => {
    const since = await moment();
    const runId = await inBackground("[asks]");
    const other = await project.lead();
    lead.host.answerDialog = () => undefined;
    await until("it asks", async () => (await lead.notices(runId)).length > 0);
    await lead.idle();
    const closed = lead.command(`/team-respond --run ${runId}`);
    await lead.host.event(({ method, title }) => method === "select" && String(title).includes(runId));
    await other.call({ action: "respond", run: runId, message: "left" });
    expect(await closed).toMatch(/waits no more: .* answered: left/);
    expect(await resultOf(runId)).toContain("it was Answer: left");
    expect(await answersSince(since)).toBe(1);
    await other.host.end();
  });

  it("can be answered past its deadline, where it has no default", async () => {
    const since = await moment();
    const { runId, answer } = await lead.run(tasks("[asks in vain]"));
    await answer();
    await manifestWhen(project, runId, "nobody came", ({ tasks: [only] }) => only?.status === "blocked");
    expect((await lead.call({ action: "status", run: runId })).text).toContain("its deadline is over");
    await lead.call({ action: "respond", run: runId, message: "left" });
    expect(await resultOf(runId)).toContain("it was Answer: left");
    expect(await answersSince(since)).toBe(1);
  });

  it.each([
    ["default", "Answer: right"],
    ["deny", "Nobody is there to answer"],
  ])("that nobody can answer is settled by headless = %s", async (headless, result) => {
    const since = await moment();
    await project.settings({ headless });
    const run = { action: "run", background: true, ...tasks("[asks with a default]") };
    await project.script("0-print", [
      {
        name: "print",
        when: { prompt: "print it" },
        turns: [[{ tool: "team", arguments: run }], [{ text: "ok" }]],
      },
    ]);
    const printing = await project.lead({ mode: ["--mode", "json", "-p", "--no-session", "print it"] });
    printing.host.closeInput();
    expect(await printing.host.exit).toBe(0);
    expect(await resultOf((await project.runs()).at(-1) ?? "none")).toContain(result);
    expect(await answersSince(since)).toBe(1);
  });
});
