import { schemaVersion } from "../core/events.ts";
import { fold } from "../core/evolve.ts";
import { RunNotFound } from "../core/failure.ts";
import type { RunId } from "../core/plan.ts";
import type { Clock, Manifest, RecoveryReport, RecoveryTerms, RunStore } from "../core/ports.ts";
import { mayLive } from "../core/process.ts";
import { isFinalRun } from "../core/status.ts";

export interface RecoveryParts {
  readonly store: RunStore;
  readonly clock: Clock;
  /** Starts a detached runner for the run. */
  readonly launch: (runId: RunId) => Promise<void>;
  /** Writes the manifest that the journal asks for: the last driver may have died before its last word. */
  readonly putRight: (runId: RunId) => Promise<unknown>;
  /** Whether the person's settings allow it unasked. */
  readonly isWanted: () => Promise<boolean>;
  /** True for errors that say something about one run, and nothing about us. */
  readonly isRunTrouble: (error: unknown) => error is Error;
}

/** What is remembered of a run that was seen without a driver. Instants are ms since the epoch. */
interface Unmanned {
  readonly since: number;
  /** Nothing is done about it before, because something was done, or nothing can be. */
  readonly notBefore: number;
  readonly pauseMs: number;
  /** Why it is left alone; absent when a driver was launched. */
  readonly left?: string;
}

/** Time between two looks at one run that came to nothing; it doubles until a driver is seen at work. */
const pauseMs = 4_000;
const pauseMaxMs = 300_000;
/** A run that was just submitted is about to get the driver that its own session launches. */
const queuedGraceMs = 10_000;

type Finding = "over" | "resting" | "live" | "coming" | { readonly left: string };

/** Finds live runs without a driver and gives them one, with patience: whoever else does the same does no harm. */
export class Recovery {
  readonly #parts: RecoveryParts;
  readonly #over = new Set<RunId>();
  readonly #unmanned = new Map<RunId, Unmanned>();

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  /** One look at every run that is not known to be over, or at one run. A run that cannot be read hides no other. */
  async look({ only, graceMs }: RecoveryTerms): Promise<RecoveryReport> {
    const ids = only === undefined ? await this.#parts.store.ids() : [only];
    const coming: RunId[] = [];
    const left: { runId: RunId; reason: string }[] = [];
    let live = 0;
    for (const runId of ids) {
      if (this.#over.has(runId)) continue;
      const finding = await this.#lookAt(runId, graceMs);
      if (finding === "over") this.#over.add(runId);
      else if (finding === "coming") coming.push(runId);
      else if (typeof finding === "object") left.push({ runId, reason: finding.left });
      if (finding === "live" || finding === "coming") live++;
    }
    return { live, coming, left };
  }

  async #lookAt(runId: RunId, graceMs: number): Promise<Finding> {
    const { store, clock, isRunTrouble } = this.#parts;
    try {
      const read = await store.readManifest(runId);
      const manifest = read === "unreadable" ? undefined : read;
      if (manifest !== undefined && isFinalRun(manifest.status)) return "over";
      const driver = (await store.holder(runId))?.liveness ?? "none";
      if (mayLive(driver)) {
        if (manifest?.status !== "queued") this.#unmanned.delete(runId);
        return "live";
      }
      const isParked =
        manifest?.driver === undefined &&
        (manifest?.status === "blocked" ||
          (manifest?.status === "waiting" && manifest.cause === "owner_gone"));
      if (isParked && (await store.inbox(runId).pending()).length === 0) return "resting";
      const now = clock.now();
      const known = this.#unmanned.get(runId) ?? { since: now, notBefore: now, pauseMs };
      this.#unmanned.set(runId, known);
      const grace = manifest?.status === "running" ? graceMs : Math.max(graceMs, queuedGraceMs);
      if (isWithin(known.since + grace, now)) return "live";
      if (isWithin(known.notBefore, now)) return known.left === undefined ? "coming" : { left: known.left };
      const finding = await this.#act(runId, manifest);
      const again = {
        since: known.since,
        notBefore: now + known.pauseMs,
        pauseMs: Math.min(known.pauseMs * 2, pauseMaxMs),
      };
      if (finding === "resting" || finding === "over") this.#unmanned.delete(runId);
      else this.#unmanned.set(runId, { ...again, ...(typeof finding === "object" && finding) });
      return finding;
    } catch (error) {
      if (error instanceof RunNotFound) return "over";
      if (isRunTrouble(error)) return { left: error.message };
      throw error;
    }
  }

  /** The run has no driver, and somebody has to do something about it if anybody can. */
  async #act(runId: RunId, manifest: Manifest | undefined): Promise<Finding> {
    const { store, launch, putRight, isWanted } = this.#parts;
    if ((manifest?.schemaVersion ?? 0) > schemaVersion)
      return {
        left: `its schema ${manifest?.schemaVersion} is newer than ours (${schemaVersion}); update pi-muster`,
      };
    const { events, problem } = await store.read(runId);
    if (problem !== undefined) return { left: `${problem.where}: ${problem.message}; ${problem.remedy}` };
    const { status } = fold(events);
    if (isFinalRun(status)) {
      await putRight(runId);
      return "over";
    }
    const requests = await store.inbox(runId).pending();
    if (status === "blocked" && requests.length === 0) return "resting";
    if (status === "queued" && !requests.some(({ kind }) => kind === "start"))
      return { left: "it was never started, and there is no request to start it that can be read" };
    if (!(await isWanted()))
      return { left: `its driver is gone, and recovery.auto is off; team resume run=${runId} goes on` };
    try {
      await launch(runId);
    } catch (error) {
      if (error instanceof Error) return { left: error.message };
      throw error;
    }
    return "coming";
  }
}

/** True before the instant, unless it lies so far ahead that the clock must have been put back. */
function isWithin(until: number, now: number): boolean {
  return now < until && until - now <= pauseMaxMs;
}
