import type { AttemptOutcome } from "../../src/core/outcome.ts";
import type { PlannedTask } from "../../src/core/plan.ts";

/** What the oracle itself remembers of a task: as little as the promises need, and nothing taken from the core. */
export interface TaskRecord {
  readonly planned: PlannedTask;
  attempts: number;
  live: number | undefined;
  final: "completed" | "failed" | "skipped" | "cancelled" | undefined;
  retryAt: number | undefined;
  isStopping: boolean;
  /** Steps against the silence of the living attempt that were recorded, and those that its worker was told of. */
  steps: string[];
  told: string[];
  /** The newest recorded sign of life, ms since the epoch; the clock may jump behind it. */
  lastSignAt: number;
  /** When somebody had its living attempt stopped. */
  stoppedAt?: number | undefined;
  endings: AttemptOutcome[];
  /** The result that an earlier run left. */
  reused?: string;
}

/** Of a task of which nothing was done yet. */
export function newRecord(planned: PlannedTask): TaskRecord {
  const fresh = { attempts: 0, live: undefined, final: undefined, retryAt: undefined, isStopping: false };
  return { planned, ...fresh, steps: [], told: [], lastSignAt: 0, endings: [] };
}
