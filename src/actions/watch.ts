import { evolve, fold } from "../core/evolve.ts";
import type { RunId } from "../core/plan.ts";
import { runView } from "../core/run-view.ts";
import type { RunState } from "../core/state.ts";
import { isFinalRun } from "../core/status.ts";
import type { ActionContext } from "./context.ts";

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
  /** Its journal cannot be read to the end. */
  | "damaged";

export interface WatchTerms {
  /** `rest`: also ends when the run stands still. */
  readonly until: "final" | "rest";
  readonly signal?: AbortSignal;
  /** Longest wait, ms; absent means no limit of its own. */
  readonly patienceMs?: number;
}

const patrolMs = 2_000;
const driverGoneMaxMs = 10_000;
const driverMissingMaxMs = 30_000;
const progressMinMs = 100;

/** Follows a run's journal until it ends, or one of the terms does. Whatever ended it, the manifest is up to date. */
export async function watch(runId: RunId, context: ActionContext, terms: WatchTerms): Promise<WatchEnd> {
  const { engine, clock } = context;
  const reading = await engine.read(runId);
  const stop = new AbortController();
  const seen = { state: fold(reading.events), changedAt: clock.now(), shownAt: Number.NEGATIVE_INFINITY };
  if (reading.problem !== undefined) return "damaged";

  const follow = async (): Promise<WatchEnd> => {
    let end = restOf(seen.state, terms);
    if (end !== undefined) return end;
    for await (const event of engine.follow(runId, seen.state.seq + 1, stop.signal)) {
      seen.state = evolve(seen.state, event);
      seen.changedAt = clock.now();
      end = restOf(seen.state, terms);
      if (end !== undefined || clock.now() - seen.shownAt >= progressMinMs) show();
      if (end !== undefined) return end;
    }
    return stop.signal.aborted ? "aborted" : "damaged";
  };
  const show = (): void => {
    seen.shownAt = clock.now();
    const view = context.onProgress && runView(seen.state, seen.shownAt);
    if (view !== undefined) context.onProgress?.(view);
  };
  const patrol = async (): Promise<WatchEnd> => {
    let unmannedSince: number | undefined;
    while (!stop.signal.aborted) {
      await clock.sleep(patrolMs, stop.signal);
      const now = clock.now();
      show();
      if (now - seen.changedAt < patrolMs || stop.signal.aborted) {
        unmannedSince = undefined;
        continue;
      }
      const driver = await driverOf(runId, context);
      if (driver === "there") unmannedSince = undefined;
      else unmannedSince ??= now;
      const bound = driver === "gone" ? driverGoneMaxMs : driverMissingMaxMs;
      if (unmannedSince !== undefined && now - unmannedSince >= bound) return "abandoned";
    }
    return "aborted";
  };

  try {
    const ends: Promise<WatchEnd>[] = [follow(), patrol()];
    if (terms.signal !== undefined) ends.push(aborted(terms.signal, stop.signal));
    if (terms.patienceMs !== undefined)
      ends.push(clock.sleep(terms.patienceMs, stop.signal).then(() => "patience" as const));
    const end = await Promise.race(ends);
    await engine.settled(runId, seen.state.seq);
    return end;
  } finally {
    stop.abort();
  }
}

function restOf(state: RunState, terms: WatchTerms): WatchEnd | undefined {
  if (isFinalRun(state.status)) return "final";
  return terms.until === "rest" && state.status === "blocked" ? "attention" : undefined;
}

async function driverOf(runId: RunId, { engine }: ActionContext): Promise<"there" | "gone" | "none"> {
  const [listing] = await engine.list(runId);
  if (listing === undefined || !("manifest" in listing)) return "gone";
  return listing.driver === "gone" || listing.driver === "none" ? listing.driver : "there";
}

function aborted(signal: AbortSignal, over: AbortSignal): Promise<WatchEnd> {
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener("abort", done);
      over.removeEventListener("abort", done);
      resolve("aborted");
    };
    if (signal.aborted || over.aborted) return done();
    signal.addEventListener("abort", done);
    over.addEventListener("abort", done);
  });
}
