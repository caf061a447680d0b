import { verdictsOf } from "../../core/decision.ts";
import { isFinalRun, isFinalTask } from "../../core/status.ts";
import { type Binding, bind, moving } from "../binding.ts";
import { pressInFront } from "../screen.ts";
import { words } from "../strings.ts";
import { cardAcross, cardsBeside, isOnBoard } from "./board.ts";
import { submitted } from "./box.ts";
import { isApproval, mailAt, mailOrder } from "./fact-panes.ts";
import { bodyOf } from "./panes.ts";
import { proposal } from "./preview.ts";
import { chosenRun, listedRuns } from "./runs.ts";
import { type Box, type Dashboard, type Moment, type PaneName, panes, type Step } from "./scene.ts";
import { chosenTask, isTaskList, textOf } from "./work-panes.ts";

const keys = words.keys;
const always = (): boolean => true;
const inPane =
  (...names: readonly PaneName[]) =>
  ({ state }: Moment): boolean =>
    state.focus === "pane" && names.includes(state.pane);
const atBoard = ({ state }: Moment): boolean => isOnBoard(state);
const isAtEvent = (moment: Moment): boolean => inPane("events")(moment) && !!moment.scene.run?.events.length;
const isAtMail = (moment: Moment): boolean => inPane("mail")(moment) && openMail(moment) !== undefined;
/** At an approval, or at what it is about. */
const canDecide = (moment: Moment): boolean =>
  inPane("mail", "tasks", "worker", "changes")(moment) && openMail(moment)?.kind === "approval";
const isLiveRun = ({ scene }: Moment): boolean =>
  scene.run !== undefined && !isFinalRun(scene.run.view.status);
const isAsking = ({ scene }: Moment): boolean => (scene.run?.view.questions.length ?? 0) > 0;
const isStill = ({ scene: { run } }: Moment): boolean =>
  run?.view.questions.length === 0 && run.view.status !== "running" && run.view.status !== "completed";
const hasAnswer = ({ scene }: Moment): boolean => scene.answer !== undefined;
const hasRun = ({ scene }: Moment): boolean => scene.run !== undefined;
const hasRuns = ({ scene }: Moment): boolean => scene.listings.length > 0;
const commandBox = ({ state }: Moment): Step => boxed(state, "command", words.box.command, "");

