import { isDeepStrictEqual } from "node:util";
import { aimed } from "../actions/command-line.ts";
import { withoutDriver } from "../core/abandoned.ts";
import { type Experience, experienceOf } from "../core/estimate.ts";
import type { StoredEvent } from "../core/events.ts";
import { evolve, fold } from "../core/evolve.ts";
import { type AttemptStory, attemptsOf } from "../core/explain.ts";
import type { RunHistory } from "../core/history.ts";
import type { Clock, RunEngine, RunListing } from "../core/ports.ts";
import { runViews } from "../core/run-view.ts";
import { attemptKey, type RunState } from "../core/state.ts";
import { isFinalRun } from "../core/status.ts";
import { changesOf, noChanges } from "../ui/changes.ts";
import { Drawings } from "../ui/dashboard/drawings.ts";
import { type GraphRows, graphRows } from "../ui/dashboard/graph.ts";
import { isLive } from "../ui/dashboard/runs.ts";
import type { OpenRun, Scene, Touched } from "../ui/dashboard/scene.ts";
import { Transcript } from "../ui/dashboard/transcript.ts";
import type { Answer } from "../ui/screen.ts";
import type { ToolLook } from "../ui/tool-block.ts";
import { readTranscript } from "../ui/transcript.ts";

export interface DashboardTerms {
  readonly engine: RunEngine;
  readonly history: RunHistory;
  readonly clock: Clock;
  /** Whose session looks. */
  readonly sessionId: string;
  /** True of a run whose driver is gone and for which another one is on its way. */
  readonly isComing: (runId: string) => boolean;
  readonly toolLook?: ToolLook | undefined;
  /** Something can be seen that was not there before. */
  readonly changed: () => void;
}

/** How often all runs are listed, how often the live ones are, and how often a living worker's transcript is read, ms. */
const listEveryMs = 15_000;
const listLiveEveryMs = 2_000;
const readEveryMs = 1_000;
/** Who goes through the list by arrow keys does not read every run on the way, ms. */
const settleMs = 60;
/** Of the runs, what is listed first. */
export const firstMax = 100;
const transcriptPartBytes = 128_000;
/** Of a transcript, the newest that are looked through for changed files. */
const changesBytes = 1_048_576;

/** A run as it was read so far. */
interface Opened {
  readonly runId: string;
  readonly end: AbortController;
  state: RunState;
  readonly events: StoredEvent[];
  graph: GraphRows | undefined;
  readonly views: ReturnType<typeof runViews>;
  stories: { readonly of: number; readonly told: readonly AttemptStory[] } | undefined;
}
interface Read {
  readonly key: string;
  /** Of what is there when the reading begins. */
  readonly maxBytes: number;
  readonly end: AbortController;
  transcript: Transcript | undefined;
  isReading: boolean;
}

/** An attempt of which somebody wants to know something. */
export interface Attempt {
  readonly runId: string;
  readonly task: string;
  readonly attempt: number;
}
/** The same with a word that becomes another one when it may have changed more. */
export interface Looked extends Attempt {
  readonly mark: string;
}

/** What an open dashboard looks at: the list, the chosen run, and the transcript that is watched. Nothing else is read. */
export class DashboardFeed {
  readonly #terms: DashboardTerms;
  readonly #closed = new AbortController();
  readonly #drawings = new Drawings();
  #listings: readonly RunListing[] = [];
  #isPartial = false;
  #wake = new AbortController();
  #open: Opened | undefined;
  #read: Read | undefined;
  #wanted: readonly Looked[] = [];
  #isCounting = false;
  readonly #marks = new Map<string, string>();
  #touched: ReadonlyMap<string, Touched> = new Map();
  #past: { readonly of: readonly RunListing[]; readonly known: ReadonlyMap<string, Experience> } | undefined;
  #answer: Scene["answer"];

  constructor(terms: DashboardTerms) {
    this.#terms = terms;
    void this.#persist(() => this.#list(), this.#closed.signal);
  }

  set answer(answer: Answer) {
    this.#answer = { ...answer, at: this.#terms.clock.now() };
  }

