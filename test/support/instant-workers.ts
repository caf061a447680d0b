import type { AttemptOutcome } from "../../src/core/outcome.ts";
import type { Slots, Worker, WorkerBackend } from "../../src/core/ports.ts";
import { completed } from "./plan.ts";

/** Workers that are done before they begin, each with the outcome that `outcomeOf` names for its task. */
export function instantWorkers(outcomeOf: (task: string) => AttemptOutcome = completed): WorkerBackend {
  return {
    start: (work): Worker => ({
      signals: noSignals,
      outcome: Promise.resolve(outcomeOf(work.task.id)),
      stop: () => undefined,
      escalate: () => undefined,
      deliver: () => undefined,
      acknowledge: () => undefined,
    }),
    reap: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}

const noSignals: Worker["signals"] = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
};

/** A machine that is never full. */
export function boundlessSlots(): Slots {
  const token = { release: () => Promise.resolve() };
  return {
    takeWorkers: (wanted) => Promise.resolve(Array.from({ length: wanted }, () => token)),
    takeWriter: () => Promise.resolve(token),
    changed: (signal) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
  };
}