/** Every key, the more special ones first. */
export const bindings: readonly Binding<Moment, Step>[] = [
  bind(
    ["r"],
    keys.answer,
    (moment) => isAsking(moment) && !canDecide(moment) && !isAtMail(moment),
    goOn,
    true,
  ),
  bind(["r"], keys.answer, isAsking, goOn),
  bind(["r"], keys.resume, (moment) => isLiveRun(moment) && isStill(moment), goOn, true),
  bind(["r"], keys.retry, isStill, goOn, true),
  bind(["y"], keys.approve, canDecide, (moment) => answer(moment, "approve"), true),
  bind(
    ["n"],
    keys.reject,
    (moment) => canDecide(moment) && (moment.state.pane === "mail" || moment.state.search === ""),
    (moment) => answerBox(moment, "reject"),
    true,
  ),
  bind(
    ["e"],
    keys.edit,
    (moment) => canDecide(moment) && openMail(moment)?.about?.kind === "plan",
    (moment) => ({ state: moment.state, intent: { kind: "edit", ...ofRun(moment) } }),
    true,
  ),
  bind(["enter"], keys.answer, isAtMail, (moment) => answerBox(moment, "respond"), true),
  bind(
    ["enter"],
    keys.open,
    (moment) => moment.state.focus === "runs" && hasRuns(moment),
    ({ state }) => ({ state: { ...state, focus: "pane" } }),
    true,
  ),
  bind(
    ["enter"],
    keys.watch,
    inPane("tasks"),
    ({ state }) => ({ state: { ...state, pane: "worker" } }),
    true,
  ),
  bind(["enter", "v"], keys.whole, inPane("changes"), (moment) => paged(moment, "changes"), true),
  bind(["enter", "v"], keys.whole, isAtEvent, eventPage, true),
  ...moving<Moment, Step>(moved),
  bind(["tab", "right", "l"], keys.nextColumn, atBoard, (moment) => across(moment, 1), true),
  bind(["shift+tab", "left", "h"], keys.previousColumn, atBoard, (moment) => across(moment, -1)),
  bind(["b"], keys.board, always, ({ state }) => ({
    state: { ...state, isBoard: !isOnBoard(state), focus: "runs", isAlone: false },
  })),
  bind(["tab", "right", "l"], keys.nextPane, hasRuns, (moment) => paneBy(moment, 1), true),
  bind(["shift+tab", "left", "h"], keys.previousPane, always, (moment) => paneBy(moment, -1)),
  bind(
    panes.map((_, at) => String(at + 1)),
    keys.paneByNumber,
    always,
    ({ state }) => ({ state }),
  ),
  bind(["]"], keys.nextTask, hasRun, (moment) => taskBy(moment, 1)),
  bind(["["], keys.previousTask, hasRun, (moment) => taskBy(moment, -1)),
  bind(["a"], keys.attempt, inPane("worker", "changes"), earlierAttempt),
  bind(
    ["f"],
    keys.follow,
    (moment) => inPane("worker", "events")(moment) && moment.state.at[moment.state.pane] !== undefined,
    ({ state }) => ({ state: { ...state, at: { ...state.at, [state.pane]: undefined } } }),
    true,
  ),
  bind(
    ["v"],
    keys.raw,
    inPane("worker"),
    ({ state }) => ({ state: { ...state, isRaw: !state.isRaw } }),
    true,
  ),
  bind(
    ["v"],
    keys.whole,
    (moment) => inPane("mail")(moment) && chosenMail(moment) !== undefined,
    (moment) => paged(moment, "letter"),
    true,
  ),
  bind(["v"], keys.task, (moment) => inPane("tasks")(moment) && canDecide(moment), taskPage, true),
  bind(["v"], keys.task, (moment) => inPane("tasks")(moment) && hasRun(moment), taskPage),
  bind(
    ["n"],
    keys.nextMatch,
    ({ state }) => state.search !== "",
    (moment) => found(moment, 1),
  ),
  bind(
    ["N"],
    keys.previousMatch,
    ({ state }) => state.search !== "",
    (moment) => found(moment, -1),
  ),
  bind(
    ["/"],
    keys.filter,
    (moment) => moment.state.focus === "runs" && hasRuns(moment),
    ({ state }) => boxed(state, "filter", words.box.filter, state.filter),
    true,
  ),
  bind(["/"], keys.search, always, ({ state }) => boxed(state, "search", words.box.search, "")),
  bind(["s"], keys.steer, (moment) => isLiveRun(moment) && liveTask(moment) !== undefined, steerBox, true),
  bind(["m"], keys.message, isLiveRun, messageBox),
  bind(["x"], keys.cancel, isLiveRun, (moment) => asked(moment, words.confirm.cancel, "cancel", {}), true),
  bind(
    ["d"],
    keys.forget,
    (moment) => hasRun(moment) && !isLiveRun(moment),
    (moment) => asked(moment, words.confirm.forget, "forget", { confirm: true }),
  ),
  bind(["c"], keys.copy, hasRun, copied),
  bind(["z"], keys.alone, always, ({ state }) => ({
    state: { ...state, isAlone: !state.isAlone, focus: "pane" },
  })),
  bind([":"], keys.command, (moment) => !hasRuns(moment), commandBox, true),
  bind([":"], keys.command, always, commandBox),
  bind(["!"], keys.lastAnswer, hasAnswer, (moment) => paged(moment, "answer")),
  bind(["escape"], keys.back, always, back, true),
  bind(["?"], keys.help, always, (moment) => paged(moment, "help"), true),
  bind(["q", "ctrl+c"], keys.close, always, ({ state }) => ({ state, intent: { kind: "close" } })),
];

/** What the key of this name does now. Total: an unknown key changes nothing. Nothing destructive without a question. */
export function press(moment: Moment, key: string): Step {
  const seen = { ...moment, state: pinned(moment) };
  return kept(seen, pressed(seen, key));
}

/** What was chosen by its place is chosen by its name from the first key on: others that come do not take that place. */
function pinned({ state, scene }: Moment): Dashboard {
  const run = chosenRun(state, scene)?.runId;
  const view = scene.run?.view;
  const at = view === undefined ? state.at : { ...state.at, mail: mailAt(state, view) };
  const task = view && state.focus === "pane" ? chosenTask(state, view)?.id : undefined;
  return { ...state, at, ...(run !== undefined && { run }), ...(task !== undefined && { task }) };
}

function kept({ state: { run }, scene }: Moment, step: Step): Step {
  const view = scene.run?.view;
  const { state } = step;
  const mail = view && state.pane === "mail" ? mailOrder(view)[state.at.mail ?? 0] : undefined;
  if (view === undefined || mail === undefined || state.run !== run) return step;
  return { ...step, state: { ...state, letter: { run: view.runId, id: mail.id } } };
}

function pressed(moment: Moment, key: string): Step {
  const { state } = moment;
  const inFront = pressInFront(state, key, (box) => {
    const step = submitted(moment, box);
    return box.kind === "search" ? found({ ...moment, state: step.state }, 1) : step;
  });
  if (inFront !== undefined) return inFront;
  const pane = panes[Number(key) - 1];
  if (/^\d$/.test(key) && pane !== undefined) return { state: { ...state, pane, focus: "pane" } };
  const binding = bindings.find((one) => one.keys.includes(key) && one.fits(moment));
  return binding?.press(moment) ?? { state };
}

