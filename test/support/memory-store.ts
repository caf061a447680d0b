import type { Request } from "../../src/core/commands.ts";
import { isControl, type RunEvent, type StoredEvent, schemaVersion } from "../../src/core/events.ts";
import { LeaseLost, RunNotFound } from "../../src/core/failure.ts";
import type { OutcomeRecord } from "../../src/core/outcome.ts";
import type {
  AttemptFiles,
  Inbox,
  JournalReading,
  Lease,
  LeaseHeld,
  Manifest,
  RunBeginning,
  RunStore,
} from "../../src/core/ports.ts";
import type { Liveness, ProcessIdentity } from "../../src/core/process.ts";

/** How a process's operations on the disk go: the time they take, and what goes wrong. */
export interface Io {
  /** Comes when the operation takes effect; rejects when the disk refuses, and then nothing happened. */
  begin(operation: string): Promise<void>;
  /** Comes when the process hears that it is done. */
  end(operation: string): Promise<void>;
  /** How many of the records of one append reach the disk: fewer than `wanted` when the power fails in between. */
  kept(wanted: number): number;
}

/** A disk that does at once what it is told. */
export const goodIo: Io = {
  begin: () => Promise.resolve(),
  end: () => Promise.resolve(),
  kept: (wanted) => wanted,
};

/** One run's directory. */
export class StoredRun {
  events: StoredEvent[] = [];
  /** Events that outlive their writer; telemetry after them may be lost with it. */
  durable = 0;
  epoch = 0;
  holder: (ProcessIdentity & { epoch: number }) | undefined;
  readonly inbox = new Map<string, Request>();
  /** Posts so far. */
  posts = 0;
  readonly outcomes = new Map<string, OutcomeRecord | "unreadable">();
  /** The run that goes on with this one. */
  successor: string | undefined;
  manifest: { readonly content: Manifest | "unreadable"; readonly writer: ProcessIdentity } | undefined;
  readonly onChange = new Set<() => void>();
}

/** What all processes share. */
export class MemoryDisk {
  readonly runs = new Map<string, StoredRun>();
  readonly #onEvent: (runId: string, event: StoredEvent) => void;
  readonly #liveness: (process: ProcessIdentity) => Liveness;

  constructor(
    onEvent: (runId: string, event: StoredEvent) => void = () => undefined,
    liveness: (process: ProcessIdentity) => Liveness = () => "alive",
  ) {
    this.#onEvent = onEvent;
    this.#liveness = liveness;
  }

  run(runId: string): StoredRun {
    const run = this.runs.get(runId);
    if (run === undefined) throw new RunNotFound(runId, "memory");
    return run;
  }

