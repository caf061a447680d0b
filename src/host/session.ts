import type { ExtensionAPI, ExtensionContext } from "@mariozechner/pi-coding-agent";
import type { ActionContext, ActionResult, Requester } from "../actions/context.ts";
import type { Origin } from "../core/events.ts";
import { RunNotFound } from "../core/failure.ts";
import type { RecoveryReport, RecoveryTerms } from "../core/ports.ts";
import { isFinalRun } from "../core/status.ts";
import type { RunView } from "../core/view.ts";
import { hostChecks } from "./checks.ts";
import { type Ledger, ledgerType, type Rest, readLedger, type Told } from "./ledger.ts";
import { isTrusted, type Mode, modeOf, staysAlive } from "./mode.ts";
import { type Notice, noticeMessage, questionMessage, recoveryMessage } from "./notice.ts";
import type { HostParts, Loaded, Project } from "./parts.ts";
import { type Recovered, RunFeed } from "./run-feed.ts";
import { RunWidget } from "./run-widget.ts";

/** One call of an action, by whoever. */
export interface Call {
  readonly origin: Origin;
  /** The host's own: aborted when the person wants the run to end. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (view: RunView) => void;
  readonly returnsAtOnce?: boolean;
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
  /** A run's id for each call that waits for it: their result tells what a notice would tell. */
  #held: readonly string[] = [];
  /** The session's runs and what the lead was told of them, or what at least waits in the agent's queue. */
  readonly #ledger: Ledger = new Map();

