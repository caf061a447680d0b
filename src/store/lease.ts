import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import type { RunEvent, StoredEvent } from "../core/events.ts";
import { JournalDamaged } from "../core/failure.ts";
import { invariant } from "../core/invariant.ts";
import type { Clock, Lease, LeaseHeld } from "../core/ports.ts";
import type { Liveness, ProcessIdentity } from "../core/process.ts";
import { claim, incompleteClaimMaxAgeMs } from "../lib/claim.ts";
import { exists, sweepTemporaries } from "../lib/files.ts";
import { onDisk } from "./disk.ts";
import { JournalCursor } from "./journal-cursor.ts";
import { BadLine, encodeLine, stored } from "./journal-line.ts";
import { SegmentWriter } from "./segment-writer.ts";
import { leaseOf, releaseMark, segmentName, segmentsIn, sizeOf } from "./segments.ts";

/** What leases are taken with. */
export interface LeaseParts {
  readonly clock: Clock;
  readonly probe: (process: ProcessIdentity) => Promise<Liveness>;
  readonly redact: (event: RunEvent) => RunEvent;
}

/** Contenders that may beat us before we call it a bug: each of them must have died at once. */
const roundsMax = 50;
const nobodyKnown: ProcessIdentity = { pid: 0, startTime: "unknown", bootId: "unknown" };

/**
 * Takes the right to write the journal, by creating its next segment; or says who holds it. Whatever the last holder
 * left unfinished is cut off and sealed first. Throws `JournalDamaged` rather than build on what cannot be read.
 */
export async function takeLease(
  journal: string,
  holder: ProcessIdentity,
  at: number,
  parts: LeaseParts,
): Promise<Lease | LeaseHeld> {
  for (let round = 1; round <= roundsMax; round += 1) {
    const held = await newestHolder(journal, parts);
    if (held !== undefined && held.liveness !== "gone") {
      return { heldBy: held.holder, liveness: held.liveness };
    }
    const writer = await onDisk("take the lease of", journal, () => tryNext(journal, holder, at, parts));
    if (writer !== undefined) return writer;
  }
  invariant(false, `${roundsMax} others took the lease of ${journal} and died at once`);
}

/** Who took the newest lease, and whether the right is still theirs: `gone` also when they gave it back. */
export async function newestHolder(
  journal: string,
  parts: Pick<LeaseParts, "clock" | "probe">,
): Promise<{ holder: ProcessIdentity & { epoch: number }; liveness: Liveness } | undefined> {
  const epoch = (await segmentsIn(journal)).at(-1);
  if (epoch === undefined) return undefined;
  const lease = await leaseOf(journal, epoch);
  if (lease instanceof BadLine) {
    throw new JournalDamaged({ where: `${join(journal, segmentName(epoch))}:1`, ...lease });
  }
  if (lease === undefined) {
    const { mtimeMs } = await stat(join(journal, segmentName(epoch)));
    const isFresh = Math.abs(parts.clock.now() - mtimeMs) < incompleteClaimMaxAgeMs;
    return { holder: { ...nobodyKnown, epoch }, liveness: isFresh ? "indeterminate" : "gone" };
  }
  const { pid, startTime, bootId } = lease;
  const holder = { pid, startTime, bootId, epoch };
  if (await exists(releaseMark(journal, epoch))) return { holder, liveness: "gone" };
  return { holder, liveness: await parts.probe({ pid, startTime, bootId }) };
}

/** Undefined when somebody else was faster. */
async function tryNext(
  journal: string,
  holder: ProcessIdentity,
  at: number,
  parts: LeaseParts,
): Promise<Lease | undefined> {
  const epochs = await segmentsIn(journal);
  const epoch = (epochs.at(-1) ?? 0) + 1;
  const cursor = new JournalCursor(journal);
  const { events, problem } = await cursor.rest();
  if (problem !== undefined) throw new JournalDamaged(problem);
  const sealed: { segment: string; bytes: number }[] = [];
  for (const older of epochs) {
    const end = older === cursor.position.epoch ? cursor.position.bytes : 0;
    const bytes = cursor.position.seals.get(older) ?? (await cutOff(journal, older, end));
    sealed.push({ segment: segmentName(older), bytes });
  }
  const { pid, startTime, bootId } = holder;
  const place = { seq: events.length + 1, epoch, at: new Date(at).toISOString() };
  const taken: StoredEvent = stored({ type: "lease.taken", pid, startTime, bootId, sealed }, place);
  const line = Buffer.from(encodeLine(taken));
  const path = join(journal, segmentName(epoch));
  if (!(await claim(path, line, { durable: true }))) return undefined;
  await sweepTemporaries(journal, parts.clock.now());
  const file = await open(path, "r+");
  const segment = { file, journal, epoch, bytes: line.length, history: [...events, taken] };
  return new SegmentWriter(segment, parts.clock, parts.redact);
}

/** Ends a dead holder's segment behind its last record, durably: a seal must not promise what a power cut takes. */
async function cutOff(journal: string, epoch: number, bytes: number): Promise<number> {
  const file = await open(join(journal, segmentName(epoch)), "r+");
  try {
    if ((await sizeOf(journal, epoch)) > bytes) await file.truncate(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
  return bytes;
}
