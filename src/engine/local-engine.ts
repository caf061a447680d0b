import type { Request } from "../core/commands.ts";
import { type Continuation, isControl, type RunTerms, type StoredEvent } from "../core/events.ts";
import { fold } from "../core/evolve.ts";
import {
  AlreadyAsked,
  AlreadyContinued,
  JournalDamaged,
  RunNotFound,
  StorageError,
} from "../core/failure.ts";
import { InvariantViolation, invariant } from "../core/invariant.ts";
import { manifestOf, queuedManifest } from "../core/manifest.ts";
import type {
  Clock,
  Examination,
  JournalReading,
  ListTerms,
  Manifest,
  RecoveryReport,
  RecoveryTerms,
  RetryTerms,
  RunEngine,
  RunListing,
  RunStore,
  Submission,
} from "../core/ports.ts";
import { mayLive, type Verdict } from "../core/process.ts";
import { reuse } from "../core/reuse.ts";
import { isFinalRun } from "../core/status.ts";
import { sha256 } from "../lib/hash.ts";
import { ownIdentity, probe } from "../lib/identity.ts";
import { inBatches } from "../lib/process-table.ts";
import { Recovery } from "./recovery.ts";
import { examine, repair } from "./repair.ts";
import { judge } from "./verdicts.ts";

/** What the embedded engine is given. */
export interface LocalEngineParts {
  readonly store: RunStore;
  readonly clock: Clock;
  readonly newRunId: () => string;
  /** Starts a detached runner for the run. A runner that finds a living driver ends by itself, so one too many does no harm. */
  readonly launch: (runId: string) => Promise<void>;
  /** Whether runs get a new driver unasked; absent: always. */
  readonly recovers?: () => Promise<boolean>;
}

/** What one run's files can be: gone in part, damaged, refused by the disk, or readable and impossible. */
const unreadable = [RunNotFound, JournalDamaged, StorageError, InvariantViolation] as const;
function isUnreadable(error: unknown): error is Error {
  return unreadable.some((kind) => error instanceof kind);
}
const settledMaxMs = 2_000;
const settledPollMs = 25;

/** The embedded engine: runs live in the store, and a detached runner per run drives them. */
export function localEngine(parts: LocalEngineParts): RunEngine {
  return new LocalEngine(parts);
}

class LocalEngine implements RunEngine {
  readonly #parts: LocalEngineParts;
  readonly #store: RunStore;
  readonly #recovery: Recovery;

  constructor(parts: LocalEngineParts) {
    this.#parts = parts;
    this.#store = parts.store;
    const { store, clock, recovers: isWanted = async () => true } = parts;
    const launch = (runId: string): Promise<void> => this.#launched(runId);
    const putRight = (runId: string): Promise<unknown> => this.#rebuilt(runId);
    this.#recovery = new Recovery({ store, clock, launch, putRight, isWanted, isRunTrouble: isUnreadable });
  }

