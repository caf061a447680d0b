import { demand } from "../core/candidates.ts";
import type { Command, Report, Request } from "../core/commands.ts";
import { nextDeadline } from "../core/deadline.ts";
import { step } from "../core/decide.ts";
import { isControl, type RunEvent } from "../core/events.ts";
import { fold } from "../core/evolve.ts";
import { LeaseLost, StorageError } from "../core/failure.ts";
import { asks, type Mail } from "../core/mail.ts";
import { manifestOf } from "../core/manifest.ts";
import type { AttemptOutcome } from "../core/outcome.ts";
import type { Clock, Lease, RunStore, Slots } from "../core/ports.ts";
import type { Liveness, ProcessIdentity } from "../core/process.ts";
import { attemptKey, liveAttemptOf, type RunState, taskAt } from "../core/state.ts";
import { isFinalRun } from "../core/status.ts";
import type { WorkerBackend } from "../core/worker.ts";
import { Bell } from "./bell.ts";
import { Crew } from "./crew.ts";
import { Projection } from "./projection.ts";
import { Tokens } from "./tokens.ts";
import { judge } from "./verdicts.ts";

/** What a driver is given. */
export interface DriverParts {
  readonly runId: string;
  readonly store: RunStore;
  readonly lease: Lease;
  readonly backend: WorkerBackend;
  readonly slots: Slots;
  readonly clock: Clock;
  /** The shared checkout, where writers take turns; absent where there is none beyond the run's own directory. */
  readonly checkout?: string;
  /** Whether exactly this process lives: the host that owns a session-bound run, a worker of an earlier driver. */
  readonly probe: (process: ProcessIdentity) => Promise<Liveness>;
}

const ownerPollMs = 1_000;
/** A result that cannot be read is looked for that often before it may be given up. */
const looksMin = 6;
const storageRetryMs = 1_000;
const reapRetryMs = 1_000;

/**
 * Drives one run while it holds the lease: waits for requests, reports and the next deadline, decides, appends, and
 * makes the living workers equal to what the state asks for. Resolves with the last state when the run is final, or
 * parked with nothing alive, or the signal aborted. Rejects with LeaseLost when another driver took over. However it
 * ends, its workers were stopped and verified gone before.
 */
export async function drive(parts: DriverParts, signal: AbortSignal): Promise<RunState> {
  const driver = new Driver(parts, signal);
  try {
    return await driver.run();
  } catch (error) {
    if (error instanceof LeaseLost) driver.isFenced = true;
    throw error;
  } finally {
    await driver.close();
  }
}

class Driver {
  readonly #parts: DriverParts;
  readonly #signal: AbortSignal;
  readonly #ending = new AbortController();
  readonly #bell = new Bell();
  readonly #crew: Crew;
  readonly #tokens: Tokens;
  readonly #projection: Projection;
  #state: RunState;
  #reports: Report[] = [];
  #inboxMayHold = true;
  #decidedAt = 0;
  #isDriving = true;
  /** Another driver took over: the manifest is its own now. */
  isFenced = false;

