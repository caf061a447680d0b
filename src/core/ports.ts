import type { Once, Request } from "./commands.ts";
import type { Continuation, Origin, RunEvent, RunTerms, StoredEvent } from "./events.ts";
import type { AttemptResult, Cause, OutcomeRecord, Usage } from "./outcome.ts";
import type { Plan, RunId, TaskId } from "./plan.ts";
import type { Liveness, ProcessIdentity, Verdict } from "./process.ts";

/** Time. `now` is ms since the epoch. */
export interface Clock {
  now(): number;
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects, never keeps the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Like `sleep`, but keeps the process alive meanwhile. Clocks that are not the machine's have none. */
  stay?(ms: number, signal?: AbortSignal): Promise<void>;
}

// ---------------------------------------------------------------- store

/** Disk refused: full, read-only, or something else named by `code` (an errno name). */
export interface StorageFailure {
  readonly cause: Extract<Cause, "disk_full" | "read_only"> | undefined;
  readonly code: string;
  readonly path: string;
}

/** The right to write one run's journal. Lost leases make `append` throw. */
export interface Lease {
  readonly epoch: number;
  /** Everything recorded before this lease, its own `lease.taken` included. */
  readonly history: readonly StoredEvent[];
  /**
   * Appends in order and resolves when every control record is durable (grouped fsync); telemetry may lag.
   * Rejects with the store's error when the disk refuses; nothing of a rejected batch is ever read back.
   */
  append(events: readonly RunEvent[], at: number): Promise<readonly StoredEvent[]>;
  /** Flushes and closes. The segment stays; the next `acquire` makes a new one. */
  release(): Promise<void>;
}

/** Somebody else drives, or is believed to. */
export interface LeaseHeld {
  readonly heldBy: ProcessIdentity & { readonly epoch: number };
  readonly liveness: Exclude<Liveness, "gone">;
}

/** What a journal holds for a reader, and what is wrong with it, if anything. */
export interface JournalReading {
  readonly events: readonly StoredEvent[];
  /** Set when a line in the middle is damaged, or its schema is newer than ours; events before it are still given. */
  readonly problem?: JournalProblem;
}
export interface JournalProblem extends FileProblem {
  /** Not damaged: a newer version of this package wrote it. */
  readonly isNewer?: boolean;
}

/** A file that is not what it should be. */
export interface FileProblem {
  /** The file, with its line where that can be told. */
  readonly where: string;
  readonly message: string;
  readonly remedy: string;
  /** Set when it is the disk that refuses. */
  readonly cause?: StorageFailure["cause"];
}

/** Leave to give up what a journal no longer tells. */
export interface JournalRepair {
  readonly by: string;
  /** May be empty. */
  readonly reason: string;
  /** What is wrong where every line is sound: an end that is missing. */
  readonly problem?: JournalProblem;
  /** What other files prove, as events that follow this history; recorded in the same instant. */
  salvage(history: readonly StoredEvent[]): Promise<readonly RunEvent[]>;
}

/** Requests from anyone, one file each. */
export interface Inbox {
  /** Durable when it resolves. Posting the same id twice leaves one request. */
  post(request: Request): Promise<void>;
  /** All requests waiting now, oldest first. Unreadable files are set aside as `<name>.bad` and reported by `problems`. */
  pending(): Promise<readonly Request[]>;
  /** Removes taken requests; only after their events are durable. */
  discard(ids: readonly string[]): Promise<void>;
  /** Resolves when something may have arrived (watch as a hint, polling as the truth), or the signal aborts. */
  changed(signal: AbortSignal): Promise<void>;
}

/** Files of attempts and artifacts of one run. */
export interface AttemptFiles {
  /** Absolute path of the run's `artifacts/`; made by whoever first writes there. */
  readonly artifacts: string;
  /** Absolute path of `attempts/<task>-<n>/`, created. */
  directory(task: TaskId, attempt: number): Promise<string>;
  /** True when the attempt's directory exists: it was begun, whatever became of it. */
  isBegun(task: TaskId, attempt: number): Promise<boolean>;
  /**
   * Copies what attempt `attempt` of this task left in another run, as attempt 1 of this one, so that it stands on its
   * own. False, with nothing to be relied on copied, when its outcome is not this result, or one of its artifacts is missing.
   */
  adopt(from: RunId, task: TaskId, attempt: number, result: AttemptResult): Promise<boolean>;
  /** `"unreadable"`: no outcome, and never one. `StorageError`: refused for a reason that may pass, so nobody knows. */
  readOutcome(task: TaskId, attempt: number): Promise<OutcomeRecord | "unreadable" | undefined>;
}