  constructor(pi: ExtensionAPI, ctx: ExtensionContext, parts: HostParts) {
    this.#pi = pi;
    this.#ctx = ctx;
    this.#parts = parts;
    this.id = ctx.sessionManager.getSessionId();
    this.mode = modeOf(ctx);
    this.signal = this.#end.signal;
  }

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
      if (ctx.hasUI) ctx.ui.notify(text, level);
      else console.error(text);
    });
  }

  /** What an unexpected error of a floating promise becomes. */
  readonly report = (error: unknown): void => {
    if (!isStale(error)) this.say(`team: ${error instanceof Error ? error.message : String(error)}`, "error");
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
          this.#held = [...this.#held, held];
          if (isOwning(name)) this.#watch(held);
        }
        call.onProgress?.(view);
      },
      ...(call.returnsAtOnce === true && { returnsAtOnce: true }),
      checks: () => this.#checks(loaded, project),
      redact: loaded.redact,
      probe: loaded.probe,
      newId: loaded.newId,
    };
    try {
      const result = await ("line" in given
        ? loaded.performLine(name, given.line, context)
        : loaded.perform(name, given.raw, context));
      this.#account(name, result);
      return result;
    } finally {
      if (held !== undefined) this.#release(held, project);
    }
  }

  /** Takes up the runs of this session that went on while nobody was here. Costs nothing where there are none. */
  catchUp(): void {
    const { cwd } = this.#ctx;
    const sweep = async (): Promise<void> => {
      if (await this.#parts.hasRuns(cwd)) await this.#sweep();
    };
    sweep().catch(this.report);
    if (!staysAlive(this.mode)) return;
    for (const [runId, told] of readLedger(this.#ctx.sessionManager.getEntries())) {
      this.#ledger.set(runId, told);
      if (!told.has("over")) this.#watch(runId);
    }
  }

  /** Ends everything of this session: calls that wait (without cancelling their runs), following, widget, timers. */
  close(reason: string): void {
    this.touch((ctx, pi) => {
      if (reason !== "reload") return;
      // The agent's queue survives a reload: what is in it will be delivered, and is not told again.
      const written = readLedger(ctx.sessionManager.getEntries());
      for (const [runId, rests] of this.#ledger)
        for (const told of rests)
          if (!written.get(runId)?.has(told)) pi.appendEntry(ledgerType, { runId, told });
    });
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

  /** What the caller was told needs no notice; a run that it only started does. */
  #account(name: string, { details }: ActionResult): void {
    const { runId, status = "" } = details;
    if (runId === undefined || (!isOwning(name) && !this.#ledger.has(runId))) return;
    const rest = restOf(status);
    if (rest === undefined) {
      if (isOwning(name)) this.#watch(runId);
    } else if (!this.#isTold(runId, rest)) {
      this.touch((_, pi) => {
        pi.appendEntry(ledgerType, { runId, told: rest });
        this.#note(runId, rest);
      });
    }
  }

  #isTold(runId: string, rest: Told): boolean {
    return this.#ledger.get(runId)?.has(rest) ?? false;
  }

  #note(runId: string, ...rests: readonly Told[]): void {
    this.#ledger.set(runId, new Set([...(this.#ledger.get(runId) ?? []), ...rests]));
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
    if (!this.#ledger.has(runId)) {
      this.touch((_, pi) => pi.appendEntry(ledgerType, { runId }));
      this.#note(runId);
    }
    if (!staysAlive(this.mode)) return;
    this.#sweep().catch(this.report);
    this.#watching ??= this.#open();
    this.#watching.then((feed) => feed.follow(runId)).catch(this.report);
  }

  async #open(): Promise<RunFeed> {
    const { engine } = (await this.load()).project;
    const { clock } = this.#parts;
    const feed = new RunFeed({
      engine,
      clock,
      sessionId: this.id,
      changed: () => this.#widget?.changed(),
      rested: (view, late) => this.#rested(view, late, engine.directory(view.runId)),
      asked: (view, late) => this.#asked(view, late),
      recovered: (view, recovered) => this.#recovered(view, recovered),
      recover: async (only) => (await this.#recover({ only, graceMs: 0 }))?.coming.includes(only) ?? false,
      takenOver: ({ runId, owner }) =>
        this.say(
          `team: run ${runId} belongs to session ${owner.sessionId} now: it was resumed there`,
          "info",
        ),
      failed: (runId, error) => this.#unfollowed(runId, error),
    });
    this.#feed = feed;
    this.#widget = new RunWidget({
      clock,
      form: this.mode === "tui" ? "component" : "lines",
      onScreen: (act) => this.touch(({ ui }) => act(ui)),
      views: (now) => feed.views(now),
      failed: this.report,
    });
    if (this.isOver) this.#abandon();
    return feed;
  }

  /** A run that was removed is told of once, and not looked for at the next start. */
  #unfollowed(runId: string, error: unknown): void {
    if (!(error instanceof RunNotFound)) {
      this.say(`team: run ${runId} cannot be followed: ${error}`, "warning");
      return;
    }
    this.touch((_, pi) => pi.appendEntry(ledgerType, { runId, told: "over" }));
    this.#note(runId, "over");
    this.say(
      `team: run ${runId} is not here any more; /team-status ${runId} tells who removed it`,
      "warning",
    );
  }

  /** A run may have come to rest while a call waited for it, and the call returned without saying so. */
  #release(runId: string, { engine }: Project): void {
    const at = this.#held.indexOf(runId);
    this.#held = this.#held.filter((_, index) => index !== at);
    const view = this.#feed?.restOf(runId);
    if (view !== undefined) this.#rested(view, false, engine.directory(runId));
  }

  /** Tells the lead exactly once. It is woken for what it left in the background, and never at a start. */
  #rested(view: RunView, late: boolean, directory: string): void {
    const { runId, status, background } = view;
    const rest = restOf(status);
    if (rest === undefined || this.#held.includes(runId) || this.#isTold(runId, rest)) return;
    const message = noticeMessage(view, rest, directory, this.#parts.clock.now());
    const level = status === "failed" ? "error" : "info";
    this.#note(runId, rest);
    this.#tell(message, background ? (late ? "follow" : "wake") : "wait", level);
  }

  /** Tells the lead once that its run goes on under another driver; nobody is kept from work for that. */
  #recovered(view: RunView, { epoch, kept, again }: Recovered): void {
    const { runId } = view;
    const told = `recovered-${epoch}` as const;
    if (this.#isTold(runId, told)) return;
    const message = recoveryMessage(view, told, { kept, again }, this.#parts.clock.now());
    this.#note(runId, told);
    if (this.#held.includes(runId)) {
      this.say(message.content, "info");
      this.touch((_, pi) => pi.appendEntry(ledgerType, { runId, told }));
    } else this.#tell(message, "wait", "info");
  }

  /** Tells the lead once of each question; a call that waits for the run comes back with it by itself. */
  #asked(view: RunView, late: boolean): void {
    const { runId, background } = view;
    for (const { id } of view.questions) {
      const told = `asked-${id}` as const;
      if (this.#isTold(runId, told)) continue;
      this.#note(runId, told);
      if (this.#held.includes(runId)) this.touch((_, pi) => pi.appendEntry(ledgerType, { runId, told }));
      else {
        const message = questionMessage(view, told, id, this.#parts.clock.now());
        this.#tell(message, background ? (late ? "follow" : "wake") : "wait", "info");
      }
    }
  }

  /** `wake`: the agent answers to it; `follow`: it hears of it when it is done; `wait`: with the next prompt, and the person at once. */
  #tell(message: Notice, how: "wake" | "follow" | "wait", level: "info" | "error"): void {
    this.touch((ctx, pi) => {
      const isIdle = ctx.isIdle();
      if (how === "wake") pi.sendMessage(message, { triggerTurn: true, deliverAs: "followUp" });
      else if (isIdle) pi.sendMessage(message);
      else if (how === "follow") pi.sendMessage(message, { deliverAs: "followUp" });
      else {
        // A person started it and can read; the agent is not kept from its work.
        ctx.ui.notify(message.content, level);
        pi.sendMessage({ ...message, display: false }, { deliverAs: "nextTurn" });
      }
    });
  }
}

/** True for actions after which a run is this session's. */
function isOwning(action: string): boolean {
  return action === "run" || action === "retry" || action === "resume";
}

function restOf(status: string): Rest | undefined {
  if (status === "blocked") return "blocked";
  return isFinalRun(status) ? "over" : undefined;
}

/** True for what the host throws when a context outlived its session. */
export function isStale(error: unknown): boolean {
  return error instanceof Error && /\bstale\b/.test(error.message);
}
