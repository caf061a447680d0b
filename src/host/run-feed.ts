import { evolve, fold } from "../core/evolve.ts";
import type { Clock, RunEngine } from "../core/ports.ts";
import { runView } from "../core/run-view.ts";
import { emptyState, type RunState } from "../core/state.ts";
import { isFinalRun } from "../core/status.ts";
import type { RunView } from "../core/view.ts";
import { isShown } from "../ui/widget.ts";

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
  readonly failed: (runId: string, error: unknown) => void;
}

/** The runs of one session, folded from their journals as they grow. Costs nothing while no run is followed. */
export class RunFeed {
  readonly #terms: FeedTerms;
  readonly #closed = new AbortController();
  readonly #states = new Map<string, RunState>();

  /** The callbacks must not throw. */
  constructor(terms: FeedTerms) {
    this.#terms = terms;
  }

  /** Starts to follow a run; nothing when it is followed already. */
  follow(runId: string): void {
    if (this.#states.has(runId) || this.#closed.signal.aborted) return;
    this.#states.set(runId, emptyState);
    this.#read(runId).catch((error: unknown) => {
      if (this.#closed.signal.aborted) return;
      this.#forget(runId);
      this.#terms.failed(runId, error);
    });
  }

  /** What is to be shown now, ms since the epoch; what has been shown long enough is forgotten here. */
  views(now: number): readonly RunView[] {
    const shown: RunView[] = [];
    for (const [runId, state] of this.#states) {
      const view = runView(state, now);
      if (view !== undefined && isShown(view, now)) shown.push(view);
      else if (isFinalRun(state.status)) this.#states.delete(runId);
    }
    return shown;
  }

  /** The newest view of a run that is followed and stands still or is over. */
  restOf(runId: string): RunView | undefined {
    const state = this.#states.get(runId) ?? emptyState;
    // A view is made only where somebody looks: a flood of telemetry costs its fold.
    const isAtRest = isFinalRun(state.status) || state.status === "blocked";
    return isAtRest ? runView(state, this.#terms.clock.now()) : undefined;
  }

  /** Ends all following; nothing is called after this. */
  close(): void {
    this.#closed.abort();
    this.#states.clear();
  }

  async #read(runId: string): Promise<void> {
    const { signal } = this.#closed;
    const { engine } = this.#terms;
    let state = fold((await engine.read(runId)).events);
    if (signal.aborted || !this.#take(runId, state, true)) return;
    for await (const event of engine.follow(runId, state.seq + 1, signal)) {
      state = evolve(state, event);
      if (signal.aborted || !this.#take(runId, state, false)) return;
    }
  }

  /** False when there is nothing more to expect. */
  #take(runId: string, state: RunState, late: boolean): boolean {
    const before = this.#states.get(runId)?.status;
    this.#states.set(runId, state);
    if (state.status !== "queued" && state.terms.owner.sessionId !== this.#terms.sessionId) {
      this.#forget(runId);
      return false;
    }
    this.#terms.changed();
    const rest = before === state.status ? undefined : this.restOf(runId);
    if (rest !== undefined) this.#terms.rested(rest, late);
    return !isFinalRun(state.status);
  }

  #forget(runId: string): void {
    this.#states.delete(runId);
    this.#terms.changed();
  }
}
