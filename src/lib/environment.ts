import { sha256 } from "./hash.ts";

/** Variables by name. The only place that reads or changes this process's own. */
export type Environment = Readonly<Record<string, string>>;

/** A copy of this process's environment as it is now. */
export function readEnvironment(): Environment {
  const copy: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) copy[name] = value;
  return copy;
}

/** The variable's value, after removing it, so that processes started later do not inherit it. Undefined when unset. */
export function takeVariable(name: string): string | undefined {
  const value = process.env[name];
  delete process.env[name];
  return value;
}

/** How deep in nested runs a process stands, and how deep they may go. */
export interface Depth {
  /** 0 for a person's own session; a worker stands one level below the session that asked for its run. */
  readonly level: number;
  /** Undefined when the environment sets no limit. */
  readonly max: number | undefined;
}

/** Reads our own depth variables, and the ones that other multi-agent extensions agreed on; the stricter wins. */
export function depthOf(environment: Environment): Depth {
  const level = Math.max(count(environment.PI_MUSTER_DEPTH) ?? 0, count(environment.PI_SUBAGENT_DEPTH) ?? 0);
  const limits = [count(environment.PI_MUSTER_MAX_DEPTH), count(environment.PI_SUBAGENT_MAX_DEPTH)];
  const set = limits.filter((limit) => limit !== undefined);
  return { level, max: set.length > 0 ? Math.min(...set) : undefined };
}

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

/**
 * Value of PI_MUSTER_PLACE: tells the processes of a run from those of its copy in another project. `root` is the
 * directory that holds the run's state, absolute.
 */
export function placeMark(root: string): string {
  return sha256(root).slice(0, 16);
}

/** The user's agent directory: PI_CODING_AGENT_DIR (with `~`), else `.pi/agent` in the home directory. */
export function agentDirectory(environment: Environment, home: string): string {
  const configured = environment.PI_CODING_AGENT_DIR;
  if (!configured) return `${home}/.pi/agent`;
  if (configured === "~") return home;
  return configured.startsWith("~/") ? `${home}/${configured.slice(2)}` : configured;
}

/**
 * Value of PI_MUSTER_DRIVER: tells what this driver of a run started from what a later driver of the same run starts.
 * Carried by workers, so that the warden of a dead driver touches nothing of its successor.
 */
export function driverMark(driver: { readonly pid: number; readonly startTime: string }): string {
  return `${driver.pid}-${driver.startTime.replaceAll(/\W+/g, "_")}`;
}
