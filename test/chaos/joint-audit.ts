import type { Json } from "../support/host.ts";
import { isRejection, type Story } from "./story.ts";

/** One call of the tool, and what came of it. */
export interface Call {
  readonly round: number;
  /** The session that made it. */
  readonly session: string;
  readonly action: string;
  readonly args: Json;
  /** `lost`: its host was killed before it could answer, so that nobody knows. */
  readonly end: "done" | "refused" | "lost";
  readonly text: string;
  /** The run that it started, as far as it was told. */
  readonly startedRun?: string;
}

/** A run as it was last seen. */
export interface LastSeen {
  readonly story: Story;
  /** The round in which it was missed; absent where it is there to the end. */
  readonly goneIn?: number;
  readonly tombstone?: { readonly by: string };
}

/** All that two hosts did to one project. */
export interface Played {
  readonly calls: readonly Call[];
  /** When each session's host was killed, ms since the epoch. */
  readonly deaths: ReadonlyMap<string, number>;
  readonly runs: ReadonlyMap<string, LastSeen>;
  /** `run task` of every life of a worker, by the workers' own account. */
  readonly lives: readonly string[];
}

/** Holds what two sessions made of one project against what each of them asked, and was told. */
export function jointAudit(played: Played): readonly string[] {
  const found: string[] = [];
  for (const [runId, seen] of played.runs) {
    const about = played.calls.filter(({ args, startedRun }) => args.run === runId || startedRun === runId);
    const wrong = [
      ...seen.story.early,
      ...answers(seen, about),
      ...ends(seen, about),
      ...owners(seen.story, about, played),
      ...repeated(runId, seen, played),
      ...(seen.goneIn === undefined ? [] : removed(runId, seen, played)),
    ];
    found.push(...wrong.map((text) => `${runId}: ${text}`));
  }
  for (const { action, args, end, startedRun } of played.calls) {
    const seen = played.runs.get(String(args.run));
    if (action === "forget" && end === "done" && seen !== undefined && seen.goneIn === undefined)
      found.push(`${String(args.run)} was forgotten, and is there`);
    if (startedRun !== undefined && !played.runs.has(startedRun))
      found.push(`${startedRun} was started, and was never there`);
  }
  return found;
}

/** Runs of which more than one other goes on, among those that are there at the same time. */
export function secondSuccessors(present: ReadonlyMap<string, Story>): readonly string[] {
  const after = new Map<string, string[]>();
  for (const [runId, { from }] of present)
    if (from !== undefined) after.set(from, [...(after.get(from) ?? []), runId]);
  return [...after].flatMap(([from, runs]) =>
    runs.length > 1 ? [`${from} goes on as ${runs.join(" and ")}`] : [],
  );
}

/** Records that were there at an earlier look and are not, or are others now. */
export function lostRecords(before: Story, now: Story): readonly string[] {
  const at = before.sums.findIndex((sum, index) => now.sums[index] !== sum);
  return at === -1 ? [] : [`record ${at + 1} is another one, or gone`];
}

/** Whether a call by this session gave this answer to this question, perhaps without naming it. */
function isAnswer(call: Call, by: string, question: string, text: string): boolean {
  const { action, args, session } = call;
  const isMeant = args.name === undefined || args.name === question;
  return action === "respond" && session === by && isMeant && said(args) === text;
}
function said({ message }: Json): string {
  return String(message ?? "").trim();
}

function answers({ story, goneIn }: LastSeen, about: readonly Call[]): readonly string[] {
  const found: string[] = [];
  for (const { id, answers: counted } of story.questions) {
    if (counted.length > 1) found.push(`${id} has ${counted.length} answers`);
    for (const { by, text } of counted) {
      const givers = about.filter((call) => isAnswer(call, by, id, text));
      if (givers.length === 0) found.push(`${id} was answered "${text}" by ${by}, who did not`);
      else if (givers.every(({ end }) => end === "refused"))
        found.push(`${id}: the answer "${text}" of ${by} counts, and was refused`);
    }
  }
  const counted = story.questions.flatMap(({ id, answers: given }) => given.map((one) => ({ id, ...one })));
  for (const call of about) {
    if (call.action !== "respond") continue;
    const hasWon = call.end === "done" && call.text.includes(" has its answer");
    if (hasWon && goneIn === undefined && !counted.some(({ id, by, text }) => isAnswer(call, by, id, text)))
      found.push(`the answer "${said(call.args)}" of ${call.session} was taken, and does not count`);
    const [, by = "", text = ""] = /it was answered already, by (\S+): ([^.\n]*)/.exec(call.text) ?? [];
    if (
      by !== "" &&
      goneIn === undefined &&
      !counted.some((one) => one.by === by && one.text.startsWith(text))
    )
      found.push(`${call.session} was told of an answer by ${by} that does not count: ${text}`);
  }
  return found;
}

