import { evolve, fold } from "../core/evolve.ts";
import { JournalDamaged } from "../core/failure.ts";
import { openQuestions } from "../core/letters.ts";
import type { RunId } from "../core/plan.ts";
import { runView } from "../core/run-view.ts";
import type { RunState } from "../core/state.ts";
import { isFinalRun } from "../core/status.ts";
import type { ActionContext } from "./context.ts";
import { isGone } from "./observe.ts";

/** Why a watch ended. */
export type WatchEnd =
  | "final"
  /** It stands still until somebody acts. */
  | "attention"
  | "aborted"
  /** The time that was granted is over. */
  | "patience"
  /** Nobody drives it: its driver is gone, or never came. */
  | "abandoned"
  /** Its journal cannot be read to the end, or is not there any more. */
  | "damaged";

export interface WatchTerms {
  /** `rest`: also ends when the run stands still. */
  readonly until: "final" | "rest";
  readonly signal?: AbortSignal;
  /** Longest wait, ms; absent means no limit of its own. */
  readonly patienceMs?: number;
}

const patrolMs = 2_000;
/** How long a run may be without a driver that was there, that never came yet, or that is on its way. */
const unmannedMaxMs = { gone: 10_000, none: 30_000, coming: 60_000 };
const progressEveryMs = 250;

/** Follows a run's journal until it ends, or one of the terms does. Whatever ended it, the manifest is up to date. */
export async function watch(runId: RunId, context: ActionContext, terms: WatchTerms): Promise<WatchEnd> {
  try {
    return await watched(runId, context, terms);
  } catch (error) {
    // Somebody removed it, or broke it, meanwhile: whoever looks next is told which.
    if (isGone(error) || error instanceof JournalDamaged) return "damaged";
    throw error;
  }
}

async function watched(runId: RunId, context: ActionContext, terms: WatchTerms): Promise<WatchEnd> {
  const { engine, clock, onProgress } = context;
  const reading = await engine.read(runId);
  if (reading.problem !== undefined) return "damaged";
  let state = fold(reading.events);
  let [changedAt, shownAt] = [clock.now(), Number.NEGATIVE_INFINITY];
  const over = new AbortController();
  const stop = AbortSignal.any([over.signal, ...(terms.signal === undefined ? [] : [terms.signal])]);

  const show = (): void => {
    const view = over.signal.aborted ? undefined : onProgress && runView(state, clock.now());
    // What is only queued is shown at once when it begins.
    if (view === undefined) return;
    shownAt = clock.now();
    onProgress?.(view);
  };
  const follow = async (): Promise<WatchEnd> => {
    let end = restOf(state, terms);
    if (end !== undefined) return end;
    for await (const event of engine.follow(runId, state.seq + 1, stop)) {
      state = evolve(state, event);
      changedAt = clock.now();
      end = restOf(state, terms);
      if (end !== undefined || changedAt - shownAt >= progressEveryMs) show();
      if (end !== undefined) return end;
    }
    return stop.aborted ? "aborted" : "damaged";
  };
  const patrol = async (): Promise<WatchEnd> => {
    let unmannedSince: number | undefined;
    for (;;) {
      await clock.sleep(patrolMs, stop);
      if (stop.aborted) return "aborted";
      show();
      const isSilent = clock.now() - changedAt >= patrolMs;
      const driver = isSilent ? await driverOf(runId, context) : "there";
      if (driver === "there") unmannedSince = undefined;
      else {
        unmannedSince ??= clock.now();
        const isComing = await isRecovered(runId, context);
        if (clock.now() - unmannedSince >= unmannedMaxMs[isComing ? "coming" : driver]) return "abandoned";
      }
    }
  };
  const patience = async (ms: number): Promise<WatchEnd> => {
    await clock.sleep(ms, stop);
    return stop.aborted ? "aborted" : "patience";
  };

  try {
    show();
    const { patienceMs } = terms;
    const ends = [follow(), patrol(), ...(patienceMs === undefined ? [] : [patience(patienceMs)])];
    const end = await Promise.race(ends);
    await engine.settled(runId, state.seq);
    return end;
  } finally {
    over.abort();
  }
}

function restOf(state: RunState, { until }: WatchTerms): WatchEnd | undefined {
  if (isFinalRun(state.status)) return "final";
  if (until !== "rest" || state.status === "queued") return undefined;
  return state.status === "blocked" || openQuestions(state).length > 0 ? "attention" : undefined;
}

/** Whoever waits for a run sees to it that somebody drives it. */
async function isRecovered(runId: RunId, { engine, requester }: ActionContext): Promise<boolean> {
  if (!requester.trusted || (requester.nesting?.depth ?? 0) > 0) return false;
  return (await engine.recover({ only: runId, graceMs: 0 })).coming.includes(runId);
}

async function driverOf(runId: RunId, { engine }: ActionContext): Promise<"there" | "gone" | "none"> {
  const [listing] = await engine.list(runId);
  if (listing === undefined || !("manifest" in listing)) return "gone";
  return listing.driver === "gone" || listing.driver === "none" ? listing.driver : "there";
}
