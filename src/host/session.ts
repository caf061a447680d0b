import type { ExtensionAPI, ExtensionContext } from "@mariozechner/pi-coding-agent";
import type { ActionContext, ActionResult, Requester } from "../actions/context.ts";
import type { Origin } from "../core/events.ts";
import { fold } from "../core/evolve.ts";
import { RunNotFound } from "../core/failure.ts";
import type { JournalReading, RecoveryReport, RecoveryTerms } from "../core/ports.ts";
import { runView } from "../core/run-view.ts";
import type { RunView } from "../core/view.ts";
import { membersOf } from "../lib/json.ts";
import { words } from "../ui/strings.ts";
import { hostChecks } from "./checks.ts";
import { type Desk, deskOf } from "./desk.ts";
import { respondInDialog } from "./dialog.ts";
import { Herald, restOf } from "./herald.ts";
import { Look } from "./look.ts";
import { isStale, isTrusted, type Mode, modeOf, staysAlive } from "./mode.ts";
import type { HostParts, Loaded, Project } from "./parts.ts";
import { RunFeed } from "./run-feed.ts";
import { RunWidget } from "./run-widget.ts";

/** One call of an action, by whoever. */
export interface Call {
  readonly origin: Origin;
  /** The host's own: aborted when the person wants the run to end. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (view: RunView) => void;
  readonly returnsAtOnce?: boolean;
  /** Whether the caller was answered already: then what comes of it is told as other news are. */
  readonly isAnswered?: () => boolean;
}

/** The reason with which a call is aborted when the session ends: it cancels nothing. */
const shutdown = "shutdown";
/** How often the project's runs are looked at while one of them goes on, and how long other sessions' own are let be, ms. */
const sweepMs = 5_000;
const foreignGraceMs = 10_000;

/**
 * One session of the host, as long as this instance of the extension serves it. Contexts go stale on reload and session
 * switch, and a stale one throws at every touch: after `close` nothing here touches the host any more.
 */
export class LiveSession {
  readonly id: string;
  readonly mode: Mode;
  readonly signal: AbortSignal;
  readonly look: Look;
  /** How many prompts the agent began to work on. */
  prompts = 0;
  /** Screens of ours that cover everything. */
  screens = 0;
  /** Owner of our tool's name, when it is not we. */
  clash: string | undefined;
  readonly #pi: ExtensionAPI;
  readonly #parts: HostParts;
  readonly #end = new AbortController();
  #ctx: ExtensionContext;
  #watching: Promise<RunFeed> | undefined;
  #feed: RunFeed | undefined;
  #widget: RunWidget | undefined;
  #isSweeping = false;
  #isDialogOpen = false;
  readonly #herald: Herald;

