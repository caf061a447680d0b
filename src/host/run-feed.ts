import { withoutDriver } from "../core/abandoned.ts";
import { evolve, fold } from "../core/evolve.ts";
import { RunNotFound } from "../core/failure.ts";
import { openQuestions } from "../core/letters.ts";
import type { Clock, RunEngine } from "../core/ports.ts";
import { runViews } from "../core/run-view.ts";
import { emptyState, liveAttemptOf, type RunState } from "../core/state.ts";
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
  /** A run ended, or stands still, be it that its driver is gone. `late`: it did so before it was followed. */
  readonly rested: (view: RunView, late: boolean) => void;
  /** A run goes on, again or for the first time that anybody looks. */
  readonly moved: (runId: string) => void;
  /** A new driver goes on with a run; told once what its predecessor left is settled. */
  readonly recovered: (view: RunView, recovered: Recovered) => void;
  /** Asks for a new driver; true when one is on its way. */
  readonly recover: (runId: string) => Promise<boolean>;
  /** A run that was followed belongs to another session from now on. */
  readonly takenOver: (view: RunView) => void;
  /** A task has asked something; `late`: before it was followed. */
  readonly asked: (view: RunView, late: boolean) => void;
  /** A run cannot be followed any more. */
  readonly failed: (runId: string, error: unknown) => void;
}

/** What became of a run's tasks when its driver was replaced. */
export interface Recovered {
  /** The new driver's. */
  readonly epoch: number;
  /** Finished tasks. */
  readonly kept: number;
  /** Tasks that were at work and left no result. */
  readonly again: number;
}

/** A run that is followed. */
interface Followed {
  state: RunState;
  readonly views: ReturnType<typeof runViews>;
  /** Something was heard of it since it is followed. */
  isMet: boolean;
  /** Its driver is gone. */
  isUnmanned: boolean;
  /** ... and nobody comes. */
  isAbandoned: boolean;
  /** Epoch of the newest recovery that was told. */
  recoveredIn: number;
}

/** How often a silent run's driver is looked for, ms, and how often in a row it must be missing. */
const patrolMs = 3_000;
const missesMax = 2;
/** How often a driver that is on its way may be missing before the lead is told that nobody drives. */
const comingMisses = 12;
/** Failures in a row before a run is given up, and the pause after the first; each further one is twice as long. */
const failuresMax = 5;
const firstPauseMs = 500;

/** The runs of one session, folded from their journals as they grow. Costs nothing while no run is followed. */
export class RunFeed {
  readonly #terms: FeedTerms;
  readonly #closed = new AbortController();
  readonly #runs = new Map<string, Followed>();

  /** The callbacks must not throw. */
  constructor(terms: FeedTerms) {
    this.#terms = terms;
  }

  /** Starts to follow a run; nothing when it is followed already. */
  follow(runId: string): void {
    if (this.#runs.has(runId) || this.#closed.signal.aborted) return;
    const run = {
      ...{ state: emptyState, views: runViews(), isMet: false, recoveredIn: 0 },
      ...{ isUnmanned: false, isAbandoned: false },
    };
    this.#runs.set(runId, run);
    this.#keepUp(runId, run).catch((error: unknown) => {
      if (this.#closed.signal.aborted) return;
      this.#forget(runId);
      this.#terms.failed(runId, error);
    });
  }

  /** What is to be shown now, ms since the epoch; what has been shown long enough is forgotten here. */
  views(now: number): readonly RunView[] {
    const shown: RunView[] = [];
    for (const [runId, run] of this.#runs) {
      const view = viewOf(run, now);
      if (view !== undefined && isShown(view, now)) shown.push(view);
      else if (isFinalRun(run.state.status)) this.#runs.delete(runId);
    }
    return shown;
  }

  /** The newest view of a run that is followed. */
  viewOf(runId: string): RunView | undefined {
    const run = this.#runs.get(runId);
    return run && viewOf(run, this.#terms.clock.now());
  }

  /** The same of one that stands still or is over. */
  restOf(runId: string): RunView | undefined {
    const run = this.#runs.get(runId);
    return run && this.#restOf(run);
  }

  /** Ends all following; nothing is called after this. */
  close(): void {
    this.#closed.abort();
    this.#runs.clear();
  }

  /** Follows the run to its end, afresh after a failure. Rejects when failures do not cease. */
  async #keepUp(runId: string, run: Followed): Promise<void> {
    const { signal } = this.#closed;
    let failures = 0;
    while (!signal.aborted) {
      const { seq } = run.state;
      try {
        return await this.#attend(runId, run);
      } catch (error) {
        failures = run.state.seq > seq ? 1 : failures + 1;
        if (error instanceof RunNotFound || failures > failuresMax) throw error;
      }
      await this.#terms.clock.sleep(firstPauseMs * 2 ** (failures - 1), signal);
    }
  }

