import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { RunEvent } from "../../src/core/events.ts";
import { runProcesses } from "../../src/engine/left-behind.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { placeMark } from "../../src/lib/environment.ts";
import { identityOf } from "../../src/lib/identity.ts";
import { createRedactor } from "../../src/lib/redact.ts";
import { openHistory } from "../../src/store/history.ts";
import { piWorkers } from "../../src/workers/pi-workers.ts";
import { isAlive } from "../support/host.ts";
import { instantWorkers } from "../support/instant-workers.ts";
import { pastWorld } from "../support/past.ts";
import { plan, terms as runTerms, task } from "../support/plan.ts";

const terms = { graceMs: 100, killAfterMs: 500 };

/** A process that sleeps, with these variables and nothing else; it is gone after the test. */
async function sleeper(environment: Record<string, string>): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => 0, 1000)"], {
    env: environment,
    stdio: ["ignore", "pipe", "ignore"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  if (child.stdout) await once(child.stdout, "data");
  return child.pid ?? -1;
}

const marks = (runId: string, root: string) => ({ PI_MUSTER_RUN: runId, PI_MUSTER_PLACE: placeMark(root) });

it("ends the processes of this project's run, and none of its copy in another project", async () => {
  const processes = runProcesses("/here/.muster", systemClock, terms);
  const run = { runId: "20260101-copied", workers: [] };
  const own = await sleeper(marks(run.runId, "/here/.muster"));
  const others = [
    await sleeper(marks(run.runId, "/elsewhere/.muster")),
    await sleeper(marks("20260101-other", "/here/.muster")),
    await sleeper({ PI_MUSTER_RUN: run.runId }),
  ];
  expect((await processes.living(run)).map(({ pid }) => pid)).toEqual([own]);
  expect([...(await processes.marked())].sort()).toEqual(["20260101-copied", "20260101-other"]);
  expect(await processes.end(run)).toEqual([]);
  expect(isAlive(own)).toBe(false);
  expect(others.map(isAlive)).toEqual([true, true, true]);
});

it("signals nobody that an imported journal names: neither when it is resumed, nor when it is forgotten", async () => {
  const runId = "20260101-imported";
  const away = await pastWorld();
  // A bystander with the very identity that the journal recorded there, and a living process of the run itself.
  const bystander = await sleeper({});
  const there = await sleeper(marks(runId, away.root));
  const worker = await identityOf(bystander);
  if (worker === undefined) throw new Error("it lives");
  await away.store.create(runId);
  const lease = await away.store.acquire(runId, { ...worker, pid: there }, away.clock.now());
  if ("heldBy" in lease) throw new Error("nobody drives it");
  const events: RunEvent[] = [
    { type: "run.started", request: "start", plan: plan(task("a")), terms: runTerms({ runId }) },
    { type: "attempt.started", task: "a", attempt: 1 },
    { type: "attempt.spawned", task: "a", attempt: 1, worker, mark: "m" },
  ];
  await lease.append(events, away.clock.now());
  const bundle = join(away.project, "b.gz");
  await away.history.exportRun(runId, bundle, { by: "s", maxBytes: 1_000_000 });
  await lease.release();

  const environment: Record<string, string> = { PATH: process.env.PATH ?? "" };
  const pi = piWorkers({
    ...{
      pi: { command: "none", args: [], dialect: "h1" },
      workerExtension: "none",
      extraExtensions: [],
      environment,
    },
    ...{ redactor: createRedactor({}), clock: systemClock },
  });
  onTestFinished(() => pi.close());
  const reaped: unknown[] = [];
  const here = await pastWorld({
    ...instantWorkers(),
    reap: async (id, recorded) => {
      reaped.push(recorded);
      return await pi.reap(id, recorded);
    },
  });
  Object.assign(environment, marks(runId, here.root));
  const { settings, project: cwd, store, clock } = here;
  const owner = { sessionId: "session-1" };
  await here.history.importRun(bundle, {
    ...{ owner, cwd, trusted: true, settings, reason: "", force: false, maxBytes: 1_000_000 },
  });
  expect(await here.engine.list()).toMatchObject([{ manifest: { status: "blocked" } }]);
  await here.engine.send(runId, { id: "r", kind: "resume", owner, background: true });
  await Promise.all(here.drives);
  expect(await here.engine.list()).toMatchObject([{ manifest: { status: "completed" } }]);
  expect(reaped).toEqual([[]]);

  const processes = runProcesses(here.root, systemClock, terms);
  const self = async () => ({ pid: 1, startTime: "1", bootId: "b" });
  const history = openHistory({ store, processes, clock, redact: (text) => text, self });
  await history.remove(runId, { goal: "", status: "completed", at: "now", by: "session-1", reason: "" });
  expect(await store.ids()).toEqual([]);
  expect([bystander, there].map(isAlive)).toEqual([true, true]);
});
