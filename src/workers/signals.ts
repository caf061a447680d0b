import type { Clock } from "../core/ports.ts";
import type { WorkerSignal } from "../core/worker.ts";

type Progress = Extract<WorkerSignal, { kind: "progress" }>;

/** Signals on their way to one reader. Bounded: progress that was not read yet is replaced by newer progress. */
export interface SignalQueue extends AsyncIterable<WorkerSignal> {
  push(signal: WorkerSignal): void;
  /** Something moved: the newest progress is sent soon, at most every `progressEveryMs`. */
  moved(progress: () => Progress): void;
  close(): void;
}

const progressEveryMs = 250;

/** An empty queue. Its pauses end when it is closed. */
export function signalQueue(clock: Clock): SignalQueue {
  const waiting: WorkerSignal[] = [];
  const closing = new AbortController();
  let wake: (() => void) | undefined;
  let pending = false;
  let sentAt = Number.NEGATIVE_INFINITY;

  const push = (signal: WorkerSignal): void => {
    if (closing.signal.aborted) return;
    if (signal.kind === "progress" && waiting.at(-1)?.kind === "progress") waiting.pop();
    waiting.push(signal);
    wake?.();
  };
  return {
    push,
    moved(progress) {
      if (pending) return;
      pending = true;
      const due = Math.max(sentAt + progressEveryMs - clock.now(), 0);
      void clock.sleep(due, closing.signal).then(() => {
        pending = false;
        sentAt = clock.now();
        push(progress());
      });
    },
    close() {
      closing.abort();
      wake?.();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const signal = waiting.shift();
        if (signal) yield signal;
        else if (closing.signal.aborted) return;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
