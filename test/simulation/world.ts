import type { StoredEvent } from "../../src/core/events.ts";
import { LeaseLost, StorageError } from "../../src/core/failure.ts";
import { InvariantViolation } from "../../src/core/invariant.ts";
import type { RunEngine } from "../../src/core/ports.ts";
import type { Liveness, ProcessIdentity } from "../../src/core/process.ts";
import { taskAt } from "../../src/core/state.ts";
import { takeAndDrive } from "../../src/engine/lease.ts";
import { localEngine } from "../../src/engine/local-engine.ts";
import { type Io, MemoryDisk, memoryStore, type StoredRun } from "../support/memory-store.ts";
import type { Random } from "../support/random.ts";
import { type LivingWorker, ProcessTable, unrulyWorkers } from "../support/unruly-workers.ts";
import { Timeline, VirtualProcess } from "../support/virtual-clock.ts";
import { Machine } from "./machine.ts";
import { Oracle } from "./oracle.ts";
import type { Scenario } from "./scenario.ts";

/** A run that is over, and the results (by task) that no later run may make again. */
export interface Past {
  readonly runId: string;
  readonly run: StoredRun;
  readonly finished: ReadonlyMap<string, string>;
}

/** How often what happened, so that a run of many seeds can say what it tried. */
export interface Tally {
  crashes: number;
  refusals: number;
  pauses: number;
  takeovers: number;
  fenced: number;
  workers: number;
  parks: number;
  nudge: number;
  abort: number;
  /** Parked because of `recovery.max`. */
  limits: number;
  questions: number;
  /** Runs that went on with an earlier one, and the tasks that they did not do again. */
  retries: number;
  reused: number;
  approvals: number;
}

interface Driver {
  readonly process: VirtualProcess;
  readonly stop: AbortController;
}

/** Everything around the run: the machine, its processes, its disk and its bad luck. All of it follows from the seed. */
export class World {
  readonly random: Random;
  readonly scenario: Scenario;
  readonly timeline: Timeline;
  readonly disk: MemoryDisk;
  readonly table: ProcessTable;
  readonly machine: Machine;
  readonly oracle: Oracle;
  /** The sessions that watch; the first of them is the lead's. */
  readonly engines: readonly RunEngine[];
  readonly violations: string[] = [];
  readonly tally: Tally = {
    crashes: 0,
    refusals: 0,
    pauses: 0,
    takeovers: 0,
    fenced: 0,
    workers: 0,
    parks: 0,
    nudge: 0,
    abort: 0,
    limits: 0,
    questions: 0,
    retries: 0,
    reused: 0,
    approvals: 0,
  };
  /** The run that the newest request to drive named. */
  runId = "";
  readonly past: Past | undefined;
  #runs = 0;
  readonly drivers: Driver[] = [];
  readonly hosts = new Map<number, VirtualProcess>();
  isDiskFull = false;
  readonly #faultsEndAt: number;
  readonly #decidesAt: number;
  readonly #immune = new Set<VirtualProcess>();
  /** Attempts that an immune driver performed after it was taken over. */
  readonly #obscure = new Set<string>();
  /** The newest lease's holder. */
  holder: ProcessIdentity | undefined;

