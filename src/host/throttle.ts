import type { Clock } from "../core/ports.ts";

/** Passes on at most one value in a while, the newest, and never one after `stop`. */
export interface Throttle<T> {
  push(value: T): void;
  stop(): void;
}

/** The first value goes through at once; of the later ones the newest, every `everyMs`. `emit` must not throw. */
export function throttle<T>(clock: Clock, everyMs: number, emit: (value: T) => void): Throttle<T> {
  const stopped = new AbortController();
  let waiting: { value: T } | undefined;
  let isResting = false;

  const rest = async (): Promise<void> => {
    isResting = true;
    await clock.sleep(everyMs, stopped.signal);
    isResting = false;
    const next = waiting;
    waiting = undefined;
    if (next !== undefined) pass(next.value);
  };
  const pass = (value: T): void => {
    if (stopped.signal.aborted) return;
    emit(value);
    // A clock's sleep never rejects, and `emit` must not throw.
    void rest();
  };
  return {
    push(value) {
      if (isResting) waiting = { value };
      else pass(value);
    },
    stop() {
      waiting = undefined;
      stopped.abort();
    },
  };
}
