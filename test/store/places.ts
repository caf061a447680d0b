import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Lease, LeaseHeld, RunStore } from "../../src/core/ports.ts";
import type { ProcessIdentity } from "../../src/core/process.ts";
import { openRunStore, type RunStoreParts } from "../../src/store/run-store.ts";

export const runId = "20261121-test-run";
export const somebody: ProcessIdentity = { pid: 4711, startTime: "100", bootId: "boot" };
export const at = Date.UTC(2026, 10, 21);

/** A directory of its own that is gone after the test. */
export async function freshDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "muster-store-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A store with one run in it. Every holder counts as gone, unless `parts` say otherwise. */
export async function freshStore(parts: RunStoreParts = {}): Promise<RunStore> {
  const store = openRunStore(join(await freshDirectory(), ".muster"), {
    probe: async () => "gone",
    ...parts,
  });
  await store.create(runId);
  return store;
}

/** The lease, or a failed test. */
export function taken(lease: Lease | LeaseHeld): Lease {
  if ("heldBy" in lease) throw new Error(`held by ${JSON.stringify(lease.heldBy)}`);
  return lease;
}

/** Takes the lease as `somebody`. */
export async function acquired(store: RunStore): Promise<Lease> {
  const lease = taken(await store.acquire(runId, somebody, at));
  onTestFinished(() => lease.release());
  return lease;
}
