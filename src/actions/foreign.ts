import type { Owner } from "../core/events.ts";
import type { PlanProblem } from "../core/plan.ts";
import type { RunListing } from "../core/ports.ts";
import { isFinalRun } from "../core/status.ts";
import type { Parameters } from "./action.ts";
import type { Requester } from "./context.ts";

/** The owner of what this requester starts or takes over. */
export function ownerOf({ sessionId, host, staysAlive }: Requester): Owner {
  return { sessionId, ...(host && { host }), ...(!staysAlive && { attended: false }) };
}

/** Whose run it is, where that is somebody else; undefined for one's own. What cannot be read may be anybody's. */
export function foreignOwner(listing: RunListing, { sessionId }: Requester): string | undefined {
  if (!("manifest" in listing)) return "nobody knows whom";
  const { owner } = listing.manifest;
  return owner.sessionId === sessionId ? undefined : `session ${owner.sessionId}`;
}

/** True for a run that never changes again. */
export function isOver(listing: RunListing): boolean {
  return "manifest" in listing && isFinalRun(listing.manifest.status);
}

/** What is wrong with a request that meets `obstacles`: it needs force, and force needs a reason. */
export function unforced(
  obstacles: readonly string[],
  { force = false, reason = "" }: Parameters,
  where = "force",
): readonly PlanProblem[] {
  const isJustified = reason.trim() !== "";
  if (force && !isJustified)
    return [
      { where: "reason", message: "force without a reason", remedy: 'send reason="…": it is recorded' },
    ];
  if (force) return [];
  const remedy = 'send force=true and reason="…" if that is meant; both are recorded';
  return obstacles.map((message) => ({ where, message, remedy }));
}
