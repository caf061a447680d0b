import type { Permission, PlanProblem, Thinking } from "../core/plan.ts";

export type ResourceKind = "agent" | "team" | "workflow";

/** Later wins: builtin < user < project. */
export type ResourceSource = "builtin" | "user" | "project";

/** A file that may define something, before it is read. */
export interface ResourceFile {
  readonly kind: ResourceKind;
  /** The file's name without its ending; its front matter may say otherwise. */
  readonly stem: string;
  /** Absolute. */
  readonly file: string;
  readonly source: ResourceSource;
}

/** What reading a file noticed. A fatal problem makes the definition unusable; any other only wants to be known. */
export interface Found extends PlanProblem {
  readonly fatal: boolean;
}

/** Skills as a file names them, and the line where it does. An empty list means: none at all. */
export interface SkillNames {
  readonly names: readonly string[];
  readonly line: number;
}

/** What every definition has. `triggers` and the rest help a lead to choose and change nothing else. */
export interface Described {
  readonly name: string;
  readonly description: string;
  readonly source: ResourceSource;
  /** Absolute. */
  readonly file: string;
  readonly triggers: readonly string[];
  readonly useWhen: readonly string[];
  readonly avoidWhen: readonly string[];
  readonly cost?: "free" | "cheap" | "expensive";
  readonly category?: string;
}

export interface AgentDefinition extends Described {
  readonly systemPrompt: string;
  readonly systemPromptMode: "replace" | "append";
  /** `provider/id[:thinking]`, first choice first; empty means that the agent names none. */
  readonly models: readonly string[];
  readonly thinking?: Thinking;
  /** The host's names; absent means what the permission allows. */
  readonly tools?: readonly string[];
  readonly excludeTools: readonly string[];
  readonly skills?: SkillNames;
  /** Absolute paths, cleared by the trust decision. */
  readonly extensions: readonly string[];
  readonly permission: Permission;
  readonly turnsMax?: number;
  /** Wall clock of one attempt, ms. */
  readonly attemptMaxMs?: number;
  /** US dollars of one attempt. */
  readonly costMax?: number;
}

export interface TeamDefinition extends Described {
  readonly defaultWorkflow?: string;
  /** Where `defaultWorkflow` stands, for problems. */
  readonly defaultWorkflowLine: number;
  readonly concurrencyMax?: number;
  readonly roles: readonly RoleDefinition[];
}

export interface RoleDefinition {
  readonly name: string;
  readonly agent: string;
  readonly model?: string;
  readonly skills?: SkillNames;
  /** Most tasks of this role alive at once. */
  readonly roleMax?: number;
  readonly description: string;
  readonly line: number;
}

export interface WorkflowDefinition extends Described {
  readonly concurrencyMax?: number;
  readonly steps: readonly StepDefinition[];
}

export interface StepDefinition {
  readonly id: string;
  /** The team's role that does it; a step that names none is done by the role of its own id. */
  readonly role: string;
  /** Ids of steps or names of groups. */
  readonly dependsOn: readonly string[];
  readonly group?: string;
  readonly prompt: string;
  readonly output?: string;
  readonly reads: readonly string[];
  readonly model?: string;
  readonly skills?: SkillNames;
  readonly writes?: "none" | readonly string[];
  readonly verify: boolean;
  readonly retries?: number;
  /** Wall clock of one attempt, ms. */
  readonly attemptMaxMs?: number;
  /** Line of its heading. */
  readonly line: number;
}

/** A file whose definition cannot be used. It hides a definition of its name in an earlier layer all the same. */
export interface BrokenDefinition {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly file: string;
  readonly problems: readonly PlanProblem[];
}

/** Everything that is defined, by name, and everything that is wrong with it. */
export interface Catalogue {
  readonly agents: ReadonlyMap<string, AgentDefinition>;
  readonly teams: ReadonlyMap<string, TeamDefinition>;
  readonly workflows: ReadonlyMap<string, WorkflowDefinition>;
  readonly problems: readonly PlanProblem[];
  /** Files that do not count because `by` defines the same name and comes later. */
  readonly shadowed: readonly {
    readonly kind: ResourceKind;
    readonly name: string;
    readonly file: string;
    readonly by: string;
  }[];
  /** Absolute path of each SKILL.md by the skill's name; absent means that none is known. */
  readonly skills?: ReadonlyMap<string, string>;
  /** Files that hold a definition that cannot be used; absent means none. */
  readonly broken?: readonly BrokenDefinition[];
}
