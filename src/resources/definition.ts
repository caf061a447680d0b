import type { AgentSpec, PlannedTask, PlanProblem } from "../core/plan.ts";

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

/** Skills as a file names them (an empty list: none at all), and the place (`file:line`) where it does. */
export interface SkillNames {
  readonly names: readonly string[];
  readonly where: string;
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

/** An agent as its file describes it; what a plan takes over is explained there. */
export interface AgentDefinition
  extends Described,
    Omit<AgentSpec, keyof Described | "skills">,
    Pick<PlannedTask, "models" | "thinking" | "turnsMax" | "costMax">,
    Partial<Pick<PlannedTask, "attemptMaxMs">> {
  readonly skills?: SkillNames;
}

export interface TeamDefinition extends Described {
  readonly defaultWorkflow?: string;
  /** Place (`file:line`) of `defaultWorkflow`. */
  readonly workflowWhere: string;
  readonly concurrencyMax?: number;
  /** A person approves the plan before anything of it starts. */
  readonly requireApproval?: boolean;
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
  /** `file:line` */
  readonly where: string;
}

export interface WorkflowDefinition extends Described {
  readonly concurrencyMax?: number;
  /** As in a team. */
  readonly requireApproval?: boolean;
  readonly steps: readonly StepDefinition[];
}

export interface StepDefinition
  extends Pick<PlannedTask, "id" | "prompt" | "dependsOn" | "output" | "reads" | "verify">,
    Partial<Pick<PlannedTask, "writes" | "retries" | "attemptMaxMs" | "gate">> {
  /** The team's role that does it; a step that names none is done by the role of its own id. */
  readonly role: string;
  readonly model?: string;
  readonly skills?: SkillNames;
  /** `file:line` of its heading. */
  readonly where: string;
}

/** A file whose definition cannot be used. It hides a definition of its name in an earlier layer all the same. */
export interface BrokenDefinition {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly source: ResourceSource;
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
