import { step } from "../core/decide.ts";
import type { RunEvent, StoredEvent } from "../core/events.ts";
import { evolveTo, fold } from "../core/evolve.ts";
import { JournalDamaged } from "../core/failure.ts";
import { InvariantViolation } from "../core/invariant.ts";
import { questionOf } from "../core/letters.ts";
import type { Mail } from "../core/mail.ts";
import { manifestOf, missingEnd } from "../core/manifest.ts";
import { type AttemptOutcome, noUsage } from "../core/outcome.ts";
import type { Examination, FileProblem, JournalProblem, RunFinding, RunStore } from "../core/ports.ts";
import { type Liveness, mayLive, type ProcessIdentity } from "../core/process.ts";
import { liveAttemptOf, type RunState } from "../core/state.ts";
import { isFinalRun, isFinalTask } from "../core/status.ts";
import { errnoOf, readIfExists } from "../lib/files.ts";
import { judge } from "./verdicts.ts";

/** Lines of a dead runner's log that are told. */
const logLines = 3;

/** One run's files as they were found. */
interface Found {
  readonly state: RunState;
  readonly broken?: JournalProblem;
  readonly manifest: "good" | "unreadable" | "missing";
  readonly driver: Liveness | "none" | "unknown";
  readonly findings: readonly RunFinding[];
}

/** What is wrong with a run's files, and what a repair would do about it. Changes nothing. */
export async function examine(store: RunStore, runId: string): Promise<Examination> {
  const { state, findings } = await look(store, runId);
  return { findings, ...(state.status !== "queued" && { owner: state.terms.owner.sessionId }) };
}

/**
 * Does what `examine` offers, as a takeover that gives up what cannot be read, and says what was done. Nothing is
 * removed or overwritten but the manifest; the run is driven by nobody afterwards.
 */
export async function repair(
  store: RunStore,
  runId: string,
  asked: {
    readonly by: string;
    readonly reason: string;
    readonly self: ProcessIdentity;
    readonly at: number;
  },
): Promise<readonly string[]> {
  const { broken, findings } = await look(store, runId);
  const done = findings.flatMap((finding) => finding.repair ?? []);
  if (done.length === 0) return [];
  let history = (await store.read(runId)).events;
  if (broken !== undefined) {
    const { by, reason, self, at } = asked;
    const salvage = (sound: readonly StoredEvent[]) => salvaged(store, runId, fold(sound), at);
    const lease = await store.acquire(runId, self, at, { by, reason, problem: broken, salvage });
    if ("heldBy" in lease) return [];
    ({ history } = lease);
    await lease.release();
  }
  const manifest = manifestOf(fold(history), false);
  if (manifest !== undefined) await store.writeManifest(runId, manifest);
  return done;
}

async function look(store: RunStore, runId: string): Promise<Found> {
  const { events, problem } = await store.read(runId);
  const { state, contradiction } = folded(events);
  const known = await store.readManifest(runId);
  const isManifest = known !== undefined && known !== "unreadable";
  const directory = `${store.root}/runs/${runId}`;
  const end = isManifest ? missingEnd(known, state.seq) : undefined;
  const broken = problem ?? (end && { ...end, where: `${directory}/journal` });
  const driver = await driverOf(store, runId);
  const found = {
    state,
    manifest: isManifest ? "good" : (known ?? "missing"),
    driver,
    ...(broken !== undefined && { broken }),
  } as const;
  const findings: RunFinding[] = [...(await store.problems(runId))];
  if (contradiction !== undefined) findings.push({ ...contradiction, where: `${directory}/journal` });
  else if (broken !== undefined) findings.push(judged(broken, found));
  else if (!isManifest && state.status !== "queued" && driver !== "alive") {
    const message = known === undefined ? "it is missing" : "it cannot be read";
    const where = `${directory}/manifest.json`;
    findings.push({
      where,
      message,
      remedy: "list and status do it, too",
      repair: "make it again from the journal",
    });
  }
  if (contradiction === undefined) findings.push(...(await outOfReach(store, runId, state)));
  if (!isFinalRun(state.status) && driver !== "alive") findings.push(...(await lastWords(directory)));
  return { ...found, findings };
}

/** Outcomes that cannot be read now: a driver that takes over waits for them. */
async function outOfReach(store: RunStore, runId: string, state: RunState): Promise<readonly RunFinding[]> {
  const judged = await judge(state, {
    files: store.attempts(runId),
    probe: async () => "indeterminate",
    now: state.updatedAt,
  });
  const remedy = "make it readable, and its result counts; or move it away, and its task is done again";
  return [...judged.values()].flatMap(({ refusal }) =>
    refusal === undefined ? [] : [{ where: refusal.failure.path, message: refusal.message, remedy }],
  );
}

