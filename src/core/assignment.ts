import type { WrittenMail } from "./mail.ts";
import type { Permission, RunId, TaskId } from "./plan.ts";
import type { ToolRules } from "./settings.ts";

/**
 * What the driver tells the worker-side extension, as JSON in PI_MUSTER_ASSIGNMENT. The extension takes it out of its
 * environment when it loads, so that the worker's own children never see it.
 */
export interface Assignment {
  readonly runId: RunId;
  readonly task: TaskId;
  /** Its agent's name. */
  readonly agent: string;
  /** From 1. */
  readonly attempt: number;
  /** Absolute path of `attempts/<task>-<n>/outcome.json`: written once and durably inside `submit_result`. */
  readonly outcomePath: string;
  /** Absolute path of the run's `artifacts/`. */
  readonly artifactsDir: string;
  /** Absolute path of the workspace; nothing outside it is written by a `write` worker's file tools. */
  readonly workspace: string;
  readonly permission: Permission;
  readonly rules: ToolRules;
  /** Tools the worker may use; absent means what its permission allows. Ours (`submit_result`) are always there. */
  readonly tools?: readonly string[];
  readonly excludeTools: readonly string[];
  /** The driver's pid: a worker whose parent is somebody else has lost its driver and ends itself. */
  readonly expectedParentPid: number;
  /** Level of nesting of the worker itself: 1 for a worker of a run that a person's session started. */
  readonly depth: number;
  /** Most bytes of result text kept in outcome.json. */
  readonly resultMaxBytes: number;
  /** File the task must leave behind, relative to the workspace; `submit_result` refuses while it is missing. */
  readonly output?: string;
}

/** Key of the status line (`ctx.ui.setStatus`) with which the worker-side extension announces itself. */
export const readinessKey = "pi-muster";

/** The JSON text of that status line, sent once a session is open (`session_start`). */
export interface Readiness {
  readonly ready: true;
  /** Names of the tools that are active. */
  readonly tools: readonly string[];
  /** `provider/id` of the model in use; absent when the host has none. */
  readonly model?: string;
}

/** A dialog whose title begins with this hands the driver a mail: a `WorkerLetter` as JSON follows. */
export const mailDialog = "pi-muster-mail:";

/** What a worker writes. */
export interface WorkerLetter extends Omit<WrittenMail, "id" | "replyTo"> {
  readonly deadlineMs?: number;
}

/** The JSON text that answers the dialog: recorded (with the answer, when it was a question), or refused. */
export interface MailReceipt {
  readonly answer?: string;
  /** Whose answer it is. */
  readonly by?: string;
  readonly refusal?: string;
}

/** Another JSON text under the same key: the extension refused a tool call. */
export interface Denial {
  readonly denied: DeniedCall;
}

/** Another one: the answer to an approval has reached whom it concerns, or its dialog was closed. */
export interface Heard {
  readonly heard: true;
}

/** A tool call that a worker was kept from. */
export interface DeniedCall {
  readonly tool: string;
  /** The shell text, path or first text that it was called with; cut. */
  readonly what: string;
  readonly reason: string;
  /** `muster` for what holds for every worker and for its agent's own bounds, else the rule, or who was asked. */
  readonly by: string;
  /** How many calls this one stands for, where they were too many to be told one by one. */
  readonly times?: number;
}
