import type { Json } from "../support/host.ts";
import type { Random } from "../support/random.ts";

/** What a host asks of the tool: an action and its arguments. */
export type Deed = readonly [action: string, args: Json];

/** A run as whoever plans a round sees it. */
export interface Standing {
  readonly runId: string;
  readonly status: string;
  /** Another run that is there goes on with it. */
  readonly isContinued: boolean;
  /** Ids of what it asks. */
  readonly open: readonly string[];
}

/** What the two hosts do at once, and what is killed meanwhile: some driver, or the first or second host. */
export interface Round {
  readonly deeds: readonly [Deed, Deed];
  readonly fault?: "driver" | 0 | 1;
}

/** What a round can be about: how often, if there is a run for it, and which runs are. */
const kinds = {
  apart: { weight: 7 },
  "retry together": { weight: 5, isFor: isRetriable },
  "retry alone": { weight: 3, isFor: isRetriable },
  "retry and remove": { weight: 5, isFor: isRetriable },
  "answer together": { weight: 6, isFor: isAsking },
  "answer and end": { weight: 6, isFor: isAsking },
  "resume together": { weight: 5, isFor: isParked },
  "resume and end": { weight: 4, isFor: isParked },
  "lose a host": { weight: 2 },
} as const satisfies Record<string, { weight: number; isFor?: (run: Standing) => boolean }>;
type Kind = keyof typeof kinds;

const driverKillShare = 0.1;
const waits = [0, 100, 400, 1_500] as const;

function isRetriable({ status, isContinued }: Standing): boolean {
  return (status === "cancelled" || status === "failed") && !isContinued;
}
function isAsking({ open }: Standing): boolean {
  return open.length > 0;
}
function isParked({ status }: Standing): boolean {
  return status === "blocked";
}

/** The next round, which is this one's number: it depends on the seed, and on how far the runs (oldest first) are. */
export function roundOf(random: Random, number: number, runs: readonly Standing[]): Round {
  const fitting = (kind: Kind): readonly Standing[] => {
    const { isFor } = { isFor: undefined, ...kinds[kind] };
    return isFor === undefined ? [] : runs.filter(isFor);
  };
  const names = Object.keys(kinds).filter((name): name is Kind => name in kinds);
  const bag = names.flatMap((name) => {
    const isPossible = !("isFor" in kinds[name]) || fitting(name).length > 0;
    return isPossible ? Array.from({ length: kinds[name].weight }, () => name) : [];
  });
  const kind = oneOf(random, bag) ?? "apart";
  const run = oneOf(random, fitting(kind));
  const planner = new Planner(random, number, runs);
  const [first, second] = run === undefined ? planner.apart(kind) : planner.about(run, kind);
  const isTurned = random.chance(0.5);
  const deeds = isTurned ? ([second, first] as const) : ([first, second] as const);
  if (kind === "lose a host") return { deeds, fault: isTurned ? 1 : 0 };
  return { deeds, ...(random.chance(driverKillShare) && { fault: "driver" as const }) };
}

class Planner {
  readonly #random: Random;
  readonly #number: number;
  readonly #runs: readonly Standing[];

  constructor(random: Random, number: number, runs: readonly Standing[]) {
    this.#random = random;
    this.#number = number;
    this.#runs = runs;
  }

