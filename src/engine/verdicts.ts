import { StorageError } from "../core/failure.ts";
import type { AttemptOutcome } from "../core/outcome.ts";
import type { AttemptFiles } from "../core/ports.ts";
import { type Liveness, type ProcessIdentity, type Verdict, verdictOf } from "../core/process.ts";
import { attemptKey, liveAttemptOf, type RunState } from "../core/state.ts";

/** An attempt without a recorded end: what is to be thought of it, and the outcome that it left, if any. */
export interface Judged {
  readonly verdict: Verdict;
  readonly outcome?: AttemptOutcome;
  /** Why its outcome.json cannot be read now: there may be a result in it. */
  readonly refusal?: StorageError;
}

/** How attempts are looked at from outside. `now` is ms since the epoch. */
export interface Look {
  readonly files: AttemptFiles;
  readonly probe: (process: ProcessIdentity) => Promise<Liveness>;
  readonly now: number;
}

/** Judges every attempt of a run that has no recorded end, by `task/attempt`. Reads, and changes nothing. */
export async function judge(
  state: RunState,
  { files, probe, now }: Look,
): Promise<ReadonlyMap<string, Judged>> {
  const judged = new Map<string, Judged>();
  if (state.status === "queued") return judged;
  const { startMaxMs, silenceMaxMs } = state.terms.settings.limits;
  for (const index of state.active) {
    const attempt = liveAttemptOf(state.tasks.get(index));
    const id = state.plan.tasks[index]?.id;
    if (attempt === undefined || id === undefined) continue;
    const found = await files.readOutcome(id, attempt.number).catch(refusalOr);
    const record = found instanceof StorageError ? "unreadable" : found;
    const worker = attempt.worker && (await probe(attempt.worker));
    const graceMs = attempt.isReady ? silenceMaxMs : startMaxMs;
    const { lastSignAt } = attempt;
    const verdict = verdictOf({ record, lastSignAt, graceMs, ...(worker && { worker }) }, now);
    const left =
      found instanceof StorageError
        ? { refusal: found }
        : typeof record === "object" && { outcome: record.outcome };
    judged.set(attemptKey(id, attempt.number), { verdict, ...left });
  }
  return judged;
}

function refusalOr(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  throw error;
}
