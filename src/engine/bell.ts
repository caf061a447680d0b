/** Wakes one waiting loop. A ring that nobody waits for is kept, so none is missed. */
export class Bell {
  #isRung = false;
  #listener: (() => void) | undefined;

  ring(): void {
    this.#isRung = true;
    this.#listener?.();
  }

  /** Whoever waited has woken by other means; the next ring is kept for the next listener. */
  ignore(): void {
    this.#listener = undefined;
  }

  /** Resolves at the next ring, or at once when one was missed. For one listener at a time: a newer one replaces it. */
  heard(): Promise<void> {
    return new Promise((resolve) => {
      const hear = (): void => {
        this.#isRung = false;
        this.#listener = undefined;
        resolve();
      };
      if (this.#isRung) hear();
      else this.#listener = hear;
    });
  }
}
