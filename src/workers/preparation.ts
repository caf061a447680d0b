import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Assignment } from "../core/assignment.ts";
import type { ProcessIdentity } from "../core/process.ts";
import type { Work } from "../core/worker.ts";
import { depthOf, driverMark, type Environment } from "../lib/environment.ts";
import { makeDirectory, writeAtomic } from "../lib/files.ts";
import { globPattern } from "../lib/glob.ts";
import type { Program } from "../lib/spawn.ts";
import { launchArguments } from "./launch.ts";
import type { Means } from "./means.ts";
import { assemblePrompt, taskFile } from "./prompt.ts";
import { wardenArguments } from "./warden-keeper.ts";

/** All that is ready before the child is started. */
export interface Prepared {
  readonly program: Program;
  readonly prompt: string;
  /** Removes what only the start needs. */
  discard(): Promise<void>;
}

/**
 * Writes prompt.md (and task.md when the prompt had to be cut) and says how the child is started. The system prompt
 * lies beside it until `discard`: what a killed driver leaves goes with its run. Rejects with the system's error.
 */
export async function prepare(work: Work, mark: string, means: Means): Promise<Prepared> {
  const { pi, redactor, workerExtension } = means;
  const prompt = assemblePrompt(work);
  const system = redactor.redact(prompt.system);
  const message = redactor.redact(prompt.message);
  await makeDirectory(work.directory);
  await writeAtomic(join(work.directory, "prompt.md"), `${system}\n\n---\n\n${message}\n`);
  if (prompt.whole) await writeAtomic(join(work.directory, taskFile), redactor.redact(prompt.whole));
  const extensions = await means.extensions(work);
  const environment = await childEnvironment(work, mark, means);

  const systemPromptFile = join(work.directory, "system-prompt.md");
  await writeAtomic(systemPromptFile, system, { durable: false });
  const { agent, model, task, trusted } = work;
  const launch = {
    dialect: pi.dialect,
    agent,
    trusted,
    systemPromptFile,
    extensions: [workerExtension, ...extensions],
    ...(model ? { model } : {}),
    ...(task.thinking ? { thinking: task.thinking } : {}),
  };
  return {
    prompt: message,
    program: {
      command: pi.command,
      args: [...pi.args, ...launchArguments(launch)],
      cwd: work.cwd,
      environment,
    },
    // What cannot be removed says nothing that prompt.md does not say: no reason to fail.
    discard: () => rm(systemPromptFile, { force: true }).catch(() => undefined),
  };
}

/** Belongs to the session or process that started us, not to a worker: `*` stands for any run of characters. */
const parentOnly = [
  "PI_SESSION*",
  "PI_CODING_AGENT_SESSION_DIR",
  "PI_STARTUP_BENCHMARK",
  "PI_TIMING",
  "NODE_CHANNEL_FD",
  "NODE_CHANNEL_SERIALIZATION_MODE",
  "NODE_UNIQUE_ID",
];

/**
 * The driver's environment, minus what belongs to the parent session and what the settings deny, plus the marks by
 * which the worker and all its descendants are found. The way to its model's provider stays open.
 */
async function childEnvironment(work: Work, mark: string, means: Means): Promise<Environment> {
  const { environmentDeny, depthMax } = work.settings;
  const patterns = [...parentOnly, ...environmentDeny].map(globPattern);
  const kept = Object.entries(means.environment).filter(([name]) => !patterns.some((one) => one.test(name)));
  const driver = await means.driver();
  const { level, max = depthMax } = depthOf(means.environment);
  const depth = String(level + 1);
  const { PI_MUSTER_PLACE: place } = means.environment;
  const deepest = String(Math.min(max, depthMax));
  const inherited: Environment = Object.fromEntries(kept);
  return {
    ...inherited,
    ...bootGuard(work.runId, driver, inherited, means),
    PI_OFFLINE: "1",
    PI_SKIP_VERSION_CHECK: "1",
    PI_TELEMETRY: "0",
    PI_MUSTER_RUN: work.runId,
    ...(place !== undefined && { PI_MUSTER_PLACE: place }),
    PI_MUSTER_WORKER: mark,
    PI_MUSTER_DRIVER: driverMark(driver),
    PI_MUSTER_ASSIGNMENT: JSON.stringify(assignmentOf(work, driver.pid, level + 1)),
    PI_MUSTER_DEPTH: depth,
    PI_MUSTER_MAX_DEPTH: deepest,
    PI_SUBAGENT_DEPTH: depth,
    PI_SUBAGENT_MAX_DEPTH: deepest,
  };
}

/** Has the host, where it is a program of node's, watched from its first moment. */
function bootGuard(
  runId: string,
  driver: ProcessIdentity,
  { NODE_OPTIONS: options = "" }: Environment,
  { boot, warden }: Means,
): Environment {
  if (boot === undefined || warden === undefined) return {};
  const preload = `--require ${JSON.stringify(boot)}`;
  const orders = { driver: driver.pid, warden: [warden.command, ...wardenArguments(warden, runId, driver)] };
  return {
    NODE_OPTIONS: `${preload} ${options}`.trim(),
    PI_MUSTER_BOOT: JSON.stringify({ ...orders, preload }),
  };
}

function assignmentOf(work: Work, expectedParentPid: number, depth: number): Assignment {
  const { runId, attempt, task, agent } = work;
  return {
    runId,
    task: task.id,
    agent: agent.name,
    attempt,
    outcomePath: join(work.directory, "outcome.json"),
    artifactsDir: work.artifacts,
    workspace: work.cwd,
    permission: agent.permission,
    rules: work.settings.permissions,
    ...(agent.tools ? { tools: agent.tools } : {}),
    excludeTools: agent.excludeTools,
    expectedParentPid,
    depth,
    resultMaxBytes: work.settings.limits.outputMaxBytes,
    ...(task.output ? { output: task.output } : {}),
  };
}
