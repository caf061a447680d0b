import type { Report, Request } from "../../src/core/commands.ts";
import { decide } from "../../src/core/decide.ts";
import type { Continuation, RunEvent, StoredEvent } from "../../src/core/events.ts";
import { evolve } from "../../src/core/evolve.ts";
import { AlreadyAsked } from "../../src/core/failure.ts";
import { manifestOf, queuedManifest } from "../../src/core/manifest.ts";
import { type AttemptOutcome, noUsage } from "../../src/core/outcome.ts";
import type {
  Clock,
  Examination,
  JournalReading,
  RecoveryReport,
  RecoveryTerms,
  RetryTerms,
  RunEngine,
  RunListing,
  Submission,
} from "../../src/core/ports.ts";
import type { Verdict } from "../../src/core/process.ts";
import { reuse } from "../../src/core/reuse.ts";
import { emptyState, type RunState } from "../../src/core/state.ts";
import { isFinalRun } from "../../src/core/status.ts";

interface FakeRun {
  readonly submission: Submission;
  readonly events: StoredEvent[];
  readonly requests: Request[];
  readonly createdAt: number;
  state: RunState;
  driver: "alive" | "gone" | "none";
  damaged?: boolean;
}

/** How the only driver of a run behaves. */
export interface Script {
  /** What a task's worker does once it is started; absent: it works for ever. */
  readonly work?: (
    task: string,
    attempt: number,
  ) => { readonly afterMs: number; readonly outcome: AttemptOutcome } | undefined;
  /** ms from the request to stop until the worker is verified gone; absent: never. */
  readonly stopsAfterMs?: number;
  /** No driver ever comes by itself. */
  readonly unmanned?: boolean;
  /** Whoever looks for runs without a driver brings one. */
  readonly recovers?: boolean;
  /** Something that happens while the run is under way. */
  readonly meanwhile?: {
    readonly afterMs: number;
    readonly act: (engine: FakeEngine, runId: string) => void;
  };
}

/** Runs in memory, driven by the real core over a fake clock. */
export class FakeEngine implements RunEngine {
  readonly runs = new Map<string, FakeRun>();
  readonly settledUpTo = new Map<string, number>();
  readonly repairs: [by: string, reason: string][] = [];
  judged: ReadonlyMap<string, Verdict> = new Map();
  root = "/nowhere";
  private readonly clock: Clock;
  private readonly script: Script;
  private listeners = new Set<() => void>();

  constructor(clock: Clock, script: Script) {
    this.clock = clock;
    this.script = script;
  }

  async submit(submission: Submission, continued?: Continuation): Promise<string> {
    const { unmanned, meanwhile } = this.script;
    const { once } = submission;
    const same = [...this.runs].find(([, run]) => once !== undefined && run.submission.once === once);
    if (same !== undefined && !isFinalRun(same[1].state.status)) throw new AlreadyAsked(same[0]);
    const runId = `20261121-1300${String(this.runs.size).padStart(2, "0")}-abcd${this.runs.size}`;
    this.runs.set(runId, {
      submission,
      events: [],
      requests: [],
      createdAt: this.clock.now(),
      state: emptyState,
      driver: unmanned ? "none" : "alive",
    });
    if (meanwhile) void this.clock.sleep(meanwhile.afterMs).then(() => meanwhile.act(this, runId));
    if (unmanned) return runId;
    this.append(runId, [{ type: "lease.taken", pid: 7, startTime: "1", bootId: "b", sealed: [] }]);
    const { plan, terms } = submission;
    this.report(runId, {
      ...{ id: "start", kind: "start", plan, terms: { ...terms, runId } },
      ...(continued && { continued }),
    });
    return runId;
  }

  async retry(from: string, change: RetryTerms): Promise<{ runId: string; continued: Continuation }> {
    const old = this.run(from);
    if (old.state.status === "queued") throw new Error("never started");
    const terms = { plan: old.state.plan, model: old.state.terms.model, hash: (text: string) => text };
    const continued = await reuse(old.state, { ...terms, adopt: async () => true });
    const { plan } = old.submission;
    return {
      runId: await this.submit({ plan, terms: { ...old.submission.terms, ...change } }, continued),
      continued,
    };
  }

  async recover({ only }: RecoveryTerms): Promise<RecoveryReport> {
    const isWanted = only !== undefined && this.script.recovers === true;
    const coming = isWanted && this.run(only).driver === "none" ? [only] : [];
    for (const runId of coming) this.drive(runId);
    return { live: coming.length, coming, left: [] };
  }

  async send(runId: string, request: Request): Promise<void> {
    const run = this.run(runId);
    run.requests.push(request);
    if (run.driver === "none" && request.kind === "resume") this.drive(runId);
    else if (run.driver === "gone") {
      run.driver = "alive";
      this.append(runId, [{ type: "lease.taken", pid: 8, startTime: "1", bootId: "b", sealed: [] }]);
      this.report(runId, { kind: "take_over", salvaged: new Map() });
    }
    if (run.driver === "alive") this.report(runId, request);
  }

