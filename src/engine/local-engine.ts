import type { Request } from "../core/commands.ts";
import { isControl, type RunTerms, type StoredEvent } from "../core/events.ts";
import { fold } from "../core/evolve.ts";
import { RunNotFound } from "../core/failure.ts";
import { manifestOf, queuedManifest } from "../core/manifest.ts";
import type {
  Clock,
  JournalReading,
  Manifest,
  RunEngine,
  RunListing,
  RunStore,
  Submission,
} from "../core/ports.ts";
import { finalRunStatuses } from "../core/status.ts";

/** What the embedded engine is given. */
export interface LocalEngineParts {
  readonly store: RunStore;
  readonly clock: Clock;
  readonly newRunId: () => string;
  /** Starts a detached runner for the run. A runner that finds a living driver ends by itself, so one too many does no harm. */
  readonly launch: (runId: string) => Promise<void>;
}

const settledMaxMs = 2_000;
const settledPollMs = 25;

/** The embedded engine: runs live in the store, and a detached runner per run drives them. */
export function localEngine(parts: LocalEngineParts): RunEngine {
  const { store, clock } = parts;

  async function submit(submission: Submission): Promise<string> {
    const runId = parts.newRunId();
    const terms: RunTerms = { ...submission.terms, runId };
    await store.create(runId);
    await store.inbox(runId).post({ id: "start", kind: "start", plan: submission.plan, terms });
    await store.writeManifest(runId, queuedManifest(submission.plan, terms, clock.now()));
    await parts.launch(runId);
    return runId;
  }

  async function mustExist(runId: string): Promise<void> {
    if (!(await store.ids()).includes(runId)) throw new RunNotFound(runId, store.root);
  }

  async function send(runId: string, request: Request): Promise<void> {
    await mustExist(runId);
    await store.inbox(runId).post(request);
    const held = await store.holder(runId);
    if (held?.liveness === "alive" || held?.liveness === "indeterminate") return;
    const manifest = await manifestOfRun(runId);
    if (typeof manifest !== "string" && isFinal(manifest)) return;
    await parts.launch(runId);
  }

  async function read(runId: string): Promise<JournalReading> {
    await mustExist(runId);
    return store.read(runId);
  }

  async function* follow(runId: string, fromSeq: number, signal: AbortSignal): AsyncIterable<StoredEvent> {
    await mustExist(runId);
    yield* store.follow(runId, fromSeq, signal);
  }

  /** The manifest, rebuilt from the journal when it is missing or unreadable; a text says why there is none. */
  async function manifestOfRun(runId: string): Promise<Manifest | string> {
    const known = await store.readManifest(runId);
    if (known !== undefined && known !== "unreadable") return known;
    return rebuild(runId);
  }

  async function rebuild(runId: string): Promise<Manifest | string> {
    const reading = await store.read(runId);
    if (reading.problem !== undefined)
      return `${reading.problem.where}: ${reading.problem.message}. ${reading.problem.remedy}`;
    const held = await store.holder(runId);
    const isDriven = held?.liveness === "alive";
    const manifest = manifestOf(fold(reading.events), isDriven);
    if (manifest === undefined) return "it was never started: no driver has taken it yet";
    if (!isDriven) await store.writeManifest(runId, manifest);
    return manifest;
  }

  async function listed(runId: string): Promise<RunListing> {
    const manifest = await manifestOfRun(runId);
    if (typeof manifest === "string") return { runId, problem: manifest };
    if (isFinal(manifest)) return { runId, manifest, driver: "none" };
    const held = await store.holder(runId);
    return { runId, manifest, driver: held?.liveness ?? "none" };
  }

  async function list(): Promise<readonly RunListing[]> {
    const ids = await store.ids();
    return Promise.all([...ids].reverse().map(listed));
  }

  async function settled(runId: string, seq: number): Promise<void> {
    const until = clock.now() + settledMaxMs;
    for (;;) {
      const manifest = await store.readManifest(runId);
      const shown = manifest === undefined || manifest === "unreadable" ? 0 : manifest.seq;
      if (shown >= seq) return;
      const { events } = await store.read(runId);
      if (!events.some((event) => event.seq > shown && event.seq <= seq && isControl(event))) return;
      if ((await store.holder(runId))?.liveness !== "alive" || clock.now() >= until) {
        await rebuild(runId);
        return;
      }
      await clock.sleep(settledPollMs);
    }
  }

  return { submit, send, read, follow, list, settled, directory: (runId) => `${store.root}/runs/${runId}` };
}

function isFinal(manifest: Manifest): boolean {
  return (finalRunStatuses as readonly string[]).includes(manifest.status);
}