  /** Two deeds that have nothing to do with each other; the host that is to be lost has a run that needs it. */
  apart(kind: Kind): readonly [Deed, Deed] {
    const tasks = chain(`${this.#number} lost`, 4_000, this.#random.chance(0.3));
    return [kind === "lose a host" ? ["run", { tasks, background: false }] : this.#any(), this.#any()];
  }

  about(run: Standing, kind: Kind): readonly [Deed, Deed] {
    const retry: Deed = ["retry", { run: run.runId, background: true }];
    const resume: Deed = ["resume", { run: run.runId, background: true, ...this.#force(0.2) }];
    switch (kind) {
      case "retry together":
        return [retry, this.#random.chance(0.8) ? retry : ["resume", retry[1]]];
      case "retry alone":
        return [retry, this.#any()];
      case "retry and remove":
        return [retry, this.#removal(run)];
      case "answer together":
        return [this.#answer(run, "one"), this.#answer(run, "other")];
      case "answer and end":
        return [this.#answer(run, "one"), this.#ending(run)];
      case "resume together":
        return [resume, resume];
      case "resume and end":
        return [resume, this.#ending(run)];
      case "apart":
      case "lose a host":
        return this.apart(kind);
    }
  }

  #any(): Deed {
    const random = this.#random;
    // Mostly among the newest: they are alive.
    const recent = this.#runs.slice(-random.integer(1, 8));
    const run = oneOf(random, recent)?.runId ?? "none";
    const live = recent.filter(({ status }) => !["completed", "failed", "cancelled"].includes(status));
    const victim = oneOf(random, live)?.runId ?? run;
    const fitting = (isFor: (run: Standing) => boolean): string =>
      (random.chance(0.6) ? oneOf(random, this.#runs.filter(isFor))?.runId : undefined) ?? run;
    const deeds: readonly (() => Deed)[] = [
      ...Array.from({ length: 6 }, () => () => this.#start()),
      ...Array.from({ length: 3 }, () => (): Deed => ["cancel", { run: victim }]),
      () => ["retry", { run: fitting(isRetriable), background: true }],
      () => ["resume", { run: fitting(isParked), background: true, ...this.#force(0.3) }],
      () => ["respond", { run: fitting(isAsking), message: "approve" }],
      () => this.#forget(run),
      () => this.#prune(),
      () => ["cleanup", { confirm: true, ...this.#force(0.4) }],
      () => ["list", {}],
      () => ["status", { run }],
      () => ["summary", { run }],
    ];
    return (oneOf(random, deeds) ?? (() => ["list", {}]))();
  }

  /** A single task, a chain, one with a gate, or a plan that is kept to be approved. */
  #start(): Deed {
    const random = this.#random;
    const wait = random.pick(waits);
    const background = random.chance(0.8);
    const tasks = chain(String(this.#number), wait, random.chance(0.7));
    switch (random.integer(0, 5)) {
      // The same words from both are one run.
      case 0:
        return ["run", { goal: `wait ${wait} ms`, agent: "executor", background }];
      case 1:
        return ["plan", { tasks, confirm: true }];
      default:
        // A run that asks nobody is waited for by a call that is not in the background, and so by the next round.
        return ["run", { tasks, background }];
    }
  }

  #answer({ runId, open }: Standing, who: string): Deed {
    const random = this.#random;
    const question = oneOf(random, open) ?? "";
    const name = open.length > 1 || random.chance(0.6) ? { name: question } : {};
    if (question.startsWith("plan-") && random.chance(0.25)) {
      const tasks = chain(`${this.#number} ${who} edited`, 0, random.chance(0.5));
      return ["respond", { run: runId, tasks, ...(random.chance(0.5) && { message: "approve" }) }];
    }
    const messages = ["approve", "approve", "Approved.", `reject: ${who} of round ${this.#number}`, "maybe"];
    return ["respond", { run: runId, ...name, message: oneOf(random, messages) ?? "approve" }];
  }

  #ending(run: Standing): Deed {
    return this.#random.chance(0.6) ? ["cancel", { run: run.runId }] : this.#removal(run);
  }

  #removal({ runId }: Standing): Deed {
    return this.#random.chance(0.7) ? this.#forget(runId) : this.#prune();
  }
  #forget(run: string): Deed {
    return ["forget", { run, confirm: true, ...this.#force(0.6) }];
  }
  #prune(): Deed {
    const [value, limit] = [this.#random.pick(["0", "30"]), this.#random.integer(5, 20)];
    return ["prune", { value, limit, confirm: true, ...this.#force(0.4) }];
  }

  #force(share: number): Json {
    return this.#random.chance(share) ? { force: true, reason: `round ${this.#number} wants it so` } : {};
  }
}

/** Three tasks in a row; what the second does, which takes its time, may wait for approval. */
function chain(name: string, waitMs: number, isGated: boolean): readonly Json[] {
  const common = { agent: "executor", writes: "none" };
  return [
    { ...common, id: "t1", task: `first of ${name}` },
    {
      ...{ ...common, id: "t2", task: `second of ${name}: wait ${waitMs} ms`, dependsOn: ["t1"] },
      ...(isGated && { gate: "approval" }),
    },
    { ...common, id: "t3", task: `third of ${name}`, dependsOn: ["t2"] },
  ];
}

function oneOf<T>(random: Random, items: readonly T[]): T | undefined {
  return items[random.integer(0, Math.max(items.length - 1, 0))];
}
