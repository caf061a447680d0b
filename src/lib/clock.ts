/** The machine's clock: the only place that reads time or sets timers for the engine. */
export const systemClock = {
  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now();
  },

  /** Resolves after `ms`, or at once when the signal aborts. Never rejects and never keeps the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return pause(ms, signal, false);
  },

  /** Like `sleep`, but keeps the process alive meanwhile: for work that somebody waits for. */
  stay(ms: number, signal?: AbortSignal): Promise<void> {
    return pause(ms, signal, true);
  },
};

function pause(ms: number, signal: AbortSignal | undefined, keepsAlive: boolean): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    // setTimeout overflows above 2^31-1 ms and would fire at once.
    const timer = setTimeout(done, Math.min(Math.max(ms, 0), 2_147_483_647));
    if (!keepsAlive) timer.unref();
    signal?.addEventListener("abort", done, { once: true });
  });
}
