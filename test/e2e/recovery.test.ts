import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { served, until } from "../support/host.ts";
import { type Lead, makeProject, manifestWhen, type Project } from "./support/lead.ts";
import { processesOf, workersOf } from "./support/marked.ts";
import { submit, waitFor, worker } from "./support/rules.ts";

let project: Project;
let lead: Lead;
beforeAll(async () => {
  project = await makeProject();
  lead = await project.lead();
});
afterAll(() => project.end());

/** A run of two tasks: the first is done at once, the second when the file is there; `open` puts it there. */
async function pair(name: string) {
  await project.script(`1-${name}`, [
    worker(`${name}-first`, [submit("first is done")]),
    worker(`${name}-second`, [waitFor(name)], [submit("second is done")]),
  ]);
  const tasks = [
    { id: "first", agent: "executor", task: `[${name}-first]` },
    { id: "second", agent: "executor", task: `[${name}-second]`, dependsOn: ["first"] },
  ];
  return { args: { action: "run", tasks }, open: () => writeFile(join(project.directory, name), "") };
}
const isBetween = ({ tasks }: { tasks: readonly { status: string }[] }): boolean =>
  tasks[0]?.status === "completed" && tasks[1]?.status === "running";
const isOver = ({ finishedAt }: { finishedAt?: string }): boolean => finishedAt !== undefined;

/** How often the model was asked by a worker for this task. */
async function asked(name: string): Promise<number> {
  return (await served(project.place)).filter(({ rule }) => rule === name).length;
}
async function kill(runId: string): Promise<void> {
  const pid = (await project.manifest(runId)).driver?.pid;
  if (pid === undefined) throw new Error(`nobody drives ${runId}`);
  process.kill(pid, "SIGKILL");
}

it("a run whose driver is killed goes on without being asked, and nothing finished is done again", async () => {
  const { args, open } = await pair("unasked");
  const runId = (await lead.call({ ...args, background: true })).details.runId ?? "none";
  await manifestWhen(project, runId, "the second task", isBetween);
  const before = await asked("unasked-first");
  expect(before).toBeGreaterThan(0);
  await kill(runId);
  await manifestWhen(project, runId, "a new driver", ({ driver, tasks }) => {
    return driver?.epoch === 2 && tasks[1]?.status === "running" && tasks[1].attempts === 2;
  });
  await until("the lead is told", async () => lead.notices(runId).length > 0);
  expect(JSON.stringify(lead.notices(runId)[0])).toContain("1 finished task kept, 1 tried again");
  await open();
  const end = await manifestWhen(project, runId, "its end", isOver);
  expect(end).toMatchObject({ status: "completed", tasks: [{ attempts: 1 }, { attempts: 2 }] });
  expect(await asked("unasked-first")).toBe(before);
  await until("nothing of it lives", async () => (await processesOf(runId)).length === 0);
});

it("when host and driver are killed together, the next session ends what is left, and parks what was bound to them", async () => {
  const { args, open } = await pair("both");
  const owner = await project.lead();
  const { runId } = await owner.run(args);
  await manifestWhen(project, runId, "the second task", isBetween);
  process.kill(owner.host.pid, "SIGKILL");
  await kill(runId);
  await owner.host.exit;
  const next = await project.lead();
  const parked = await manifestWhen(project, runId, "parked", ({ status }) => status === "blocked");
  expect(parked).toMatchObject({ cause: "owner_gone", tasks: [{ status: "completed", attempts: 1 }, {}] });
  await until("no worker lives", async () => (await workersOf(runId)).length === 0);
  const before = await asked("both-first");
  await open();
  expect(await next.call({ action: "resume", run: runId })).toMatchObject({ isError: false });
  expect(await manifestWhen(project, runId, "its end", isOver)).toMatchObject({ status: "completed" });
  expect(await asked("both-first")).toBe(before);
  await next.host.end();
});

it("a failed run that is retried keeps what it finished", async () => {
  await project.script("1-retried", [
    worker("retried-first", [submit("first is done")]),
    worker("retried-second", [{ error: { status: 400, message: "no such thing" } }]),
  ]);
  const tasks = [
    { id: "first", agent: "executor", task: "[retried-first]" },
    { id: "second", agent: "executor", task: "[retried-second]", dependsOn: ["first"] },
  ];
  const failed = await lead.call({ action: "run", tasks });
  expect(failed.details.status).toBe("failed");
  const old = failed.details.runId ?? "none";
  const before = await asked("retried-first");
  await project.script("1-retried", [
    worker("retried-first", [submit("first is done")]),
    worker("retried-second", [submit("second is done")]),
  ]);
  const { isError, text, details } = await lead.call({ action: "retry", run: old });
  expect({ isError, text }).toMatchObject({ isError: false });
  expect(text).toContain("1 finished task reused (first)");
  expect(await project.manifest(details.runId ?? "none")).toMatchObject({
    ...{ status: "completed", continuedFrom: old },
    tasks: [{ reusedFrom: old }, { attempts: 1 }],
  });
  expect(await asked("retried-first")).toBe(before);
});