  constructor(random: Random, scenario: Scenario, past?: Past) {
    this.past = past;
    this.random = random;
    this.scenario = scenario;
    this.timeline = new Timeline(random);
    this.#decidesAt = this.timeline.now + scenario.undecidedMs;
    this.#faultsEndAt = this.timeline.now + scenario.faults.forMs;
    this.disk = new MemoryDisk(
      (_runId, event) => this.#recorded(event),
      (identity) => this.liveness(identity),
    );
    if (past !== undefined) this.disk.runs.set(past.runId, past.run);
    this.table = new ProcessTable((worker) => this.#workerStarted(worker));
    this.machine = new Machine(scenario.machineWorkers);
    this.oracle = new Oracle({
      workersOf: (task, attempt) =>
        this.#answeredFor().filter(({ work }) => work.task.id === task && work.attempt === attempt).length,
      workers: () => this.#answeredFor().length,
      hasResult: (task, attempt) => {
        const record = this.#run().outcomes.get(`${task}/${attempt}`);
        return record !== undefined && record !== "unreadable" && record.outcome.kind === "completed";
      },
      isObscure: (task, attempt) => this.#obscure.has(`${task}/${attempt}`),
      violate: (message) => this.violate(message),
    });
    this.engines = [this.#session(), this.#session()];
  }

  get engine(): RunEngine {
    const [first] = this.engines;
    if (first === undefined) throw new Error("nobody watches");
    return first;
  }

  #session(): RunEngine {
    const client = new VirtualProcess(this.timeline.nextNumber());
    return localEngine({
      store: memoryStore(this.disk, this.#io(client, false), client.identity),
      clock: this.timeline.clock(client),
      newRunId: () => `${this.past?.runId ?? "20260101-sim"}-${++this.#runs}`,
      launch: (id) => {
        this.runId = id;
        this.launch(id);
        return Promise.resolve();
      },
      recovers: () => Promise.resolve(true),
    });
  }

  get isUndecided(): boolean {
    return this.timeline.now < this.#decidesAt;
  }

  get hasFaults(): boolean {
    return this.timeline.now < this.#faultsEndAt;
  }

  get livingDrivers(): readonly Driver[] {
    return this.drivers.filter(({ process }) => process.isAlive);
  }

  /** True when nothing of the run lives, but for a driver that nobody could end and that has nothing to do. */
  get hasEnded(): boolean {
    const { pid } = this.holder ?? { pid: 0 };
    const isForsaken = ({ process }: Driver): boolean =>
      this.#immune.has(process) && process.identity.pid !== pid;
    return this.table.workers.size === 0 && this.livingDrivers.every(isForsaken);
  }

  /** The driver that holds the newest lease, while its process lives. */
  get driver(): Driver | undefined {
    return this.livingDrivers.find(({ process }) => process.identity.pid === this.holder?.pid);
  }

  violate(message: string): void {
    const seconds = ((this.timeline.now - Date.UTC(2026, 0, 1)) / 1000).toFixed(3);
    this.violations.push(`${message} (at ${seconds} s, seq ${this.oracle.state.seq})`);
  }

  newHost(): ProcessIdentity {
    const host = new VirtualProcess(this.timeline.nextNumber());
    this.hosts.set(host.identity.pid, host);
    return host.identity;
  }

  liveness(identity: ProcessIdentity): Liveness {
    const process =
      this.hosts.get(identity.pid) ??
      this.drivers.find((driver) => driver.process.identity.pid === identity.pid)?.process;
    if (process === undefined || !process.isAlive) {
      return this.hasFaults && this.random.chance(0.05) ? "indeterminate" : "gone";
    }
    return process.isPaused && this.scenario.faults.isMisjudged ? "gone" : "alive";
  }

  /** Starts a runner process, which takes the lease if it can. */
  launch(id: string): void {
    const process = new VirtualProcess(this.timeline.nextNumber());
    const driver: Driver = { process, stop: new AbortController() };
    this.drivers.push(driver);
    if (this.scenario.faults.isImmune && this.random.chance(0.5)) this.#immune.add(process);
    process.onDeath.push(() => this.#loseTelemetry(process));
    const io = this.#io(process, true);
    const { timeline } = this;
    const parts = {
      runId: id,
      store: memoryStore(this.disk, io, process.identity),
      clock: timeline.clock(process),
      slots: this.machine.slots(timeline, process, io.begin),
      backend: unrulyWorkers({
        timeline,
        random: this.random,
        disk: this.disk,
        table: this.table,
        driver: process,
        temper: () => this.scenario.temper,
        onEscalation: ({ task, attempt }, step) => {
          this.tally[step]++;
          this.oracle.escalated(task.id, attempt, step);
        },
        endDrivers: () => this.#endOthers(process),
      }),
      probe: async (identity: ProcessIdentity) => {
        await io.end("probe");
        return this.liveness(identity);
      },
    };
    timeline.schedule(this.random.integer(0, 200), process, () => {
      takeAndDrive(parts, process.identity, driver.stop.signal).then(
        () => this.#exits(process),
        (error: unknown) => this.#fails(process, error),
      );
    });
  }

  /** Ends every other driver of the run, except one that cannot be seen from here. */
  #endOthers(successor: VirtualProcess): readonly ProcessIdentity[] {
    for (const { process } of this.livingDrivers) {
      if (process !== successor && !this.#immune.has(process)) process.die();
    }
    return [];
  }

  #exits(process: VirtualProcess): void {
    const left = [...this.table.workers].filter((worker) => worker.driver === process);
    if (left.length > 0) this.violate(`a driver ended and left ${left.length} workers`);
    process.die();
  }

  #fails(process: VirtualProcess, error: unknown): void {
    if (error instanceof LeaseLost) this.tally.fenced++;
    else if (!(error instanceof StorageError)) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.violate(error instanceof InvariantViolation ? error.message : text);
    }
    this.#exits(process);
  }

