import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Json } from "../support/host.ts";
import { isAnswered, served, until } from "../support/host.ts";
import { type Answer, kill, type Lead, makeProject, manifestWhen, type Project } from "./support/lead.ts";
import { processesOf, workersOf } from "./support/marked.ts";
import { bash, submit, waitFor, worker } from "./support/rules.ts";

let project: Project;
let lead: Lead;
let other: Lead;
beforeAll(async () => {
  project = await makeProject();
  const ask = (rest: object = {}): object => ({
    tool: "ask",
    arguments: { question: "Left or right?", options: ["left", "right"], ...rest },
  });
  await project.script("1-mail", [
    { name: "told before", when: { prompt: "You asked" }, turns: [[submit("told: {prompt}")]] },
    worker("asks", [ask()], [submit("it was {lastToolResult}")]),
    worker(
      "defaults",
      [ask({ default: "right", deadlineMinutes: 0.02 })],
      [submit("it was {lastToolResult}")],
    ),
    { name: "steered", when: { prompt: "[mail " }, turns: [[submit("heard: {prompt}")]] },
    worker("listens", [bash("touch at-work; sleep 3")], [bash("sleep 600")]),
    worker("waits", [waitFor("never")]),
  ]);
  [lead, other] = await Promise.all([project.lead(), project.lead()]);
});
afterAll(() => project.end());

const one = (text: string): Json => ({
  tasks: [{ id: "only", agent: "executor", task: text, writes: "none" }],
});

async function asked(start: Lead, args: Json = {}): Promise<{ runId: string; first: Answer }> {
  const { runId, answer } = await start.run({ ...one("[asks]"), ...args });
  const first = await answer();
  return { runId, first };
}

/** The result of the one task, from its run's end. */
async function resultOf(runId: string): Promise<string> {
  await manifestWhen(project, runId, "the end", ({ status }) => status === "completed");
  return (await lead.call({ action: "get", run: runId, task: "only" })).text;
}

/** How often an answer reached a worker's model since a moment of its log: as its tool's result, or in its prompt. */
async function arrivals(since: number): Promise<number> {
  const requests = (await served(project.place)).slice(since);
  return requests.filter((request) => request.rule === "told before" || isAnswered(request)).length;
}
let since = 0;
beforeEach(async () => {
  since = (await served(project.place)).length;
});

