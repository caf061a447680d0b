import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AttemptOutcome } from "../../src/core/outcome.ts";
import type { Slots } from "../../src/core/ports.ts";
import type { Work, Worker, WorkerBackend } from "../../src/core/worker.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { completed, failed, result } from "./plan.ts";

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

/** The same on a real disk: who is not broken leaves an artifact, a prompt and its outcome. `onWork` hears of each. */
export function leavingWorkers(
  broken: ReadonlySet<string>,
  onWork: (work: Work) => void = () => undefined,
): WorkerBackend {
  const leave = async ({ task: { id }, runId, attempt, artifacts, directory }: Work) => {
    if (broken.has(id)) return failed({ retryable: false });
    const artifact = { name: id, path: `${id}.txt`, bytes: 1, sha256: sha256(id) };
    const usage = { input: 10, output: 1, cacheRead: 0, cacheWrite: 0, cost: 1, turns: 1 };
    const left = { ...result(`${id} done`), artifacts: [artifact] };
    const outcome = { kind: "completed", result: left, usage } as const;
    const record = { v: 1, runId, task: id, attempt, at: "2026-01-01T00:00:00Z", outcome };
    await mkdir(artifacts, { recursive: true });
    await writeFile(join(artifacts, `${id}.txt`), id);
    await writeFile(join(directory, "outcome.json"), JSON.stringify(record));
    await writeFile(join(directory, "prompt.md"), "the prompt");
    return outcome;
  };
  const instant = instantWorkers();
  return {
    ...instant,
    start(work) {
      onWork(work);
      return { ...instant.start(work), outcome: leave(work) };
    },
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
