import type { Slots, SlotToken } from "../../src/core/ports.ts";
import type { Timeline, VirtualProcess } from "../support/virtual-clock.ts";

/** The machine's worker tokens and checkout locks; a holder's death gives them back. */
export class Machine {
  readonly capacity: number;
  /** Tokens that other runs hold now. */
  others = 0;
  /** True while another run writes in the checkout. */
  isCheckoutTaken = false;
  readonly #held = new Map<SlotToken, VirtualProcess>();
  #writer: VirtualProcess | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Worker tokens this process holds. */
  heldBy(process: VirtualProcess): number {
    let held = 0;
    for (const holder of this.#held.values()) if (holder === process) held++;
    return held;
  }

  isWriter(process: VirtualProcess): boolean {
    return this.#writer === process;
  }

  changed(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** The machine as one process sees it. `takes` is the time and luck of an operation. */
  slots(timeline: Timeline, process: VirtualProcess, takes: (operation: string) => Promise<void>): Slots {
    const giveBack = async (forget: () => void): Promise<void> => {
      await takes("releaseToken");
      forget();
      this.changed();
    };
    process.onDeath.push(() => {
      for (const [token, holder] of this.#held) if (holder === process) this.#held.delete(token);
      if (this.#writer === process) this.#writer = undefined;
      this.changed();
    });
    return {
      takeWorkers: async (wanted) => {
        await takes("takeWorkers");
        const free = Math.max(0, this.capacity - this.others - this.#held.size);
        const tokens = Array.from({ length: Math.min(wanted, free) }, (): SlotToken => {
          const token: SlotToken = { release: () => giveBack(() => this.#held.delete(token)) };
          this.#held.set(token, process);
          return token;
        });
        await takes("tookWorkers");
        return tokens;
      },
      takeWriter: async () => {
        await takes("takeWriter");
        if (this.isCheckoutTaken || this.#writer !== undefined) return undefined;
        this.#writer = process;
        return {
          release: () =>
            giveBack(() => {
              if (this.#writer === process) this.#writer = undefined;
            }),
        };
      },
      changed: (signal) =>
        new Promise((resolve) => {
          const done = (): void => {
            this.#waiting.delete(wake);
            signal.removeEventListener("abort", done);
            resolve();
          };
          const wake = (): void => timeline.schedule(1, process, done);
          this.#waiting.add(wake);
          signal.addEventListener("abort", done, { once: true });
          if (signal.aborted) done();
        }),
    };
  }
}
