import type { PlanProblem } from "./plan.ts";

/** A setting as it counts at the moment. */
export interface SettingRow {
  /** Dotted: `limits.runMaxMs`. */
  readonly key: string;
  readonly value: unknown;
  /** The file that it came from; `default`: none. */
  readonly source: "default" | "user" | "project";
  readonly default: unknown;
  /** What is accepted, in words. */
  readonly type: string;
  /** All or some of what is accepted, where that can be listed. */
  readonly choices: readonly string[];
  readonly description: string;
}

/** An agent, team or workflow: a file that counts. */
export interface DefinitionRow {
  readonly kind: "agent" | "team" | "workflow";
  readonly name: string;
  readonly source: "builtin" | "user" | "project";
  /** It cannot be used; its problems say why. */
  readonly isBroken: boolean;
  readonly description: string;
  /** Absolute. */
  readonly file: string;
  /** Files of the same name that do not count because of it. */
  readonly shadows: readonly string[];
}

/** Rows, and everything that is wrong with the files they came from. */
export interface Listed<Row> {
  readonly rows: readonly Row[];
  readonly problems: readonly PlanProblem[];
}