function paged({ state }: Moment, page: NonNullable<Dashboard["page"]>): Step {
  return { state: { ...state, page, at: { ...state.at, page: 0 } } };
}

/** The record that is chosen now, also when others come. */
function eventPage({ state, scene, ...moment }: Moment): Step {
  const events = state.at.events ?? (scene.run?.events.length ?? 0) - 1;
  return paged({ ...moment, scene, state: { ...state, at: { ...state.at, events } } }, "event");
}

function taskPage(moment: Moment): Step {
  return paged(moment, "task");
}

function boxed(
  state: Dashboard,
  kind: Box["kind"],
  label: string,
  text: string,
  more: Partial<Box> = {},
): Step {
  const { unsent } = state;
  const begun = unsent?.kind === kind && unsent.label === label ? unsent.text : text;
  return { state: { ...state, box: { kind, label, text: begun, proposals: [], about: {}, ...more } } };
}

/** Moves the choice, or scrolls; beyond an end it stays there. */
function moved(moment: Moment, by: number): Step {
  const { state, scene, rows } = moment;
  const to = (from: number, length: number): number => Math.max(0, Math.min(length - 1, from + by));
  const place = (name: PaneName | "page", at: number | undefined): Step => ({
    state: { ...state, at: { ...state.at, [name]: at } },
  });
  // Its end is known to who draws it.
  if (state.page !== undefined) return place("page", Math.max(0, Math.min(1e6, (state.at.page ?? 0) + by)));
  if (state.focus === "runs") {
    const runs = isOnBoard(state) ? cardsBeside(moment) : listedRuns(state, scene);
    const chosen = chosenRun(state, scene);
    const next = runs[to(chosen === undefined ? 0 : runs.indexOf(chosen), runs.length)];
    return next === undefined || next === chosen ? { state } : { state: onRun(state, next.runId) };
  }
  const body = bodyOf(moment);
  if (isTaskList(state)) return taskBy(moment, by);
  const last = Math.max(0, body.length - (body.isList ? 1 : rows));
  const top = state.at[state.pane] ?? (body.isFollowing ? last : 0);
  const next = Math.max(0, Math.min(last, top + by));
  const step = place(state.pane, body.isFollowing && next === last && by > 0 ? undefined : next);
  return state.pane === "worker" && top + by < 0 ? { ...step, intent: { kind: "older" } } : step;
}

/** The card beside the chosen one. */
function across(moment: Moment, by: number): Step {
  const next = cardAcross(moment, by);
  return { state: next === undefined ? moment.state : onRun(moment.state, next.runId) };
}

/** Another run: what was chosen in the last one means nothing in it. */
function onRun({ task: _, attempt: __, ...state }: Dashboard, run: string): Dashboard {
  return { ...state, run, at: {} };
}

function paneBy({ state }: Moment, by: number): Step {
  const at = (panes.indexOf(state.pane) + by + panes.length) % panes.length;
  return { state: { ...state, pane: panes[at] ?? "tasks" } };
}

function taskBy({ state, scene: { run } }: Moment, by: number): Step {
  if (run === undefined) return { state };
  const { rows, rowOf } = run.graph;
  const chosen = chosenTask(state, run.view);
  const at = (rowOf.get(chosen?.id ?? "") ?? 0) + by;
  const next = rows[Math.max(0, Math.min(rows.length - 1, at))];
  if (next === undefined) return { state };
  const { attempt: _, ...rest } = state;
  return { state: { ...rest, task: next.task, at: { ...state.at, worker: undefined } } };
}

function earlierAttempt({ state, scene: { run } }: Moment): Step {
  const attempts = (run && chosenTask(state, run.view)?.attempts) ?? 0;
  const before = (state.attempt ?? attempts) - 1;
  const attempt = before >= 1 ? before : attempts;
  return attempts < 2 ? { state } : { state: { ...state, attempt, at: { ...state.at, worker: undefined } } };
}

/** The next row in this direction that holds what is searched for; from an end the search goes on at the other. */
export function found(moment: Moment, by: 1 | -1): Step {
  const { state } = moment;
  const body = bodyOf(moment);
  const wanted = state.search.toLowerCase();
  const list = body.isList && isTaskList(state);
  const here = list ? taskRow(moment) : (state.at[state.pane] ?? (by > 0 ? -1 : body.length));
  for (let step = 1; step <= body.length && wanted !== ""; step++) {
    const at = (((here + by * step) % body.length) + body.length) % body.length;
    if (!textOf(body, at, 1_000).includes(wanted)) continue;
    const seen = { ...state, missed: undefined };
    if (list) return taskBy({ ...moment, state: seen }, at - here);
    return { state: { ...seen, at: { ...state.at, [state.pane]: at } } };
  }
  return { state: { ...state, missed: state.pane } };
}