/** A damaged journal is repaired only when nobody drives it and its beginning is sound. */
function judged(broken: JournalProblem, { state, driver }: Omit<Found, "findings">): RunFinding {
  if (broken.isNewer) return broken;
  if (driver === "unknown")
    return { ...broken, remedy: "who drives the run cannot be told: restore the file from a backup" };
  if (mayLive(driver)) return { ...broken, remedy: "its driver may live: end it first, then ask again" };
  if (state.status === "queued")
    return { ...broken, remedy: "not even its plan can be read: restore the file from a backup" };
  const kept = `keep the ${state.seq} sound records before it, and what outcome files prove beyond them`;
  return { ...broken, repair: `${kept}; the bytes behind stay where they are as evidence` };
}

function folded(events: readonly StoredEvent[]): {
  readonly state: RunState;
  readonly contradiction?: Omit<FileProblem, "where">;
} {
  try {
    return { state: fold(events) };
  } catch (error) {
    if (!(error instanceof InvariantViolation)) throw error;
    const remedy = "restore it from a backup";
    return {
      state: fold([]),
      contradiction: { message: `its records contradict each other: ${error.message}`, remedy },
    };
  }
}

async function driverOf(store: RunStore, runId: string): Promise<Found["driver"]> {
  try {
    return (await store.holder(runId))?.liveness ?? "none";
  } catch (error) {
    if (error instanceof JournalDamaged) return "unknown";
    throw error;
  }
}

/** What a runner left as its reason when it died of an error. */
async function lastWords(directory: string): Promise<readonly RunFinding[]> {
  const where = `${directory}/runner.log`;
  try {
    const text = await readIfExists(where);
    if (text === undefined) return [];
    const message = text.trimEnd().split("\n").slice(-logLines).join(" / ");
    return [{ where, message: `its runner died: ${message}`, remedy: "resume goes on where it stands" }];
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    return [{ where, message: `it cannot be read: ${code}`, remedy: "look at it" }];
  }
}

const nothingMore = { workers: 0, writer: false };
const forgotten: AttemptOutcome = {
  kind: "lost",
  cause: "lost",
  message: "what became of it is among the records that were given up",
  usage: noUsage,
};

/**
 * What the attempts' own files prove beyond a history that lost its end: an attempt whose directory exists was begun,
 * and a readable outcome is how it ended. Attempts without one stay as they are: the next driver calls them lost.
 */
async function salvaged(
  store: RunStore,
  runId: string,
  from: RunState,
  at: number,
): Promise<readonly RunEvent[]> {
  const files = store.attempts(runId);
  const events: RunEvent[] = [];
  let state = from;
  const add = (event: RunEvent): void => {
    events.push(event);
    state = evolveTo(state, event, state.epoch, at);
  };
  const end = (task: string, attempt: number, outcome: AttemptOutcome): void => {
    for (const event of step(state, { kind: "ended", task, attempt, outcome, at }, nothingMore).events)
      add(event);
  };
  for (let before = -1; before < events.length; ) {
    before = events.length;
    if (state.status === "queued" || isFinalRun(state.status)) break;
    for (const [index, { id }] of state.plan.tasks.entries()) {
      const next = nextAttempt(state, index);
      if (next === undefined) continue;
      const { attempt, isActive } = next;
      if (!isActive && !(await files.isBegun(id, attempt))) continue;
      const asked = questionOf(state, id);
      if (!isActive && asked !== undefined) add({ type: "mail.posted", mail: lostAnswer(asked.mail) });
      if (!isActive) add({ type: "attempt.started", task: id, attempt });
      const record = await files.readOutcome(id, attempt);
      if (record !== undefined && record !== "unreadable") end(id, attempt, record.outcome);
      else if (await files.isBegun(id, attempt + 1)) end(id, attempt, forgotten);
    }
  }
  return events;
}

/** That another attempt was begun proves that there was one. */
function lostAnswer({ id, from }: Mail): Mail {
  const text = "the answer is among the records that were given up";
  return { id: `${id}-lost`, from: "muster", to: from, kind: "answer", replyTo: id, text };
}

/** The attempt of a task that other files may tell of: the one under way, or the one that could be. */
function nextAttempt(state: RunState, index: number): { attempt: number; isActive: boolean } | undefined {
  const task = state.status === "queued" ? undefined : state.tasks.get(index);
  if (task === undefined || isFinalTask(task.status)) return undefined;
  const living = liveAttemptOf(task);
  if (living !== undefined) return { attempt: living.number, isActive: true };
  return task.status === "pending" && task.unmet > 0
    ? undefined
    : { attempt: task.attempts + 1, isActive: false };
}
