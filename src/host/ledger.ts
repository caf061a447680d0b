import { membersOf } from "../lib/json.ts";

/**
 * What the session file says about the session's runs: which were started, and which endings the lead was told. Kept as
 * the session's own entries, so that it lives exactly as long as the session and costs nothing where no run was.
 */

/** Entry that we append: a run was started, or its ending reached the lead by another way than a notice. */
export const ledgerType = "muster-run";
/** Message that tells news; that it stands in the session file proves that they were delivered. */
export const noticeType = "muster-notice";

/** What a run can be told about: that it is over, or that it stands still. */
export type Rest = "over" | "blocked";

/** Takes back that a run stands still. */
export const movesAgain = "moves";

/** What was told: that it rests, that a driver took it over in this epoch, or that it asks this question. */
export type Told = Rest | `recovered-${number}` | `asked-${string}`;

/** What was told of each run that was started here. */
export type Ledger = Map<string, Set<Told>>;

/** Reads a session's entries; what is not ours or not readable is passed over. */
export function readLedger(entries: readonly unknown[]): Ledger {
  const ledger: Ledger = new Map();
  for (const entry of entries) {
    const { customType, data, details } = membersOf(entry);
    if (customType !== ledgerType && customType !== noticeType) continue;
    const members = membersOf(data ?? details);
    // An entry, and a message of earlier versions, tells of one run.
    for (const each of Array.isArray(members.news) ? members.news : [members]) {
      const { runId, told } = membersOf(each);
      if (typeof runId !== "string") continue;
      const rests = ledger.get(runId) ?? new Set();
      if (isTold(told)) rests.add(told);
      else if (told === movesAgain) rests.delete("blocked");
      ledger.set(runId, rests);
    }
  }
  return ledger;
}

function isTold(told: unknown): told is Told {
  return typeof told === "string" && /^(over|blocked|recovered-\d+|asked-.+)$/.test(told);
}
