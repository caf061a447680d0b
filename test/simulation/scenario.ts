import type { Plan, PlannedTask } from "../../src/core/plan.ts";
import { defaultSettings, type Settings } from "../../src/core/settings.ts";
import { plan, task } from "../support/plan.ts";
import type { Random } from "../support/random.ts";
import type { Manner, Temper } from "../support/unruly-workers.ts";

/** What can go wrong in one world, and how often. Most worlds have only a few kinds of trouble, each in plenty. */
export interface Faults {
  /** Chance that the driver dies at one operation, before or after it. */
  readonly crash: number;
  /** Chance that the disk refuses one operation. */
  readonly refusal: number;
  /** Chance that the driver is stopped for a while at one operation. */
  readonly pause: number;
  /** Chance that an operation is slow. */
  readonly slow: number;
  /** A stopped driver is believed dead. */
  readonly isMisjudged: boolean;
  /** A driver that was believed dead cannot be ended by its successor. */
  readonly isImmune: boolean;
  readonly hasClockJumps: boolean;
  readonly hasFullDisk: boolean;
  readonly hasLostManifests: boolean;
  readonly ownerDies: boolean;
  readonly hasRivals: boolean;
  /** The driver is asked to end, as by SIGTERM. */
  readonly hasAborts: boolean;
  readonly hasDuplicates: boolean;
  readonly isCancelled: boolean;
  /** Virtual ms after which nothing goes wrong any more. */
  readonly forMs: number;
}

export interface Scenario {
  readonly plan: Plan;
  readonly settings: Settings;
  readonly background: boolean;
  readonly faults: Faults;
  readonly temper: Temper;
  /** Whether somebody resumes the run when it was parked. */
  readonly isResumed: boolean;
  /** False: the lead's host ended with its prompt. */
  readonly isAttended: boolean;
  /** Virtual ms from the start during which nobody decides on what is to be approved. */
  readonly undecidedMs: number;
  readonly machineWorkers: number;
}

/** One world's circumstances. */
export function scenarioOf(random: Random): Scenario {
  const ownerDies = random.chance(0.3);
  return {
    plan: planOf(random),
    settings: settingsOf(random),
    background: random.chance(0.3),
    faults: faultsOf(random, ownerDies),
    temper: temperOf(random),
    isResumed: random.chance(0.8),
    isAttended: random.chance(0.8),
    undecidedMs: random.chance(0.04) ? 2 * 3_600_000 : 0,
    machineWorkers: random.integer(1, 6),
  };
}

function faultsOf(random: Random, ownerDies: boolean): Faults {
  const some = (share: number, values: readonly [number, ...number[]]): number =>
    random.chance(share) ? random.pick(values) : 0;
  return {
    crash: some(0.5, [0.005, 0.02, 0.08]),
    refusal: some(0.3, [0.01, 0.1]),
    pause: some(0.3, [0.005, 0.02]),
    slow: some(0.3, [0.02, 0.2]),
    isMisjudged: random.chance(0.7),
    isImmune: random.chance(0.2),
    hasClockJumps: random.chance(0.2),
    hasFullDisk: random.chance(0.2),
    hasLostManifests: random.chance(0.2),
    ownerDies,
    hasRivals: random.chance(0.3),
    hasAborts: random.chance(0.2),
    hasDuplicates: random.chance(0.3),
    isCancelled: random.chance(0.3),
    forMs: random.integer(2_000, 40_000),
  };
}

function temperOf(random: Random): Temper {
  const all: readonly Manner[] = [
    "instant",
    "flood",
    "chatty",
    "never-ready",
    "hang",
    "drowsy",
    "die",
    "refuse",
    "provider",
    "vanish",
    "no-process",
    "linger",
    "overspend",
    "waits",
    "asks",
    "repeats",
  ];
  const some = random.shuffled(all).slice(0, random.integer(0, 5));
  const good = Array.from({ length: random.integer(1, 8) }, (): Manner => "good");
  return {
    manners: ["good", ...good, ...some],
    stubbornMs: random.pick([10, 2_000, 12_000]),
    lateMs: random.pick([2, 2, 50, 3_000]),
    workMs: random.pick([0, 100, 3_000]),
  };
}

function settingsOf(random: Random): Settings {
  const { limits, retries } = defaultSettings;
  const silenceMaxMs = random.integer(2_000, 8_000);
  return {
    ...defaultSettings,
    concurrency: random.integer(1, 5),
    onOwnerLoss: random.chance(0.8) ? "park" : "continue",
    limits: {
      ...limits,
      startMaxMs: random.integer(900, 3_000),
      nudgeAfterMs: random.pick([0, 500, 1_500]),
      abortAfterMs: random.pick([0, 1_000, 1_900]),
      silenceMaxMs,
      toolMaxMs: silenceMaxMs + random.integer(0, 6_000),
      runMaxMs: random.pick([20_000, 120_000, 600_000]),
    },
    retries: {
      ...retries,
      backoffMs: random.pick([0, 100, 1_000]),
      backoffMaxMs: random.pick([1_000, 4_000]),
      lostMax: random.integer(0, 5),
    },
    recovery: { auto: true, max: random.pick([0, 1, 2, 5]) },
    requireApproval: random.chance(0.2),
    headless: random.pick(["wait", "wait", "default", "deny"]),
  };
}

/** A plan at random, of which some steps may wait for approval. */
export function planOf(random: Random): Plan {
  const size = random.integer(1, 12);
  const shape = random.pick(["layered", "chain", "independent", "random"]);
  const width = random.integer(1, 4);
  const gated = random.pick([0, 0, 0.3]);
  const tasks: PlannedTask[] = [];
  for (let index = 0; index < size; index++) {
    const dependsOn = dependenciesOf(index, shape, width, random).map((at) => `t${at}`);
    tasks.push(
      task(`t${index}`, dependsOn, {
        ...variationOf(random),
        ...(random.chance(gated) && { gate: "approval" }),
      }),
    );
  }
  return plan(...random.shuffled(tasks));
}

function dependenciesOf(index: number, shape: string, width: number, random: Random): number[] {
  const earlier = Array.from({ length: index }, (_, at) => at);
  switch (shape) {
    case "chain":
      return index === 0 ? [] : [index - 1];
    case "layered": {
      const layer = Math.floor(index / width);
      return earlier.filter((at) => Math.floor(at / width) === layer - 1);
    }
    case "random":
      return earlier.filter(() => random.chance(2 / Math.max(index, 2)));
    default:
      return [];
  }
}

function variationOf(random: Random): Partial<PlannedTask> {
  const role = random.pick(["a", "b", undefined]);
  return {
    retries: random.integer(0, 2),
    attemptMaxMs: random.pick([4_000, 10_000, 60_000]),
    writes: random.chance(0.3) ? ["src/**"] : "none",
    models: random.chance(0.3) ? ["p/one", "p/two"] : [],
    ...(role !== undefined && { role }),
    ...(role === "a" && { roleMax: 1 }),
    ...(random.chance(0.3) && { turnsMax: 5 }),
  };
}
