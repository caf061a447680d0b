import type { Extent, Footprint } from "../core/history.ts";
import type { RunListing } from "../core/ports.ts";
import { countOf, oneLine } from "../lib/wording.ts";
import type { ActionContext, Perform } from "./context.ts";
import { foreignOwner, isOver, unforced } from "./foreign.ts";
import { meantRun } from "./observe.ts";
import { answer, refusal } from "./result.ts";
import { runLine } from "./text.ts";
import { cancelAndWait } from "./wait.ts";

const pidsShown = 10;

/** Removes a run for good: ends it, verifies that nothing of it lives, removes its files, leaves a tombstone. */
export const forget: Perform = async (parameters, context) => {
  const { run, confirm = false, reason = "" } = parameters;
  const { engine, history } = context;
  if (run === undefined) {
    const remedy = "name it: an id from team list, or run=last for the newest";
    return refusal([{ where: "run", message: "which run is to be forgotten is not said", remedy }]);
  }
  const listing = await meantRun(run, await engine.list(), history);
  if ("message" in listing) return refusal([listing]);
  const { runId } = listing;
  const footprint = await history.footprint(runId);
  const obstacles = obstaclesOf(listing, footprint, context);
  if (!confirm) return answer(preview(listing, footprint, obstacles, context), { runId });
  const problems = unforced(obstacles, parameters, runId);
  if (problems.length > 0) return refusal(problems, "nothing was removed");
  if ("manifest" in listing && !isOver(listing)) {
    const ended = await cancelAndWait(runId, context, context.redact(reason) || "it is to be forgotten");
    const [now] = await engine.list(runId);
    if (now !== undefined && !isOver(now))
      return { ...ended, ok: false, text: `Nothing was removed.\n${ended.text}` };
  }
  const left = await history.remove(runId, markOf(listing, reason, context));
  const rest =
    left === undefined ? "" : ` Some of its files are still in the trash: ${left}; team cleanup tries again.`;
  return answer(`Run ${runId} is forgotten: ${sizeOf(footprint)} removed.${rest}`, {
    runId,
    status: "forgotten",
  });
};

/** What the tombstone says besides the id. */
export function markOf(listing: RunListing, reason: string, { clock, requester, redact }: ActionContext) {
  const { goal, status } =
    "manifest" in listing ? listing.manifest : { goal: listing.problem, status: "unreadable" };
  const at = new Date(clock.now()).toISOString();
  return { goal: redact(goal), status, at, by: requester.sessionId, reason: redact(reason) };
}

/** Why this run must not simply go. */
function obstaclesOf(
  listing: RunListing,
  { worktrees }: Footprint,
  { requester }: ActionContext,
): readonly string[] {
  const owner = foreignOwner(listing, requester);
  return [
    ...(owner === undefined ? [] : [`it belongs to ${owner}`]),
    ...("manifest" in listing ? [] : [`it cannot be read: ${listing.problem}`]),
    ...("manifest" in listing && !isOver(listing)
      ? [`it is not over (${listing.manifest.status}): it would be ended`]
      : []),
    ...(worktrees === undefined ? [] : [`work in ${worktrees} may not be merged`]),
  ];
}

/** `12 files, 3456 bytes`. */
export function sizeOf({ files, bytes }: Extent): string {
  return `${countOf(files, "file")}, ${countOf(bytes, "byte")}`;
}

function preview(
  listing: RunListing,
  footprint: Footprint,
  obstacles: readonly string[],
  { clock, requester }: ActionContext,
): string {
  const { runId } = listing;
  const { processes, references } = footprint;
  const pids = processes.slice(0, pidsShown).map(({ pid }) => pid);
  const force = obstacles.length === 0 ? "" : ' force=true reason="…"';
  return [
    "manifest" in listing
      ? runLine(listing, requester.sessionId, clock.now())
      : `${runId} unreadable: ${oneLine(listing.problem, 300)}`,
    `To be removed: ${sizeOf(footprint)}, ${processes.length} living process${processes.length === 1 ? "" : "es"}${pids.length > 0 ? ` (pid ${pids.join(", ")})` : ""}.`,
    ...(references.length === 0 ? [] : [`Other runs refer to it: ${references.join(", ")}.`]),
    ...obstacles.map((what) => `Needs force and a reason: ${what}.`),
    `Nothing was removed. To do it: team forget run=${runId} confirm=true${force}`,
  ].join("\n");
}
