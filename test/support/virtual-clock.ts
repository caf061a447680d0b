import type { Clock } from "../../src/core/ports.ts";
import type { ProcessIdentity } from "../../src/core/process.ts";
import type { Random } from "./random.ts";

/** A pretended operating-system process: whatever it awaits never comes when it is dead, and comes late when it is paused. */
export class VirtualProcess {
  readonly identity: ProcessIdentity;
  readonly onDeath: (() => void)[] = [];
  #state: "running" | "paused" | "dead" = "running";
  #held: (() => void)[] = [];

  constructor(pid: number) {
    this.identity = { pid, startTime: String(pid * 7), bootId: "boot" };
  }

  get isAlive(): boolean {
    return this.#state !== "dead";
  }

  get isPaused(): boolean {
    return this.#state === "paused";
  }

  /** Runs the action now, when the process wakes up, or never. */
  perform(action: () => void): void {
    if (this.#state === "running") action();
    else if (this.#state === "paused") this.#held.push(action);
  }

  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  wake(timeline: Timeline): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    const held = this.#held;
    this.#held = [];
    for (const action of held) timeline.schedule(0, this, action);
  }

  die(): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    this.#held = [];
    for (const told of this.onDeath) told();
  }
}

interface Entry {
  readonly time: number;
  readonly order: number;
  readonly process: VirtualProcess | undefined;
  readonly action: () => void;
}

/**
 * Everything that is going to happen, in order of virtual time; what happens at one instant happens in an order that the
 * seed decides. Between two happenings every promise that can go on does so.
 */
export class Timeline {
  /** Ms since the epoch that passed evenly: what a timer counts. */
  now = Date.UTC(2026, 0, 1);
  /** What wall clocks show beyond `now`. */
  wallOffsetMs = 0;
  steps = 0;
  /** Happenings since time last went on. */
  stepsAtThisInstant = 0;
  readonly #random: Random;
  readonly #heap: Entry[] = [];
  #inOrder = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Has the action happen after `delayMs` in the given process, or in the world when there is none. */
  schedule(delayMs: number, process: VirtualProcess | undefined, action: () => void): void {
    const heap = this.#heap;
    const entry = {
      time: this.now + Math.max(0, Math.round(delayMs)),
      order: this.#random.next(),
      process,
      action,
    };
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !isBefore(entry, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = entry;
  }

  /** Resolves after `delayMs` in the process; at once when the signal aborts. */
  sleep(delayMs: number, process: VirtualProcess | undefined, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const done = (): void => {
        signal?.removeEventListener("abort", done);
        resolve();
      };
      this.schedule(delayMs, process, done);
      signal?.addEventListener("abort", done, { once: true });
    });
  }

  /** The wall clock and timers as a process sees them. */
  clock(process: VirtualProcess | undefined): Clock {
    return {
      now: () => this.now + this.wallOffsetMs,
      sleep: (ms, signal) => this.sleep(ms, process, signal),
    };
  }

  /** Lets things happen until `isOver`, or until nothing is left to happen. Rejects with what an action throws. */
  run(isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          const entry = isOver() ? undefined : this.#take();
          if (entry === undefined) {
            resolve();
            return;
          }
          this.#happen(entry);
        } catch (error) {
          reject(error);
          return;
        }
        // The queue of ticks is served only when no promise is left that could go on.
        queueMicrotask(() => process.nextTick(step));
      };
      step();
    });
  }

  #happen(entry: Entry): void {
    this.steps++;
    if (entry.time > this.now) {
      this.now = entry.time;
      this.stepsAtThisInstant = 0;
    } else this.stepsAtThisInstant++;
    if (entry.process === undefined) entry.action();
    else entry.process.perform(entry.action);
  }

  #take(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const a = heap[left];
      const b = heap[left + 1];
      if (a === undefined) break;
      const isRight = b !== undefined && isBefore(b, a);
      const child = isRight ? b : a;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = isRight ? left + 1 : left;
    }
    heap[at] = last;
    return first;
  }

  /** Numbers that are given out in order: pids, request ids. */
  nextNumber(): number {
    return ++this.#inOrder;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.time === b.time ? a.order < b.order : a.time < b.time;
}
