import { Random } from "../support/random.ts";

/** What is done to a run while it works. */
export const faultKinds = [
  "kill host",
  "kill driver",
  "kill warden",
  "kill worker",
  "kill grandchild",
  "kill host and driver",
  "kill driver and warden",
  "kill host and driver and warden",
  "quit host",
  "terminate driver",
  "freeze host",
  "freeze driver",
  "freeze worker",
  "freeze and kill driver",
  "freeze and kill worker",
  "fill the disk",
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** One fault: `delayMs` after the journal held that many records, or not at all when the run is over before. */
export interface Fault {
  readonly kind: FaultKind;
  readonly records: number;
  readonly delayMs: number;
  /** How long a freeze or a full disk lasts. */
  readonly forMs: number;
  /** Which of several that fit, as a share of their number. */
  readonly choice: number;
}

export interface ChaosTask {
  readonly id: string;
  readonly agent: "executor" | "explorer";
  readonly dependsOn: readonly string[];
  /** Writers take turns in the checkout. */
  readonly isWriter: boolean;
  readonly behaviour: Behaviour;
  /** How long it works, roughly. */
  readonly workMs: number;
  /** What it did waits for a person's approval. */
  readonly isGated: boolean;
}

export const behaviours = ["answer", "stream", "tool", "brood", "write", "suicide", "refused"] as const;
export type Behaviour = (typeof behaviours)[number];

/** Everything about a round that its seed decides. Instants depend on the machine. */
export interface ChaosPlan {
  readonly seed: number;
  readonly tasks: readonly ChaosTask[];
  readonly background: boolean;
  readonly faults: readonly Fault[];
  /** Somebody cancels the run once its journal holds that many records. */
  readonly cancelAt?: number;
  /** Pauses before a new host is started in the place of a killed one. */
  readonly hostPausesMs: readonly number[];
  readonly hasSmallDisk: boolean;
  /** The plan itself waits for approval. */
  readonly isProposed: boolean;
  /** How long the person thinks before approving. */
  readonly thinkMs: number;
}

/** What happens most in real life comes most often. */
const frequent = [
  ...(["kill host", "kill host", "kill driver", "kill driver", "kill worker"] as const),
  ...faultKinds.filter((kind) => kind !== "fill the disk"),
] as const;
const diskShare = 0.12;
const cancelShare = 0.12;
const gateShare = 0.12;
const proposalShare = 0.12;

/** The plan of a seed. */
export function planOf(seed: number): ChaosPlan {
  const random = new Random(seed);
  const hasSmallDisk = random.chance(diskShare);
  const count = random.integer(3, random.chance(0.2) ? 8 : 5);
  const ungated = Array.from({ length: count }, (_, index) => taskOf(index, random));
  const expectedRecords = 3 + count * 5;
  const faults = Array.from({ length: random.integer(1, 4) }, (_, index) =>
    faultOf(random, hasSmallDisk && index === 0, expectedRecords),
  );
  const cancelAt = random.chance(cancelShare) ? random.integer(4, expectedRecords) : undefined;
  const hostPausesMs = Array.from({ length: 8 }, () => random.integer(0, 1_500));
  const tasks = ungated.map((task) => ({ ...task, isGated: random.chance(gateShare) }));
  return {
    seed,
    tasks,
    background: random.chance(0.5),
    faults: faults.sort((a, b) => a.records - b.records),
    ...(cancelAt !== undefined && { cancelAt }),
    hostPausesMs,
    hasSmallDisk,
    isProposed: random.chance(proposalShare),
    thinkMs: random.integer(0, 3_000),
  };
}

function taskOf(index: number, random: Random): Omit<ChaosTask, "isGated"> {
  const earlier = random.shuffled(Array.from({ length: index }, (_, before) => `t${before + 1}`));
  const isReader = random.chance(0.25);
  return {
    id: `t${index + 1}`,
    agent: isReader ? "explorer" : "executor",
    // Broad rather than deep: a worker's start is what takes time.
    dependsOn: earlier.slice(0, random.chance(0.5) ? random.integer(0, 2) : 0).sort(),
    isWriter: !isReader && random.chance(0.25),
    behaviour: isReader
      ? random.pick(["answer", "stream", "refused"])
      : random.pick(["answer", "stream", "tool", "tool", "brood", "brood", "write", "suicide", "refused"]),
    workMs: random.integer(50, 900),
  };
}

function faultOf(random: Random, isFull: boolean, recordsMax: number): Fault {
  return {
    kind: isFull ? "fill the disk" : random.pick(frequent),
    records: random.integer(0, recordsMax),
    delayMs: random.integer(0, 300),
    forMs: random.integer(200, 2_500),
    choice: random.next(),
  };
}
