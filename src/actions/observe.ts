import { withoutDriver, withRefusal } from "../core/abandoned.ts";
import type { StoredEvent } from "../core/events.ts";
import { fold, noTasks } from "../core/evolve.ts";
import { JournalDamaged, RunNotFound, StorageError } from "../core/failure.ts";
import type { RunHistory } from "../core/history.ts";
import { missingEnd } from "../core/manifest.ts";
import { noUsage } from "../core/outcome.ts";
import type { PlanProblem } from "../core/plan.ts";
import type { FileProblem, Manifest, RunListing } from "../core/ports.ts";
import type { Liveness } from "../core/process.ts";
import { runView } from "../core/run-view.ts";
import type { RunView, TaskView } from "../core/view.ts";
import { oneLine } from "../lib/wording.ts";
import { chooseFrom } from "../resources/suggest.ts";
import type { Parameters } from "./action.ts";
import type { ActionContext, Performed } from "./context.ts";
import { refusal } from "./result.ts";

/** One run as it stands now. */
export interface Observed {
  readonly view: RunView;
  readonly events: readonly StoredEvent[];
  /** The task that was asked for. */
  readonly task?: TaskView;
  /** The journal is damaged or newer than this version: `view` shows what comes before that. */
  readonly problem?: PlanProblem;
  readonly driver: Liveness | "none";
  readonly others: readonly RunListing[];
  /** What stands in its way. */
  readonly problems: readonly FileProblem[];
}

const candidatesMax = 10;

/**
 * What `tell` makes of the run (`last` when none is named) and the task that are meant; a refusal when there is none, or
 * its journal cannot be read to the end. The manifest says as much as `tell` is given.
 */
export async function onRun(
  parameters: Pick<Parameters, "run" | "task">,
  context: ActionContext,
  tell: (observed: Observed) => Performed | Promise<Performed>,
): Promise<Performed> {
  const observed = await observe(parameters, context);
  if ("message" in observed) return refusal([observed]);
  const { view, problem } = observed;
  if (problem !== undefined) return refusal([problem], `run ${view.runId} was ${view.status} up to there`);
  return tell(observed);
}

/** The run and task that are meant, also where the journal cannot be read to the end; a problem when there is none. */
export async function observe(
  { run = "last", task }: Pick<Parameters, "run" | "task">,
  context: ActionContext,
): Promise<Observed | PlanProblem> {
  const { engine, history } = context;
  const listings = await engine.list();
  const listing = await meantRun(run, listings, history);
  if ("message" in listing) return listing;
  try {
    return await observed(listing, listings, task, context);
  } catch (error) {
    // Removed while it was looked at: then that is the answer.
    const gone = await goneSince(error, listing, context);
    if (gone !== undefined) return gone;
    throw error;
  }
}

/** What became of the run that a call named, where it broke because somebody removed the run meanwhile. */
export async function goneSince(
  error: unknown,
  { runId }: { readonly runId?: string },
  { engine, history }: ActionContext,
): Promise<PlanProblem | undefined> {
  if (runId === undefined || !(isGone(error) || error instanceof JournalDamaged)) return undefined;
  // Where that cannot be told, the first error is the better answer.
  const now = await engine
    .list()
    .then((listings) => meantRun(runId, listings, history))
    .catch(() => undefined);
  return now !== undefined && "message" in now ? now : undefined;
}

/** True when the run that was asked for is not there, or is just being taken away. */
export function isGone(error: unknown): boolean {
  return error instanceof RunNotFound || (error instanceof StorageError && error.failure.code === "ENOENT");
}

