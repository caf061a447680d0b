import type { Mail } from "../../src/core/mail.ts";
import { type AttemptOutcome, type Cause, noUsage, type Usage } from "../../src/core/outcome.ts";
import type { Escalation, ProcessIdentity } from "../../src/core/process.ts";
import { attemptKey } from "../../src/core/state.ts";
import type { Work, Worker, WorkerBackend, WorkerSignal } from "../../src/core/worker.ts";
import type { MemoryDisk } from "./memory-store.ts";
import { Pipe } from "./pipe.ts";
import { result } from "./plan.ts";
import type { Random } from "./random.ts";
import { type Timeline, VirtualProcess } from "./virtual-clock.ts";

/** What a worker does with its life. */
export type Manner =
  | "good"
  | "instant"
  | "flood"
  | "chatty"
  | "never-ready"
  | "hang"
  | "drowsy"
  | "die"
  | "refuse"
  | "provider"
  | "vanish"
  | "no-process"
  | "linger"
  | "overspend"
  | "waits"
  | "asks"
  | "repeats";

/** How likely workers are to behave in which way, and for how long they resist. */
export interface Temper {
  readonly manners: readonly [Manner, ...Manner[]];
  /** Longest time between a request to stop and the end of the process, ms. */
  readonly stubbornMs: number;
  /** Longest time between something being said and being heard, ms. */
  readonly lateMs: number;
  /** Longest time of honest work, ms. */
  readonly workMs: number;
}

/** A worker as the kernel knows it. */
export interface LivingWorker {
  readonly process: VirtualProcess;
  readonly work: Work;
  /** The driver that started it. */
  readonly driver: VirtualProcess;
}

/** All worker processes of the machine, and what watches them. */
export class ProcessTable {
  readonly workers = new Set<LivingWorker>();
  readonly #onStart: (worker: LivingWorker) => void;

  constructor(onStart: (worker: LivingWorker) => void = () => undefined) {
    this.#onStart = onStart;
  }

  add(worker: LivingWorker): void {
    this.workers.add(worker);
    worker.process.onDeath.push(() => this.workers.delete(worker));
    this.#onStart(worker);
  }
}

export interface UnrulyParts {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly disk: MemoryDisk;
  readonly table: ProcessTable;
  /** The driver that this backend belongs to. */
  readonly driver: VirtualProcess;
  /** Told of every step that a worker was told of. */
  readonly onEscalation: (work: Work, step: Escalation["step"]) => void;
  /** Looked at when a worker is born. */
  readonly temper: () => Temper;
  /** Ends what else carries the run's mark: drivers that were believed dead. Yields those that could not be ended. */
  readonly endDrivers: (runId: string) => readonly ProcessIdentity[];
}

/** Workers that misbehave in every way a real one was seen to, in virtual time. */
export function unrulyWorkers(parts: UnrulyParts): WorkerBackend {
  const { timeline, random, driver, table } = parts;
  return {
    start: (work) => new UnrulyWorker(parts, work),
    async reap(runId) {
      await timeline.sleep(random.integer(0, 3), driver);
      // Those who could start more workers go first.
      const survivors = [...parts.endDrivers(runId)];
      for (const worker of [...table.workers]) {
        if (worker.work.runId !== runId || worker.driver === driver) continue;
        if (random.chance(0.8)) worker.process.die();
        else {
          survivors.push(worker.process.identity);
          timeline.schedule(random.integer(0, 5_000), undefined, () => worker.process.die());
        }
      }
      await timeline.sleep(random.integer(0, 3), driver);
      return survivors;
    },
    close: () => Promise.resolve(),
  };
}

class UnrulyWorker implements Worker {
  readonly signals: AsyncIterable<WorkerSignal>;
  readonly outcome: Promise<AttemptOutcome>;
  readonly #parts: UnrulyParts;
  readonly #work: Work;
  readonly #temper: Temper;
  readonly #process: VirtualProcess;
  readonly #pipe = new Pipe<WorkerSignal>();
  /** Said by the worker, not heard by the driver yet. */
  readonly #said: (WorkerSignal | undefined)[] = [];
  #settle: (outcome: AttemptOutcome) => void = () => undefined;
  #usage: Usage = noUsage;
  #stopCause: Cause | undefined;
  /** What makes it go on, once it fell silent. */
  #wakesBy: Escalation["step"] | undefined;
  #isSpawned = false;
  #question: string | undefined;
  readonly #read = new Set<string>();
  #isOver = false;
  /** What its end is, unless it left a result. */
  #atDeath: AttemptOutcome | undefined;

