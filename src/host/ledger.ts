/**
 * What the session file says about the session's runs: which were started, and which endings the lead was told. Kept as
 * the session's own entries, so that it lives exactly as long as the session and costs nothing where no run was.
 */

/** Entry that we append: a run was started, or its ending reached the lead by another way than a notice. */
export const ledgerType = "muster-run";
/** Message that tells an ending; that it stands in the session file proves that it was delivered. */
export const noticeType = "muster-notice";

export interface LedgerEntry {
  readonly runId: string;
  readonly told?: Rest;
}

/** What a run can be told about: that it is over, or that it stands still. */
export type Rest = "over" | "blocked";

export interface Ledger {
  readonly started: ReadonlySet<string>;
  /** Keys of `restKey`. */
  readonly told: ReadonlySet<string>;
}

/** Names one thing to tell. */
export function restKey(runId: string, rest: Rest): string {
  return `${runId} ${rest}`;
}

/** Reads a session's entries; what is not ours or not readable is passed over. */
export function readLedger(entries: readonly unknown[]): Ledger {
  const started = new Set<string>();
  const told = new Set<string>();
  for (const entry of entries) {
    const record = ledgerEntry(entry);
    if (record === undefined) continue;
    started.add(record.runId);
    if (record.told !== undefined) told.add(restKey(record.runId, record.told));
  }
  return { started, told };
}

/** The ledger record that an entry or a message carries. */
export function ledgerEntry(entry: unknown): LedgerEntry | undefined {
  if (typeof entry !== "object" || entry === null || !("customType" in entry)) return undefined;
  const { customType } = entry;
  if (customType !== ledgerType && customType !== noticeType) return undefined;
  const record: unknown = "data" in entry ? entry.data : "details" in entry ? entry.details : undefined;
  if (typeof record !== "object" || record === null || !("runId" in record)) return undefined;
  const { runId } = record;
  const told = "told" in record ? record.told : undefined;
  if (typeof runId !== "string") return undefined;
  return { runId, ...((told === "over" || told === "blocked") && { told }) };
}