function ends({ story, goneIn }: LastSeen, about: readonly Call[]): readonly string[] {
  const { status, cause, cancels, questions } = story;
  const found: string[] = [];
  for (const by of cancels)
    if (!about.some(({ action, session }) => session === by && ["cancel", "forget"].includes(action)))
      found.push(`cancelled by ${by}, who did not ask`);
  const isRejected = questions.some(({ answers: [first] }) => first !== undefined && isRejection(first.text));
  if (isRejected !== (cause === "rejected") && goneIn === undefined)
    found.push(`${isRejected ? "rejected" : "rejected by nobody"}, and it ended ${status} (${cause})`);
  if (status === "completed" && cancels.length > 0)
    found.push(`completed, although ${cancels.join()} ended it`);
  if (goneIn !== undefined) return found;
  const isWanted = cancels.length > 0 || isRejected;
  if (!isWanted && status !== "completed") found.push(`${status} (${cause}), and nobody wanted that`);
  for (const { action, end, text } of about)
    if (action === "cancel" && end === "done" && /\bcancelled\b/.test(text) && status !== "cancelled")
      found.push(`${status}, although a cancel was answered: ${text.slice(0, 120)}`);
  return found;
}

/** A run goes over to whom it was resumed by, or answered; from a session that lives, only by force. */
function owners({ owners: all }: Story, about: readonly Call[], { deaths }: Played): readonly string[] {
  return all.flatMap(({ session, at, byAnswer }, index) => {
    const asked = about.filter((call) => call.session === session);
    const before = all[index - 1]?.session;
    if (before === undefined) return [];
    const action = byAnswer ? "respond" : "resume";
    const doers = asked.filter((call) => call.action === action);
    if (doers.length === 0) return [`it went to ${session}, who did not ask`];
    const isOrphan = (deaths.get(before) ?? Number.POSITIVE_INFINITY) <= at;
    const isForced = doers.some(({ args }) => args.force === true);
    return before === session || isOrphan || byAnswer || isForced
      ? []
      : [`${session} took it from ${before}, which lived, without force`];
  });
}

/** What a retried run does again although the old one kept it, or keeps although the old one never had it. */
function repeated(runId: string, { story }: LastSeen, { runs, lives }: Played): readonly string[] {
  const { from, reused, begun } = story;
  const old = from === undefined ? undefined : runs.get(from);
  // What became of it after it was last seen is not known.
  if (old === undefined || !["cancelled", "failed"].includes(old.story.status)) return [];
  const invented = [...reused].filter((task) => !old.story.done.has(task));
  const again = [...old.story.done].filter((task) => begun.has(task) || lives.includes(`${runId} ${task}`));
  return [
    ...invented.map((task) => `${task} is kept from ${from}, which had not done it`),
    ...again.map((task) => `${task} was done in ${from}, and is done again`),
  ];
}

/** Who removes a run owns it, or says that it is done by force. */
function removed(
  runId: string,
  { story, goneIn, tombstone }: LastSeen,
  { calls }: Played,
): readonly string[] {
  if (tombstone === undefined) return ["it has vanished without a trace"];
  const { by } = tombstone;
  const removals = calls.filter(
    ({ round, session, action, args, end }) =>
      session === by &&
      end !== "refused" &&
      round === goneIn &&
      (action === "prune" || (action === "forget" && args.run === runId)),
  );
  if (removals.length === 0) return [`removed by ${by}, who did not ask, or was refused`];
  const takers = calls.filter(
    ({ round, args, startedRun }) => round === goneIn && (args.run === runId || startedRun === runId),
  );
  const mayBeOwners = new Set([
    story.owners.at(-1)?.session,
    ...takers
      .filter(({ action }) => ["run", "plan", "retry", "resume", "respond"].includes(action))
      .map(({ session }) => session),
  ]);
  return mayBeOwners.has(by) || removals.some(({ args }) => args.force === true)
    ? []
    : [`it was ${story.owners.at(-1)?.session}'s, and ${by} removed it without force`];
}