async function observed(
  listing: RunListing,
  listings: readonly RunListing[],
  id: string | undefined,
  { engine, clock }: ActionContext,
): Promise<Observed | PlanProblem> {
  const { runId } = listing;
  if (!("manifest" in listing)) {
    const remedy = `look at it: ${engine.directory(runId)}; it is never deleted for that`;
    return { where: runId, message: listing.problem, remedy };
  }
  const { events, problem: damage } = await engine.read(runId);
  const state = fold(events);
  // The journal is written before the manifest that tells of it: a shorter one lost records.
  const problem = damage ?? missingEnd(listing.manifest, state.seq);
  await engine.settled(runId, state.seq);
  const told = runView(state, clock.now()) ?? queuedView(listing.manifest);
  const { problems = [] } = listing;
  const view = withRefusal(listing.driver === "gone" ? withoutDriver(told) : told, problems);
  const task = view.tasks.find((candidate) => candidate.id === id);
  if (id !== undefined && task === undefined) {
    const ids = view.tasks.map((known) => known.id);
    const message = `run ${runId} has no task "${oneLine(id, 60)}"`;
    return { where: "task", message, remedy: chooseFrom(id, ids) };
  }
  const others = listings.filter((other) => other !== listing);
  return {
    problems,
    view,
    events,
    driver: listing.driver,
    others,
    ...(task && { task }),
    ...(problem && { problem }),
  };
}

/** The manifests of those that can be listed, in their order. */
export function manifestsOf(listings: readonly RunListing[]): readonly Manifest[] {
  return listings.flatMap((listing) => ("manifest" in listing ? [listing.manifest] : []));
}

/** The run that a reference means, or why there is none: it may have been forgotten. */
export async function meantRun(
  run: string,
  listings: readonly RunListing[],
  history: RunHistory,
): Promise<RunListing | PlanProblem> {
  const word = run.toLowerCase();
  const meant = meantBy(word, listings);
  if (!("message" in meant) || listings.some(({ runId }) => runId.startsWith(word))) return meant;
  const [gone, ...others] = (await history.tombstones()).filter(({ runId }) => runId.startsWith(word));
  if (gone === undefined || others.length > 0) return meant;
  const { runId, status, goal, at, by, reason } = gone;
  const message = `run ${runId} (${status}, "${goal}") was forgotten at ${at} by session ${by}${reason && `: ${reason}`}`;
  return { where: "run", message, remedy: "its files are gone; team list shows the runs that are here" };
}

/** The run that a reference means: a whole id, an unambiguous prefix of one, or `last`, the newest run of this project. */
function meantBy(word: string, listings: readonly RunListing[]): RunListing | PlanProblem {
  const where = "run";
  const none = { where, message: "there is no run here yet", remedy: 'start one: team run goal="…"' };
  if (word === "last") return listings[0] ?? none;
  const meant = listings.filter(({ runId }) => runId.startsWith(word));
  const [first] = meant;
  if (first === undefined) {
    const message = `there is no run "${oneLine(word, 60)}" in this project`;
    const ids = listings.map(({ runId }) => runId);
    return { where, message, remedy: `${chooseFrom(word, ids)}; "last" is the newest` };
  }
  if (meant.length === 1) return first;
  const candidates = meant.slice(0, candidatesMax).map((listing) => {
    const { status, goal } = "manifest" in listing ? listing.manifest : { status: "unreadable", goal: "" };
    return `${listing.runId} (${status}, ${oneLine(goal, 40)})`;
  });
  const remedy = `add letters until one is left: ${candidates.join("; ")}`;
  return { where, message: `"${word}" could be ${meant.length} runs`, remedy };
}

/** What is known of a run that no driver has taken yet. */
function queuedView({ team, workflow, createdAt, ...known }: Manifest): RunView {
  const { runId, goal, cwd, owner, origin, background } = known;
  const tasks = known.tasks.map(
    ({ id, agent, dependsOn }): TaskView => ({
      ...{ id, agent, dependsOn, status: "pending", reason: "the run waits for its driver" },
      ...{ attempts: 0, usage: noUsage },
    }),
  );
  return {
    ...{ runId, goal, cwd, owner, origin, background, tasks, usage: noUsage, alive: 0 },
    ...(team !== "" && { team }),
    ...(workflow !== "" && { workflow }),
    status: "queued",
    ...{ mail: [], questions: [] },
    reason: "waits for its driver",
    createdAt: Date.parse(createdAt),
    counts: { ...noTasks, pending: tasks.length },
  };
}
