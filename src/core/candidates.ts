import { type Heap, pop } from "./heap.ts";
import type { PlannedTask } from "./plan.ts";
import { startsBefore } from "./settle.ts";
import { isWriter, type RunState, type StartedRun } from "./state.ts";

/** What the run could start now if the machine allowed: `workers` tasks, and whether one of them is a writer. */
export function demand(state: RunState, at: number): { readonly workers: number; readonly writer: boolean } {
  if (state.status !== "running" || state.cancel !== undefined || state.proposedAt !== undefined)
    return { workers: 0, writer: false };
  const free = state.terms.settings.concurrency - atWork(state);
  if (free <= 0) return { workers: 0, writer: false };
  const candidates = new Candidates(state, at, true);
  let workers = 0;
  let writer = false;
  for (let index = candidates.take(); index !== undefined; index = candidates.take()) {
    workers++;
    const planned = state.plan.tasks[index];
    if (planned !== undefined && isWriter(planned)) writer = true;
    if (workers === free) break;
  }
  return { workers, writer };
}

/** Workers that live and do not wait for an answer. */
export function atWork({ active, tasks, counts }: StartedRun): number {
  if (counts.waiting + counts.blocked === 0) return active.length;
  return active.filter((index) => /running|stopping/.test(tasks.get(index)?.status ?? "")).length;
}

/** Hands out startable tasks, best first: due retries and ready tasks, one writer at a time, roles within their limit. */
export class Candidates {
  readonly #state: StartedRun;
  readonly #before: (a: number, b: number) => boolean;
  readonly #alive = new Map<string, number>();
  readonly #retries: number[];
  #readers: Heap;
  #writers: Heap;
  #mayWrite: boolean;

  constructor(state: StartedRun, at: number, mayWrite: boolean) {
    this.#state = state;
    this.#before = startsBefore(state.graph.height);
    this.#readers = state.readyReaders;
    this.#writers = state.readyWriters;
    this.#mayWrite = mayWrite;
    for (const index of state.active) {
      const planned = state.plan.tasks[index];
      if (planned !== undefined) this.#count(planned);
    }
    this.#retries = state.retrying
      .filter((index) => {
        const task = state.tasks.get(index);
        return task?.status === "retrying" && task.retryAt <= at;
      })
      .sort((a, b) => (this.#before(a, b) ? -1 : 1));
  }

  #count(planned: PlannedTask): void {
    if (isWriter(planned)) this.#mayWrite = false;
    if (planned.role !== undefined) this.#alive.set(planned.role, (this.#alive.get(planned.role) ?? 0) + 1);
  }

  #fits(index: number): boolean {
    const planned = this.#state.plan.tasks[index];
    if (planned === undefined || (isWriter(planned) && !this.#mayWrite)) return false;
    return (
      planned.roleMax === undefined ||
      planned.role === undefined ||
      (this.#alive.get(planned.role) ?? 0) < planned.roleMax
    );
  }

  /** The best task that may start beside those alive and handed out; undefined when there is none. */
  take(): number | undefined {
    const retry = this.#retries.find((index) => this.#fits(index));
    this.#readers = this.#skip(this.#readers);
    this.#writers = this.#mayWrite ? this.#skip(this.#writers) : null;
    const heads = [retry, this.#readers?.item, this.#writers?.item].filter((index) => index !== undefined);
    const best = heads.sort((a, b) => (this.#before(a, b) ? -1 : 1))[0];
    if (best === undefined) return undefined;
    if (best === retry) this.#retries.splice(this.#retries.indexOf(best), 1);
    else if (best === this.#readers?.item) this.#readers = pop(this.#readers, this.#before);
    else this.#writers = pop(this.#writers, this.#before);
    const planned = this.#state.plan.tasks[best];
    if (planned !== undefined) this.#count(planned);
    return best;
  }

  /** Drops entries that were started, settled or do not fit now; the state's own heap keeps them. */
  #skip(heap: Heap): Heap {
    let left = heap;
    while (
      left !== null &&
      (this.#state.tasks.get(left.item)?.status !== "pending" || !this.#fits(left.item))
    ) {
      left = pop(left, this.#before);
    }
    return left;
  }
}
