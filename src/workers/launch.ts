import type { AgentSpec, Thinking } from "../core/plan.ts";
import type { Dialect } from "./executable.ts";
import { ownTools, readTools, refusedTool } from "./side/permission.ts";

/** What one worker is started with. All paths are absolute. */
export interface Launch {
  readonly dialect: Dialect;
  /** The worker-side extension first: the first to register a tool's name has it. Files, never package directories. */
  readonly extensions: readonly string[];
  readonly agent: AgentSpec;
  readonly thinking?: Thinking;
  /** `provider/id[:thinking]`; absent means the host's default. */
  readonly model?: string;
  /** File with the role's system prompt. */
  readonly systemPromptFile: string;
  /** The project's own settings and resources may be used. */
  readonly trusted: boolean;
}

/**
 * The arguments of one worker, without the command. Nothing of it is kept as a session, no resource of the user but
 * the extensions named is loaded, and nothing here is written into the user's settings. The prompt never stands
 * here: it goes over the protocol, where no text can be mistaken for an option.
 */
export function launchArguments(launch: Launch): readonly string[] {
  const { agent } = launch;
  const allowed = allowedTools(agent);
  const promptFlag = agent.systemPromptMode === "replace" ? "--system-prompt" : "--append-system-prompt";
  const h2 = launch.dialect === "h2";
  return [
    ...["--mode", "rpc", "--no-session", "-ne", "-ns", "-np", "--no-themes"],
    ...launch.extensions.flatMap((path) => ["-e", path]),
    ...agent.skills.flatMap((path) => ["--skill", path]),
    ...(launch.model ? ["--model", launch.model] : []),
    ...(launch.thinking && !namesThinking(launch.model) ? ["--thinking", launch.thinking] : []),
    ...(allowed ? ["--tools", allowed.join(",")] : []),
    ...(h2 && !allowed && agent.excludeTools.length > 0
      ? ["--exclude-tools", agent.excludeTools.join(",")]
      : []),
    ...(h2 ? [launch.trusted ? "--approve" : "--no-approve"] : []),
    ...[promptFlag, launch.systemPromptFile],
  ];
}

/**
 * The tools a worker starts with, ours included; undefined leaves the choice to the host. The worker-side extension
 * judges by the same rules.
 */
export function allowedTools(agent: AgentSpec): readonly string[] | undefined {
  const wanted = agent.tools ?? (agent.permission === "read" ? readTools : undefined);
  return (
    wanted && [...new Set([...wanted.filter((tool) => refusedTool(tool, agent) === undefined), ...ownTools])]
  );
}

/** A level written into the model wins over the task's. */
function namesThinking(model: string | undefined): boolean {
  return model !== undefined && /:(off|minimal|low|medium|high|xhigh|max)$/.test(model);
}
