import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { served, until } from "../support/host.ts";
import { kill, type Lead, makeProject, manifestWhen, type Project } from "./support/lead.ts";
import { processesOf } from "./support/marked.ts";
import { submit, worker } from "./support/rules.ts";

let project: Project;
let lead: Lead;
beforeAll(async () => {
  project = await makeProject();
  await project.script("1-approval", [
    worker("first", [submit("the wall is blue")]),
    worker("second", [submit("and so is the door")]),
    worker("third", [submit("the third way")]),
  ]);
  const directory = join(project.place.agentDir, "workflows");
  await mkdir(directory, { recursive: true });
  const steps =
    "## first\nrole: executor\ngate: approval\n\n[first] of {goal}\n\n## second\nrole: executor\ndependsOn: first\n\n[second] of {goal}\n";
  await writeFile(join(directory, "gated.workflow.md"), `---\nname: gated\ndescription: d\n---\n${steps}`);
  lead = await project.lead();
});
afterAll(() => project.end());

/** How often the model was asked to do this task. */
async function done(task: string, goal: string): Promise<number> {
  const requests = await served(project.place);
  return requests.filter(({ rule, prompt }) => rule === task && String(prompt).includes(goal)).length;
}

it("a step waits for approval through the end of its driver and its host, and is done once", async () => {
  const owner = await project.lead();
  const { runId, answer } = await owner.run({ workflow: "gated", goal: "goal-one" });
  expect((await answer()).text).toMatch(/The run waits for approval\.[\s\S]*the wall is blue/);
  for (const { pid } of await processesOf(runId)) kill(pid);
  kill(owner.host.pid);
  await until("all is gone", async () => (await processesOf(runId)).length === 0);
  await manifestWhen(project, runId, "the wait", ({ status }) => status === "waiting");
  const before = await done("first", "goal-one");
  const next = await project.lead();
  const vague = await next.call({ action: "respond", run: runId, message: "fine" });
  expect(vague.text).toContain('answer "approve" or "reject: <reason>"');
  expect(await done("second", "goal-one")).toBe(0);
  await next.call({ action: "respond", run: runId, message: "approve" });
  await manifestWhen(project, runId, "the end", ({ status }) => status === "completed");
  expect(await done("first", "goal-one")).toBe(before);
  expect(await done("second", "goal-one")).toBeGreaterThan(0);
});

it("a rejected step ends its run with the reason, and leaves no process", async () => {
  const { runId, answer } = await lead.run({ workflow: "gated", goal: "goal-two" });
  await answer();
  await lead.call({ action: "respond", run: runId, message: "reject: it was to be red" });
  const { tasks, cause } = await manifestWhen(project, runId, "the end", (run) => run.status === "cancelled");
  expect(cause).toBe("rejected");
  expect(tasks.map(({ status }) => status)).toEqual(["cancelled", "cancelled"]);
  expect((await lead.call({ action: "status", run: runId })).text).toContain("it was to be red");
  await until("all is gone", async () => (await processesOf(runId)).length === 0);
  expect(await done("second", "goal-two")).toBe(0);
});

it("a plan is edited and approved before the model is asked for anything of it", async () => {
  const kept = await lead.call({ action: "plan", workflow: "gated", goal: "goal-three", confirm: true });
  const runId = String(kept.details.runId);
  expect(kept.text).toContain("name=plan-1");
  const tasks = [
    { id: "second", dependsOn: ["third"] },
    { id: "third", agent: "executor", task: "[third] of goal-three" },
  ];
  const edited = await lead.call({ action: "respond", run: runId, tasks });
  expect(edited.text).toContain("revision 2 of workflow gated, 2 tasks");
  const stale = await lead.call({ action: "respond", run: runId, name: "plan-1", message: "approve" });
  expect(stale).toMatchObject({
    isError: true,
    text: expect.stringContaining("the plan is at revision 2 now"),
  });
  for (const task of ["first", "second", "third"]) expect(await done(task, "goal-three")).toBe(0);
  await lead.call({ action: "respond", run: runId, message: "approve" });
  const { tasks: ended } = await manifestWhen(
    project,
    runId,
    "the end",
    ({ status }) => status === "completed",
  );
  expect(ended.map(({ id }) => id).sort()).toEqual(["second", "third"]);
  expect(await done("first", "goal-three")).toBe(0);
});
