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
  const lease = await parts.store.acquire(parts.runId, self, parts.clock.now());
  if ("heldBy" in lease) return lease;
  return drive({ ...parts, lease }, signal);
}