function taskRow({ state, scene: { run } }: Moment): number {
  return run?.graph.rowOf.get(chosenTask(state, run.view)?.id ?? "") ?? 0;
}

function liveTask({ state, scene: { run } }: Moment): string | undefined {
  const task = run && chosenTask(state, run.view);
  return task === undefined || isFinalTask(task.status) ? undefined : task.id;
}

function steerBox(moment: Moment): Step {
  const task = liveTask(moment) ?? "";
  return boxed(moment.state, "steer", words.box.steer(task), "", { about: { task } });
}

function messageBox({ state, scene: { run } }: Moment): Step {
  const roles = new Set(
    run?.view.tasks.flatMap(({ role }) => (role === undefined ? [] : [`role:${role}: `])),
  );
  const task = run && chosenTask(state, run.view);
  const to = task === undefined || isFinalTask(task.status) ? [] : [`${task.id}: `];
  const proposals = [...to, "all: ", ...roles];
  return boxed(state, "send", words.box.send, proposals[0] ?? "", { proposals });
}

function chosenMail({ state, scene: { run } }: Moment) {
  return run && mailOrder(run.view)[mailAt(state, run.view)];
}

function openMail(moment: Moment) {
  const { run } = moment.scene;
  const { pane } = moment.state;
  const plan = pane === "tasks" && run ? proposal(run) : undefined;
  const mail = pane === "mail" ? chosenMail(moment) : (plan ?? gateOf(moment));
  return mail !== undefined && moment.scene.run?.view.questions.includes(mail) ? mail : undefined;
}

/** What the chosen task did and wants approved. */
function gateOf({ state, scene: { run } }: Moment) {
  const task = run && chosenTask(state, run.view)?.id;
  return run?.view.questions.find((mail) => mail.from === task && isApproval(mail));
}

function answer(moment: Moment, message: string): Step {
  const name = openMail(moment)?.id ?? "";
  return {
    state: moment.state,
    intent: { kind: "perform", action: "respond", parameters: { ...ofRun(moment), name, message } },
  };
}

function answerBox(moment: Moment, kind: "respond" | "reject"): Step {
  const mail = openMail(moment);
  const { id: name = "", from = "", options = [], fallback } = mail ?? {};
  const answers =
    mail && isApproval(mail) ? verdictsOf(mail).map((one) => one.replace("<reason>", "")) : options;
  const proposals =
    kind === "reject" ? [] : [...new Set([...(fallback === undefined ? [] : [fallback]), ...answers])];
  const who = words.asker(from);
  const label = kind === "reject" ? words.box.reject(who) : words.box.respond(who);
  return boxed(moment.state, kind, label, "", { proposals, about: { name } });
}

function asked(moment: Moment, question: (runId: string) => string, action: string, more: object): Step {
  const about = ofRun(moment);
  const confirm = {
    question: question(about.run),
    intent: { kind: "perform", action, parameters: { ...about, ...more } } as const,
  };
  return { state: { ...moment.state, confirm } };
}

/** Onwards with a run that stands still or did not do: what the state of it calls for. */
function goOn(moment: Moment): Step {
  const view = moment.scene.run?.view;
  if (view !== undefined && view.questions.length > 0) return { state: firstMail(moment.state) };
  const action = view !== undefined && isFinalRun(view.status) ? "retry" : "resume";
  return { state: moment.state, intent: { kind: "perform", action, parameters: ofRun(moment) } };
}

function firstMail({ letter: _, ...state }: Dashboard): Dashboard {
  return { ...state, pane: "mail", focus: "pane", at: { ...state.at, mail: 0 } };
}

function copied({ state, scene }: Moment): Step {
  const { run, transcript } = scene;
  const text = state.pane === "worker" && transcript !== undefined ? transcript.path : (run?.directory ?? "");
  return { state, intent: { kind: "copy", text } };
}

function ofRun({ state, scene }: Moment): { readonly run: string } {
  return { run: scene.run?.view.runId ?? chosenRun(state, scene)?.runId ?? "last" };
}

function back({ state }: Moment): Step {
  if (state.search !== "" && state.focus === "pane") return { state: { ...state, search: "" } };
  if (state.isAlone) return { state: { ...state, isAlone: false } };
  if (state.focus === "pane") return { state: { ...state, focus: "runs" } };
  if (state.filter !== "") return { state: { ...state, filter: "" } };
  return { state, intent: { kind: "close" } };
}
