import type { InlineTask } from "../resources/compile.ts";
import type { ResourceKind } from "../resources/definition.ts";
import { resourceKinds } from "../resources/find.ts";

/** One thing a person or a model can ask for. Tool schema, slash commands, completion and help are made from these. */
export interface Action {
  readonly name: string;
  readonly group: "do" | "watch" | "end" | "resources" | "setup";
  /** One line, without a full stop. */
  readonly summary: string;
  /** What it reads; anything else that is sent with it is refused. */
  readonly parameters: readonly ParameterName[];
  /** The parameter that takes a slash command's bare words. */
  readonly rest?: ParameterName;
}

/** What is left of a call's arguments when they are in order: absent means not given. */
export interface Parameters {
  readonly goal?: string;
  readonly team?: string;
  readonly workflow?: string;
  readonly agent?: string;
  readonly tasks?: readonly InlineTask[];
  readonly concurrency?: number;
  readonly model?: string;
  readonly background?: boolean;
  readonly run?: string;
  readonly task?: string;
  readonly resource?: ResourceKind;
  readonly name?: string;
  readonly scope?: Scope;
  readonly text?: string;
  readonly key?: string;
  readonly value?: string;
  readonly limit?: number;
  readonly reason?: string;
}
export type ParameterName = keyof Parameters;

export const scopes = ["user", "project"] as const;
export type Scope = (typeof scopes)[number];

/** How a parameter is written, read and explained. */
export interface ParameterShape {
  /** `text` is kept as it is; `name` is trimmed; `value` takes any JSON and keeps it as text. */
  readonly kind: "text" | "name" | "value" | "integer" | "flag" | "tasks";
  /** Few words: it is paid for in every session. */
  readonly description: string;
  /** The only values, where there are only some. */
  readonly values?: readonly string[];
  readonly max?: number;
}

/** Every parameter, in the order in which people are shown them. */
export const parameterShapes: Readonly<Record<ParameterName, ParameterShape>> = {
  goal: { kind: "text", description: "what to achieve" },
  team: { kind: "name", description: "team name" },
  workflow: { kind: "name", description: "workflow name" },
  agent: { kind: "name", description: "agent name; alone: one task by it" },
  tasks: { kind: "tasks", description: "inline task graph instead of a team" },
  concurrency: { kind: "integer", description: "most workers at once", max: 1_000 },
  model: { kind: "name", description: "provider/id[:thinking] for every task" },
  background: { kind: "flag", description: "return at once" },
  run: { kind: "name", description: "run id, unambiguous prefix, or last" },
  task: { kind: "name", description: "task id" },
  resource: { kind: "name", description: resourceKinds.join("|"), values: resourceKinds },
  name: { kind: "name", description: "resource name; for help: an action" },
  scope: { kind: "name", description: `${scopes.join("|")}, for config`, values: scopes },
  text: { kind: "text", description: "Markdown to validate" },
  key: { kind: "name", description: "setting, e.g. limits.runMaxMs" },
  value: { kind: "value", description: "new setting; unset removes it" },
  limit: { kind: "integer", description: "most entries to list", max: 1_000 },
  reason: { kind: "text", description: "why, for cancel" },
};
