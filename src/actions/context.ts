import type { Origin } from "../core/events.ts";
import type { RunHistory } from "../core/history.ts";
import type { Usage } from "../core/outcome.ts";
import type { PlanProblem } from "../core/plan.ts";
import type { Clock, RunEngine } from "../core/ports.ts";
import type { Liveness, ProcessIdentity } from "../core/process.ts";
import type { ReportMaterial } from "../core/report.ts";
import type { RunView } from "../core/view.ts";
import type { ResourcePlaces } from "../resources/find.ts";
import type { Parameters } from "./action.ts";

/** Who asks, and from where. */
export interface Requester {
  readonly cwd: string;
  readonly sessionId: string;
  readonly host?: ProcessIdentity;
  /** The project's own resources and settings may be used. */
  readonly trusted: boolean;
  /** False in hosts that exit after the prompt (-p, json). */
  readonly staysAlive: boolean;
  /** The lead's model, `provider/id[:thinking]`. */
  readonly model?: string;
  readonly origin: Origin;
  /** Levels of nested runs above this session, and how many there may be; absent: a person's own session. */
  readonly nesting?: { readonly depth: number; readonly depthMax: number };
}

/** Everything an action may touch. The host adapter makes one for each call. */
export interface ActionContext {
  readonly requester: Requester;
  readonly engine: RunEngine;
  readonly history: RunHistory;
  readonly clock: Clock;
  /** `project` only in a trusted project. */
  readonly places: ResourcePlaces;
  /** The project's file is `project` where it is trusted, else `untrusted`. */
  readonly settingsFiles: { readonly user: string; readonly project?: string; readonly untrusted?: string };
  /** Esc while a call waits; aborted with the reason `"shutdown"` when the session ends, which cancels nothing. */
  readonly signal?: AbortSignal;
  /** Called at most four times a second, and not after the call has returned; must not throw. */
  readonly onProgress?: (view: RunView) => void;
  /** `run` starts and returns although it is session-bound: slash commands in hosts that stay alive. */
  readonly returnsAtOnce?: boolean;
  /** Facts about host and machine for `doctor`. */
  readonly checks: () => Promise<readonly DoctorCheck[]>;
  /** Whether a recorded process lives; absent: nobody can tell, and none is taken for alive. */
  readonly probe?: (process: ProcessIdentity) => Promise<Liveness>;
  readonly redact: (text: string) => string;
  /** A run as one HTML file. */
  readonly report: (material: ReportMaterial) => string;
  /** A fresh id, safe as a file name. */
  readonly newId: () => string;
}

/** One thing a machine can get wrong. */
export interface DoctorCheck {
  readonly name: string;
  readonly ok: boolean | "warning";
  readonly found: string;
  readonly remedy?: string;
}

/** Does what one action promises. Its parameters are in order; what it finds wrong with them is the result. */
export type Perform = (parameters: Parameters, context: ActionContext) => Promise<Performed>;

/** The result of an action that does not name itself yet. */
export interface Performed extends Omit<ActionResult, "details"> {
  readonly details: Omit<ActionDetails, "action" | "ok">;
}

/** What every action answers: `text` for the model or person, `details` for programs and cards. */
export interface ActionResult {
  readonly ok: boolean;
  /** At most 50 KB; names the files that hold the rest. */
  readonly text: string;
  readonly details: ActionDetails;
}

export interface ActionDetails {
  readonly action: string;
  readonly ok: boolean;
  readonly runId?: string;
  readonly status?: string;
  /** The session that the run belongs to by now. */
  readonly owner?: string;
  /** At most 100 of them, those that need attention first. */
  readonly tasks?: readonly TaskDetail[];
  /** All of the run's tasks by status. */
  readonly counts?: Readonly<Record<string, number>>;
  readonly usage?: Usage;
  /** Ids of the open questions that the text quotes. */
  readonly questions?: readonly string[];
  readonly paths?: readonly string[];
  readonly problems?: readonly PlanProblem[];
}

export interface TaskDetail {
  readonly id: string;
  readonly agent: string;
  readonly status: string;
  readonly cause?: string;
  readonly reason?: string;
  /** Beginning of what it left, or what it does. */
  readonly head?: string;
  /** Milliseconds since it was started. */
  readonly tookMs?: number;
  readonly usage?: Usage;
}