  constructor(parts: DriverParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
    this.#state = fold(parts.lease.history);
    this.#crew = new Crew(parts, (report) => this.#tell(report));
    this.#tokens = new Tokens(parts.slots, this.#bell, this.#ending.signal);
    this.#projection = new Projection(parts.clock, async () => {
      const manifest = manifestOf(this.#state, this.#isDriving);
      if (manifest !== undefined) await parts.store.writeManifest(parts.runId, manifest);
    });
  }

  async run(): Promise<RunState> {
    await this.#takeOver();
    const ring = (): void => this.#bell.ring();
    this.#signal.addEventListener("abort", ring, { once: true });
    const loop = this.#loop();
    try {
      await Promise.race([loop, this.#watchInbox(), this.#watchOwner()]);
    } finally {
      this.#signal.removeEventListener("abort", ring);
      this.#ending.abort();
      this.#bell.ring();
      await Promise.allSettled([loop]);
    }
    return this.#state;
  }

  async #loop(): Promise<void> {
    while (!this.#isDone()) {
      await this.#turn();
      if (!this.#isDone() && this.#reports.length === 0 && !this.#inboxMayHold) await this.#wait();
    }
  }

  /** Stops whatever still lives, gives everything back, and leaves the last word in the manifest. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.#crew.stopAll();
    await this.#tokens.releaseAll();
    this.#isDriving = false;
    if (!this.isFenced && !isFinalRun(this.#state.status)) this.#projection.changed();
    await this.#projection.close(!this.isFenced);
    await this.#parts.lease.release();
  }

  #isDone(): boolean {
    if (this.#signal.aborted || this.#ending.signal.aborted || isFinalRun(this.#state.status)) return true;
    if (this.#state.status === "running" || this.#isAtWork()) return false;
    // What makes a parked run go on, or end, is a request; one that nobody started waits for its own.
    return this.#reports.length === 0 && !this.#inboxMayHold;
  }

  #isAtWork(): boolean {
    return this.#state.status !== "queued" && this.#state.active.length > 0;
  }

  #tell(report: Report): void {
    this.#reports.push(report);
    this.#bell.ring();
  }

  /** Ends what earlier drivers left behind before anything new starts, and keeps what they finished. */
  async #takeOver(): Promise<void> {
    const { runId, backend, store, clock } = this.#parts;
    const state = this.#state;
    const salvaged = new Map<string, AttemptOutcome>();
    if (state.epoch > 1) {
      let left = await backend.reap(runId, recordedWorkers(state));
      while (left.length > 0 && !this.#signal.aborted) {
        await clock.sleep(reapRetryMs, this.#signal);
        left = await backend.reap(runId, left);
      }
      const look = { files: store.attempts(runId), probe: this.#parts.probe, now: clock.now() };
      let judged = await judge(state, look);
      // What cannot be read now may be a result: nothing is tried again before it is known, or somebody gives it up.
      for (
        let looks = 1;
        [...judged.values()].some(({ refusal }) => refusal !== undefined) &&
        (looks < looksMin || !(await this.#isGivenUp()));
        looks++
      ) {
        if (this.#signal.aborted) return;
        await clock.sleep(storageRetryMs, this.#signal);
        judged = await judge(state, look);
      }
      // What is no outcome is no evidence of a result; the file stays where it is for people to look at.
      for (const [key, { outcome }] of judged) if (outcome !== undefined) salvaged.set(key, outcome);
    }
    this.#tell({ kind: "take_over", salvaged });
    // Before anything starts: what is not to go on is parked at once.
    await this.#lookForOwner();
    // An earlier driver may have died before its last word; and a manifest that names this one is known to be stale if it dies.
    while (!(await this.#projection.flush()) && !this.#signal.aborted) {
      await clock.sleep(storageRetryMs, this.#signal);
    }
  }

  /** Whoever cancels the run does without what its last driver left. */
  async #isGivenUp(): Promise<boolean> {
    const requests = await this.#patiently(() => this.#parts.store.inbox(this.#parts.runId).pending());
    return requests.some(({ kind }) => kind === "cancel");
  }

  async #watchInbox(): Promise<void> {
    const inbox = this.#parts.store.inbox(this.#parts.runId);
    for (;;) {
      await this.#patiently(() => inbox.changed(this.#ending.signal));
      if (this.#ending.signal.aborted) return;
      this.#inboxMayHold = true;
      this.#bell.ring();
    }
  }

  async #watchOwner(): Promise<void> {
    for (;;) {
      await this.#parts.clock.sleep(ownerPollMs, this.#ending.signal);
      if (this.#ending.signal.aborted) return;
      await this.#lookForOwner();
    }
  }

  async #lookForOwner(): Promise<void> {
    const state = this.#state;
    if (state.status !== "running" || state.terms.background || state.terms.owner.host === undefined) return;
    if ((await this.#parts.probe(state.terms.owner.host)) === "gone") this.#tell({ kind: "owner_gone" });
  }

  /** Takes what has arrived, decides, records, and acts on it. */
  async #turn(): Promise<void> {
    const inbox = this.#parts.store.inbox(this.#parts.runId);
    let requests: readonly Request[] = [];
    if (this.#inboxMayHold) {
      this.#inboxMayHold = false;
      requests = await this.#patiently(() => inbox.pending());
    }
    const reports = this.#reports;
    this.#reports = [];
    for (const report of reports) {
      if (report.kind === "ended") this.#tokens.giveBack(attemptKey(report.task, report.attempt));
    }
    await this.#apply([...reports, ...requests]);
    const taken = requests.map((request) => request.id);
    if (taken.length > 0) await this.#patiently(() => inbox.discard(taken));
    this.#crew.become(this.#state, this.#decidedAt);
    await this.#seekRoom();
  }

  async #apply(told: readonly (Report | Request)[]): Promise<void> {
    const at = this.#parts.clock.now();
    this.#decidedAt = at;
    const commands: Command[] =
      told.length === 0 ? [{ kind: "tick", at }] : told.map((one) => ({ ...one, at }));
    let state = this.#state;
    const events: RunEvent[] = [];
    for (const [index, command] of commands.entries()) {
      const decided = step(state, command, this.#tokens.room(), index + 1 < commands.length);
      state = decided.state;
      for (const event of decided.events) {
        if (event.type === "attempt.started")
          this.#tokens.assign(attemptKey(event.task, event.attempt), state, event.task);
      }
      // The room was what the starts were decided on: they come first.
      for (const event of decided.events) if (event.type === "mail.posted") this.#trade(event.mail, state);
      events.push(...decided.events);
    }
    if (events.length === 0) return;
    // Nothing follows from a decision before it is durable.
    await this.#patiently(() => this.#parts.lease.append(events, at));
    this.#state = state;
    if (events.some(isControl)) this.#projection.changed();
  }

  /** A worker that waits for an answer needs no token meanwhile; what was granted before it was asked makes none wait. */
  #trade(mail: Mail, state: RunState): void {
    if (state.status === "queued" || (!asks(mail) && mail.kind !== "answer")) return;
    const asker = asks(mail) ? mail.from : mail.to;
    const task = taskAt(state, asker)?.task;
    const attempt = liveAttemptOf(task);
    if (attempt === undefined) return;
    const waits = task?.status === "waiting" || task?.status === "blocked";
    if (asks(mail) && !waits) return;
    if (asks(mail)) this.#tokens.lend(attemptKey(asker, attempt.number));
    else this.#tokens.reclaim(attemptKey(asker, attempt.number));
  }

  /** A disk that refuses is waited for, with the workers alive. */
  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof StorageError) || this.#signal.aborted || this.#ending.signal.aborted)
          throw error;
        await this.#parts.clock.sleep(storageRetryMs, this.#ending.signal);
      }
    }
  }

  /** Asks the machine for as much as the run could use now, and gives back what it cannot use. */
  async #seekRoom(): Promise<void> {
    const state = this.#state;
    const wanted = demand(state, this.#parts.clock.now());
    const checkout = this.#parts.checkout ?? (state.status === "queued" ? "" : state.terms.cwd);
    if (await this.#tokens.seek(wanted, checkout)) this.#tell({ kind: "tick" });
  }

  async #wait(): Promise<void> {
    const deadline = nextDeadline(this.#state, this.#decidedAt);
    if (deadline === undefined) return this.#bell.heard();
    const timer = new AbortController();
    const late = this.#parts.clock.sleep(deadline - this.#parts.clock.now(), timer.signal);
    await Promise.race([this.#bell.heard(), late]);
    // A reason of our own spares an exception with a stack trace each turn.
    timer.abort("woken");
  }
}

function recordedWorkers(state: RunState): readonly ProcessIdentity[] {
  if (state.status === "queued") return [];
  return state.active.flatMap((index) => {
    const worker = liveAttemptOf(state.tasks.get(index))?.worker;
    return worker === undefined ? [] : [worker];
  });
}
