import { evolve, fold } from "../core/evolve.ts";
import { RunNotFound } from "../core/failure.ts";
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
  readonly failed: (runId: string, message: string) => void;
}

/** Tries to go on reading after an error, without one event in between. */
const troublesMax = 5;
const troubleRestMs = 1_000;

/**
 * The runs of one session, folded from their journals as they grow. Costs nothing while no run is followed.
 */
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
    // `#tail` ends what it cannot handle by telling `failed`.
    void this.#tail(runId);
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

  /** The newest view of a run that is followed; undefined before its start is recorded. */
  view(runId: string): RunView | undefined {
    return runView(this.#stateOf(runId), this.#terms.clock.now());
  }

  /** Ends all following; nothing is called after this. */
  close(): void {
    this.#closed.abort();
    this.#states.clear();
  }

  async #tail(runId: string): Promise<void> {
    const { signal } = this.#closed;
    for (let troubles = 0; troubles < troublesMax && !signal.aborted; troubles++) {
      const from = this.#stateOf(runId).seq;
      try {
        if ((await this.#read(runId)) === "over") return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof RunNotFound || troubles === troublesMax - 1) {
          this.#states.delete(runId);
          this.#terms.changed();
          this.#terms.failed(runId, error instanceof Error ? error.message : String(error));
          return;
        }
      }
      if (this.#stateOf(runId).seq > from) troubles = 0;
      await this.#terms.clock.sleep(troubleRestMs * 2 ** troubles, signal);
    }
  }

  async #read(runId: string): Promise<"over" | "goes on"> {
    const { signal } = this.#closed;
    const { engine } = this.#terms;
    const reading = await engine.read(runId);
    if (signal.aborted || this.#take(runId, fold(reading.events), true) === "over") return "over";
    for await (const event of engine.follow(runId, this.#stateOf(runId).seq + 1, signal)) {
      if (signal.aborted) return "over";
      if (this.#take(runId, evolve(this.#stateOf(runId), event), false) === "over") return "over";
    }
    return signal.aborted ? "over" : "goes on";
  }

  #take(runId: string, state: RunState, late: boolean): "over" | "goes on" {
    const before = this.#stateOf(runId);
    this.#states.set(runId, state);
    if (state.status !== "queued" && state.terms.owner.sessionId !== this.#terms.sessionId) {
      this.#states.delete(runId);
      this.#terms.changed();
      return "over";
    }
    this.#terms.changed();
    const isOver = isFinalRun(state.status);
    // A view is made only where somebody looks: a flood of telemetry costs its fold.
    const view =
      before.status !== state.status && (isOver || state.status === "blocked")
        ? runView(state, this.#terms.clock.now())
        : undefined;
    if (view !== undefined) this.#terms.rested(view, late);
    return isOver ? "over" : "goes on";
  }

  #stateOf(runId: string): RunState {
    return this.#states.get(runId) ?? emptyState;
  }
}
