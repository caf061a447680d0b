import type { InlineTask } from "../resources/compile.ts";
import { resourceKinds } from "../resources/find.ts";

/** One thing a person or a model can ask for. Tool schema, slash commands, completion and help are made from these. */
export interface Action {
  readonly name: string;
  /** What it reads, and the first of them takes a slash command's bare words; anything else that is sent is refused. */
  readonly parameters: readonly ParameterName[];
  /** One line, without a full stop. */
  readonly summary: string;
}

/** How a parameter is written, read and explained. */
export interface Shape {
  readonly kind: keyof ValueOf;
  /** Few words: it is paid for in every session. */
  readonly description?: string;
  /** The only values, where there are only some. */
  readonly values?: readonly string[];
  /** Read, but not told to models: what editors send. */
  readonly isUnlisted?: true;
}

interface ValueOf {
  /** Kept as it is. */
  readonly text: string;
  /** Trimmed. */
  readonly name: string;
  /** Any JSON, kept as text. */
  readonly value: string;
  readonly integer: number;
  readonly flag: boolean;
  readonly words: readonly string[];
  /** Words as one text, separated by commas. */
  readonly globs: string;
  readonly tasks: readonly InlineTask[];
}

export const scopes = ["user", "project"] as const;

// Every parameter, in the order in which people are shown them.
const shapes = {
  goal: { kind: "text", description: "what to achieve" },
  team: { kind: "name", description: "team name" },
  workflow: { kind: "name", description: "workflow name" },
  agent: { kind: "name", description: "alone: one task by it" },
  tasks: { kind: "tasks", description: "inline graph instead of a team" },
  concurrency: { kind: "integer", description: "most workers at once" },
  model: { kind: "name", description: "provider/id[:thinking] for every task" },
  background: { kind: "flag", description: "return at once" },
  run: { kind: "name", description: "run id or prefix; default: last" },
  task: { kind: "name", description: "task id" },
  message: { kind: "text", description: "what to tell or answer" },
  resource: { kind: "name", description: resourceKinds.join("|"), values: resourceKinds },
  name: { kind: "name", description: "of a resource, action or question" },
  scope: { kind: "name", description: `${scopes.join("|")} (default)`, values: scopes },
  text: { kind: "text", description: "Markdown to validate" },
  key: { kind: "name", description: "setting, e.g. limits.runMaxMs" },
  value: { kind: "value", description: "new setting; unset removes it" },
  path: { kind: "name", description: "file of a run" },
  limit: { kind: "integer", description: "most entries" },
  confirm: { kind: "flag", description: "do it; else a preview" },
  force: { kind: "flag", description: "also foreign, live, unmerged or again" },
  reason: { kind: "text", description: "why; with force" },
} as const satisfies Record<string, Shape>;

export type ParameterName = keyof typeof shapes;

/** What is left of a call's arguments when they are in order: absent means not given. */
export type Parameters = {
  readonly [K in ParameterName]?: (typeof shapes)[K] extends { readonly values: readonly (infer V)[] }
    ? V
    : ValueOf[(typeof shapes)[K]["kind"]];
};

export const parameterShapes: Readonly<Record<ParameterName, Shape & { readonly description: string }>> =
  shapes;

/** One of the inline tasks. */
export const taskShapes: Readonly<Record<keyof InlineTask, Shape>> = {
  id: { kind: "name" },
  agent: { kind: "name" },
  task: { kind: "text", description: "what to do; {id.output} inserts a dependency's result" },
  dependsOn: { kind: "words" },
  model: { kind: "name" },
  gate: { kind: "name", description: "approval" },
  writes: { kind: "globs", description: "globs it may write, or none" },
  timeout: { kind: "name", isUnlisted: true },
};
