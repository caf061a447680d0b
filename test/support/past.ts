import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { ActionContext, Requester } from "../../src/actions/context.ts";
import type { RunTerms } from "../../src/core/events.ts";
import type { RunHistory, RunProcesses } from "../../src/core/history.ts";
import type { Clock, Manifest, RunEngine, RunStore } from "../../src/core/ports.ts";
import type { ProcessIdentity } from "../../src/core/process.ts";
import { defaultSettings, type Settings } from "../../src/core/settings.ts";
import type { WorkerBackend } from "../../src/core/worker.ts";
import { takeAndDrive } from "../../src/engine/lease.ts";
import { localEngine } from "../../src/engine/local-engine.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openHistory } from "../../src/store/history.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { runReport } from "../../src/ui/report/report.ts";
import { boundlessSlots, instantWorkers } from "./instant-workers.ts";
import { plan, task, terms } from "./plan.ts";

/** No process of any run lives. */
export const noProcesses: RunProcesses = {
  living: async () => [],
  end: async () => [],
  marked: async () => new Set(),
};

/** A clock that is ahead of the machine's by as much as a test wants. */
export class ShiftedClock implements Clock {
  aheadMs = 0;
  now(): number {
    return systemClock.now() + this.aheadMs;
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }
}

/** A project on a real disk, whose drivers run in this process and count as living while they hold their lease. */
export interface PastWorld {
  readonly project: string;
  /** `<project>/.muster`. */
  readonly root: string;
  readonly clock: ShiftedClock;
  readonly store: RunStore;
  readonly engine: RunEngine;
  readonly history: RunHistory;
  readonly context: ActionContext;
  readonly as: (requester: Partial<Requester>) => ActionContext;
  readonly settings: Settings;
  /** The same past in a session that takes "the goal" for a secret. */
  readonly loudHistory: () => RunHistory;
  /** Drivers that were started, and all that they do. */
  readonly drives: Promise<unknown>[];
}

/** Secrets are spelled "s3cret…" here. */
export function redactTest(text: string): string {
  return text.replaceAll(/s3cret\w*/g, "[redacted]");
}

/** A fresh project; it is gone after the test. */
export async function pastWorld(
  backend: WorkerBackend = instantWorkers(),
  processes: RunProcesses = noProcesses,
): Promise<PastWorld> {
  const project = await realpath(await mkdtemp(join(tmpdir(), "muster-past-")));
  await mkdir(join(project, "builtin", "agents"), { recursive: true });
  const root = join(project, ".muster");
  const clock = new ShiftedClock();
  const driving = new Set<number>();
  const probe = async ({ pid }: ProcessIdentity) => (driving.has(pid) ? "alive" : "gone");
  const store = openRunStore(root, { probe, redact: redactTest });
  const drives: Promise<unknown>[] = [];
  let pids = 0;
  const identity = (): ProcessIdentity => ({ pid: ++pids, startTime: `${pids}`, bootId: "other boot" });
  const ending = new AbortController();
  const launch = async (runId: string): Promise<void> => {
    const parts = { runId, store, backend, slots: boundlessSlots(), clock, probe };
    const self = identity();
    driving.add(self.pid);
    drives.push(takeAndDrive(parts, self, ending.signal).finally(() => driving.delete(self.pid)));
  };
  let runs = 0;
  const newRunId = () => `20260101-${String(++runs).padStart(4, "0")}-past`;
  const engine = localEngine({ store, clock, newRunId, launch, recovers: async () => false });
  const history = openHistory({ store, processes, clock, redact: redactTest, self: async () => identity() });
  onTestFinished(async () => {
    ending.abort();
    await Promise.allSettled(drives);
    await rm(project, { recursive: true, force: true });
  });
  let ids = 0;
  const context: ActionContext = {
    requester: {
      cwd: project,
      sessionId: "session-1",
      trusted: true,
      staysAlive: true,
      origin: { kind: "user", id: "t" },
    },
    engine,
    history,
    clock,
    places: { builtin: join(project, "builtin"), user: join(project, "user") },
    settingsFiles: { user: join(project, "user.json"), project: join(project, "project.json") },
    checks: async () => [],
    redact: redactTest,
    report: runReport,
    newId: () => `request-${++ids}`,
  };
  const as = (change: Partial<Requester>): ActionContext => ({
    ...context,
    requester: { ...context.requester, ...change },
  });
  const redact = (text: string): string => text.replaceAll("the goal", "[redacted]");
  const loudHistory = () => openHistory({ store, processes, clock, redact, self: async () => identity() });
  const settings = defaultSettings;
  return { project, root, clock, store, engine, history, context, as, settings, loudHistory, drives };
}

/** A run of session-1 whose second task depends on its first, driven as far as its workers let it. */
export async function started(world: PastWorld, change: Partial<RunTerms> = {}): Promise<string> {
  const { runId: _, ...submitted } = terms({ cwd: world.project, background: true, ...change });
  return await world.engine.submit({ plan: plan(task("a"), task("b", ["a"])), terms: submitted });
}

/** The past of a project in which nothing ever happened. */
export function noHistory(root: string): RunHistory {
  const self = async (): Promise<ProcessIdentity> => ({ pid: 1, startTime: "1", bootId: "b" });
  const store = openRunStore(join(root, "nothing", ".muster"));
  return openHistory({ store, processes: noProcesses, clock: systemClock, redact: redactTest, self });
}

/** A past that grants everything and does nothing: for engines whose runs lie on no disk. */
export function pretendedHistory(root: string, manifest: Manifest): RunHistory {
  const { runId } = manifest;
  const header = {
    ...({ kind: "pi-muster bundle", v: 1, schemaVersion: 1, runId, manifest } as const),
    ...{ at: manifest.updatedAt, by: "session-1", snapshot: false },
  };
  const bundle = { header, files: [], leftOut: [], extensions: [] };
  return {
    ...noHistory(root),
    extent: async () => ({ files: 1, bytes: 2 }),
    footprint: async () => ({ files: 1, bytes: 2, processes: [], references: [] }),
    remove: async () => undefined,
    exportRun: async () => bundle,
    inspect: async () => bundle,
    importRun: async () => runId,
  };
}
