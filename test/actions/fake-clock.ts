import type { Clock } from "../../src/core/ports.ts";

/** Time that passes only when nothing else can happen: the earliest sleeper wakes, at its own instant. */
export class FakeClock implements Clock {
  private time = Date.parse("2026-11-21T13:00:00Z");
  private readonly sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();
  private pumping = false;

  now(): number {
    return this.time;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const sleeper = {
        until: this.time + ms,
        wake: () => {
          this.sleepers.delete(sleeper);
          signal?.removeEventListener("abort", sleeper.wake);
          resolve();
        },
      };
      this.sleepers.add(sleeper);
      signal?.addEventListener("abort", sleeper.wake);
      this.pump();
    });
  }

  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    setImmediate(() => {
      this.pumping = false;
      const [next] = [...this.sleepers].sort((a, b) => a.until - b.until);
      if (next === undefined) return;
      this.time = Math.max(this.time, next.until);
      next.wake();
      this.pump();
    });
  }
}
