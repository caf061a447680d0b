import type { RunStatus, TaskStatus } from "../core/status.ts";

/**
 * Every word that our screens show, in one place: a translation is another object of this shape. Names of commands and
 * settings stay as they are.
 */
export const words = {
  status: {
    queued: "queued",
    pending: "pending",
    running: "running",
    waiting: "waiting",
    stopping: "stopping",
    retrying: "retrying",
    blocked: "blocked",
    completed: "completed",
    failed: "failed",
    cancelled: "cancelled",
    skipped: "skipped",
  } satisfies Record<RunStatus | TaskStatus, string>,
  team: "team",
  background: "background",
  more: (count: number) => `+${count} more`,
  moreRuns: (count: number) => `+${count} more runs · /team`,
  files: (path: string) => `files: ${path}`,
  starting: "starting",
  noReason: "no reason given",
  needsYou: (what: string) => `needs you: ${what}`,
  asks: (task: string, text: string) => `${task} asks: ${text}`,
  answerBy: (runId: string) => `/team-respond … --run ${runId}`,
  resumeBy: (runId: string) => `/team-resume ${runId}`,
  runsLive: (count: number) => `${count} ${count === 1 ? "run" : "runs"}`,
  atWork: (count: number) => `${count} at work`,
  needYou: (count: number) => `${count} ${count === 1 ? "needs" : "need"} you`,
} as const;