  async submit(submission: Submission): Promise<string> {
    const runId = this.#parts.newRunId();
    const terms: RunTerms = { ...submission.terms, runId };
    const { plan, once: key } = submission;
    const manifest = queuedManifest(plan, terms, this.#parts.clock.now());
    const isUnderWay = async (id: string): Promise<boolean> => {
      const known = await this.#manifest(id);
      return typeof known !== "string" && !isFinalRun(known.status);
    };
    const first = { start: { id: "start", kind: "start", plan, terms }, manifest } as const;
    const made = await this.#store.create(runId, first, key === undefined ? undefined : { key, isUnderWay });
    if (made !== runId) throw new AlreadyAsked(made);
    await this.#launched(runId);
    return runId;
  }

  async retry(from: string, change: RetryTerms): Promise<{ runId: string; continued: Continuation }> {
    const { events, problem } = await this.read(from);
    if (problem !== undefined) throw new JournalDamaged(problem);
    const old = fold(events);
    invariant(
      old.status !== "queued" && isFinalRun(old.status),
      `run ${from} is ${old.status}: only what is over is retried`,
    );
    const runId = this.#parts.newRunId();
    const { plan } = old;
    const terms: RunTerms = { ...old.terms, ...change, runId };
    let continued: Continuation = { from, reused: [], again: [] };
    const by = await this.#store.createAfter(from, runId, async (files) => {
      continued = await reuse(old, {
        plan,
        model: terms.model,
        hash: sha256,
        adopt: (task, attempt, result) => files.adopt(from, task, attempt, result),
      });
      const manifest = { ...queuedManifest(plan, terms, this.#parts.clock.now()), continuedFrom: from };
      return { start: { id: "start", kind: "start", plan, terms, continued }, manifest };
    });
    if (by !== runId) throw new AlreadyContinued(from, by);
    await this.#launched(runId);
    return { runId, continued };
  }

  async send(runId: string, request: Request): Promise<void> {
    await this.#mustExist(runId);
    await this.#store.inbox(runId).post(request);
    const held = await this.#store.holder(runId);
    if (mayLive(held?.liveness)) return;
    const manifest = await this.#manifest(runId);
    if (typeof manifest !== "string" && isFinalRun(manifest.status)) return;
    await this.#launched(runId);
  }

  async read(runId: string): Promise<JournalReading> {
    await this.#mustExist(runId);
    return this.#store.read(runId);
  }

  async *follow(runId: string, fromSeq: number, signal: AbortSignal): AsyncIterable<StoredEvent> {
    await this.#mustExist(runId);
    yield* this.#store.follow(runId, fromSeq, signal);
  }

  recover(terms: RecoveryTerms): Promise<RecoveryReport> {
    return this.#recovery.look(terms);
  }

  async list(only?: string, { known = [], newestMax }: ListTerms = {}): Promise<readonly RunListing[]> {
    const ids = await this.#store.ids();
    const wanted =
      only === undefined ? [...ids].reverse().slice(0, newestMax) : ids.filter((id) => id === only);
    const isOver = (one: RunListing) => "manifest" in one && isFinalRun(one.manifest.status);
    const over = new Map(known.filter(isOver).map((one) => [one.runId, one]));
    const listings = wanted.map((runId) => over.get(runId));
    const unread = [...wanted.entries()].filter(([at]) => listings[at] === undefined);
    // Each has files open: a thousand at once would be more than a process may have.
    await inBatches(unread, async ([at, runId]) => {
      listings[at] = await this.#listed(runId);
    });
    return listings.flatMap((one) => one ?? []);
  }

  async verdicts(runId: string): Promise<ReadonlyMap<string, Verdict>> {
    const look = { files: this.#store.attempts(runId), probe, now: this.#parts.clock.now() };
    const judged = await judge(fold((await this.read(runId)).events), look);
    return new Map([...judged].map(([key, { verdict }]) => [key, verdict]));
  }

  async settled(runId: string, seq: number): Promise<void> {
    const { clock } = this.#parts;
    const until = clock.now() + settledMaxMs;
    const shown = async (): Promise<number> => {
      const manifest = await this.#store.readManifest(runId);
      return manifest === undefined || manifest === "unreadable" ? 0 : manifest.seq;
    };
    if ((await shown()) >= seq) return;
    // Telemetry changes no status: the manifest need not tell of it.
    const { events } = await this.#store.read(runId);
    const control = events.findLast((event) => event.seq <= seq && isControl(event))?.seq ?? 0;
    while ((await shown()) < control) {
      if ((await this.#store.holder(runId))?.liveness !== "alive" || clock.now() >= until) {
        await this.#rebuilt(runId);
        return;
      }
      await clock.sleep(settledPollMs);
    }
  }

  directory(runId: string): string {
    return `${this.#store.root}/runs/${runId}`;
  }

  examine(runId: string): Promise<Examination> {
    return examine(this.#store, runId);
  }

  async repair(runId: string, by: string, reason: string): Promise<readonly string[]> {
    const asked = { by, reason, self: await ownIdentity(), at: this.#parts.clock.now() };
    return repair(this.#store, runId, asked);
  }

  strays(): Promise<readonly string[]> {
    return this.#store.strays();
  }

  /** A run without a runner waits where it is: the message says which, and how to try again. */
  async #launched(runId: string): Promise<void> {
    try {
      await this.#parts.launch(runId);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new Error(
        `run ${runId} exists, but nothing drives it: ${why}; team resume run=${runId} tries again`,
        { cause },
      );
    }
  }

  async #mustExist(runId: string): Promise<void> {
    if (!(await this.#store.ids()).includes(runId)) throw new RunNotFound(runId, this.#store.root);
  }

  /** One run that cannot be read hides no other. */
  async #listed(runId: string): Promise<RunListing> {
    try {
      const manifest = await this.#manifest(runId);
      if (typeof manifest === "string") return { runId, problem: manifest };
      if (isFinalRun(manifest.status)) return { runId, manifest, driver: "none" };
      const driver = (await this.#store.holder(runId))?.liveness ?? "none";
      const problems = await this.#store.problems(runId);
      const isStale = manifest.driver !== undefined || (manifest.status === "queued" && driver === "gone");
      if (mayLive(driver) || !isStale) return { runId, manifest, driver, problems };
      // It died before it could write its last word, which may be the end of the run.
      const last = (await this.#rebuilt(runId)) ?? manifest;
      if (typeof last === "string") return { runId, problem: last };
      return isFinalRun(last.status)
        ? { runId, manifest: last, driver: "none" }
        : { runId, manifest: last, driver, problems };
    } catch (error) {
      if (isUnreadable(error)) return { runId, problem: error.message };
      throw error;
    }
  }

  /** The manifest, rebuilt from the journal when it is missing or unreadable; a text says why there is none. */
  async #manifest(runId: string): Promise<Manifest | string> {
    const known = await this.#store.readManifest(runId);
    if (known !== undefined && known !== "unreadable") return known;
    return (await this.#rebuilt(runId)) ?? "it was never started: no driver has taken it yet";
  }

  /** What the journal says, written down unless a living driver does that; nothing while the run was never started. */
  async #rebuilt(runId: string): Promise<Manifest | string | undefined> {
    const { events, problem } = await this.#store.read(runId);
    if (problem !== undefined) return `${problem.where}: ${problem.message}. ${problem.remedy}`;
    const isDriven = (await this.#store.holder(runId))?.liveness === "alive";
    const manifest = manifestOf(fold(events), isDriven);
    // A living driver writes its own; without one the rebuilt file is no write to the run.
    if (manifest !== undefined && !isDriven) await unlessRefused(this.#store.writeManifest(runId, manifest));
    return manifest;
  }
}

/** A disk that takes no projection still lets itself be read. */
async function unlessRefused(writing: Promise<void>): Promise<void> {
  await writing.catch((error: unknown) => {
    if (!(error instanceof StorageError)) throw error;
  });
}
