import { screens } from "../actions/screens.ts";
import { revisionOf } from "../core/letters.ts";
import type { Clock } from "../core/ports.ts";
import { isOnBoard } from "../ui/dashboard/board.ts";
import { draw, momentOf } from "../ui/dashboard/draw.ts";
import { press } from "../ui/dashboard/keys.ts";
import { chosenRun, isLive } from "../ui/dashboard/runs.ts";
import { type Dashboard, type Intent, noDashboard, type OpenRun, type Scene } from "../ui/dashboard/scene.ts";
import { chosenTask } from "../ui/dashboard/work-panes.ts";
import { words } from "../ui/strings.ts";
import { type Attempt, DashboardFeed, type Looked } from "./dashboard-feed.ts";
import { asTyped } from "./desk.ts";
import { beatMs } from "./lines.ts";
import { Overlay, openOverlay, type Stage } from "./overlay.ts";
import type { HostParts } from "./parts.ts";
import { editPlan } from "./plan-editor.ts";
import type { LiveSession } from "./session.ts";
import { toolLookOf } from "./tool-look.ts";

/** Redraws at most this often, ms. */
const redrawMinMs = 100;
/** Tasks above and below the chosen one of which there is something to be counted. */
const nearRows = 50;
/** What is opened first: words that name a run, and a task of it; those of the board are its filter. `plan`: to be approved. */
export interface Opening {
  readonly line: string;
  readonly screen: "dashboard" | "board" | "transcript" | "plan";
}

/**
 * Opens the dashboard over everything; resolves when it is open. Whatever it asks for is asked as a command would; `type`
 * does what the command of that name does: another screen takes the place of this one.
 */
export async function openDashboard(
  session: LiveSession,
  { clock }: Pick<HostParts, "clock">,
  opening: Opening,
  type: (name: string, line: string) => Promise<void>,
): Promise<void> {
  const { project } = await session.load();
  const { engine, history } = project;
  const toolLook = await toolLookOf(process.argv[1], project.root ?? "/");
  await openOverlay(session, (stage) => {
    const feed = new DashboardFeed({
      ...{ engine, history, clock, sessionId: session.id, toolLook },
      // What this session follows is still taken for running until it is sure that nobody comes.
      isComing: (runId) => {
        const view = session.viewOf(runId);
        return view?.isComing === true || view?.status === "running";
      },
      changed: () => screen.changed(),
    });
    const screen: Screen = new Screen(stage, { clock, feed, opening, type });
    return screen;
  });
}

interface ScreenTerms {
  readonly clock: Clock;
  readonly feed: DashboardFeed;
  readonly opening: Opening;
  readonly type: (name: string, line: string) => Promise<void>;
}

class Screen extends Overlay {
  readonly #terms: ScreenTerms;
  #state: Dashboard = noDashboard;
  #isDue = false;
  #changedAt = 0;
  /** The words that name what is to be opened, until there is a list to look them up in. */
  #opening: Opening | undefined;