  /** Everything as it stands at `now`, ms since the epoch. */
  scene(now: number): Scene {
    const run = this.#open && this.#openRun(this.#open, now);
    const transcript = this.#read?.transcript;
    const { toolLook, sessionId } = this.#terms;
    return {
      ...(this.#isPartial && { isPartial: true }),
      ...{ listings: this.#listings, sessionId, drawings: this.#drawings },
      ...(toolLook !== undefined && { toolLook }),
      ...(run !== undefined && { run }),
      ...(transcript !== undefined && { transcript }),
      touched: this.#touched,
      experience: () => this.#experienced(),
      aimed: (name, line, about) => aimed(name, line, about, this.#listings),
      ...(this.#answer !== undefined && { answer: this.#answer }),
    };
  }

  /** Asked at every drawing, looked up once a list. */
  #experienced(): ReadonlyMap<string, Experience> {
    const of = this.#listings;
    if (this.#past?.of === of) return this.#past.known;
    const known = experienceOf(of.flatMap((one) => ("manifest" in one ? [one.manifest] : [])));
    this.#past = { of, known };
    return known;
  }

  /** Looks at this run from now on, and at no other. */
  choose(runId: string | undefined): void {
    if (this.#open?.runId === runId) return;
    this.#open?.end.abort();
    this.#open = undefined;
    this.#marks.clear();
    this.#touched = new Map();
    if (runId === undefined || this.#closed.signal.aborted) return;
    const end = new AbortController();
    const none = { graph: undefined, stories: undefined };
    const opened: Opened = { runId, end, state: fold([]), events: [], views: runViews(), ...none };
    this.#open = opened;
    void this.#persist(() => this.#follow(opened), end.signal);
  }

  /** Reads this attempt's transcript, and on while it grows; undefined: none. `forChanges`: so much that its changes can be told. */
  watch(of: Attempt | undefined, forChanges = false): void {
    const maxBytes = forChanges ? changesBytes : transcriptPartBytes;
    const key = of && `${keyOf(of)} ${maxBytes}`;
    if (this.#read?.key === key) return;
    this.#read?.end.abort();
    this.#read = undefined;
    if (of === undefined || key === undefined || of.attempt < 1 || this.#closed.signal.aborted) return;
    const read: Read = { key, maxBytes, end: new AbortController(), transcript: undefined, isReading: false };
    this.#read = read;
    void this.#persist(() => this.#readOn(read, of.runId, of.task, of.attempt), read.end.signal);
  }

  /** Reads what comes before the transcript's first record. */
  older(of: Attempt): void {
    const read = this.#read;
    const { transcript } = read ?? {};
    if (read === undefined || transcript === undefined || transcript.from === 0 || read.isReading) return;
    read.isReading = true;
    const more = async (): Promise<void> => {
      const where = { before: transcript.from, maxBytes: transcriptPartBytes };
      try {
        const { records, from } = await this.#terms.history.transcript(of.runId, of.task, of.attempt, where);
        read.transcript = read.transcript?.after(records, from);
      } finally {
        read.isReading = false;
      }
      this.#terms.changed();
    };
    this.#guard(more(), read.end.signal);
  }

  /** Counts what these attempts of the chosen run changed, one after the other; what is known already is not read again. */
  count(wanted: readonly Looked[]): void {
    this.#wanted = wanted;
    if (this.#isCounting || wanted.length === 0 || this.#closed.signal.aborted) return;
    this.#isCounting = true;
    const done = (): void => {
      this.#isCounting = false;
    };
    this.#guard(this.#countAll().finally(done), this.#closed.signal);
  }

  /** Lists all runs anew: somebody did something. */
  refresh(): void {
    this.#wake.abort();
  }

  close(): void {
    this.#closed.abort();
    this.#open?.end.abort();
    this.#read?.end.abort();
  }

  /** What cannot be read is told where answers are told; the rest of the screen lives on. */
  #guard(work: Promise<void>, signal: AbortSignal): void {
    work.catch((error: unknown) => this.#tell(error, signal));
  }

  #tell(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.answer = { ok: false, text: error instanceof Error ? error.message : String(error) };
    this.#terms.changed();
  }

  /** What cannot be read now is told once and tried again; what is on the screen stays there. Never rejects. */
  async #persist(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    let told: string | undefined;
    while (!signal.aborted) {
      try {
        await work();
        return;
      } catch (error) {
        if (String(error) !== told) this.#tell(error, signal);
        told = String(error);
      }
      await this.#terms.clock.sleep(listLiveEveryMs, signal);
    }
  }

  async #list(): Promise<void> {
    const { engine, clock, changed } = this.#terms;
    const { signal } = this.#closed;
    if (this.#listings.length === 0) {
      // A screenful at once; the rest of a long past takes a moment.
      this.#listings = await engine.list(undefined, { newestMax: firstMax });
      this.#isPartial = this.#listings.length === firstMax;
      if (!signal.aborted) changed();
    }
    while (!signal.aborted) {
      const all = await engine.list(undefined, { known: this.#listings });
      const wasPartial = this.#isPartial;
      this.#isPartial = false;
      this.#show(all, wasPartial);
      const until = clock.now() + listEveryMs;
      this.#wake = new AbortController();
      const wait = AbortSignal.any([signal, this.#wake.signal]);
      while (clock.now() < until && !wait.aborted) {
        await clock.sleep(listLiveEveryMs, wait);
        if (!wait.aborted) await this.#listLive();
      }
    }
  }

  async #listLive(): Promise<void> {
    const live = this.#listings.filter(isLive);
    const now = new Map<string, RunListing>();
    for (const { runId } of live)
      for (const listing of await this.#terms.engine.list(runId)) now.set(runId, listing);
    this.#show(this.#listings.map((one) => now.get(one.runId) ?? one));
  }

  /** What is as it was is no news. */
  #show(listings: readonly RunListing[], isNews = false): void {
    if (!isNews && isDeepStrictEqual(listings, this.#listings)) return;
    this.#listings = listings;
    this.#terms.changed();
  }

  async #follow(opened: Opened): Promise<void> {
    const { engine, clock, changed } = this.#terms;
    const { signal } = opened.end;
    await clock.sleep(settleMs, signal);
    if (signal.aborted) return;
    const { events, problem } = await engine.read(opened.runId);
    if (signal.aborted) return;
    for (const event of events.slice(opened.events.length)) take(opened, event);
    if (problem !== undefined)
      this.answer = { ok: false, text: `${problem.where}: ${problem.message}. ${problem.remedy}.` };
    changed();
    if (isFinalRun(opened.state.status)) return;
    for await (const event of engine.follow(opened.runId, opened.state.seq + 1, signal)) {
      if (signal.aborted) return;
      take(opened, event);
      changed();
    }
  }

  async #readOn(read: Read, runId: string, task: string, attempt: number): Promise<void> {
    const { history, clock, changed } = this.#terms;
    const { signal } = read.end;
    while (!signal.aborted) {
      const after = read.transcript?.to;
      const where = { maxBytes: read.maxBytes, ...(after !== undefined && { after }) };
      const { path, records, from, to } = await history.transcript(runId, task, attempt, where);
      if (signal.aborted) return;
      const isNew = read.transcript === undefined;
      read.transcript = (read.transcript ?? new Transcript(path, from, from)).with(records, to);
      if (isNew || records.length > 0) changed();
      const state = this.#open?.state;
      if (records.length === 0 && (state === undefined || isFinalRun(state.status))) return;
      await clock.sleep(readEveryMs, signal);
    }
  }

  async #countAll(): Promise<void> {
    const { history, changed } = this.#terms;
    for (;;) {
      const next = this.#wanted.find((one) => this.#marks.get(keyOf(one)) !== one.mark);
      const opened = this.#open;
      if (next === undefined || opened?.runId !== next.runId || this.#closed.signal.aborted) return;
      // Before it is read: what cannot be read is not asked for again and again.
      this.#marks.set(keyOf(next), next.mark);
      const { runId, task, attempt } = next;
      const part = await history.transcript(runId, task, attempt, { maxBytes: changesBytes });
      if (this.#open !== opened || opened.state.status === "queued") continue;
      const entries = readTranscript(part.records.join("\n"));
      const before = { ...noChanges, isPartial: part.from > 0 };
      const { files, added, removed, isPartial } = changesOf(entries, opened.state.terms.cwd, before);
      const touched = { files: files.map(({ path }) => ({ path })), added, removed, isPartial };
      this.#touched = new Map(this.#touched).set(attemptKey(task, attempt), touched);
      changed();
    }
  }

  #openRun(opened: Opened, now: number): OpenRun | undefined {
    const { runId, state, events, graph } = opened;
    const seen = opened.views(state, now);
    if (seen === undefined || graph === undefined) return undefined;
    const listing = this.#listings.find((one) => one.runId === runId);
    const { driver = "none", problems = [] } = listing !== undefined && "manifest" in listing ? listing : {};
    return {
      view: driver === "gone" ? withoutDriver(seen, this.#terms.isComing(runId)) : seen,
      ...{ state, events, graph, driver, problems },
      stories: () => {
        if (opened.stories?.of !== events.length)
          opened.stories = { of: events.length, told: attemptsOf(events) };
        return opened.stories.told;
      },
      directory: this.#terms.engine.directory(runId),
    };
  }
}

function keyOf({ runId, task, attempt }: Attempt): string {
  return `${runId} ${attemptKey(task, attempt)}`;
}

function take(opened: Opened, event: StoredEvent): void {
  opened.state = evolve(opened.state, event);
  opened.events.push(event);
  if (event.type === "run.started" || event.type === "plan.revised")
    opened.graph = graphRows(event.plan.tasks);
}
