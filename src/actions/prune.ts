import { RunNotFound } from "../core/failure.ts";
import { HistoryRefused } from "../core/history.ts";
import type { Manifest, RunListing } from "../core/ports.ts";
import { countOf } from "../lib/wording.ts";
import { loadSettings } from "../resources/settings.ts";
import type { ActionContext, Perform } from "./context.ts";
import { foreignOwner, isOver, unforced } from "./foreign.ts";
import { markOf, sizeOf } from "./forget.ts";
import { answer, refusal } from "./result.ts";
import { runLine } from "./text.ts";

const dayMs = 86_400_000;

/** Removes finished runs beyond what is to be kept; never one that lives, cannot be read, or holds unmerged work. */
export const prune: Perform = async (parameters, context) => {
  const { value, limit, confirm = false, force = false, reason = "" } = parameters;
  const { engine, history, clock, requester } = context;
  const { retention } = (await loadSettings(context.settingsFiles)).settings;
  const days = value === undefined ? retention.days : Number(value);
  if (!(days >= 0)) {
    const remedy = "send the number of days to keep, e.g. value=30";
    return refusal([{ where: "value", message: `"${value}" is no number of days`, remedy }]);
  }
  const problems = unforced([], parameters);
  if (problems.length > 0) return refusal(problems, "nothing was removed");
  const listings = await engine.list();
  const over = listings.filter(isOver).flatMap((listing) => ("manifest" in listing ? [listing] : []));
  const until = clock.now() - days * dayMs;
  const old = over.filter(
    ({ manifest }, index) => index >= (limit ?? retention.runs) || endOf(manifest) < until,
  );
  const [removed, left]: [string[], string[]] = [[], leftAlone(listings)];
  for (const listing of old) {
    const { runId } = listing;
    const line = `- ${runLine(listing, requester.sessionId, clock.now())}`;
    const owner = force ? undefined : foreignOwner(listing, requester);
    const extent = owner === undefined ? await history.extent(runId) : undefined;
    if (extent === undefined)
      left.push(`- ${runId} belongs to ${owner}: force=true and reason="…" take it too`);
    else if (extent.worktrees !== undefined)
      left.push(`- ${runId}: work in ${extent.worktrees} may not be merged`);
    else {
      const why = confirm ? await removal(listing, reason || "beyond retention", context) : undefined;
      if (why === undefined) removed.push(`${line} [${sizeOf(extent)}]`);
      else left.push(`- ${runId}: ${why}`);
    }
  }
  const kept = `finished runs of the last ${countOf(days, "day")}, at most ${limit ?? retention.runs}, are kept`;
  const text = [
    `${countOf(removed.length, "run")} ${confirm ? "removed" : "to be removed"}; ${kept}.`,
    ...removed,
    ...(left.length === 0 ? [] : ["Left alone:", ...left]),
    ...(confirm || removed.length === 0 ? [] : ["Nothing was removed. To do it: the same with confirm=true"]),
  ];
  return answer(text.join("\n"));
};

function endOf({ finishedAt, updatedAt }: Manifest): number {
  return Date.parse(finishedAt ?? updatedAt);
}

/** What cannot be read is told of, and never touched. */
function leftAlone(listings: readonly RunListing[]): string[] {
  return listings.flatMap((listing) =>
    "manifest" in listing ? [] : [`- ${listing.runId} cannot be read: ${listing.problem}`],
  );
}

/** Removes it; a text says why it was left alone, or what is left of it. */
async function removal(
  listing: RunListing,
  reason: string,
  context: ActionContext,
): Promise<string | undefined> {
  try {
    return await context.history.remove(listing.runId, markOf(listing, reason, context));
  } catch (error) {
    if (error instanceof RunNotFound) return "somebody else has removed it";
    if (!(error instanceof HistoryRefused)) throw error;
    return error.message;
  }
}
