import { loadavg } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { type Ledger, type Recorded, readLedger } from "./ledger.ts";
import { isLiving, keyOf, type Part, ProcessTable, partOf, type Seen } from "./processes.ts";
import { isFinal, manifestOf } from "./run-status.ts";
import type { Violation } from "./violation.ts";

export interface CensusTerms {
  readonly agentDir: string;
  readonly runDirectory: string;
  /** How long a process may outlive what it is for, ms. */
  readonly limitMs: number;
  readonly violated: (violation: Violation) => void;
}

/** The state of affairs at one look. */
export interface Look {
  readonly ledger: Ledger;
  readonly processes: readonly Seen[];
  /** The driver that holds the newest lease lives. */
  readonly isDriven: boolean;
  readonly isOwned: boolean;
}

const lookEveryMs = 150;
/** Time in which the census itself did not get to run proves nothing about others. */
const creditMaxMs = 400;
/** A status that the kernel contradicts may stand this long (contract: 10 s). */
const falseStatusMaxMs = 10_000;

/**
 * Looks again and again at one run's journal and at the kernel's processes, and tells of every process that lives on
 * although nothing of what the journal says can be its reason, and of statuses that outlive their processes.
 */
export class Census {
  readonly #terms: CensusTerms;
  readonly #table: ProcessTable;
  readonly #ending = new AbortController();
  readonly #wrongFor = new Map<string, number>();
  readonly #told = new Set<string>();
  #running: Promise<void> = Promise.resolve();
  #last: Look | undefined;
  /** The disk is full, or the driver is frozen: nobody can act. */
  isHeldUp = false;
  /** Longest time that a process outlived its reason, ms. */
  slowestEndMs = 0;

  constructor(terms: CensusTerms) {
    this.#terms = terms;
    this.#table = new ProcessTable(terms.agentDir);
  }

  start(): void {
    this.#running = this.#keepLooking();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  /** The newest look; a fresh one when there is none. */
  async newest(): Promise<Look> {
    return this.#last ?? this.look();
  }

  /** Looks now. The journal is read before the processes: what it says was true before they were counted. */
  async look(): Promise<Look> {
    const ledger = await readLedger(this.#terms.runDirectory);
    const processes = await this.#table.living();
    const isDriven = ledger.driver !== undefined && (await isLiving(ledger.driver));
    const isOwned = ledger.background || ledger.owner === undefined || (await isLiving(ledger.owner));
    const look = { ledger, processes, isDriven, isOwned };
    this.#last = look;
    return look;
  }

  async #keepLooking(): Promise<void> {
    let before = performance.now();
    while (!this.#ending.signal.aborted) {
      await this.#checkFinal();
      const look = await this.look();
      const now = performance.now();
      const passedMs = Math.min(now - before, creditMaxMs);
      before = now;
      if (this.isHeldUp) this.#wrongFor.clear();
      else this.#judge(look, passedMs);
      await pause(lookEveryMs, undefined, { signal: this.#ending.signal }).catch(() => undefined);
    }
  }

  /** A run that is said to be over has no worker any more: not in five seconds, at once. */
  async #checkFinal(): Promise<void> {
    const status = String((await manifestOf(this.#terms.runDirectory))?.status);
    if (!isFinal(status)) return;
    for (const seen of await this.#table.living()) {
      if (seen.worker !== undefined)
        this.#tell(`final ${keyOf(seen)}`, "alive", `${describe(seen)} lives, and the run is ${status}`);
    }
  }

  #judge(look: Look, passedMs: number): void {
    const wrong = new Map<string, string>();
    for (const seen of look.processes) {
      const why = whyNot(seen, look);
      if (why !== undefined) wrong.set(`process ${keyOf(seen)}`, `${describe(seen)} lives although ${why}`);
    }
    for (const [name, text] of falseStatuses(look)) wrong.set(name, text);
    for (const name of this.#wrongFor.keys()) if (!wrong.has(name)) this.#wrongFor.delete(name);
    for (const [name, text] of wrong) {
      const forMs = (this.#wrongFor.get(name) ?? 0) + passedMs;
      this.#wrongFor.set(name, forMs);
      const isProcess = name.startsWith("process ");
      if (isProcess) this.slowestEndMs = Math.max(this.slowestEndMs, forMs);
      const factor = this.#terms.limitMs / 5_000;
      if (forMs > (isProcess ? this.#terms.limitMs : falseStatusMaxMs * factor))
        this.#tell(name, isProcess ? "alive" : "state", `${text} for ${Math.round(forMs)} ms`);
    }
  }

  #tell(name: string, kind: Violation["kind"], text: string): void {
    if (this.#told.has(name)) return;
    this.#told.add(name);
    this.#terms.violated({ kind, text: `${text} (load ${loadavg()[0]?.toFixed(1)})` });
  }
}

function describe(seen: Seen): string {
  return `${partOf(seen)} ${seen.pid} "${seen.commandLine.slice(0, 60)}"${seen.isStopped ? " (stopped)" : ""}`;
}

/** Why a process of a run should be gone; undefined when it may live. */
function whyNot(seen: Seen, { ledger, processes, isDriven, isOwned }: Look): string | undefined {
  if (seen.run === undefined) return undefined;
  const { status } = ledger;
  if (status === "completed" || status === "failed" || status === "cancelled") return `the run is ${status}`;
  if (status === "blocked") return `the run is parked (${ledger.cause})`;
  if (!isOwned) return "the run's session is gone";
  const part: Part = partOf(seen);
  if (part === "driver")
    return isDriven && ledger.driver?.pid === seen.pid ? undefined : "another drives the run, or nobody";
  const driverPid =
    part === "warden" ? driverOfWarden(seen, ledger.driver) : Number(seen.driver?.split("-")[0]);
  if (!isDriven || driverPid !== ledger.driver?.pid)
    return `its driver ${driverPid} is gone or drives no more`;
  if (part !== "grandchild") return undefined;
  const hasWorker = processes.some((other) => other.worker === seen.worker && partOf(other) === "worker");
  return hasWorker ? undefined : "its worker is gone";
}

/** A warden's command line names whom it watches. */
function driverOfWarden(seen: Seen, driver: Recorded | undefined): number {
  const words = seen.commandLine.split(" ");
  return words.includes(String(driver?.pid)) ? Number(driver?.pid) : Number(words.at(-3));
}

/** Attempts that are said to be at work although the worker that was recorded for them is gone. */
function falseStatuses({ ledger, processes, isDriven }: Look): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (!isDriven || ledger.status !== "running") return found;
  const living = new Set(processes.map(keyOf));
  for (const [task, { attempts }] of ledger.tasks) {
    for (const [number, { worker, ended }] of attempts) {
      if (ended !== undefined || worker === undefined || living.has(keyOf(worker))) continue;
      found.set(
        `attempt ${task}/${number}`,
        `${task}/${number} is called running, and its worker ${worker.pid} was gone`,
      );
    }
  }
  return found;
}
