import { isAbandoned } from "./abandoned.ts";
import type { RunListing } from "./ports.ts";
import { finalRunStatuses, isFinalRun, liveRunStatuses, type RunStatus } from "./status.ts";
import type { RunView } from "./view.ts";

/** The columns of a board, in the order in which runs go through them. */
export const columns: readonly RunStatus[] = [...liveRunStatuses, ...finalRunStatuses];

/** What is to be known of a run beside its column. */
export type Badge =
  | "unreadable"
  | "needs you"
  | "no driver"
  | "hindered"
  | "silent"
  | "retrying"
  | "task failed"
  | "taken over"
  | "goes on"
  | "foreign";

/**
 * A run's status, or the word of a newer version that stands there; "" of what cannot be read. What runs without a driver
 * stands still. `view`: the run as it was followed, where it was: it may be further than the listing.
 */
export function standing(run: RunListing, view?: RunView): string {
  if (!("manifest" in run)) return "";
  const status = view?.status ?? run.manifest.status;
  return status === "running" && run.driver === "gone" ? "blocked" : status;
}

/** Where a run has its place. What nobody here can read stands still, whatever it does. */
export function column(run: RunListing, view?: RunView): RunStatus {
  const status = standing(run, view);
  return columns.find((one) => one === status) ?? "blocked";
}

/**
 * Its badges, most pressing first. They follow from where it stands: of a run that is over none tells of trouble that it had.
 * "silent" is only known of a run that is followed. `sessionId`: whose runs are not foreign; undefined: none is.
 */
export function badges(run: RunListing, sessionId?: string, view?: RunView): readonly Badge[] {
  if (!("manifest" in run)) return ["unreadable"];
  const { manifest, driver, problems = [] } = run;
  const at = column(run, view);
  const tasks = view?.tasks ?? manifest.tasks;
  const has = (...statuses: readonly string[]): boolean =>
    tasks.some((task) => statuses.includes(task.status));
  const isUnmanned = isAbandoned(manifest.status, driver);
  const isAsking = ["waiting", "blocked"].includes(standing(run, view)) || has("waiting", "blocked");
  const live: readonly (readonly [Badge, boolean])[] = [
    ["unreadable", standing(run, view) !== at],
    ["needs you", isAsking && !isUnmanned],
    ["no driver", isUnmanned],
    ["hindered", problems.length > 0],
    ["silent", view?.tasks.some(({ escalation }) => escalation !== undefined) === true],
    ["retrying", has("retrying")],
    ["task failed", has("failed")],
    ["taken over", (manifest.driver?.epoch ?? 1) > 1],
  ];
  const always: readonly (readonly [Badge, boolean])[] = [
    ["goes on", manifest.continuedFrom !== undefined],
    ["foreign", sessionId !== undefined && manifest.owner.sessionId !== sessionId],
  ];
  return [...(isFinalRun(at) ? [] : live), ...always].flatMap(([badge, is]) => (is ? [badge] : []));
}
