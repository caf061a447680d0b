import type { Action } from "../actions/action.ts";
import type { Completion, CompletionSources } from "../actions/command-line.ts";
import type { ActionContext, ActionResult } from "../actions/context.ts";
import type { DefinitionRow, Listed, SettingRow } from "../core/catalogue.ts";
import type { PlanProblem } from "../core/plan.ts";
import type { Clock, RunEngine } from "../core/ports.ts";
import type { Liveness, ProcessIdentity } from "../core/process.ts";
import type { ReportMaterial } from "../core/report.ts";
import type { Settings } from "../core/settings.ts";
import type { StartedRun } from "../core/state.ts";
import type { Machine } from "./checks.ts";

/** What the adapter is given by `entry/compose.ts`. Everything here is needed to register, and must be light to load. */
export interface HostParts {
  readonly actions: readonly ActionListing[];
  readonly tool: ToolText;
  readonly clock: Clock;
  /** Whether this directory's project has runs, of whatever session; light. */
  hasRuns(cwd: string): Promise<boolean>;
  /** Everything with weight, imported when it is first needed and then kept. */
  load(): Promise<Loaded>;
}

/** As much of an action as a slash command's registration needs. */
export type ActionListing = Pick<Action, "name" | "summary">;

/** What the model is told about the tool; `prepare` makes raw arguments fit for the host's validator. */
export interface ToolText {
  /** Plain JSON Schema of an object. */
  readonly parameters: object;
  readonly description: string;
  readonly promptSnippet: string;
  readonly promptGuidelines: readonly string[];
  prepare(raw: unknown): Record<string, unknown>;
}

/** The heavy half. */
export interface Loaded {
  /** Never rejects; see `actions/perform.ts`. */
  perform(name: string, raw: unknown, context: ActionContext): Promise<ActionResult>;
  /** The same for a slash command's arguments as typed. */
  performLine(name: string, line: string, context: ActionContext): Promise<ActionResult>;
  complete(name: string, typed: string, sources: CompletionSources): Promise<readonly Completion[]>;
  /** Cheap, and kept for each directory and trust: starts nothing that would have to be stopped. */
  openProject(cwd: string, trusted: boolean): Promise<Project>;
  /** This very process; undefined where it cannot be told. */
  identity(): Promise<ProcessIdentity | undefined>;
  /** Whether a recorded process lives. */
  probe(process: ProcessIdentity): Promise<Liveness>;
  redact(text: string): string;
  readonly planForm: PlanForm;
  /** A run as one HTML file. */
  report(material: ReportMaterial): string;
  /** A fresh id, safe as a file name. */
  newId(): string;
  readonly machine: Machine;
}

/** A plan that waits for approval as a text that a person edits. Total, all of it. */
export interface PlanForm {
  write(run: StartedRun, agents: readonly string[]): string;
  /** The tasks for `respond`; none where the text leaves the plan as it is, or has problems. */
  read(
    text: string,
    run: StartedRun,
  ): { readonly tasks?: readonly object[]; readonly problems: readonly PlanProblem[] };
  /** The text with these problems on top of it, in place of earlier ones. */
  mark(text: string, problems: readonly PlanProblem[]): string;
}

/** Where a session works: its runs, definitions and settings. */
export interface Project extends Pick<ActionContext, "places" | "settingsFiles" | "history"> {
  /** Top of the git work tree; undefined outside any. */
  readonly root: string | undefined;
  /** Where its state lies (`<root>/.muster`), absolute; need not exist. */
  readonly directory: string;
  readonly engine: RunEngine;
  /** What counts here now. */
  settings(): Promise<Settings>;
  listSettings(): Promise<Listed<SettingRow>>;
  listDefinitions(): Promise<Listed<DefinitionRow>>;
  readonly names: CompletionSources["names"];
  readonly settingKeys: CompletionSources["settingKeys"];
}