  constructor(stage: Stage, terms: ScreenTerms) {
    super(stage, (width, height) => {
      const now = terms.clock.now();
      return draw(this.#state, terms.feed.scene(now), now, width, height, stage.theme);
    });
    this.#terms = terms;
    const { screen, line } = terms.opening;
    if (screen === "board") this.#state = { ...noDashboard, isBoard: true, filter: line.trim() };
    else this.#opening = terms.opening;
    this.#beat().catch(stage.session.report);
  }

  /** Something came in: drawn soon, once for all that comes until then. */
  changed(): void {
    const { clock, feed } = this.#terms;
    this.#changedAt = clock.now();
    const scene = feed.scene(this.#changedAt);
    this.#open(scene);
    this.#attend(scene);
    if (this.#isDue || this.end.signal.aborted) return;
    this.#isDue = true;
    clock
      .sleep(redrawMinMs, this.end.signal)
      .then(() => {
        this.#isDue = false;
        this.redraw();
      })
      .catch(this.stage.session.report);
  }

  override dispose(): void {
    super.dispose();
    this.#terms.feed.close();
  }

  async #beat(): Promise<void> {
    const { clock, feed } = this.#terms;
    while (!this.end.signal.aborted) {
      await clock.sleep(beatMs(clock.now() - this.#changedAt), this.end.signal);
      const scene = feed.scene(clock.now());
      const chosen = chosenRun(this.#state, scene);
      const seen = isOnBoard(this.#state) ? scene.listings : chosen === undefined ? [] : [chosen];
      if (seen.some(isLive)) this.redraw();
    }
  }

  protected press(key: string): void {
    const { clock, feed } = this.#terms;
    const { tui } = this.stage;
    const now = clock.now();
    const scene = feed.scene(now);
    const moment = momentOf(this.#state, scene, now, tui.terminal.columns, tui.terminal.rows);
    const { state, intent } = press(moment, key);
    const { box } = this.#state;
    this.#state = state;
    this.#attend(scene);
    if (intent !== undefined) this.#do(intent, scene, box);
  }

  /** What is looked at is what is read. */
  #attend(scene: Scene): void {
    const { feed } = this.#terms;
    const runId = chosenRun(this.#state, scene)?.runId;
    feed.choose(runId);
    // What was not open until now is still to be read.
    const run = scene.run?.view.runId === runId ? scene.run : undefined;
    const isChanges = this.#state.pane === "changes";
    feed.watch(this.#attempt(run), isChanges);
    feed.count(isChanges && run !== undefined ? attemptsNear(this.#state, run) : []);
  }

  #attempt(run: OpenRun | undefined): Attempt | undefined {
    const { pane, attempt } = this.#state;
    const task = run && chosenTask(this.#state, run.view);
    const isRead = pane === "worker" || pane === "changes";
    if (!isRead || run === undefined || task === undefined) return undefined;
    return { runId: run.view.runId, task: task.id, attempt: attempt ?? task.attempts };
  }

  #do(intent: Intent, scene: Scene, typed: Dashboard["box"]): void {
    const { feed } = this.#terms;
    const { tui, close } = this.stage;
    switch (intent.kind) {
      case "close":
        close();
        return;
      case "older": {
        const attempt = this.#attempt(scene.run);
        if (attempt !== undefined) feed.older(attempt);
        return;
      }
      case "copy":
        // Terminals that have no such sequence ignore it; the path is on the screen either way.
        tui.terminal.write(`\x1b]52;c;${Buffer.from(intent.text).toString("base64")}\x07`);
        feed.answer = { ok: true, text: words.copied(intent.text) };
        return;
      case "edit":
        this.#edit(intent.run).catch(this.stage.session.report);
        return;
      case "perform":
        this.#perform(intent.action, { raw: { ...intent.parameters } }, scene, typed);
        return;
      case "command":
        if (screens.some(({ name }) => name === intent.name)) {
          close();
          this.#terms.type(intent.name, intent.line).catch(this.stage.session.report);
          return;
        }
        this.#perform(intent.name, { line: intent.line }, scene);
    }
  }

  /** The host's editor needs the screen; afterwards everything stands as it stood. */
  async #edit(run: string): Promise<void> {
    const { session, setHidden } = this.stage;
    const { feed } = this.#terms;
    setHidden(true);
    await session.open(async (desk) => {
      const edited = await editPlan(desk, run);
      feed.answer = edited ?? { ok: true, text: words.preview.unchanged };
    });
    if (!this.end.signal.aborted) setHidden(false);
    this.redraw();
  }

  #perform(
    name: string,
    given: { readonly raw: unknown } | { readonly line: string },
    scene: Scene,
    typed?: Dashboard["box"],
  ): void {
    const { feed } = this.#terms;
    const { session } = this.stage;
    feed.answer = { ok: true, text: words.atWorkOn(name) };
    session
      .perform(name, given, asTyped(name))
      .then(({ ok, text, details }) => {
        feed.answer = { ok, text };
        // What somebody wrote is not lost with the disk that refused it.
        const { unsent: _, ...state } = this.#state;
        this.#state = ok || typed === undefined ? state : { ...state, unsent: typed };
        // A typed command was asked for its answer; a key was asked for what it does.
        if ("line" in given && text.trim().includes("\n"))
          this.#state = { ...this.#state, page: "answer", at: { ...this.#state.at, page: 0 } };
        const { runId } = details;
        const isNew = runId !== undefined && !scene.listings.some((one) => one.runId === runId);
        if (isNew) this.#state = { ...this.#state, run: runId, filter: "" };
        if (isNew && details.questions?.some((id) => revisionOf(id) !== undefined))
          this.#state = { ...this.#state, pane: "tasks", focus: "pane" };
        feed.refresh();
        this.changed();
      })
      .catch(session.report);
  }

  /** Finds what was to be opened, as soon as there is a list. */
  #open({ listings, isPartial }: Scene): void {
    if (this.#opening === undefined || listings.length === 0) return;
    const { line, screen } = this.#opening;
    const isTranscript = screen === "transcript";
    const [first = "", second] = line.trim().split(/\s+/);
    const run =
      first === "" ? undefined : listings.find(({ runId }) => runId.startsWith(first.toLowerCase()));
    // What is not among the newest may be among the rest.
    if (run === undefined && isPartial && first !== "" && first !== "last") return;
    this.#opening = undefined;
    // One word that is no run is a task of the newest.
    const task = second ?? (run === undefined && first !== "last" && first !== "" ? first : undefined);
    const newest = first === "" && task === undefined && !isTranscript ? undefined : listings[0];
    this.#state = {
      ...this.#state,
      ...((run ?? newest) && { run: (run ?? newest)?.runId ?? "" }),
      ...(task !== undefined && { task }),
      ...(screen === "plan" && { pane: "tasks", focus: "pane" }),
      ...(isTranscript && { pane: "worker", focus: "pane", isAlone: true }),
    };
  }
}

/** The newest attempts of the tasks around the chosen one: more of them are on no screen. */
function attemptsNear(state: Dashboard, { view, graph }: OpenRun): readonly Looked[] {
  const at = graph.rowOf.get(chosenTask(state, view)?.id ?? "") ?? 0;
  return graph.rows.slice(Math.max(0, at - nearRows), at + nearRows).flatMap(({ index }) => {
    const { id = "", attempts = 0, status, usage } = view.tasks[index] ?? {};
    const mark = `${status} ${usage?.turns}`;
    return attempts === 0 ? [] : [{ runId: view.runId, task: id, attempt: attempts, mark }];
  });
}
