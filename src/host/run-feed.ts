import { evolve, fold } from "../core/evolve.ts";
import { RunNotFound } from "../core/failure.ts";
import type { Clock, RunEngine } from "../core/ports.ts";
import { runView } from "../core/run-view.ts";
import { emptyState, type RunState } from "../core/state.ts";
import { isFinalRun } from "../core/status.ts";
import type { RunView } from "../core/view.ts";
import { isShown } from "../ui/widget.ts";

/** The runs of one session, folded from their journals as they grow. */
export interface RunFeed {
  /** Starts to follow a run; nothing when it is followed already. */
  follow(runId: string): void;
  /** What is to be shown now, ms since the epoch; what has been shown long enough is forgotten here. */
  views(now: number): readonly RunView[];
  /** The newest view of a run that is followed. */
  view(runId: string): RunView | undefined;
  /** Ends all following; nothing is called after this. */
  close(): void;
}

export interface FeedTerms {
  readonly engine: RunEngine;
  readonly clock: Clock;
  /** Runs of other owners are not followed. */
  readonly sessionId: string;
  /** Something can be seen that was not there before. */
  readonly changed: () => void;
  /** A run ended, or stands still. `late`: it did so before it was followed. */
  readonly rested: (view: RunView, late: boolean) => void;
  /** A run cannot be followed any more. */
  readonly failed: (runId: string, message: string) => void;
}

/** Tries to go on reading after an error, without one event in between. */
const troublesMax = 5;
const troubleRestMs = 1_000;

/** Follows journals through the engine; costs nothing while no run is followed. The callbacks must not throw. */
export function openRunFeed(terms: FeedTerms): RunFeed {
  const { clock, engine } = terms;
  const closed = new AbortController();
  const states = new Map<string, RunState>();

  const take = (runId: string, state: RunState, late: boolean): "over" | "goes on" => {
    const before = states.get(runId);
    states.set(runId, state);
    const view = runView(state, clock.now());
    if (view !== undefined && view.owner.sessionId !== terms.sessionId) {
      states.delete(runId);
      return "over";
    }
    terms.changed();
    const rests = isFinalRun(state.status) || state.status === "blocked";
    if (view !== undefined && rests && before?.status !== state.status) terms.rested(view, late);
    return isFinalRun(state.status) ? "over" : "goes on";
  };

  const read = async (runId: string): Promise<"over" | "goes on"> => {
    const reading = await engine.read(runId);
    if (closed.signal.aborted) return "over";
    if (take(runId, fold(reading.events), true) === "over") return "over";
    for await (const event of engine.follow(runId, stateOf(runId).seq + 1, closed.signal)) {
      if (closed.signal.aborted || take(runId, evolve(stateOf(runId), event), false) === "over")
        return "over";
    }
    return closed.signal.aborted ? "over" : "goes on";
  };
  const stateOf = (runId: string): RunState => states.get(runId) ?? emptyState;

  const tail = async (runId: string): Promise<void> => {
    for (let troubles = 0; troubles < troublesMax && !closed.signal.aborted; troubles++) {
      const from = stateOf(runId).seq;
      try {
        if ((await read(runId)) === "over") return;
      } catch (error) {
        if (closed.signal.aborted) return;
        const message = error instanceof Error ? error.message : String(error);
        if (error instanceof RunNotFound || troubles === troublesMax - 1) {
          states.delete(runId);
          terms.changed();
          terms.failed(runId, message);
          return;
        }
      }
      if (stateOf(runId).seq > from) troubles = 0;
      await clock.sleep(troubleRestMs * 2 ** troubles, closed.signal);
    }
  };

  return {
    follow(runId) {
      if (states.has(runId) || closed.signal.aborted) return;
      states.set(runId, emptyState);
      // `tail` ends what it cannot handle by `failed`.
      void tail(runId);
    },
    views(now) {
      const shown: RunView[] = [];
      for (const [runId, state] of states) {
        const view = runView(state, now);
        if (view !== undefined && isShown(view, now)) shown.push(view);
        else if (isFinalRun(state.status)) states.delete(runId);
      }
      return shown;
    },
    view(runId) {
      const state = states.get(runId);
      return state === undefined ? undefined : runView(state, clock.now());
    },
    close() {
      closed.abort();
      states.clear();
    },
  };
}
