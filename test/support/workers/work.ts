import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import type { AgentSpec, PlannedTask } from "../../../src/core/plan.ts";
import { defaultSettings } from "../../../src/core/settings.ts";
import type { Work, Worker, WorkerBackend, WorkerSignal } from "../../../src/core/worker.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { readEnvironment } from "../../../src/lib/environment.ts";
import type { Identity } from "../../../src/lib/identity.ts";
import { createProcessWatch, processTree } from "../../../src/lib/process-tree.ts";
import type { PiWorkersDeps } from "../../../src/workers/means.ts";
import { piWorkers } from "../../../src/workers/pi-workers.ts";

export const plainAgent: AgentSpec = {
  name: "executor",
  description: "does things",
  source: "inline",
  systemPrompt: "You do things.",
  systemPromptMode: "append",
  excludeTools: [],
  skills: [],
  extensions: [],
  permission: "write",
};

export const plainTask: PlannedTask = {
  id: "t1",
  agent: "executor",
  prompt: "Do the thing.",
  dependsOn: [],
  models: [],
  writes: [],
  reads: [],
  verify: false,
  retries: 0,
  attemptMaxMs: 60_000,
};

const roots: string[] = [];
afterAll(async () => {
  for (const root of roots.splice(0)) await rm(root, { recursive: true, force: true });
});

/** Work in a fresh directory, with limits short enough for a test. */
export async function makeWork(change: Partial<Work> = {}): Promise<Work> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "muster-workers-")));
  roots.push(root);
  const cwd = join(root, "project");
  await mkdir(cwd);
  const limits = { ...defaultSettings.limits, termAfterMs: 600, killAfterMs: 1_200 };
  return {
    runId: `run-${root.slice(-6).toLowerCase()}-${process.pid}`,
    epoch: 1,
    goal: "Reach the goal.",
    task: plainTask,
    agent: plainAgent,
    attempt: 1,
    cwd,
    directory: join(root, "run", "attempts", "t1-1"),
    artifacts: join(root, "run", "artifacts"),
    inputs: [],
    mail: [],
    trusted: false,
    settings: { ...defaultSettings, workerExtensions: "none", limits },
    ...change,
  };
}

const unruly = fileURLToPath(new URL("./unruly.mjs", import.meta.url));

/** The backend under test, with a fixture program in place of the host. */
export function fixtureWorkers(behaviour: string, change: Partial<PiWorkersDeps> = {}): WorkerBackend {
  return piWorkers({
    pi: { command: process.execPath, args: [unruly, behaviour], dialect: "h1" },
    workerExtension: "/nowhere/worker.mjs",
    extraExtensions: [],
    environment: readEnvironment(),
    redactor: {
      redact: (text) => text.replaceAll("hunter2hunter2", "[redacted]"),
      redactValue: (value) => JSON.parse(JSON.stringify(value).replaceAll("hunter2hunter2", "[redacted]")),
      longest: 14,
    },
    clock: systemClock,
    ...change,
  });
}

/** Reads a worker's signals to their end, telling each. */
export async function collect(
  worker: Worker,
  onSignal: (signal: WorkerSignal) => void = () => undefined,
): Promise<readonly WorkerSignal[]> {
  const signals: WorkerSignal[] = [];
  for await (const signal of worker.signals) {
    signals.push(signal);
    onSignal(signal);
  }
  return signals;
}

/** Everything that still carries the mark, ourselves left out. */
export function stillAlive(runId: string): Promise<readonly Identity[]> {
  return createProcessWatch().members(processTree([`PI_MUSTER_RUN=${runId}`]));
}
