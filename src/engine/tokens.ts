import type { Room } from "../core/commands.ts";
import type { Slots, SlotToken } from "../core/ports.ts";
import { isWriter, type RunState, taskAt } from "../core/state.ts";
import type { Bell } from "./bell.ts";

/** The machine's tokens that one run holds: some in use by attempts, some free for the next. */
export class Tokens {
  readonly #slots: Slots;
  readonly #bell: Bell;
  readonly #ending: AbortSignal;
  readonly #inUse = new Map<string, SlotToken>();
  #free: SlotToken[] = [];
  #writer: SlotToken | undefined;
  /** The attempt that writes in the checkout now. */
  #writing: string | undefined;
  #isWaiting = false;

  constructor(slots: Slots, bell: Bell, ending: AbortSignal) {
    this.#slots = slots;
    this.#bell = bell;
    this.#ending = ending;
  }

  /** What the run may start without asking the machine again. */
  room(): Room {
    return { workers: this.#free.length, writer: this.#writer !== undefined && this.#writing === undefined };
  }

  /** Hands a free token to an attempt that was just decided. */
  assign(key: string, state: RunState, task: string): void {
    const token = this.#free.pop();
    if (token !== undefined) this.#inUse.set(key, token);
    const planned = state.status === "queued" ? undefined : taskAt(state, task)?.planned;
    if (planned !== undefined && isWriter(planned)) this.#writing = key;
  }

  /** The attempt waits for a person: its worker's token is free for others, its right to write is not. */
  lend(key: string): void {
    const token = this.#inUse.get(key);
    if (token !== undefined) this.#free.push(token);
    this.#inUse.delete(key);
  }

  /** It goes on at once; a token is taken back where one is free, so that no more than need be exceeds the limit. */
  reclaim(key: string): void {
    if (this.#inUse.has(key)) return;
    const token = this.#free.pop();
    if (token !== undefined) this.#inUse.set(key, token);
  }

  /** The attempt's processes are verified gone. */
  giveBack(key: string): void {
    this.lend(key);
    if (this.#writing === key) this.#writing = undefined;
  }

  /**
   * Takes what is wanted as far as the machine has it and returns what is not wanted. True when something more may
   * start now; rings the bell later when it could not have everything.
   */
  async seek(
    wanted: { readonly workers: number; readonly writer: boolean },
    checkout: string,
  ): Promise<boolean> {
    const before = this.room();
    if (wanted.writer) this.#writer ??= await this.#slots.takeWriter(checkout);
    // A writer that must wait for the checkout keeps no worker's token from others.
    const workers = wanted.workers - (wanted.writer && this.#writer === undefined ? 1 : 0);
    await releaseAll(this.#free.splice(workers));
    if (this.#free.length < workers) {
      this.#free.push(...(await this.#slots.takeWorkers(workers - this.#free.length)));
    }
    if (this.#writing === undefined && (!wanted.writer || this.#free.length === 0)) {
      await this.#writer?.release();
      this.#writer = undefined;
    }
    if (this.#free.length < wanted.workers) this.#waitForMore();
    const after = this.room();
    return after.workers > before.workers || (after.writer && !before.writer);
  }

  #waitForMore(): void {
    if (this.#isWaiting || this.#ending.aborted) return;
    this.#isWaiting = true;
    void this.#slots.changed(this.#ending).then(() => {
      this.#isWaiting = false;
      this.#bell.ring();
    });
  }

  async releaseAll(): Promise<void> {
    const writer = this.#writer === undefined ? [] : [this.#writer];
    const all = [...this.#free.splice(0), ...this.#inUse.values(), ...writer];
    this.#inUse.clear();
    this.#writer = undefined;
    await releaseAll(all);
  }
}

async function releaseAll(tokens: readonly SlotToken[]): Promise<void> {
  await Promise.all(tokens.map((token) => token.release()));
}
