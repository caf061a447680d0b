import { StorageError } from "../core/failure.ts";
import type { Clock } from "../core/ports.ts";

const writeMinMs = 250;

/** Keeps a derived file up to date: soon after every change, not more often than four times a second, and at the end. */
export class Projection {
  readonly #clock: Clock;
  readonly #write: () => Promise<void>;
  readonly #ending = new AbortController();
  #isDirty = false;
  #writing: Promise<void> | undefined;

  constructor(clock: Clock, write: () => Promise<void>) {
    this.#clock = clock;
    this.#write = write;
  }

  changed(): void {
    this.#isDirty = true;
    this.#writing ??= this.#loop().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Writes at once. False when the disk refused. */
  async flush(): Promise<boolean> {
    await this.#once();
    return !this.#isDirty;
  }

  /** Ends, after writing what was not written yet unless `writesLast` is false: then somebody else writes now. */
  async close(writesLast: boolean): Promise<void> {
    this.#ending.abort();
    await this.#writing;
    if (this.#isDirty && writesLast) await this.#once();
  }

  async #loop(): Promise<void> {
    while (this.#isDirty && !this.#ending.signal.aborted) {
      await this.#once();
      await this.#clock.sleep(writeMinMs, this.#ending.signal);
    }
  }

  async #once(): Promise<void> {
    this.#isDirty = false;
    try {
      await this.#write();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      // The file is derived: nothing is lost, and the next round tries again.
      this.#isDirty = true;
    }
  }
}