/** What `list` shows of a run; read from its manifest alone. */
export interface Manifest {
  readonly schemaVersion: number;
  /** Sequence number of the last event it reflects. */
  readonly seq: number;
  readonly runId: RunId;
  readonly goal: string;
  readonly team: string;
  readonly workflow: string;
  readonly status: string;
  readonly cause?: string;
  /** Why it stands or ended as it did, its beginning; absent in what earlier versions wrote. */
  readonly reason?: string;
  readonly cwd: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly finishedAt?: string;
  readonly background: boolean;
  readonly owner: { readonly sessionId: string };
  readonly driver?: ProcessIdentity & { readonly epoch: number };
  readonly origin: Origin;
  /** The run that this one goes on with. */
  readonly continuedFrom?: RunId;
  readonly usage: Usage;
  readonly tasks: readonly ManifestTask[];
}
export interface ManifestTask {
  readonly id: TaskId;
  readonly agent: string;
  readonly status: string;
  readonly cause?: string;
  readonly dependsOn: readonly TaskId[];
  readonly attempts: number;
  /** The earlier run that did the work. */
  readonly reusedFrom?: RunId;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly usage?: Usage;
}

/** What a run begins with. */
export interface RunBeginning {
  readonly start: Request;
  readonly manifest: Manifest;
}

/** One project's runs on disk. */
export interface RunStore {
  /** `<project>/.muster`, absolute. */
  readonly root: string;
  /**
   * Makes the run's directory, durably and whole: with its start request and what a listing shows of it. Resolves with
   * the run that there is: with `once` an earlier one, if the same is under way. Throws, and leaves nothing, when it exists.
   */
  create(runId: RunId, first?: RunBeginning, once?: Once): Promise<RunId>;
  /**
   * The same for a run that goes on with `from`, filled in before anybody sees it: `fill` is given its files and may be
   * called again. Resolves with the run that goes on: another one, and nothing was made, where somebody was first.
   */
  createAfter(
    from: RunId,
    runId: RunId,
    fill: (files: AttemptFiles) => Promise<RunBeginning>,
  ): Promise<RunId>;
  /** Ids of all run directories, oldest first. */
  ids(): Promise<readonly RunId[]>;
  /** What stands in the run's way now: requests that cannot be read, a disk that refuses. Changes nothing. */
  problems(runId: RunId): Promise<readonly FileProblem[]>;
  /** What lies among the runs and is none, absolute paths: links, files, directories of other names. */
  strays(): Promise<readonly string[]>;
  inbox(runId: RunId): Inbox;
  attempts(runId: RunId): AttemptFiles;
  /** With `repair` also where the journal is damaged, unless nothing sound would be left: then it throws as without. */
  acquire(
    runId: RunId,
    holder: ProcessIdentity,
    at: number,
    repair?: JournalRepair,
  ): Promise<Lease | LeaseHeld>;
  /** The newest lease's holder and whether it lives; undefined when nobody ever held it. */
  holder(
    runId: RunId,
  ): Promise<
    { readonly holder: ProcessIdentity & { epoch: number }; readonly liveness: Liveness } | undefined
  >;
  read(runId: RunId): Promise<JournalReading>;
  /** Yields events from `fromSeq` on, then waits for more, until the signal aborts. Lower epochs after a takeover never show. */
  follow(runId: RunId, fromSeq: number, signal: AbortSignal): AsyncIterable<StoredEvent>;
  /** Atomic. */
  writeManifest(runId: RunId, manifest: Manifest): Promise<void>;
  readManifest(runId: RunId): Promise<Manifest | "unreadable" | undefined>;
}

// ---------------------------------------------------------------- the machine

/** Machine-wide limits, shared with every run of this user. A token is given back by `release`, or by its holder's death. */
export interface Slots {
  /** Takes up to `wanted` worker tokens without waiting. */
  takeWorkers(wanted: number): Promise<readonly SlotToken[]>;
  /** The right to write in this checkout, shared with other runs; undefined while somebody else has it. */
  takeWriter(checkout: string): Promise<SlotToken | undefined>;
  /** Resolves when a token may have become free, or the signal aborts. */
  changed(signal: AbortSignal): Promise<void>;
}
export interface SlotToken {
  release(): Promise<void>;
}

