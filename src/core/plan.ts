/**
 * The vocabulary. One word for one thing, everywhere in this code base:
 *
 * agent       a role described in Markdown: prompt, tools, model, permission. Not a process
 * team        agents that work together, plus defaults
 * workflow    a named graph of steps in Markdown. "Step" is only the file's word; compiled it is a task
 * plan        the immutable task graph of one run, compiled from team + workflow + goal, or from inline tasks
 * run         one execution of a plan
 * task        a node of the plan
 * attempt     one try at a task, numbered from 1; at least once, its recorded outcome exactly once
 * worker      the living child process that performs an attempt
 * lead        the host session that asked for the run
 * driver      the loop that owns a run while it holds the lease
 * lease/epoch the right to write a run's journal, and its fencing number
 * artifact    a file a task leaves behind, named and hashed
 * evidence    what the engine itself observed of an attempt
 * outcome     how an attempt ended: completed, failed(cause, retryable), lost(cause), cancelled
 * workspace   the directory a worker works in
 */
export type RunId = string;
export type TaskId = string;

/** What an agent may do to the workspace. `read` workers get no tool that writes; the shell of `full` ones may write outside it, too. */
export type Permission = "read" | "write" | "full";

export type Thinking = "off" | "minimal" | "low" | "medium" | "high" | "xhigh";

/** A role, resolved and copied into the plan, so that later edits of its file do not change a running run. */
export interface AgentSpec {
  readonly name: string;
  readonly description: string;
  /** Where the definition came from; shown to people, part of no decision. */
  readonly source: "builtin" | "user" | "project" | "inline";
  readonly systemPrompt: string;
  /** `replace`: the prompt stands instead of the host's own; `append`: it follows it. */
  readonly systemPromptMode: "replace" | "append";
  /** Names of the host's tools the worker may use; absent means the host's defaults for the permission. */
  readonly tools?: readonly string[];
  readonly excludeTools: readonly string[];
  /** Absolute paths of SKILL.md files or skill folders offered to the worker. */
  readonly skills: readonly string[];
  /** Extra extension paths from the agent's file, already cleared by the trust decision. */
  readonly extensions: readonly string[];
  readonly permission: Permission;
}

/** One node of the plan, with every default already filled in. */
export interface PlannedTask {
  readonly id: TaskId;
  /** Key into `Plan.agents`. */
  readonly agent: string;
  /** The team's name for the part this agent plays; absent for inline tasks. */
  readonly role?: string;
  /** What to do. May hold `{goal}`, `{task}` (this task's id) and `{<taskId>.output}` of tasks in `dependsOn`. */
  readonly prompt: string;
  readonly dependsOn: readonly TaskId[];
  /** `provider/id[:thinking]`, tried in order on provider failures; empty means the lead's model. */
  readonly models: readonly string[];
  readonly thinking?: Thinking;
  /** Globs of the project paths it may write; `none`: writes no project file and waits for no writer. */
  readonly writes: "none" | readonly string[];
  /** File the task must leave behind, relative to its workspace; missing at the end means `hollow`. */
  readonly output?: string;
  /** Files the prompt points at, relative to the workspace. */
  readonly reads: readonly string[];
  /** A person approves what it has done before it is completed; absent: nobody need. */
  readonly gate?: "approval";
  /** True for a step whose job is to verify the work of others. */
  readonly verify: boolean;
  /** Tries after the first that a failure may cost. */
  readonly retries: number;
  /** Wall clock of one attempt, ms. */
  readonly attemptMaxMs: number;
  /** Turns that use a tool, in one attempt; absent means no limit. */
  readonly turnsMax?: number;
  /** US dollars one attempt may cost; absent means no limit. */
  readonly costMax?: number;
  /** Most tasks of this role alive at once; absent means no limit of its own. */
  readonly roleMax?: number;
}

/** The immutable task graph of one run. */
export interface Plan {
  readonly goal: string;
  readonly team?: string;
  readonly workflow?: string;
  readonly agents: Readonly<Record<string, AgentSpec>>;
  readonly tasks: readonly PlannedTask[];
  /** Hex SHA-256 of the canonical JSON of everything above. */
  readonly hash: string;
}

/** Something wrong with what was asked for: where, what, and what to do about it. */
export interface PlanProblem {
  /** `file:line`, `tasks[2].dependsOn`, or a parameter's name. */
  readonly where: string;
  readonly message: string;
  readonly remedy: string;
}