  async read(runId: string): Promise<JournalReading> {
    const { events, damaged } = this.run(runId);
    const problem = {
      where: "journal/0001.jsonl:7",
      message: "checksum is wrong",
      remedy: "restore a backup",
    };
    return { events: [...events], ...(damaged && { problem }) };
  }

  async *follow(runId: string, fromSeq: number, signal: AbortSignal): AsyncIterable<StoredEvent> {
    const { events } = this.run(runId);
    let next = fromSeq - 1;
    while (!signal.aborted) {
      const event = events[next];
      if (event === undefined) await this.changed(signal);
      else {
        next += 1;
        yield event;
      }
    }
  }

  async list(only?: string): Promise<readonly RunListing[]> {
    return [...this.runs]
      .filter(([runId]) => only === undefined || runId === only)
      .map(([runId, { submission, state, driver, createdAt }]) => {
        const queued = queuedManifest(submission.plan, { ...submission.terms, runId }, createdAt);
        return { runId, manifest: manifestOf(state, driver === "alive") ?? queued, driver };
      })
      .reverse();
  }

  async verdicts(): Promise<ReadonlyMap<string, Verdict>> {
    return this.judged;
  }

  async settled(runId: string, seq: number): Promise<void> {
    this.settledUpTo.set(runId, seq);
  }

  async examine(runId: string): Promise<Examination> {
    const { problem } = await this.read(runId);
    const owner = this.run(runId).submission.terms.owner.sessionId;
    return { owner, findings: problem === undefined ? [] : [{ ...problem, repair: "keep 6 records" }] };
  }

  async repair(runId: string, by: string, reason: string): Promise<readonly string[]> {
    this.repairs.push([by, reason]);
    this.run(runId).damaged = false;
    return ["keep 6 records"];
  }

  async strays(): Promise<readonly string[]> {
    return [];
  }

  directory(runId: string): string {
    return `${this.root}/.muster/runs/${runId}`;
  }

  /** What the driver learns; what follows is recorded, and the workers it asks for are started. */
  report(runId: string, report: Report | Request): void {
    const run = this.run(runId);
    const known = run.events.length;
    this.append(runId, decide(run.state, { ...report, at: this.clock.now() }));
    for (const event of run.events.slice(known)) {
      if (event.type === "attempt.started") this.work(runId, event.task, event.attempt);
      if (event.type === "attempt.stopping") this.stop(runId, event.task, event.attempt);
    }
  }

  /** The driver dies: nothing is recorded any more. */
  kill(runId: string): void {
    this.run(runId).driver = "gone";
  }

  damage(runId: string): void {
    this.run(runId).damaged = true;
  }

  /** The first driver comes. */
  drive(runId: string): void {
    const run = this.run(runId);
    run.driver = "alive";
    const { plan, terms } = run.submission;
    this.report(runId, { id: "start", kind: "start", plan, terms: { ...terms, runId } });
  }

  private work(runId: string, task: string, attempt: number): void {
    const worker = { pid: 4_000 + attempt, startTime: "2", bootId: "b" };
    this.report(runId, { kind: "spawned", task, attempt, worker, mark: `${task}-${attempt}` });
    this.report(runId, { kind: "ready", task, attempt });
    const done = this.script.work?.(task, attempt);
    if (done === undefined) return;
    void this.later(runId, done.afterMs, { kind: "ended", task, attempt, outcome: done.outcome });
  }

  private stop(runId: string, task: string, attempt: number): void {
    const { stopsAfterMs } = this.script;
    if (stopsAfterMs === undefined) return;
    const outcome: AttemptOutcome = { kind: "cancelled", usage: noUsage };
    void this.later(runId, stopsAfterMs, { kind: "ended", task, attempt, outcome });
  }

  private async later(runId: string, ms: number, report: Report): Promise<void> {
    await this.clock.sleep(ms);
    if (this.run(runId).driver === "alive") this.report(runId, report);
  }

  private append(runId: string, events: readonly RunEvent[]): void {
    const run = this.run(runId);
    for (const event of events) {
      const at = new Date(this.clock.now()).toISOString();
      const stored: StoredEvent = { ...event, v: 1, seq: run.events.length + 1, epoch: 1, at };
      run.events.push(stored);
      run.state = evolve(run.state, stored);
    }
    const told = [...this.listeners];
    this.listeners = new Set();
    for (const tell of told) tell();
  }

  private changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const tell = (): void => {
        signal.removeEventListener("abort", tell);
        resolve();
      };
      this.listeners.add(tell);
      signal.addEventListener("abort", tell);
    });
  }

  private run(runId: string): FakeRun {
    const run = this.runs.get(runId);
    if (run === undefined) throw new Error(`no run ${runId}`);
    return run;
  }
}