  /** Time and luck of one process's operations. */
  #io(process: VirtualProcess, isUnlucky: boolean): Io {
    const { timeline, random, scenario } = this;
    const { faults } = scenario;
    const pass = (delayMs: number): Promise<void> =>
      new Promise((resolve) => timeline.schedule(delayMs, process, resolve));
    const delay = (): number => {
      if (isUnlucky && this.hasFaults && random.chance(faults.slow)) return random.integer(1, 3_000);
      return random.chance(0.7) ? 0 : random.integer(0, 4);
    };
    const happens = (chance: number): boolean => isUnlucky && this.hasFaults && random.chance(chance);
    const dieOrPause = (): void => {
      if (happens(faults.crash)) {
        this.tally.crashes++;
        timeline.schedule(0, undefined, () => process.die());
      } else if (happens(faults.pause)) this.pause(process);
    };
    return {
      begin: async (operation) => {
        dieOrPause();
        await pass(delay());
        const isRefused = happens(faults.refusal) || (isUnlucky && this.isDiskFull && needsRoom(operation));
        if (!isRefused || operation.endsWith("Workers") || operation.endsWith("Writer")) return;
        this.tally.refusals++;
        const failure = { cause: "disk_full", code: "ENOSPC", path: operation } as const;
        throw new StorageError(`${operation}: no space left`, failure);
      },
      end: async () => {
        dieOrPause();
        await pass(delay());
      },
      kept: (wanted) => {
        if (!happens(faults.crash)) return wanted;
        this.tally.crashes++;
        process.die();
        return random.integer(0, wanted);
      },
    };
  }

  pause(process: VirtualProcess): void {
    this.tally.pauses++;
    process.pause();
    this.timeline.schedule(this.random.integer(1, 9_000), undefined, () => process.wake(this.timeline));
  }

  #loseTelemetry(process: VirtualProcess): void {
    const run = this.disk.runs.get(this.runId);
    if (run === undefined || run.holder?.pid !== process.identity.pid) return;
    if (run.durable === run.events.length || this.random.chance(0.5)) return;
    run.events.length = run.durable;
    this.oracle.rewind(run.events);
  }

  #run(): StoredRun {
    return this.disk.run(this.runId);
  }

  #recorded(event: StoredEvent): void {
    if (event.type === "lease.taken") {
      this.holder = event;
      if (event.epoch > 1) this.tally.takeovers++;
    }
    if (event.type === "run.parked") {
      this.tally.parks++;
      if (event.cause === "recovery_limit") this.tally.limits++;
    }
    if (event.type === "run.started") this.tally.reused += event.continued?.reused.length ?? 0;
    if (event.type === "mail.posted" && event.mail.kind === "question") this.tally.questions++;
    if (event.type === "mail.posted" && event.mail.kind === "approval") this.tally.approvals++;
    try {
      this.oracle.event(event);
    } catch (error) {
      this.violate(`${event.type} cannot be folded: ${error instanceof Error ? error.message : error}`);
    }
  }

  /** Living workers, but for those that a driver nobody could end has started behind its successor's back. */
  #answeredFor(): readonly LivingWorker[] {
    return [...this.table.workers].filter(
      ({ driver }) =>
        driver.identity.pid === this.holder?.pid || !this.#immune.has(driver) || !driver.isAlive,
    );
  }

  #workerStarted({ work, driver }: LivingWorker): void {
    this.tally.workers++;
    const name = `${work.task.id}/${work.attempt}`;
    // One that waits for an answer, or got one, needs no token.
    const mine = [...this.table.workers].filter(
      (worker) =>
        worker.driver === driver && !this.oracle.askers.has(`${worker.work.task.id}/${worker.work.attempt}`),
    ).length;
    const held = this.machine.heldBy(driver);
    const { concurrency } = this.scenario.settings;
    if (held > concurrency) this.violate(`a driver holds ${held} tokens for ${concurrency} workers`);
    if (mine > held) this.violate(`${name} is worker ${mine} of a driver that holds ${held} tokens`);
    // A driver that was taken over may start what it had already recorded, until its successor ends it.
    if (driver.identity.pid !== this.holder?.pid) {
      if (this.#immune.has(driver)) this.#obscure.add(name);
      return;
    }
    const others = this.#answeredFor().filter((worker) => worker.driver !== driver);
    if (others.length > 0)
      this.violate(`${name} starts while ${others.length} workers of an earlier driver live`);
    const task = this.oracle.tasks.get(work.task.id);
    if (task?.live !== work.attempt) this.violate(`${name} starts a process, but was not recorded`);
    if (work.task.writes !== "none" && !this.machine.isWriter(driver))
      this.violate(`${name} writes without the right to`);
    if (this.past?.finished.has(work.task.id))
      this.violate(`${name} repeats what run ${this.past.runId} finished`);
    this.#judgeInputs(name, work);
  }

  /** The run as a later one finds it. What a driver did that nobody could end is sure for nobody. */
  asPast(): Past {
    const finished = new Map<string, string>();
    const tasks = [...this.oracle.tasks];
    for (let before = -1; before < finished.size; ) {
      before = finished.size;
      for (const [id, { planned, attempts, final }] of tasks) {
        const task = this.oracle.state.status === "queued" ? undefined : taskAt(this.oracle.state, id)?.task;
        const isSure = final === "completed" && !this.#obscure.has(`${id}/${attempts}`);
        if (task?.status !== "completed" || !isSure) continue;
        if (planned.dependsOn.every((one) => finished.has(one))) finished.set(id, task.result.text);
      }
    }
    return { runId: this.runId, run: this.#run(), finished };
  }

  #judgeInputs(name: string, work: LivingWorker["work"]): void {
    const expected = work.task.dependsOn.map((id) => {
      const { attempts, reused } = this.oracle.tasks.get(id) ?? {};
      return reused ?? `${id} by ${attempts}`;
    });
    const given = work.inputs.map((input) => input.text);
    if (given.join() !== expected.join()) this.violate(`${name} is given ${given}, not ${expected}`);
  }
}

function needsRoom(operation: string): boolean {
  return ["append", "acquire", "directory", "writeManifest"].includes(operation);
}
