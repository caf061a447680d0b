import { askingText } from "../actions/text.ts";
import { verdictsOf } from "../core/decision.ts";
import { evolve, fold } from "../core/evolve.ts";
import { answerTo, openQuestions } from "../core/letters.ts";
import { runView } from "../core/run-view.ts";
import { isFinalRun, isFinalTask } from "../core/status.ts";
import type { MailView, RunView } from "../core/view.ts";
import { formatDuration, oneLine } from "../lib/wording.ts";
import { fateOf } from "../ui/dashboard/fact-panes.ts";
import { words } from "../ui/strings.ts";
import type { Desk } from "./desk.ts";
import { editPlan } from "./plan-editor.ts";

/** Which run and which letter somebody means; absent: whatever there is. */
export interface Meant {
  readonly run?: string;
  /** A letter's id, or the task that wrote it. */
  readonly name?: string;
}

/** What a command's words mean, when they only say which run and letter; undefined when they say more. `bare`: words are a run. */
export function meantBy(line: string, bare = false): Meant | undefined {
  const rest = line.replace(optionShape, "").trim();
  if (rest !== "" && !(bare && /^[^\s-]\S*$/.test(rest))) return undefined;
  const options = [...line.matchAll(optionShape)].map(([, name = "", value = ""]) => [name, value] as const);
  return { ...(rest !== "" && { run: rest }), ...Object.fromEntries(options) };
}

const optionShape = /--(run|name)(?:=|\s+)(\S+)/g;

/** A letter in its run. */
interface Found {
  readonly view: RunView;
  readonly letter: MailView;
}

/** Opens what waits for an answer: free in every host that we know, and nothing that a terminal takes for itself. */
export const answerKey = "alt+a";
/** The host's lists do not scroll, and its titles take the whole screen. */
const pageMax = 12;
const titleMaxCharacters = 2_000;
const runsMax = 50;
const { ownAnswer } = words.dialog;
const reasoned = "reject: <reason>";
const editIt = words.preview.edit;

/** Lets the person answer what is open: the one letter that is meant, or one of several. Esc answers nothing. */
export async function respondInDialog(desk: Desk, meant: Meant): Promise<void> {
  const open = (await liveRuns(desk, meant.run))
    .flatMap((view) => view.questions.map((letter) => ({ view, letter })))
    .filter(({ letter: { id, from } }) => meant.name === undefined || [id, from].includes(meant.name));
  const [first] = open;
  if (first === undefined) return desk.say(words.dialog.nobodyWaits);
  const { several } = words.dialog;
  const chosen = open.length === 1 ? first : await pick(desk, several, open, (one) => foundLine(one, desk));
  if (chosen !== undefined) await answer(desk, chosen);
}

/** A run's mail, newest first: a letter is read whole, answered, or replied to; a new one is written. Esc leads back, and out. */
export async function mailbox(desk: Desk, { run }: Meant): Promise<void> {
  const runs = await liveRuns(desk, run, true);
  const [first] = runs;
  if (first === undefined) return desk.say(words.dialog.noRun);
  const line = ({ runId, goal, mail }: RunView): string =>
    words.dialog.run(runId, mail.length, oneLine(goal, 60));
  const chosen =
    run !== undefined || runs.length === 1 ? first : await pick(desk, words.dialog.whose, runs, line);
  if (chosen === undefined) return;
  for (;;) {
    const view = await viewOf(desk, chosen.runId);
    if (view === undefined) return;
    const now = desk.clock.now();
    const entries = [...(isFinalRun(view.status) ? [] : ["new" as const]), ...view.mail.toReversed()];
    if (entries.length === 0) return desk.say(words.dialog.nobodyWrote(view.runId));
    const one = await pick(desk, words.dialog.mailOf(view.runId, view.status), entries, (entry) =>
      entry === "new" ? words.dialog.newLetter : letterLine(entry, view, now),
    );
    if (one === undefined) return;
    if (one === "new") await compose(desk, view);
    else if (view.questions.some(({ id }) => id === one.id)) await answer(desk, { view, letter: one });
    else await read(desk, { view, letter: one });
  }
}

function letterLine(letter: MailView, view: RunView, now: number): string {
  const { kind, from, to, at, text } = letter;
  const facts = [`${from} → ${to}`, fateOf(letter, view), words.ago(formatDuration(now - at))];
  return oneLine(`${kind} ${facts.filter(Boolean).join(", ")}: ${text}`, 120);
}

async function read(desk: Desk, { view, letter }: Found): Promise<void> {
  const writer = view.tasks.find(({ id, status }) => id === letter.from && !isFinalTask(status));
  const reply = words.dialog.writeTo(letter.from);
  const title = `${letterLine({ ...letter, text: "" }, view, desk.clock.now())}\n\n${letter.text}`;
  const chosen = await select(desk, title, [words.dialog.back, ...(writer === undefined ? [] : [reply])]);
  if (chosen === reply) await compose(desk, view, letter.from);
}

async function compose(desk: Desk, { runId, tasks }: RunView, to?: string): Promise<void> {
  const live = tasks.filter((task) => !isFinalTask(task.status));
  const roles = new Set(live.flatMap(({ role }) => (role === undefined ? [] : [`role:${role}`])));
  const task =
    to ??
    (await pick(desk, words.dialog.toWhom, [...live.map(({ id }) => id), ...roles, "all"], (one) => one));
  if (task === undefined) return;
  const message = await desk.ui.input(words.dialog.to(task, runId), words.dialog.message, {
    signal: desk.signal,
  });
  if (message?.trim()) await desk.perform("send", `--run ${runId} --task ${task} -- ${message}`);
}