// ---------------------------------------------------------------- engine

/** What a caller asks a run to be; with `once`, the name of what is asked for, it is not begun twice within a moment. */
export interface Submission {
  readonly once?: string;
  readonly plan: Plan;
  readonly terms: Omit<RunTerms, "runId">;
}

/** What a retried run does not inherit. */
export type RetryTerms = Pick<RunTerms, "owner" | "origin" | "background" | "trusted">;

/** Which live runs get a new driver where theirs is gone. */
export interface RecoveryTerms {
  /** This run alone. */
  readonly only?: RunId;
  /** How long a run must have been seen without a driver, ms: somebody nearer to it may be about to act. */
  readonly graceMs: number;
}
export interface RecoveryReport {
  /** Runs that are driven or are to be: worth another look. */
  readonly live: number;
  /** A driver was started for these now, or a little while ago. */
  readonly coming: readonly RunId[];
  /** Without a driver, and left alone: why, and what to do. Parked runs are not among them. */
  readonly left: readonly { readonly runId: RunId; readonly reason: string }[];
}

/** How a listing is shortened for who lists again and again, or wants the beginning at once. */
export interface ListTerms {
  /** Listings from before: runs that were over then are not read again. */
  readonly known?: readonly RunListing[];
  /** Of all runs, no more than so many. */
  readonly newestMax?: number;
}

/** Who owns runs. The embedded one keeps them on disk; a distributed one elsewhere. Both yield the same events. */
export interface RunEngine {
  /** The run exists, durably, when this resolves; a driver was asked to take it. Throws `AlreadyAsked` (`once`). */
  submit(submission: Submission): Promise<RunId>;
  /**
   * Starts a new run with the plan and terms of one that failed or was cancelled; what finished there with the same
   * inputs is not done again. Throws `JournalDamaged` where the old one cannot be read, and `AlreadyContinued` where a
   * run goes on with it: of any number of calls one starts a run.
   */
  retry(
    from: RunId,
    change: RetryTerms,
  ): Promise<{ readonly runId: RunId; readonly continued: Continuation }>;
  /** Leaves a request in the run's inbox; wakes a driver when none lives and the request needs one. */
  send(runId: RunId, request: Request): Promise<void>;
  /** Everything recorded so far. Throws `RunNotFound` for an unknown id. */
  read(runId: RunId): Promise<JournalReading>;
  follow(runId: RunId, fromSeq: number, signal: AbortSignal): AsyncIterable<StoredEvent>;
  /**
   * Gives a driver to runs that are to go on and have none. Asked again and again it does little: a run is tried again
   * after ever longer pauses. Never rejects because of what one run is.
   */
  recover(terms: RecoveryTerms): Promise<RecoveryReport>;
  /** All runs, newest first, or the one that is named; never reads a journal for a run whose manifest is good. */
  list(only?: RunId, terms?: ListTerms): Promise<readonly RunListing[]>;
  /** Makes sure that the run's manifest says at least what was read up to `seq` (bounded wait). */
  settled(runId: RunId, seq: number): Promise<void>;
  /** What is to be thought of each attempt without a recorded end, by `task/attempt`, whoever asks. Changes nothing. */
  verdicts(runId: RunId): Promise<ReadonlyMap<string, Verdict>>;
  /** Where a person can look: absolute path of the run's directory. */
  directory(runId: RunId): string;
  /** What is wrong with a run's files. Changes nothing. Throws `RunNotFound`, and `StorageError` when nothing can be read. */
  examine(runId: RunId): Promise<Examination>;
  /** Does every repair that `examine` offers and records who asked for it, and why; says what was done. */
  repair(runId: RunId, by: string, reason: string): Promise<readonly string[]>;
  /** What lies among the runs and is none, absolute paths. */
  strays(): Promise<readonly string[]>;
}
export interface Examination {
  readonly findings: readonly RunFinding[];
  /** Session that the run belongs to; absent where nothing that can be read says. */
  readonly owner?: string;
}
export interface RunFinding extends FileProblem {
  /** What a repair would do about it; absent where nothing can be proven. */
  readonly repair?: string;
}
export type RunListing = ReadListing | { readonly runId: RunId; readonly problem: string };
export interface ReadListing {
  readonly runId: RunId;
  readonly manifest: Manifest;
  readonly driver: Liveness | "none";
  /** What stands in a live run's way. */
  readonly problems?: readonly FileProblem[];
}