  constructor(pi: ExtensionAPI, ctx: ExtensionContext, parts: HostParts) {
    this.#pi = pi;
    this.#ctx = ctx;
    this.#parts = parts;
    this.id = ctx.sessionManager.getSessionId();
    this.mode = modeOf(ctx);
    this.signal = this.#end.signal;
    this.look = new Look({
      read: async () => (await this.load()).project.settings(),
      // The host draws everything after a change of its status line, even of none.
      changed: () => {
        if (this.mode === "tui") this.touch(({ ui }) => ui.setStatus("team-look", undefined));
        this.#widget?.changed();
      },
      failed: this.report,
    });
    this.#herald = new Herald({
      clock: parts.clock,
      touch: (act) => this.touch(act),
      signal: this.signal,
      say: (text, level) => this.say(text, level),
      notify: async () => (await (await this.load()).project.settings()).notify,
      viewOf: this.viewOf,
      staysAlive: staysAlive(this.mode),
      failed: this.report,
    });
  }

  /** A run that is followed, as it stands. */
  readonly viewOf = (runId: string) => this.#feed?.viewOf(runId);

  get isOver(): boolean {
    return this.signal.aborted;
  }

  /** The same session got a new context. */
  renew(ctx: ExtensionContext): void {
    this.#ctx = ctx;
    this.#widget?.changed();
  }

  /** Runs what touches the host, unless the session is over; a context that went stale unseen means that it is. */
  touch(act: (ctx: ExtensionContext, pi: ExtensionAPI) => void): void {
    if (this.isOver) return;
    try {
      act(this.#ctx, this.#pi);
    } catch (error) {
      if (!isStale(error)) throw error;
      this.#abandon();
    }
  }

  /** Shows a line to the person, where there is one; elsewhere it goes to stderr. */
  say(text: string, level: "info" | "warning" | "error"): void {
    this.touch((ctx) => {
      if (ctx.hasUI) ctx.ui.notify(this.look.spelled(text), level);
      else console.error(text);
    });
  }

  /** What an unexpected error of a floating promise becomes. */
  readonly report = (error: unknown): void => {
    if (!isStale(error))
      this.say(words.said.failed(error instanceof Error ? error.message : String(error)), "error");
  };

  async load(): Promise<{ readonly loaded: Loaded; readonly project: Project }> {
    // Read before the first wait: later the context may be stale.
    const { cwd } = this.#ctx;
    const trusted = isTrusted(this.#ctx);
    const loaded = await this.#parts.load();
    return { loaded, project: await loaded.openProject(cwd, trusted) };
  }

  /** Performs an action for somebody in this session, and looks after the runs that come of it. Never rejects for what the action does. */
  async perform(
    name: string,
    given: { readonly raw: unknown } | { readonly line: string },
    call: Call,
  ): Promise<ActionResult> {
    const requester = this.#requester(call.origin);
    const { loaded, project } = await this.load();
    const host = await loaded.identity();
    // What a person is answered where the host lives on is theirs alone.
    const isLeads = call.origin.kind === "agent" || !staysAlive(this.mode);
    let held: string | undefined;
    const context: ActionContext = {
      requester: {
        ...requester,
        ...(host !== undefined && { host }),
        nesting: { depth: loaded.machine.depth, depthMax: loaded.machine.depthMax },
      },
      engine: project.engine,
      history: project.history,
      clock: this.#parts.clock,
      places: project.places,
      settingsFiles: project.settingsFiles,
      // The session first: when both have ended, nothing is to be cancelled.
      signal: AbortSignal.any([this.signal, ...(call.signal === undefined ? [] : [call.signal])]),
      onProgress: (view) => {
        if (held === undefined) {
          held = view.runId;
          if (isLeads) this.#herald.hold(held);
          if (isOwning(name)) this.#watch(held);
        }
        call.onProgress?.(view);
      },
      ...(call.returnsAtOnce === true && { returnsAtOnce: true }),
      checks: () => this.#checks(loaded, project),
      redact: loaded.redact,
      report: loaded.report,
      probe: loaded.probe,
      newId: loaded.newId,
    };
    try {
      const result = await ("line" in given
        ? loaded.performLine(name, given.line, context)
        : loaded.perform(name, given.raw, context));
      this.#account(name, result, isLeads && call.isAnswered?.() !== true);
      if (name === "config") await this.look.refresh().catch(this.report);
      return result;
    } finally {
      if (held !== undefined && isLeads) this.#release(held, project);
    }
  }

  /**
   * Takes up the runs of this session that went on while nobody was here. Costs nothing where there are none. Resolves at
   * once where the host stays alive; elsewhere when the prompt to come knows what became of them.
   */
  async catchUp(): Promise<void> {
    const { cwd } = this.#ctx;
    const sweep = async (): Promise<void> => {
      if (await this.#parts.hasRuns(cwd)) await this.#sweep();
    };
    sweep().catch(this.report);
    const open = this.#herald.takeUp(this.#ctx.sessionManager.getEntries());
    if (staysAlive(this.mode)) for (const runId of open) this.#watch(runId);
    else if (open.length > 0) await this.#tellBefore(open).catch(this.report);
  }

  async #tellBefore(runIds: readonly string[]): Promise<void> {
    const { engine } = (await this.load()).project;
    for (const runId of runIds) {
      const { events } = await engine.read(runId).catch(noneWhenGone);
      const view = runView(fold(events), this.#parts.clock.now());
      if (view?.owner.sessionId !== this.id) continue;
      this.#herald.rested(view, true, engine.directory(runId));
      this.#herald.asked(view, true);
    }
    await this.#herald.tellWithPrompt();
  }

  /** A turn of the agent is over; the host may be about to try again what failed. */
  turnEnded(messages: readonly unknown[]): void {
    const { stopReason } = membersOf(messages.at(-1));
    if (stopReason === "error" || stopReason === "aborted") this.#herald.calm();
  }

  /** Opens a dialog of ours, one at a time; resolves when it is closed. Never rejects. */
  async open(dialog: (desk: Desk) => Promise<void>): Promise<void> {
    if (this.#isDialogOpen) return this.say(words.said.dialogOpen, "info");
    this.#isDialogOpen = true;
    try {
      const ui = this.look.dialogs(this.#ctx.ui);
      await dialog(deskOf(this, await this.load(), ui, this.#parts.clock));
    } catch (error) {
      this.report(error);
    } finally {
      this.#isDialogOpen = false;
    }
  }

  /** True where something may open by itself: a terminal in which nothing is typed, and nothing of ours is open. */
  isFree(needsIdle = false): boolean {
    let isFree = false;
    this.touch(({ ui, isIdle }) => {
      isFree = ui.getEditorText() === "" && (!needsIdle || isIdle());
    });
    return isFree && this.mode === "tui" && !this.#isDialogOpen && this.screens === 0;
  }

  /** Opens the dialog of what was just asked, where the person wants that and is doing nothing else. */
  async #offer(run: string): Promise<void> {
    const { notify } = await (await this.load()).project.settings();
    if (notify.opensDialog && this.isFree(true)) await this.open((desk) => respondInDialog(desk, { run }));
  }

  /** Ends everything of this session: calls that wait (without cancelling their runs), following, widget, timers. */
  close(reason: string): void {
    if (reason === "reload") this.#herald.handOver();
    this.#widget?.close();
    this.#abandon();
  }

  #abandon(): void {
    this.#end.abort(shutdown);
    this.#widget?.close();
    this.#feed?.close();
  }

  #requester(origin: Origin): Omit<Requester, "host"> {
    const ctx = this.#ctx;
    const model = ctx.model;
    const thinking = model?.reasoning ? `:${this.#pi.getThinkingLevel()}` : "";
    return {
      cwd: ctx.cwd,
      sessionId: this.id,
      trusted: isTrusted(ctx),
      staysAlive: staysAlive(this.mode),
      ...(model !== undefined && { model: `${model.provider}/${model.id}${thinking}` }),
      origin,
    };
  }

  async #checks(loaded: Loaded, { directory, root }: Project): ReturnType<typeof hostChecks> {
    const { cwd, model, modelRegistry } = this.#ctx;
    return hostChecks(loaded.machine, {
      directory,
      projectRoot: root,
      trusted: isTrusted(this.#ctx),
      clash: this.clash,
      model: model === undefined ? undefined : `${model.provider}/${model.id}`,
      isModelReady: model !== undefined && modelRegistry.hasConfiguredAuth(model),
      exec: (command, args) => this.#pi.exec(command, [...args], { cwd, timeout: 10_000 }),
    });
  }

  /** What the lead was answered needs no notice; a run that it only started does. */
  #account(name: string, { details }: ActionResult, isLeads: boolean): void {
    const { runId, status = "", questions = [] } = details;
    if (runId === undefined) return;
    const rest = restOf(status);
    // Whoever answers a parked run takes it; and what goes on by an answer is looked after, whosever it is.
    const isOurs = isOwning(name) || (name === "respond" && details.owner === this.id);
    if (rest === undefined && isOurs) this.#watch(runId);
    else if (rest === undefined && name === "respond") this.#sweep().catch(this.report);
    if (!isOurs && !this.#herald.knows(runId)) return;
    for (const told of [rest ?? [], questions.map((id) => `asked-${id}` as const)].flat()) {
      if (isLeads) this.#herald.learnt(runId, told);
      else this.#herald.shown(runId, told);
    }
  }

  /** Gives the project's runs that lost their driver a new one: now, and for as long as one of them goes on. */
  async #sweep(): Promise<void> {
    if (this.#isSweeping || this.isOver) return;
    this.#isSweeping = true;
    try {
      for (let graceMs = 0; !this.isOver; graceMs = foreignGraceMs) {
        const live = (await this.#recover({ graceMs }))?.live ?? 0;
        if (live === 0 || !staysAlive(this.mode)) return;
        await this.#parts.clock.sleep(sweepMs, this.signal);
      }
    } finally {
      this.#isSweeping = false;
    }
  }

  /** Nothing where runs are none of this session's business: whoever checked out a project did not ask for what lies in it. */
  async #recover(terms: RecoveryTerms): Promise<RecoveryReport | undefined> {
    const isOurs = !this.isOver && isTrusted(this.#ctx);
    const { loaded, project } = await this.load();
    return isOurs && loaded.machine.depth === 0 ? project.engine.recover(terms) : undefined;
  }

  #watch(runId: string): void {
    this.#herald.meet(runId);
    if (!staysAlive(this.mode)) return;
    this.#sweep().catch(this.report);
    this.#watching ??= this.#open();
    this.#watching.then((feed) => feed.follow(runId)).catch(this.report);
  }

  async #open(): Promise<RunFeed> {
    const { engine } = (await this.load()).project;
    await this.look.refresh();
    const { clock } = this.#parts;
    const feed = new RunFeed({
      engine,
      clock,
      sessionId: this.id,
      changed: () => this.#widget?.changed(),
      rested: (view, late) => this.#herald.rested(view, late, engine.directory(view.runId)),
      moved: (runId) => this.#herald.moved(runId),
      asked: (view, late) => {
        if (this.#herald.asked(view, late)) this.#offer(view.runId).catch(this.report);
      },
      recovered: (view, recovered) => this.#herald.recovered(view, recovered),
      recover: async (only) => (await this.#recover({ only, graceMs: 0 }))?.coming.includes(only) ?? false,
      takenOver: ({ runId }) => this.say(words.said.tookOver(runId), "info"),
      failed: (runId, error) => this.#unfollowed(runId, error),
    });
    this.#feed = feed;
    this.#widget = new RunWidget({
      clock,
      look: this.look,
      form: this.mode === "tui" ? "component" : "lines",
      onScreen: (act) => this.touch(({ ui }) => act(ui)),
      views: (now) => feed.views(now),
      isCovered: () => this.screens > 0,
      failed: this.report,
    });
    if (this.isOver) this.#abandon();
    return feed;
  }

  /** A run that was removed is told of once, and not looked for at the next start. */
  #unfollowed(runId: string, error: unknown): void {
    if (!(error instanceof RunNotFound)) {
      this.say(words.said.notFollowed(runId, String(error)), "warning");
      return;
    }
    this.#herald.learnt(runId, "over");
    this.say(words.said.removed(runId), "warning");
  }

  /** A run may have come to rest while a call waited for it, and the call returned without saying so. */
  #release(runId: string, { engine }: Project): void {
    this.#herald.release(runId);
    const view = this.#feed?.restOf(runId);
    if (view !== undefined) this.#herald.rested(view, false, engine.directory(runId));
  }
}

/** True for actions after which a run is this session's. */
export function isOwning(action: string): boolean {
  return action === "plan" || action === "run" || action === "retry" || action === "resume";
}

function noneWhenGone(error: unknown): JournalReading {
  if (error instanceof RunNotFound) return { events: [] };
  throw error;
}