  constructor(parts: UnrulyParts, work: Work) {
    this.#parts = parts;
    this.#work = work;
    this.#temper = parts.temper();
    this.#process = new VirtualProcess(parts.timeline.nextNumber());
    this.signals = this.#pipe;
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const { timeline, random, driver } = parts;
    timeline.schedule(random.integer(0, 2), driver, () => this.#spawn());
  }

  stop(cause: Cause): void {
    if (this.#stopCause !== undefined) return;
    this.#stopCause = cause;
    const { timeline, random, driver } = this.#parts;
    const patience = random.chance(0.7) ? 10 : this.#temper.stubbornMs;
    const dies = random.integer(0, patience);
    for (let at = 1_000; at < dies; at += 1_000) {
      this.#later(at, () =>
        this.#say({ kind: "survivors", processes: [{ pid: 1, startTime: "1", bootId: "boot" }] }),
      );
    }
    // The ladder is the driver's: it goes on only while the driver does.
    timeline.schedule(dies, driver, () => this.#gone());
  }

  escalate({ step }: Escalation): void {
    this.#parts.onEscalation(this.#work, step);
    if (!this.#process.isAlive || this.#wakesBy !== step) return;
    this.#wakesBy = undefined;
    const { random } = this.#parts;
    this.#later(random.integer(0, 50), () => this.#progress({}));
    this.#finish(random.integer(50, 50 + this.#temper.workMs));
  }

  deliver(mail: readonly Mail[]): void {
    const { random } = this.#parts;
    for (const { id, replyTo } of mail) {
      if (this.#read.has(id)) throw new Error(`mail ${id} reaches ${this.#work.task.id} twice`);
      this.#read.add(id);
      this.#later(random.integer(0, 50), () => {
        this.#say({ kind: "consumed", mail: id });
        if (replyTo !== undefined && replyTo === this.#question)
          this.#finish(random.integer(0, this.#temper.workMs));
      });
    }
  }

  acknowledge(_mail: string, refusal?: string): void {
    if (refusal !== undefined) this.#finish(0);
  }

  #ask(): void {
    const { random } = this.#parts;
    this.#question = `${this.#work.task.id}-${this.#work.attempt}-q1`;
    const rest = random.chance(0.5) ? { fallback: "as you like" } : {};
    const mail = { id: this.#question, to: "lead", kind: "question", text: "which?", ...rest } as const;
    this.#say({ kind: "wrote", mail, ...(random.chance(0.5) && { deadlineMs: random.integer(10, 20_000) }) });
  }

  #spawn(): void {
    const { random, table, driver, timeline } = this.#parts;
    if (this.#stopCause !== undefined) {
      this.#gone();
      return;
    }
    const manner = random.pick(this.#temper.manners);
    if (manner === "no-process") {
      this.#end(failure("spawn_error", { message: "no such file" }));
      return;
    }
    this.#isSpawned = true;
    this.#process.onDeath.push(() => timeline.schedule(random.integer(0, 5), driver, () => this.#verified()));
    table.add({ process: this.#process, work: this.#work, driver });
    driver.onDeath.push(() => {
      // A closed stdin ends most; the rest goes on until somebody takes over, or the warden comes late.
      const most = random.chance(0.8) ? 4_000 : 90_000;
      timeline.schedule(random.integer(0, most), undefined, () => this.#process.die());
    });
    if (manner === "instant") {
      this.#finish(0);
      return;
    }
    this.#say({ kind: "spawned", worker: this.#process.identity, mark: `w${this.#process.identity.pid}` });
    if (manner === "never-ready") return;
    this.#later(random.integer(0, 800), () => {
      this.#say({ kind: "ready" });
      this.#live(manner);
    });
  }

  #live(manner: Exclude<Manner, "no-process" | "instant" | "never-ready">): void {
    const { random } = this.#parts;
    const workMs = random.integer(0, this.#temper.workMs);
    switch (manner) {
      case "good":
        this.#progress({ tool: "bash" });
        this.#finish(workMs);
        return;
      case "flood":
        for (let at = 0; at < 60; at++) this.#progress({ activity: `line ${at}` });
        this.#finish(workMs);
        return;
      case "chatty":
        for (let at = 0; at < 6; at++)
          this.#later((workMs * at) / 6, () => this.#progress(at % 2 === 0 ? { tool: "read" } : {}));
        this.#finish(workMs);
        return;
      case "hang":
        this.#progress({});
        return;
      case "drowsy":
        this.#progress(random.chance(0.3) ? { tool: "bash" } : {});
        this.#wakesBy = random.pick(["nudge", "abort"]);
        return;
      case "die":
        this.#later(workMs, () => this.#end(failure("self_exit", { retryable: true })));
        return;
      case "refuse":
        this.#later(workMs, () => this.#end(failure("hollow", {})));
        return;
      case "provider":
        this.#later(workMs, () => this.#end(failure("rate_limited", { retryable: true, provider: true })));
        return;
      case "vanish":
        this.#later(workMs, () =>
          this.#end({ kind: "lost", cause: "lost", message: "vanished", usage: noUsage }),
        );
        return;
      case "linger":
        this.#later(workMs, () => this.#write(completedBy(this.#work, this.#usage)));
        return;
      case "overspend":
        for (let at = 1; at <= 12; at++)
          this.#later(at * 100, () =>
            this.#progress({ usage: { ...noUsage, turns: at, output: at, cost: at } }),
          );
        this.#finish(workMs + 1_500);
        return;
      case "waits":
        this.#progress({ waitsUntil: this.#parts.timeline.now + random.integer(0, 20_000) });
        this.#finish(workMs + 5_000);
        return;
      case "asks":
        this.#later(workMs, () => this.#ask());
        return;
      case "repeats":
        this.#say({ kind: "ready" });
        this.#say({ kind: "spawned", worker: this.#process.identity, mark: "again" });
        this.#progress({});
        this.#finish(workMs);
        return;
    }
  }

  /** In the worker's own life: nothing of it happens once the process is gone. */
  #later(afterMs: number, does: () => void): void {
    this.#parts.timeline.schedule(afterMs, undefined, () => {
      if (this.#process.isAlive) does();
    });
  }

