import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Assignment } from "../core/assignment.ts";
import type { Work } from "../core/ports.ts";
import type { ProcessIdentity } from "../core/process.ts";
import { depthOf, driverMark, type Environment } from "../lib/environment.ts";
import { makeDirectory, writeAtomic } from "../lib/files.ts";
import type { Program } from "../lib/spawn.ts";
import { childEnvironment } from "./child-environment.ts";
import type { PiCommand } from "./executable.ts";
import { launchArguments, thinkingOf } from "./launch.ts";
import { assemblePrompt, wholeText, wholeTextPath } from "./prompt.ts";

/** What all attempts of one driver share. */
export interface Preparation {
  readonly pi: PiCommand;
  /** Absolute path of the worker-side extension. */
  readonly workerExtension: string;
  readonly environment: Environment;
  readonly driver: ProcessIdentity;
  readonly redact: (text: string) => string;
  /** Files of the user's extensions that this work's worker loads. */
  readonly extensions: (work: Work) => Promise<readonly string[]>;
}

/** All that is ready before the child is started. */
export interface Prepared {
  readonly program: Program;
  readonly prompt: string;
  /** False where the host announces by `agent_settled` that nothing will follow. */
  readonly asksState: boolean;
  /** Removes what only the start needs. */
  discard(): Promise<void>;
}

/**
 * Writes prompt.md (and task.md when the prompt had to be cut) and says how the child is started. The system prompt
 * lies in a private temporary directory, outside of the run, until `discard`. Rejects with the system's error.
 */
export async function prepare(work: Work, mark: string, from: Preparation): Promise<Prepared> {
  const prompt = assemblePrompt(work);
  const system = from.redact(prompt.system);
  const message = from.redact(prompt.message);
  await makeDirectory(work.directory);
  await writeAtomic(join(work.directory, "prompt.md"), `${system}\n\n---\n\n${message}\n`);
  if (prompt.cut) await writeAtomic(wholeTextPath(work.directory), from.redact(wholeText(work)));
  const extensions = await from.extensions(work);

  const temporary = await mkdtemp(join(tmpdir(), "pi-muster-"));
  const systemPromptFile = join(temporary, "system-prompt.md");
  await writeFile(systemPromptFile, system, { mode: 0o600 });
  const { task, agent } = work;
  return {
    prompt: message,
    asksState: from.pi.dialect === "h1",
    program: {
      command: from.pi.command,
      args: [
        ...from.pi.args,
        ...launchArguments({
          dialect: from.pi.dialect,
          extensions: [from.workerExtension, ...extensions],
          agent,
          ...thinkingOf(task),
          ...(work.model ? { model: work.model } : {}),
          systemPromptFile,
          trusted: work.trusted,
        }),
      ],
      cwd: work.cwd,
      environment: childEnvironment(from.environment, work.settings.environmentDeny, {
        assignment: assignmentOf(work, from),
        mark,
        driver: driverMark(from.driver),
        depthMax: work.settings.depthMax,
      }),
    },
    // What cannot be removed is a private file in the system's temporary directory: no reason to fail.
    discard: () => rm(temporary, { recursive: true, force: true }).catch(() => undefined),
  };
}

function assignmentOf(work: Work, from: Preparation): Assignment {
  const { task, agent } = work;
  return {
    runId: work.runId,
    task: task.id,
    attempt: work.attempt,
    outcomePath: join(work.directory, "outcome.json"),
    artifactsDir: work.artifacts,
    workspace: work.cwd,
    permission: agent.permission,
    ...(agent.tools ? { tools: agent.tools } : {}),
    excludeTools: agent.excludeTools,
    expectedParentPid: from.driver.pid,
    depth: depthOf(from.environment).level + 1,
    resultMaxBytes: work.settings.limits.outputMaxBytes,
    ...(task.output ? { output: task.output } : {}),
  };
}