describe("a worker's question", () => {
  it("comes back from the waiting call; the answer reaches the worker once, and the run goes on", async () => {
    const { runId, first } = await asked(lead);
    expect(first.details.status).toBe("waiting");
    expect(first.text).toContain("Left or right?");
    expect(first.text).toContain(`team respond run=${runId}`);
    const answer = await lead.call({ action: "respond", run: runId, message: "left" });
    expect(answer).toMatchObject({ isError: false });
    expect((await lead.call({ action: "wait", run: runId })).details.status).toBe("completed");
    expect(await resultOf(runId)).toContain("it was Answer: left");
    expect(await arrivals(since)).toBe(1);
    const inbox = await lead.call({ action: "inbox", run: runId });
    expect(inbox.text).toMatch(/answered.*question from only to lead: Left or right\?/);
    expect(inbox.text).toMatch(/consumed.*answer from lead/);
  });

  it("has one answer, whoever is quicker; the other person is told", async () => {
    const { runId } = await asked(lead);
    const answers = await Promise.all([
      lead.call({ action: "respond", run: runId, message: "left" }),
      other.call({ action: "respond", run: runId, message: "right" }),
    ]);
    const [late, ...more] = answers.filter(({ isError }) => isError);
    expect(more).toEqual([]);
    // The loser may have looked before the answer was there, or after.
    expect(late?.text).toMatch(/answered already|asks nothing|is over/);
    const won = answers[0]?.isError ? "right" : "left";
    expect(await resultOf(runId)).toContain(`it was Answer: ${won}`);
    expect(await arrivals(since)).toBe(1);
  });

  it("outlives its worker: the next attempt begins with question and answer", async () => {
    const { runId } = await asked(lead);
    for (const { pid } of await workersOf(runId)) kill(pid);
    await manifestWhen(project, runId, "its end", ({ tasks: [only] }) => only?.usage !== undefined);
    await until("the worker is gone", async () => (await workersOf(runId)).length === 0);
    await lead.call({ action: "respond", run: runId, message: "left" });
    expect(await resultOf(runId)).toContain("You asked: Left or right?");
    expect(await arrivals(since)).toBe(1);
  });

  it("outlives its driver, and the answer brings a new one", async () => {
    const { runId } = await asked(lead, { background: true });
    await manifestWhen(project, runId, "the question", ({ status }) => status === "waiting");
    for (const { pid } of await processesOf(runId)) kill(pid);
    await until("all is gone", async () => (await processesOf(runId)).length === 0);
    await other.call({ action: "respond", run: runId, message: "left" });
    expect(await resultOf(runId)).toContain("left");
    expect(await arrivals(since)).toBe(1);
  });

  it("outlives its host: the run waits on without a process, and whoever answers owns it", async () => {
    const owner = await project.lead();
    const { runId } = await asked(owner);
    kill(owner.host.pid);
    await until("its processes are gone", async () => (await processesOf(runId)).length === 0);
    await manifestWhen(project, runId, "the wait", ({ status }) => status === "waiting");
    await other.call({ action: "respond", run: runId, message: "left" });
    expect(await resultOf(runId)).toContain("left");
    // A worker that is ended is told that nobody listens, in a request that is aborted.
    const told = (await served(project.place)).slice(since).filter(({ rule }) => rule === "told before");
    expect(told).toHaveLength(1);
  });

  it("wakes the lead of a background run once, and its end does, too", async () => {
    const { runId } = await asked(lead, { background: true });
    const texts = (): string[] => lead.notices(runId).map((event) => JSON.stringify(event));
    await until("the lead hears of it", async () => texts().some((text) => text.includes("Left or right?")));
    await lead.call({ action: "respond", run: runId, message: "left" });
    await until("the lead hears of the end", async () => texts().some((text) => text.includes("completed")));
    expect(texts().filter((text) => text.includes("asks:"))).toHaveLength(1);
    expect(texts()).toHaveLength(2);
  });

  it("falls back to its default when nobody answers in time", async () => {
    const { runId, answer } = await lead.run(one("[defaults]"));
    await answer();
    expect(await resultOf(runId)).toContain("it was Answer: right");
    expect(await arrivals(since)).toBe(1);
  });
});

describe("steering", () => {
  it("is in the worker's next model request, once", async () => {
    const { runId, answer } = await lead.run({ ...one("[listens]"), background: true });
    await answer();
    await until("it is at work", async () =>
      (await workersOf(runId)).some(({ commandLine }) => commandLine === "sleep 3"),
    );
    const sent = await lead.call({ action: "steer", run: runId, task: "only", message: "Turn around." });
    expect(sent).toMatchObject({ isError: false });
    expect(await resultOf(runId)).toContain("Turn around.");
    const requests = (await served(project.place)).filter(({ prompt }) =>
      String(prompt).includes("Turn around."),
    );
    expect(requests.map(({ rule }) => rule)).toEqual(["steered"]);
    expect((await lead.call({ action: "inbox", run: runId })).text).toMatch(/consumed.*Turn around/);
  });

  it("is refused where nobody listens", async () => {
    const { runId, answer } = await lead.run({ ...one("[waits]"), background: true });
    await answer();
    const wrong = await lead.call({ action: "steer", run: runId, task: "nobody", message: "x" });
    expect(wrong).toMatchObject({ isError: true });
    const none = await lead.call({ action: "respond", run: runId, message: "x" });
    expect(none.text).toContain("asks nothing");
    await lead.call({ action: "cancel", run: runId });
    const late = await lead.call({ action: "steer", run: runId, task: "only", message: "x" });
    expect(late.text).toContain("is over");
  });
});
