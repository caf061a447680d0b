import { constants } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { RunEvent, StoredEvent } from "../core/events.ts";
import { JournalDamaged } from "../core/failure.ts";
import { invariant } from "../core/invariant.ts";
import type { Clock, JournalProblem, JournalRepair, Lease, LeaseHeld } from "../core/ports.ts";
import type { Liveness, ProcessIdentity } from "../core/process.ts";
import { claim, incompleteClaimMaxAgeMs } from "../lib/claim.ts";
import { errnoOf, exists, openRegular, sweepTemporaries } from "../lib/files.ts";
import { onDisk } from "./disk.ts";
import { JournalCursor } from "./journal-cursor.ts";
import { BadLine, encodeLine, endOfLine, stored } from "./journal-line.ts";
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

/** Who takes a lease, when (ms since the epoch), and what may be given up for it. */
export interface Taking {
  readonly holder: ProcessIdentity;
  readonly at: number;
  readonly repair?: JournalRepair | undefined;
}

/**
 * Takes the right to write the journal, by creating its next segment; or says who holds it. Whatever the last holder
 * left unfinished is cut off and sealed first. Throws `JournalDamaged` rather than build on what cannot be read; with
 * `repair` it seals the sound records and records in the same instant what was given up.
 */
export async function takeLease(
  journal: string,
  taking: Taking,
  parts: LeaseParts,
): Promise<Lease | LeaseHeld> {
  for (let round = 1; round <= roundsMax; round += 1) {
    const held = await newestHolder(journal, parts);
    if (held !== undefined && held.liveness !== "gone") {
      return { heldBy: held.holder, liveness: held.liveness };
    }
    const writer = await onDisk("take the lease of", journal, () => tryNext(journal, taking, parts));
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
  const isReleased = await exists(releaseMark(journal, epoch));
  if (isReleased && (lease === undefined || lease instanceof BadLine))
    return { holder: { ...nobodyKnown, epoch }, liveness: "gone" };
  if (lease instanceof BadLine)
    throw new JournalDamaged({ where: `${join(journal, segmentName(epoch))}:1`, ...lease });
  if (lease === undefined) {
    const { mtimeMs } = await stat(join(journal, segmentName(epoch)));
    const isFresh = Math.abs(parts.clock.now() - mtimeMs) < incompleteClaimMaxAgeMs;
    return { holder: { ...nobodyKnown, epoch }, liveness: isFresh ? "indeterminate" : "gone" };
  }
  const { pid, startTime, bootId } = lease;
  const holder = { pid, startTime, bootId, epoch };
  if (isReleased) return { holder, liveness: "gone" };
  return { holder, liveness: await parts.probe({ pid, startTime, bootId }) };
}

/** Undefined when somebody else was faster. */
async function tryNext(
  journal: string,
  { holder, at, repair }: Taking,
  parts: LeaseParts,
): Promise<Lease | undefined> {
  const epoch = ((await segmentsIn(journal)).at(-1) ?? 0) + 1;
  const cursor = new JournalCursor(journal);
  const reading = await cursor.rest();
  const problem = reading.problem ?? repair?.problem;
  const isBeyondRepair = repair === undefined || problem?.isNewer;
  if (problem !== undefined && isBeyondRepair) throw new JournalDamaged(problem);
  const { position } = cursor;
  const sealed: { segment: string; bytes: number }[] = [];
  const evidence: string[] = [];
  let givenUp = 0;
  for (let older = 1; older < epoch; older += 1) {
    const segment = segmentName(older);
    const sound = position.seals.get(older) ?? (older === position.epoch ? position.bytes : 0);
    const lines =
      problem === undefined || older < position.epoch ? 0 : await linesBehind(journal, older, sound);
    if (lines > 0) evidence.push(segment);
    givenUp += lines;
    if (!position.seals.has(older)) await makeFirm(journal, older, sound, problem);
    sealed.push({ segment, bytes: sound });
  }
  const history: StoredEvent[] = [...reading.events];
  const add = (event: RunEvent): void => {
    const place = { seq: history.length + 1, epoch, at: new Date(at).toISOString() };
    history.push(stored(parts.redact(event), place));
  };
  const { pid, startTime, bootId } = holder;
  add({ type: "lease.taken", pid, startTime, bootId, sealed });
  if (problem !== undefined && repair !== undefined) {
    const { by, reason } = repair;
    const { where, message } = problem;
    add({ type: "journal.repaired", by, reason, where, message, evidence, givenUp });
    for (const event of await repair.salvage(history)) add(event);
  }
  const text = Buffer.from(history.slice(reading.events.length).map(encodeLine).join(""));
  const path = join(journal, segmentName(epoch));
  if (!(await claim(path, text, { durable: true }))) return undefined;
  await sweepTemporaries(journal, parts.clock.now());
  const { file } = await openRegular(path, constants.O_RDWR);
  return new SegmentWriter({ file, journal, epoch, bytes: text.length, history }, parts.clock, parts.redact);
}

/**
 * Ends a dead holder's segment behind its last sound record, durably: a seal must not promise what a power cut takes.
 * What stands behind damage is evidence, and stays.
 */
async function makeFirm(
  journal: string,
  epoch: number,
  bytes: number,
  problem: JournalProblem | undefined,
): Promise<void> {
  if (problem !== undefined && bytes === 0) return;
  const { file } = await openRegular(join(journal, segmentName(epoch)), constants.O_RDWR);
  try {
    if (problem === undefined && (await sizeOf(journal, epoch)) > bytes) await file.truncate(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Lines of a segment behind its sound bytes; none when it is not there. */
async function linesBehind(journal: string, epoch: number, bytes: number): Promise<number> {
  const opened = await openRegular(join(journal, segmentName(epoch))).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (opened === undefined) return 0;
  try {
    const behind = (await opened.file.readFile()).subarray(bytes);
    let lines = 0;
    for (let at = endOfLine(behind, 0); at >= 0; at = endOfLine(behind, at + 1)) lines += 1;
    return lines;
  } finally {
    await opened.file.close();
  }
}