  async #attend(runId: string, run: Followed): Promise<void> {
    const over = new AbortController();
    const stop = AbortSignal.any([over.signal, this.#closed.signal]);
    try {
      await Promise.race([this.#read(runId, run, stop), this.#patrol(runId, run, stop)]);
    } finally {
      over.abort();
    }
  }

  async #read(runId: string, run: Followed, stop: AbortSignal): Promise<void> {
    const { engine } = this.#terms;
    let state = fold((await engine.read(runId)).events);
    if (stop.aborted || !this.#take(runId, run, state, run.state === emptyState)) return;
    for await (const event of engine.follow(runId, state.seq + 1, stop)) {
      state = evolve(state, event);
      if (stop.aborted || !this.#take(runId, run, state, false)) return;
    }
  }

  /** A journal says nothing when its driver dies: whoever follows a silent run has to look for the driver. */
  async #patrol(runId: string, run: Followed, stop: AbortSignal): Promise<void> {
    const { engine, clock } = this.#terms;
    let misses = 0;
    for (let { seq } = run.state; ; seq = run.state.seq) {
      await clock.sleep(patrolMs, stop);
      if (stop.aborted) return;
      this.#tellRecovered(run);
      const isSilent = run.state.status === "running" && run.state.seq === seq;
      const [listing] = isSilent && !run.isAbandoned ? await engine.list(runId) : [];
      if (stop.aborted) return;
      const isGone = listing !== undefined && "driver" in listing && listing.driver === "gone";
      misses = isGone && run.state.seq === seq ? misses + 1 : 0;
      if (misses < missesMax) {
        run.isMet ||= listing !== undefined && !isGone;
        continue;
      }
      run.isUnmanned = true;
      this.#terms.changed();
      if ((await this.#terms.recover(runId)) && misses < comingMisses) continue;
      if (stop.aborted || run.state.seq !== seq) continue;
      run.isAbandoned = true;
      this.#terms.changed();
      this.#tellRest(run, !run.isMet);
    }
  }

  /** False when there is nothing more to expect. */
  #take(runId: string, run: Followed, state: RunState, late: boolean): boolean {
    const { status } = run.state;
    const wasMoving = status !== "queued" && !isAtRest(run);
    // A new driver begins with a record of its own.
    if (state.seq > run.state.seq) run.isUnmanned = run.isAbandoned = false;
    const before = run.state;
    run.state = state;
    run.isMet ||= !late;
    if (state.status !== "queued" && state.terms.owner.sessionId !== this.#terms.sessionId) {
      this.#forget(runId);
      const view = before.status === "queued" ? undefined : run.views(state, this.#terms.clock.now());
      if (view !== undefined) this.#terms.takenOver(view);
      return false;
    }
    this.#terms.changed();
    if (
      lettersOf(state) !== lettersOf(before) &&
      state.status !== "queued" &&
      openQuestions(state).length > 0
    ) {
      const view = run.views(state, this.#terms.clock.now());
      if (view !== undefined) this.#terms.asked(view, late);
    }
    if (!wasMoving && state.status !== "queued" && !isAtRest(run)) this.#terms.moved(runId);
    if (status !== state.status) this.#tellRest(run, late);
    return !isFinalRun(state.status);
  }

  #restOf(run: Followed): RunView | undefined {
    // A view is made only where somebody looks: a flood of telemetry costs its fold.
    return isAtRest(run) ? viewOf(run, this.#terms.clock.now()) : undefined;
  }

  #tellRest(run: Followed, late: boolean): void {
    // It need not be in the list any more: what has been over for long is not shown.
    const rest = this.#restOf(run);
    if (rest !== undefined) this.#terms.rested(rest, late);
  }

  /** Not at the record itself: what follows it may park the run, and then that is the news. */
  #tellRecovered(run: Followed): void {
    const { state } = run;
    if (state.status !== "running" || state.recovered === undefined) return;
    const { epoch, tasks } = state.recovered;
    const isOpen = state.active.some(
      (index) => (liveAttemptOf(state.tasks.get(index))?.epoch ?? epoch) < epoch,
    );
    const view = epoch <= run.recoveredIn || isOpen ? undefined : viewOf(run, this.#terms.clock.now());
    if (view === undefined) return;
    run.recoveredIn = epoch;
    const again = tasks.filter((index) => state.tasks.get(index)?.status !== "completed").length;
    this.#terms.recovered(view, { epoch, kept: state.counts.completed, again });
  }

  #forget(runId: string): void {
    this.#runs.delete(runId);
    this.#terms.changed();
  }
}

function lettersOf(state: RunState): unknown {
  return state.status === "queued" ? undefined : state.letters;
}

function isAtRest({ state, isAbandoned }: Followed): boolean {
  return isFinalRun(state.status) || state.status === "blocked" || isAbandoned;
}

function viewOf({ state, views, isUnmanned, isAbandoned }: Followed, now: number): RunView | undefined {
  const view = views(state, now);
  return view !== undefined && isUnmanned ? withoutDriver(view, !isAbandoned) : view;
}