/** Asks the person. What somebody else answers meanwhile closes the dialog, and the person is told. */
async function answer(desk: Desk, { view, letter }: Found): Promise<void> {
  const settled = new AbortController();
  const signal = AbortSignal.any([desk.signal, settled.signal]);
  const watching = whenSettled(desk, view.runId, letter.id, signal).then((how) => {
    if (how !== undefined) settled.abort(how);
  });
  let isToBeEdited = false;
  try {
    const message = await wordsFor({ ...desk, signal }, { view, letter });
    isToBeEdited = message === editIt;
    if (isToBeEdited) return;
    if (settled.signal.aborted)
      desk.say(words.dialog.waitsNoMore(words.asker(letter.from), view.runId, String(settled.signal.reason)));
    else if (message !== undefined)
      await desk.perform("respond", `--run ${view.runId} --name ${letter.id} -- ${message}`);
  } finally {
    settled.abort("closed");
    await watching;
    // The plan that comes of it waits for its answer in turn.
    if (isToBeEdited) await editThenAnswer(desk, view.runId);
  }
}

async function editThenAnswer(desk: Desk, run: string): Promise<void> {
  const edited = await editPlan(desk, run);
  desk.say(edited?.text.split("\n")[0] ?? words.preview.unchanged);
  await respondInDialog(desk, { run });
}

async function wordsFor(desk: Desk, { view, letter }: Found): Promise<string | undefined> {
  const { options = [], ...bare } = letter;
  const about = words.dialog.about(view.runId, oneLine(view.goal, 100));
  const title = `${about}\n${askingText(bare, desk.clock.now())}`;
  const own = (hint: string) =>
    desk.ui.input(title.slice(0, titleMaxCharacters), hint, { signal: desk.signal });
  if (letter.kind === "approval") {
    const isPlan = letter.about?.kind === "plan";
    const verdict = await select(desk, title, [...verdictsOf(letter), ...(isPlan ? [editIt] : [])]);
    if (verdict !== reasoned) return verdict;
    const reason = await own(words.dialog.reason);
    return reason === undefined ? undefined : `reject: ${reason}`;
  }
  const chosen = options.length === 0 ? ownAnswer : await select(desk, title, [...options, ownAnswer]);
  if (chosen !== ownAnswer) return chosen;
  const written = await own(words.dialog.answer);
  return written?.trim() ? written : undefined;
}

/** Resolves when somebody answered or the asker is over, with how; with nothing when the signal aborts first. */
async function whenSettled(
  { engine }: Desk,
  runId: string,
  question: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  let state = fold((await engine.read(runId)).events);
  for await (const event of engine.follow(runId, state.seq + 1, signal)) {
    state = evolve(state, event);
    if (state.status === "queued" || openQuestions(state).some(({ mail }) => mail.id === question)) continue;
    const given = answerTo(state, question)?.mail;
    const { taskOver, answered } = words.dialog;
    return given === undefined ? taskOver : answered(given.from, given.text);
  }
  return undefined;
}

/** The runs that are meant, this session's first; `last`, a whole id or its beginning means one. */
async function liveRuns(desk: Desk, run?: string, isOverToo = false): Promise<readonly RunView[]> {
  const listings = (await desk.engine.list()).flatMap((one) => ("manifest" in one ? [one.manifest] : []));
  const meant =
    run === "last" ? listings.slice(0, 1) : listings.filter(({ runId }) => runId.startsWith(run ?? ""));
  const isOwn = ({ owner }: { owner: { sessionId: string } }) => owner.sessionId === desk.sessionId;
  const wanted = meant
    .filter(({ status }) => isOverToo || !isFinalRun(status))
    .sort((a, b) => Number(isOwn(b)) - Number(isOwn(a)));
  const views = await Promise.all(wanted.slice(0, runsMax).map(({ runId }) => viewOf(desk, runId)));
  return views.flatMap((view) => view ?? []);
}

async function viewOf({ engine, clock }: Desk, runId: string): Promise<RunView | undefined> {
  return runView(fold((await engine.read(runId)).events), clock.now());
}

function foundLine({ view, letter }: Found, { clock }: Desk): string {
  return oneLine(`${view.runId} ${askingText(letter, clock.now())}`, 160);
}

function select(
  { ui, signal }: Desk,
  title: string,
  options: readonly string[],
): Promise<string | undefined> {
  return ui.select(title.slice(0, titleMaxCharacters), [...options], { signal });
}

/** One of many, page by page. */
async function pick<Item>(
  desk: Desk,
  title: string,
  items: readonly Item[],
  lineOf: (item: Item) => string,
): Promise<Item | undefined> {
  for (let from = 0; ; from += pageMax) {
    const page = items.slice(from, from + pageMax);
    // The host gives back the line: numbers make each its own.
    const lines = page.map((item, index) => `${from + index + 1}. ${lineOf(item)}`);
    const more = words.dialog.more(items.length - from - page.length);
    const isMore = from + page.length < items.length;
    const chosen = await select(desk, title, [...lines, ...(isMore ? [more] : [])]);
    if (!isMore || chosen !== more) return page[lines.indexOf(chosen ?? "")];
  }
}
