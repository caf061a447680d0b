import type { RunStatus, TaskStatus } from "../../src/core/status.ts";

/** Where a task may go, one event at a time. A status without successors is final. */
export const taskTransitions: Readonly<Partial<Record<TaskStatus, readonly TaskStatus[]>>> = {
  pending: ["running", "skipped", "cancelled"],
  running: ["stopping", "retrying", "waiting", "completed", "failed"],
  waiting: ["running", "blocked", "stopping", "retrying", "completed", "failed", "cancelled"],
  blocked: ["running", "waiting", "stopping", "retrying", "completed", "failed", "cancelled"],
  stopping: ["retrying", "waiting", "blocked", "completed", "failed", "cancelled"],
  retrying: ["running", "waiting", "cancelled"],
};

/** Where a run may go. A parked run can still end: by a cancel, or with the attempts that were being stopped. */
export const runTransitions: Readonly<Partial<Record<RunStatus, readonly RunStatus[]>>> = {
  queued: ["running"],
  running: ["blocked", "completed", "failed", "cancelled"],
  blocked: ["running", "completed", "failed", "cancelled"],
};