  /** A lease that was given back has no holder. */
  holderOf(run: StoredRun): { holder: ProcessIdentity & { epoch: number }; liveness: Liveness } | undefined {
    if (run.holder === undefined) return undefined;
    return { holder: run.holder, liveness: this.#liveness(run.holder) };
  }

  keep(run: StoredRun, runId: string, events: readonly RunEvent[], at: number): readonly StoredEvent[] {
    const stamp = new Date(at).toISOString();
    const kept: StoredEvent[] = [];
    for (const event of events) {
      const seq = run.events.length + 1;
      const stored: StoredEvent = { ...event, v: schemaVersion, seq, epoch: run.epoch, at: stamp };
      run.events.push(stored);
      if (isControl(event)) run.durable = seq;
      kept.push(stored);
      this.#onEvent(runId, stored);
    }
    for (const changed of [...run.onChange]) changed();
    return kept;
  }
}

/** The same disk as one process sees it. */
export function memoryStore(disk: MemoryDisk, io: Io, self: ProcessIdentity): RunStore {
  /** Does something to a run's directory, in the time and with the luck that the disk has. */
  async function operate<T>(operation: string, runId: string, does: (run: StoredRun) => T): Promise<T> {
    await io.begin(operation);
    const done = does(disk.run(runId));
    await io.end(operation);
    return done;
  }

  return {
    root: "/project/.muster",
    async create(runId, first) {
      await io.begin("create");
      if (disk.runs.has(runId)) throw new Error(`run ${runId} exists`);
      disk.runs.set(runId, begun(new StoredRun(), self, first));
      await io.end("create");
      return runId;
    },
    async createAfter(from, runId, fill) {
      const fresh = new StoredRun();
      const files = attemptsOf(disk, runId, async (operation, does) => {
        await io.begin(operation);
        const done = does(fresh);
        await io.end(operation);
        return done;
      });
      const first = await fill(files);
      await io.begin("claim");
      const old = disk.run(from);
      old.successor ??= runId;
      if (old.successor === runId) disk.runs.set(runId, begun(fresh, self, first));
      await io.end("claim");
      return old.successor;
    },
    async ids() {
      await io.begin("ids");
      return [...disk.runs.keys()].sort();
    },
    problems: async () => [],
    strays: async () => [],
    inbox: (runId) => inboxOf(disk, io, runId, operate),
    attempts: (runId) => attemptsOf(disk, runId, (operation, does) => operate(operation, runId, does)),
    acquire: (runId, holder, at) =>
      operate("acquire", runId, (run): Lease | LeaseHeld => {
        const held = disk.holderOf(run);
        if (held !== undefined && held.liveness !== "gone")
          return { heldBy: held.holder, liveness: held.liveness };
        return leaseOn(disk, io, run, { runId, holder, at });
      }),
    holder: (runId) => operate("holder", runId, (run) => disk.holderOf(run)),
    read: (runId) => operate("read", runId, (run): JournalReading => ({ events: [...run.events] })),
    follow: (runId, fromSeq, signal) => following(disk, runId, fromSeq, signal),
    writeManifest: (runId, content) =>
      operate("writeManifest", runId, (run) => {
        run.manifest = { content, writer: self };
      }),
    readManifest: (runId) => operate("readManifest", runId, (run) => run.manifest?.content),
  };
}

type Operate = <T>(operation: string, runId: string, does: (run: StoredRun) => T) => Promise<T>;

function begun(run: StoredRun, self: ProcessIdentity, first: RunBeginning | undefined): StoredRun {
  if (first === undefined) return run;
  run.inbox.set(first.start.id, structuredClone(first.start));
  run.manifest = { content: first.manifest, writer: self };
  return run;
}

function attemptsOf(
  disk: MemoryDisk,
  runId: string,
  operate: <T>(operation: string, does: (run: StoredRun) => T) => Promise<T>,
): AttemptFiles {
  const directory = `/project/.muster/runs/${runId}`;
  return {
    artifacts: `${directory}/artifacts`,
    directory: (task, attempt) => operate("directory", () => `${directory}/attempts/${task}-${attempt}`),
    isBegun: async (task, attempt) => disk.run(runId).outcomes.has(`${task}/${attempt}`),
    adopt: (from, task, attempt, result) =>
      operate("adopt", (run) => {
        const record = disk.run(from).outcomes.get(`${task}/${attempt}`);
        if (record === undefined || record === "unreadable" || record.outcome.kind !== "completed")
          return false;
        if (record.outcome.result.sha256 !== result.sha256) return false;
        run.outcomes.set(`${task}/1`, { ...record, runId, attempt: 1 });
        return true;
      }),
    readOutcome: (task, attempt) => operate("readOutcome", (run) => run.outcomes.get(`${task}/${attempt}`)),
  };
}

function inboxOf(disk: MemoryDisk, io: Io, runId: string, operate: Operate): Inbox {
  return {
    post: (request) =>
      operate("post", runId, (run) => {
        if (!run.inbox.has(request.id)) run.inbox.set(request.id, structuredClone(request));
        run.posts++;
        for (const changed of [...run.onChange]) changed();
      }),
    pending: () => operate("pending", runId, (run) => [...run.inbox.values()]),
    discard: (ids) =>
      operate("discard", runId, (run) => {
        for (const id of ids) run.inbox.delete(id);
      }),
    async changed(signal) {
      const run = disk.run(runId);
      const { posts } = run;
      await until(run, signal, () => run.posts > posts);
      if (!signal.aborted) await io.end("changed");
    },
  };
}

/** Resolves once the condition holds after a change of the run, or the signal aborts. */
function until(run: StoredRun, signal: AbortSignal, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      run.onChange.delete(look);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const look = (): void => {
      if (holds()) done();
    };
    run.onChange.add(look);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}

function leaseOn(
  disk: MemoryDisk,
  io: Io,
  run: StoredRun,
  { runId, holder, at }: { runId: string; holder: ProcessIdentity; at: number },
): Lease {
  const epoch = run.epoch + 1;
  run.epoch = epoch;
  run.holder = { ...holder, epoch };
  disk.keep(run, runId, [{ type: "lease.taken", ...holder, sealed: [] }], at);
  return {
    epoch,
    history: JSON.parse(JSON.stringify(run.events)),
    async append(events, when) {
      await io.begin("append");
      if (run.epoch !== epoch) throw new LeaseLost(`epoch ${epoch} of ${runId} was taken over`);
      const kept = disk.keep(run, runId, events.slice(0, io.kept(events.length)), when);
      await io.end("append");
      if (run.epoch !== epoch) throw new LeaseLost(`epoch ${epoch} of ${runId} was taken over`);
      return kept;
    },
    async release() {
      await io.begin("release");
      if (run.epoch === epoch) run.holder = undefined;
      await io.end("release");
    },
  };
}

async function* following(
  disk: MemoryDisk,
  runId: string,
  fromSeq: number,
  signal: AbortSignal,
): AsyncIterable<StoredEvent> {
  const run = disk.run(runId);
  for (let next = fromSeq; !signal.aborted; next++) {
    if (run.events.length < next) await until(run, signal, () => run.events.length >= next);
    const event = run.events[next - 1];
    if (event !== undefined && !signal.aborted) yield event;
  }
}
