import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isAlive, node, until } from "../support/host.ts";
import {
  type Answer,
  type Lead,
  makeProject,
  manifestWhen,
  type Project,
  repository,
} from "./support/lead.ts";
import { type Marked, processesOf, workersOf } from "./support/marked.ts";
import { bash, worker } from "./support/rules.ts";

let project: Project;
let lead: Lead;
let other: Lead;
beforeAll(async () => {
  project = await makeProject();
  await project.script("1-cancel", [
    worker("sleep", [bash("sleep 1000 & setsid sleep 1000 & sleep 1000")]),
    worker("deaf", [
      bash("trap '' TERM INT HUP; (trap '' TERM; setsid sleep 1000) & sleep 1000; sleep 1000"),
    ]),
  ]);
  [lead, other] = await Promise.all([project.lead(), project.lead()]);
});
afterAll(() => project.end());

/** Stands in for the host as a worker: never ready, deaf to signals and to the end of its input. */
const deafWorker = `for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => undefined);
setInterval(() => undefined, 1000);`;

interface Sleeping {
  readonly runId: string;
  readonly answer: () => Promise<Answer>;
}

/** A run whose one worker sleeps in `sleeps` processes, one of them in a session of its own. */
async function sleeping(text: string, sleeps: number, args: object = {}): Promise<Sleeping> {
  const tasks = [{ id: "only", agent: "executor", task: text }];
  const run = await lead.run({ tasks, ...args });
  const asleep = async () =>
    (await workersOf(run.runId)).filter(({ commandLine }) => commandLine === "sleep 1000");
  await until("it sleeps", async () => (await asleep()).length === sleeps);
  return run;
}

/**
 * Presses Esc while a call waits and shows its run. 1.5.2 lets no call return late: there it says that the run is going to
 * be cancelled.
 */
async function esc({ host }: Lead, { runId, answer }: Sleeping): Promise<void> {
  await host.event(
    (event) => event.type === "tool_execution_update" && JSON.stringify(event).includes(runId),
  );
  await host.request({ type: "abort" });
  const { isError, details, text } = await answer();
  expect(isError).toBe(true);
  if (details.status === undefined) {
    expect(text).toContain(`Esc cancels run ${runId}`);
    await manifestWhen(project, runId, "the end", ({ status }) => status === "cancelled");
  } else {
    expect(details.status).toBe("cancelled");
    expect(await workersOf(runId)).toEqual([]);
  }
}

/** What still lived of the run's workers when its manifest first said that it was cancelled. */
async function leftWhenCancelled(runId: string): Promise<readonly Marked[]> {
  await manifestWhen(project, runId, "the end", ({ status }) => status === "cancelled");
  return workersOf(runId);
}

/** Everything of the run is gone, the driver and the warden too. */
async function expectNothingLeft(runId: string): Promise<void> {
  await until(`nothing of ${runId} lives`, async () => (await processesOf(runId)).length === 0);
}

describe("a run ends with its whole process tree", () => {
  const ways: readonly [string, (run: Sleeping) => Promise<void>][] = [
    ["by Esc while the call waits", (run) => esc(lead, run)],
    [
      "by the tool of another session",
      async ({ runId, answer }) => {
        const { isError, details } = await other.call({ action: "cancel", run: runId, reason: "enough" });
        expect(await workersOf(runId)).toEqual([]);
        expect({ isError, status: details.status }).toEqual({ isError: false, status: "cancelled" });
        expect((await answer()).details.status).toBe("cancelled");
      },
    ],
    [
      "by the command of another session",
      async ({ runId, answer }) => {
        expect(await other.command(`/team-cancel ${runId}`)).toContain("cancelled");
        expect(await workersOf(runId)).toEqual([]);
        expect((await answer()).details.status).toBe("cancelled");
      },
    ],
  ];

  it.each(ways)("%s", async (_way, cancel) => {
    const run = await sleeping("[sleep]", 3);
    const left = leftWhenCancelled(run.runId);
    await cancel(run);
    expect(await left).toEqual([]);
    expect(await project.manifest(run.runId)).toMatchObject({
      ...{ status: "cancelled", cause: "cancelled" },
      tasks: [{ id: "only", status: "cancelled" }],
    });
    await expectNothingLeft(run.runId);
  });

  it("by the tool and the command of the session that started it in the background", async () => {
    const ends = [
      (runId: string) => lead.call({ action: "cancel", run: runId.slice(0, -2) }).then(({ text }) => text),
      (runId: string) => lead.command(`/team-cancel ${runId}`),
    ];
    for (const end of ends) {
      const { runId, answer } = await sleeping("[sleep]", 3, { background: true });
      expect((await answer()).isError).toBe(false);
      const left = leftWhenCancelled(runId);
      expect(await end(runId)).toContain("cancelled");
      expect(await left).toEqual([]);
      await expectNothingLeft(runId);
    }
  });

  it("although its processes do not listen to SIGTERM", async () => {
    const { runId, answer } = await sleeping("[deaf]", 2);
    const left = leftWhenCancelled(runId);
    await esc(lead, { runId, answer });
    expect(await left).toEqual([]);
    await expectNothingLeft(runId);
  });

  it("although the worker itself does not listen to SIGTERM", async () => {
    const program = join(project.place.top, "deaf.mjs");
    await writeFile(program, deafWorker);
    const deaf = await project.lead({ environment: { PI_MUSTER_PI_BIN: program } });
    const tasks = [{ id: "only", agent: "executor", task: "anything" }];
    const { runId, answer } = await deaf.run({ tasks });
    await manifestWhen(project, runId, "a worker at work", ({ tasks: [only] }) => only?.status === "running");
    await until("its worker lives", async () => (await workersOf(runId)).length > 0);
    const left = leftWhenCancelled(runId);
    await esc(deaf, { runId, answer });
    expect(await left).toEqual([]);
    await expectNothingLeft(runId);
    await deaf.host.end();
  });

  it("and ends no process that merely looks like one of its own", async () => {
    const { runId, answer } = await sleeping("[sleep]", 3);
    const marks = [
      join(repository, "dist/worker.mjs"),
      project.runDirectory(runId),
      `PI_MUSTER_RUN=${runId}`,
    ];
    const bystander = spawn(node, ["-e", "console.log(1); setInterval(() => 0, 1000)", ...marks], {
      cwd: project.directory,
      env: {},
    });
    await once(bystander.stdout, "data");
    await esc(lead, { runId, answer });
    await expectNothingLeft(runId);
    await pause(500);
    expect(isAlive(bystander.pid ?? -1)).toBe(true);
    bystander.kill("SIGKILL");
    await once(bystander, "close");
  });
});
