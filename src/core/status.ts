/** Every status is in exactly one class. `waiting` and `blocked` are live: nothing sweeps them away as stale. */
export const liveRunStatuses = ["queued", "running", "waiting", "blocked"] as const;
export const finalRunStatuses = ["completed", "failed", "cancelled"] as const;
export const liveTaskStatuses = ["pending", "running", "waiting", "stopping", "retrying", "blocked"] as const;
export const finalTaskStatuses = ["completed", "failed", "cancelled", "skipped"] as const;

export type FinalRunStatus = (typeof finalRunStatuses)[number];
export type RunStatus = (typeof liveRunStatuses)[number] | FinalRunStatus;
export type FinalTaskStatus = (typeof finalTaskStatuses)[number];
export type TaskStatus = (typeof liveTaskStatuses)[number] | FinalTaskStatus;

/** The one predicate for "this run will never change again", also of a status that a file names. */
export function isFinalRun(status: string): status is FinalRunStatus {
  return (finalRunStatuses as readonly string[]).includes(status);
}

/** The one predicate for "this task will never change again". */
export function isFinalTask(status: TaskStatus): status is FinalTaskStatus {
  return (finalTaskStatuses as readonly string[]).includes(status);
}
