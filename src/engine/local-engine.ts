import type { Request } from "../core/commands.ts";
import { isControl, type RunTerms, type StoredEvent } from "../core/events.ts";
import { fold } from "../core/evolve.ts";
import { JournalDamaged, RunNotFound, StorageError } from "../core/failure.ts";
import { InvariantViolation } from "../core/invariant.ts";
import { manifestOf, queuedManifest } from "../core/manifest.ts";
import type {
  Clock,
  Examination,
  JournalReading,
  Manifest,
  RunEngine,
  RunListing,
  RunStore,
  Submission,
} from "../core/ports.ts";
import { finalRunStatuses } from "../core/status.ts";
import { ownIdentity } from "../lib/identity.ts";
import { examine, repair } from "./repair.ts";

/** What the embedded engine is given. */
export interface LocalEngineParts {
  readonly store: RunStore;
  readonly clock: Clock;
  readonly newRunId: () => string;
  /** Starts a detached runner for the run. A runner that finds a living driver ends by itself, so one too many does no harm. */
  readonly launch: (runId: string) => Promise<void>;
}

/** What one run's files can be: gone in part, damaged, refused by the disk, or readable and impossible. */
const unreadable = [RunNotFound, JournalDamaged, StorageError, InvariantViolation] as const;
const settledMaxMs = 2_000;
const settledPollMs = 25;

/** The embedded engine: runs live in the store, and a detached runner per run drives them. */
export function localEngine(parts: LocalEngineParts): RunEngine {
  return new LocalEngine(parts);
}

class LocalEngine implements RunEngine {
  readonly #parts: LocalEngineParts;
  readonly #store: RunStore;

  constructor(parts: LocalEngineParts) {
    this.#parts = parts;
    this.#store = parts.store;
  }

  async submit(submission: Submission): Promise<string> {
    const runId = this.#parts.newRunId();
    const terms: RunTerms = { ...submission.terms, runId };
    const { plan } = submission;
    const manifest = queuedManifest(plan, terms, this.#parts.clock.now());
    await this.#store.create(runId, { start: { id: "start", kind: "start", plan, terms }, manifest });
    await this.#launched(runId);
    return runId;
  }

  async send(runId: string, request: Request): Promise<void> {
    await this.#mustExist(runId);
    await this.#store.inbox(runId).post(request);
    const held = await this.#store.holder(runId);
    if (held?.liveness === "alive" || held?.liveness === "indeterminate") return;
    const manifest = await this.#manifest(runId);
    if (typeof manifest !== "string" && isFinal(manifest)) return;
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

  async list(only?: string): Promise<readonly RunListing[]> {
    const ids = await this.#store.ids();
    const wanted = only === undefined ? [...ids].reverse() : ids.filter((id) => id === only);
    return Promise.all(wanted.map((runId) => this.#listed(runId)));
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
      if (isFinal(manifest)) return { runId, manifest, driver: "none" };
      const driver = (await this.#store.holder(runId))?.liveness ?? "none";
      const problems = await this.#store.problems(runId);
      if (driver !== "gone" || manifest.driver === undefined) return { runId, manifest, driver, problems };
      // It died before it could write its last word, which may be the end of the run.
      const last = await this.#rebuilt(runId);
      if (typeof last === "string") return { runId, problem: last };
      return isFinal(last)
        ? { runId, manifest: last, driver: "none" }
        : { runId, manifest: last, driver, problems };
    } catch (error) {
      if (unreadable.some((kind) => error instanceof kind) && error instanceof Error)
        return { runId, problem: error.message };
      throw error;
    }
  }

  /** The manifest, rebuilt from the journal when it is missing or unreadable; a text says why there is none. */
  async #manifest(runId: string): Promise<Manifest | string> {
    const known = await this.#store.readManifest(runId);
    return known === undefined || known === "unreadable" ? this.#rebuilt(runId) : known;
  }

  async #rebuilt(runId: string): Promise<Manifest | string> {
    const { events, problem } = await this.#store.read(runId);
    if (problem !== undefined) return `${problem.where}: ${problem.message}. ${problem.remedy}`;
    const isDriven = (await this.#store.holder(runId))?.liveness === "alive";
    const manifest = manifestOf(fold(events), isDriven);
    if (manifest === undefined) return "it was never started: no driver has taken it yet";
    // A living driver writes its own; without one the rebuilt file is no write to the run.
    if (!isDriven) await this.#store.writeManifest(runId, manifest);
    return manifest;
  }
}

function isFinal(manifest: Manifest): boolean {
  return (finalRunStatuses as readonly string[]).includes(manifest.status);
}
