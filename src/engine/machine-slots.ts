import { readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Clock, Slots, SlotToken } from "../core/ports.ts";
import type { Liveness, ProcessIdentity } from "../core/process.ts";
import { claim, claimName, incompleteClaimMaxAgeMs } from "../lib/claim.ts";
import { errnoOf, makeDirectory, readIfExists, sweepTemporaries, writeAtomic } from "../lib/files.ts";
import { sha256 } from "../lib/hash.ts";
import { ownIdentity, probe } from "../lib/identity.ts";
import { watchDirectory } from "../lib/watch.ts";

/** What the machine's slots are made of. */
export interface MachineSlotsParts {
  /** One directory for all sessions of this user, absolute; made when it is first needed. */
  readonly directory: string;
  /** Worker tokens on this machine. Sessions may differ: each takes none numbered above its own limit. */
  readonly workersMax: number;
  readonly clock: Clock;
  readonly self?: () => Promise<ProcessIdentity>;
  readonly probe?: (process: ProcessIdentity) => Promise<Liveness>;
}

/**
 * Tokens as numbered claims: `slots/<nn>/0007.json` names the process that has slot nn; the holder renames it to
 * `0007.free` to give it back; a dead holder's claim counts as free. Whoever creates number 8 has it next. The newest
 * number of a slot is never removed, so a late contender always runs into it.
 */
export function machineSlots(parts: MachineSlotsParts): Slots {
  return new MachineSlots(parts);
}

class MachineSlots implements Slots {
  readonly #parts: MachineSlotsParts;
  /** Rewritten at each release: a watch hears it, and its content tells whether something was given back since. */
  readonly #bell: string;
  #self: Promise<ProcessIdentity> | undefined;
  #heard: string | undefined;

  constructor(parts: MachineSlotsParts) {
    this.#parts = parts;
    this.#bell = join(parts.directory, "freed");
  }

  async takeWorkers(wanted: number): Promise<readonly SlotToken[]> {
    const { directory, workersMax } = this.#parts;
    const tokens: SlotToken[] = [];
    await orNothing(async () => {
      this.#heard = await readIfExists(this.#bell);
      for (let number = 1; number <= workersMax && tokens.length < wanted; number += 1) {
        const token = await this.#take(join(directory, "slots", String(number).padStart(2, "0")));
        if (token !== undefined) tokens.push(token);
      }
    });
    return tokens;
  }

  async takeWriter(checkout: string): Promise<SlotToken | undefined> {
    return orNothing(async () => {
      this.#heard = await readIfExists(this.#bell);
      const place = await realpath(checkout).catch(() => resolve(checkout));
      return this.#take(join(this.#parts.directory, "writers", sha256(place)));
    });
  }

  async changed(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    if ((await orNothing(() => this.#changed(signal))) === undefined) await clock.sleep(retryMs, signal);
  }

  async #changed(signal: AbortSignal): Promise<true> {
    const watch = watchDirectory(this.#parts.directory, this.#parts.clock.sleep, signal);
    try {
      // What was given back since the last attempt to take is news already.
      if ((await readIfExists(this.#bell)) === this.#heard) await watch.changed();
      return true;
    } finally {
      watch.close();
    }
  }

  async #take(slot: string): Promise<SlotToken | undefined> {
    const newest = (await claimsOf(slot)).at(-1);
    if (newest !== undefined && !(await this.#isFree(slot, newest))) return undefined;
    this.#self ??= (this.#parts.self ?? ownIdentity)();
    await makeDirectory(slot);
    const number = (newest?.number ?? 0) + 1;
    const path = join(slot, claimName(number, "json"));
    if (!(await claim(path, JSON.stringify(await this.#self), { durable: false }))) return undefined;
    const claims = await claimsOf(slot);
    const last = claims.at(-1);
    if (last?.number !== number || last.isFree) {
      // Others passed through since we looked: they took this number and gave it back, or have gone beyond it.
      await rm(path, { force: true });
      return undefined;
    }
    for (const older of claims) {
      if (older.number < number) await rm(pathOf(slot, older), { force: true });
    }
    await sweepTemporaries(slot, this.#parts.clock.now());
    return this.#token(path, pathOf(slot, { number, isFree: true }));
  }

  async #isFree(slot: string, newest: Claim): Promise<boolean> {
    if (newest.isFree) return true;
    const path = pathOf(slot, newest);
    const text = await readIfExists(path);
    // Given back or passed on while we looked: the next look tells.
    if (text === undefined) return false;
    const holder = parseHolder(text);
    if (holder !== undefined) return (await (this.#parts.probe ?? probe)(holder)) === "gone";
    // Half a claim: where there are no hard links its writer is still at it, or it died in a power cut.
    const { mtimeMs } = await stat(path);
    return Math.abs(this.#parts.clock.now() - mtimeMs) > incompleteClaimMaxAgeMs;
  }

  #token(taken: string, free: string): SlotToken {
    let isReleased = false;
    return {
      release: async () => {
        if (isReleased) return;
        isReleased = true;
        // Refused when somebody held us for dead and went on, or by the disk: then our own end gives it back.
        await orNothing(() => rename(taken, free));
        await this.#ring(free);
      },
    };
  }

  /** Wakes those who wait. They poll too, so a disk that refuses costs them a second and nothing else. */
  async #ring(freed: string): Promise<void> {
    await orNothing(() => writeAtomic(this.#bell, freed, { durable: false }));
  }
}

/** Pause before a disk that refused is asked again, ms. */
const retryMs = 1_000;

/** The result, or undefined when the disk refuses: a full home directory means "no token now", and never ends a run. */
async function orNothing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

interface Claim {
  readonly number: number;
  readonly isFree: boolean;
}

function pathOf(slot: string, { number, isFree }: Claim): string {
  return join(slot, claimName(number, isFree ? "free" : "json"));
}

/** The claims of a slot, ascending. One look at the directory: two could miss a number that changes its name between. */
async function claimsOf(slot: string): Promise<readonly Claim[]> {
  const names = await readdir(slot).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  return (
    names
      .filter((name) => /^\d{4,}\.(json|free)$/.test(name))
      .map((name) => ({ number: Number.parseInt(name, 10), isFree: name.endsWith(".free") }))
      // A number that was given back stays free, even when a late contender could create its other name again.
      .sort((a, b) => a.number - b.number || Number(a.isFree) - Number(b.isFree))
  );
}

function parseHolder(text: string): ProcessIdentity | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (!("pid" in value && "startTime" in value && "bootId" in value)) return undefined;
  const { pid, startTime, bootId } = value;
  if (typeof pid !== "number" || typeof startTime !== "string" || typeof bootId !== "string")
    return undefined;
  return { pid, startTime, bootId };
}
