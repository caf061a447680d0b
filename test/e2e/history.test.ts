import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../support/host.ts";
import { type Lead, makeProject, manifestWhen, type Project } from "./support/lead.ts";
import { marked, processesOf, workersOf } from "./support/marked.ts";
import { bash, submit, waitFor, worker } from "./support/rules.ts";

let project: Project;
let lead: Lead;
let other: Lead;
const rules = [
  worker("sleep", [bash("sleep 1000 & setsid sleep 1000 & sleep 1000")]),
  worker("first", [submit("the first is done")]),
  worker("second", [waitFor("gate")], [submit("the second is done")]),
];
beforeAll(async () => {
  project = await makeProject();
  await project.script("1-history", rules);
  [lead, other] = await Promise.all([project.lead(), project.lead()]);
});
afterAll(() => project.end());

const names = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);

it("forgets a live run of another session by force, once every process of it is gone", async () => {
  const tasks = [{ id: "only", agent: "executor", task: "[sleep]" }];
  const { runId, answer } = await lead.run({ tasks });
  const asleep = async () =>
    (await workersOf(runId)).filter(({ commandLine }) => commandLine === "sleep 1000");
  await until("it sleeps", async () => (await asleep()).length === 3);

  const preview = await other.call({ action: "forget", run: runId });
  expect(preview.isError).toBe(false);
  for (const what of ["Nothing was removed", "belongs to session", "it is not over", "living processes"])
    expect(preview.text).toContain(what);
  const refused = await other.call({ action: "forget", run: runId, confirm: true });
  expect(refused.isError).toBe(true);
  expect(await asleep()).toHaveLength(3);

  const done = await other.call({
    action: "forget",
    run: runId,
    confirm: true,
    force: true,
    reason: "enough",
  });
  expect(await processesOf(runId)).toEqual([]);
  expect({ isError: done.isError, text: done.text }).toMatchObject({ isError: false });
  expect(await project.runs()).not.toContain(runId);
  expect(await names(join(project.state, "trash"))).toEqual([]);
  const told = await answer();
  expect({ isError: told.isError, text: told.text }).toEqual({
    isError: true,
    text: expect.stringMatching(/cancelled|was forgotten/),
  });
  const { text } = await lead.call({ action: "status", run: runId });
  expect(text).toContain("was forgotten");
  expect(text).toContain("enough");
  expect(await lead.command(`/team-cleanup --confirm`)).toContain("0 leftovers");
  expect(await project.runs()).not.toContain(runId);
});

it("carries a live run to another project, where it goes on while the original is not touched", async () => {
  const tasks = [
    { id: "first", agent: "executor", task: "[first]" },
    { id: "second", agent: "executor", task: "[second] {first.output}", dependsOn: ["first"] },
  ];
  const { runId, answer } = await lead.run({ tasks });
  await manifestWhen(project, runId, "the second task", ({ tasks: all }) => all[1]?.status === "running");
  await until("it works", async () =>
    (await workersOf(runId)).some(({ commandLine }) => /sleep/.test(commandLine)),
  );
  const exported = await other.call({ action: "export", run: runId });
  expect({ isError: exported.isError, text: exported.text }).toMatchObject({ isError: false });
  const [file = ""] = exported.details.paths ?? [];

  const elsewhere = await makeProject();
  try {
    await elsewhere.script("1-history", rules);
    const third = await elsewhere.lead();
    const preview = await third.call({ action: "import", path: file });
    expect(preview.text).toContain(`run ${runId}`);
    expect(await elsewhere.runs()).toEqual([]);
    const imported = await third.call({ action: "import", path: file, confirm: true });
    expect({ isError: imported.isError, text: imported.text }).toMatchObject({ isError: false });
    expect(imported.details.status).toBe("blocked");
    expect((await third.call({ action: "get", run: runId, task: "first" })).text).toContain(
      "the first is done",
    );
    expect((await third.call({ action: "artifacts", run: runId })).isError).toBe(false);

    await writeFile(join(elsewhere.directory, "gate"), "");
    const resumed = await third.call({ action: "resume", run: runId });
    expect({ isError: resumed.isError, text: resumed.text }).toMatchObject({ isError: false });
    expect(await elsewhere.manifest(runId)).toMatchObject({
      ...{ status: "completed", cwd: elsewhere.directory },
      tasks: [
        { id: "first", status: "completed", attempts: 1 },
        { id: "second", status: "completed", attempts: 2 },
      ],
    });
    expect(await marked(`PI_MUSTER_RUN=${runId}`, "PI_MUSTER_WORKER=")).not.toEqual([]);
    expect(await project.manifest(runId)).toMatchObject({ status: "running" });
    const gone = await third.call({ action: "forget", run: runId, confirm: true });
    expect({ isError: gone.isError, text: gone.text }).toMatchObject({ isError: false });
  } finally {
    await elsewhere.end();
  }
  await writeFile(join(project.directory, "gate"), "");
  expect((await answer()).details.status).toBe("completed");
  expect(await project.manifest(runId)).toMatchObject({ tasks: [{ attempts: 1 }, { attempts: 1 }] });
});
