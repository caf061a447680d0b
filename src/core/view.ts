import type { Origin, Owner } from "./events.ts";
import type { DatedMail, LetterStatus } from "./mail.ts";
import type { AttemptResult, Cause, Usage } from "./outcome.ts";
import type { TaskId } from "./plan.ts";
import type { Escalation } from "./process.ts";
import type { RunStatus, TaskStatus } from "./status.ts";

/** One task as people and models are shown it. Instants are ms since the epoch. */
export interface TaskView {
  readonly id: TaskId;
  readonly agent: string;
  readonly role?: string;
  readonly status: TaskStatus;
  readonly cause?: Cause;
  /** What went wrong, or why it is not running yet ("waits for a, b", "waits for the shared checkout", "tries again in 4 s"). */
  readonly reason?: string;
  readonly dependsOn: readonly TaskId[];
  /** Attempts started so far. */
  readonly attempts: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  /** The model of the newest attempt, as asked for or as reported. */
  readonly model?: string;
  readonly tool?: string;
  readonly activity?: string;
  /** When the worker last gave a sign of life. */
  readonly lastSignAt?: number;
  /** What was done about its silence, and when, while that lasts. */
  readonly escalation?: { readonly step: Escalation["step"]; readonly at: number };
  /** Tool calls that its workers were kept from. */
  readonly denied?: number;
  /** Instructions that are not in its conversation yet, and since when. */
  readonly queued?: { readonly count: number; readonly since: number };
  readonly usage: Usage;
  /** The earlier run that did the work; it cost nothing here. */
  readonly reusedFrom?: string;
  /** The claim it left, once completed or done and to be approved. */
  readonly result?: AttemptResult;
}

/** A mail as it stands. */
export interface MailView extends DatedMail {
  readonly status: LetterStatus;
}

/** One run, derived from its state and the time. */
export interface RunView {
  readonly runId: string;
  readonly goal: string;
  readonly team?: string;
  readonly workflow?: string;
  readonly status: RunStatus;
  readonly cause?: Cause;
  readonly reason?: string;
  /** It stands still for want of a driver, and one is on its way: nobody is needed for that. */
  readonly isComing?: true;
  readonly cwd: string;
  readonly owner: Owner;
  readonly origin: Origin;
  /** The run that this one goes on with. */
  readonly continuedFrom?: string;
  readonly background: boolean;
  readonly createdAt: number;
  readonly finishedAt?: number;
  /** Workers alive or being ended. */
  readonly alive: number;
  readonly counts: Readonly<Record<TaskStatus, number>>;
  readonly usage: Usage;
  readonly tasks: readonly TaskView[];
  /** All mail, oldest first. */
  readonly mail: readonly MailView[];
  /** Questions and approvals that wait for somebody, oldest first. */
  readonly questions: readonly MailView[];
}
