import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Json, served, until } from "../support/host.ts";
import { kill, type Lead, makeProject, manifestWhen, type Project } from "./support/lead.ts";
import { processesOf, workersOf } from "./support/marked.ts";
import { bash, submit, waitFor, worker } from "./support/rules.ts";

let project: Project;
let lead: Lead;
beforeAll(async () => {
  project = await makeProject();
  await project.script("1-steer", [
    { name: "told again", when: { prompt: "Go right" }, turns: [[submit("right: {prompt}")]] },
    { name: "told", when: { prompt: "Turn around" }, turns: [[submit("heard: {prompt}")]] },
    worker("sleeps", [bash("touch asleep; sleep 1000")]),
    worker("thinks", [{ hang: true }]),
    worker("waits", [waitFor("go-on")], [submit("done")]),
  ]);
  lead = await project.lead();
});
afterAll(() => project.end());

const one = (text: string): Json => ({
  tasks: [{ id: "only", agent: "executor", task: text, writes: "none" }],
  background: true,
});
const sleeps = async (runId: string): Promise<boolean> =>
  (await workersOf(runId)).some(({ commandLine }) => commandLine === "sleep 1000");

async function asleep(): Promise<string> {
  const { runId, answer } = await lead.run(one("[sleeps]"));
  await answer();
  await until("it sleeps", () => sleeps(runId));
  return runId;
}

/** The result of the one task, from its run's end. */
async function resultOf(runId: string): Promise<string> {
  await manifestWhen(project, runId, "the end", ({ status }) => status === "completed");
  return (await lead.call({ action: "get", run: runId, task: "only" })).text;
}

const said = async (text: string): Promise<readonly unknown[]> =>
  (await served(project.place)).filter(({ prompt }) => String(prompt).includes(text)).map(({ rule }) => rule);

describe("an interrupt", () => {
  it("ends the tool that runs, and the very next model request holds the message, once, in the same session", async () => {
    const runId = await asleep();
    const message = "Turn around, sleeper.";
    const sent = await lead.call({ action: "steer", run: runId, task: "only", message, force: true });
    expect(sent).toMatchObject({ isError: false });
    expect(sent.text).toContain("Delivered");
    expect(await resultOf(runId)).toContain(message);
    expect(await said("sleeper")).toEqual(["told"]);
    const { tasks } = await project.manifest(runId);
    expect(tasks[0]?.attempts).toBe(1);
    await until("nothing sleeps", async () => !(await sleeps(runId)));
  });

  it("reaches a model call that never ends", async () => {
    const { runId, answer } = await lead.run(one("[thinks]"));
    await answer();
    await until("it thinks", async () => (await said("[thinks]")).length === 1);
    const message = "Turn around, thinker.";
    await lead.call({ action: "steer", run: runId, task: "only", message, force: true });
    expect(await resultOf(runId)).toContain(message);
    expect(await said("thinker")).toEqual(["told"]);
  });

  it("takes along what waits for the end of a tool, in order", async () => {
    const runId = await asleep();
    for (const message of ["First.", "Second."])
      await lead.call({ action: "send", run: runId, task: "only", message });
    await lead.call({ action: "steer", run: runId, task: "only", message: "Turn around now.", force: true });
    await manifestWhen(project, runId, "the end", ({ status }) => status === "completed");
    const inbox = (await lead.call({ action: "inbox", run: runId })).text;
    expect(inbox.match(/consumed/g)).toHaveLength(3);
    const transcript = await lead.call({ action: "get", run: runId, task: "only" });
    expect(transcript.text).toMatch(/Second\.[\s\S]*Turn around now\./);
  });
});

describe("stop", () => {
  it("ends the turn, takes back what is queued, and the next instruction goes on in the same session", async () => {
    const runId = await asleep();
    for (const message of ["One.", "Two.", "Three."])
      await lead.call({ action: "send", run: runId, task: "only", message });
    const status = await lead.call({ action: "status", run: runId });
    expect(status.text).toContain("3 instructions queued");
    const stopped = await lead.call({ action: "steer", run: runId, task: "only", message: "Stop." });
    expect(stopped.text).toContain("nothing of only runs any more. 2 undelivered instructions withdrawn");
    expect(await sleeps(runId)).toBe(false);
    await manifestWhen(project, runId, "the wait", ({ status }) => status === "waiting");
    const before = (await served(project.place)).length;
    await lead.call({ action: "steer", run: runId, task: "only", message: "Turn around, please." });
    expect(await resultOf(runId)).toContain("Turn around, please.");
    expect((await project.manifest(runId)).tasks[0]?.attempts).toBe(1);
    expect(
      (await served(project.place)).slice(before).some(({ prompt }) => /Two|Three/.test(`${prompt}`)),
    ).toBe(false);
    expect((await lead.call({ action: "inbox", run: runId })).text.match(/withdrawn/g)).toHaveLength(2);
  });

  it("outlives worker and driver: the next attempt begins with what it is told", async () => {
    const runId = await asleep();
    await lead.call({ action: "steer", run: runId, task: "only", message: "stop" });
    for (const { pid } of await processesOf(runId)) kill(pid);
    await until("all is gone", async () => (await processesOf(runId)).length === 0);
    await lead.call({ action: "steer", run: runId, task: "only", message: "Turn around, late one." });
    const result = await resultOf(runId);
    expect(result).toMatch(/You were stopped\.[\s\S]*late one/);
    expect(result.split("late one")).toHaveLength(2);
  });

  it("returns and has a worker ended that does not hear it", async () => {
    const runId = await asleep();
    const host = (await workersOf(runId)).find(({ commandLine }) => /^pi\b|cli\.js/.test(commandLine));
    if (host === undefined) throw new Error("the worker's host is not there");
    process.kill(host.pid, "SIGSTOP");
    const stopped = await lead.call({ action: "steer", run: runId, task: "only", message: "stop" });
    expect(stopped.text).toContain("is ended");
    await until("nothing of it is left", async () => (await workersOf(runId)).length === 0);
    await manifestWhen(project, runId, "the wait", ({ status }) => status === "waiting");
    await lead.call({ action: "cancel", run: runId });
  });
});

describe("the same run, asked for twice", () => {
  it("by two hosts in the same moment, and by a double Enter, is started once", async () => {
    const other = await project.lead();
    const before = (await project.runs()).length;
    const args = { action: "run", ...one("[waits] once") };
    const [a, b] = await Promise.all([
      lead.call(args),
      other.call({ ...args, team: "", goal: "", model: "" }),
    ]);
    expect(a.details.runId).toBe(b.details.runId);
    expect([a, b].filter(({ text }) => text.includes("Nothing was started"))).toHaveLength(1);
    const line = "/team-run --background --agent executor [waits] twice";
    const told = [await lead.command(line), await lead.command(line)];
    expect(told[0]).toContain("Started run");
    expect(told[1]).toContain("Nothing was started");
    expect((await project.runs()).length).toBe(before + 2);
    await writeFile(join(project.directory, "go-on"), "");
  });
});
