import type { LeaseHeld } from "../core/ports.ts";
import type { ProcessIdentity } from "../core/process.ts";
import type { RunState } from "../core/state.ts";
import { type DriverParts, drive } from "./driver.ts";

/**
 * Takes the run's lease and drives it to its end. Resolves with the last state, or with who holds the lease when
 * somebody else drives already.
 */
export async function takeAndDrive(
  parts: Omit<DriverParts, "lease">,
  self: ProcessIdentity,
  signal: AbortSignal,
): Promise<RunState | LeaseHeld> {
  for (;;) {
    const lease = await parts.store.acquire(parts.runId, self, parts.clock.now());
    if ("heldBy" in lease) return lease;
    const state = await drive({ ...parts, lease }, signal);
    if ((state.status !== "blocked" && state.status !== "queued") || signal.aborted) return state;
    // A request that came while the lease was given back saw a living driver and woke nobody else.
    if ((await parts.store.inbox(parts.runId).pending()).length === 0) return state;
  }
}