  #progress(change: { usage?: Usage; tool?: string; activity?: string; waitsUntil?: number }): void {
    if (change.usage !== undefined) this.#usage = change.usage;
    this.#say({ kind: "progress", usage: this.#usage, activity: "works", ...change });
  }

  /** The result is durable first; then the process ends, after a while. */
  #finish(workMs: number): void {
    this.#later(workMs, () => {
      this.#write(completedBy(this.#work, this.#usage));
      this.#later(this.#parts.random.integer(0, 300), () => this.#gone());
    });
  }

  #write(outcome: AttemptOutcome): void {
    const { runId, task, attempt } = this.#work;
    this.#parts.disk.run(runId).outcomes.set(attemptKey(task.id, attempt), {
      v: 1,
      runId,
      task: task.id,
      attempt,
      at: new Date(this.#parts.timeline.now).toISOString(),
      outcome,
    });
  }

  #say(signal: WorkerSignal | undefined): void {
    const { timeline, random, driver } = this.#parts;
    const late = random.chance(0.9) ? 2 : this.#temper.lateMs;
    this.#said.push(signal);
    timeline.schedule(random.integer(0, late), driver, () => {
      const next = this.#said.shift();
      if (next !== undefined) this.#pipe.push(next);
      else this.#pipe.close();
    });
  }

  #end(outcome: AttemptOutcome): void {
    this.#atDeath = outcome;
    this.#gone();
  }

  #gone(): void {
    if (this.#isSpawned) this.#process.die();
    else this.#verified();
  }

  /** The driver sees that the process tree is gone: what it left behind decides. */
  #verified(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { runId, task, attempt } = this.#work;
    const { disk, random, driver, timeline } = this.#parts;
    const left = disk.run(runId).outcomes.get(attemptKey(task.id, attempt));
    let outcome = this.#atDeath ?? stopped(this.#stopCause ?? "self_exit", this.#usage);
    if (left !== undefined && left !== "unreadable") outcome = left.outcome;
    else if (random.chance(0.5)) this.#write(outcome);
    this.#say(undefined);
    timeline.schedule(random.integer(0, this.#temper.lateMs), driver, () => this.#settle(outcome));
  }
}

function completedBy(work: Work, usage: Usage): AttemptOutcome {
  return { kind: "completed", result: result(`${work.task.id} by ${work.attempt}`), usage };
}

function failure(
  cause: Cause,
  change: { retryable?: boolean; provider?: boolean; message?: string },
): AttemptOutcome {
  return {
    kind: "failed",
    cause,
    retryable: false,
    provider: false,
    message: cause,
    usage: noUsage,
    ...change,
  };
}

function stopped(cause: Cause, usage: Usage): AttemptOutcome {
  if (cause === "cancelled" || cause === "owner_gone") return { kind: "cancelled", usage };
  if (cause === "lost") return { kind: "lost", cause, message: cause, usage };
  return { ...failure(cause, { retryable: true }), usage };
}
