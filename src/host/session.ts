import type { ExtensionAPI, ExtensionContext } from "@mariozechner/pi-coding-agent";
import type { ActionContext, ActionResult, Requester } from "../actions/context.ts";
import type { Origin } from "../core/events.ts";
import { isFinalRun } from "../core/status.ts";
import type { RunView } from "../core/view.ts";
import { hostChecks } from "./checks.ts";
import { ledgerType, noticeType, type Rest, readLedger, restKey } from "./ledger.ts";
import { isTrusted, type Mode, modeOf, staysAlive } from "./mode.ts";
import { noticeMessage } from "./notice.ts";
import type { HostParts, Loaded, Project } from "./parts.ts";
import { RunFeed } from "./run-feed.ts";
import { RunWidget } from "./run-widget.ts";

/** One call of an action, by whoever. */
export interface Call {
  readonly origin: Origin;
  /** Aborted when the person wants the run to end; see `callSignal`. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (view: RunView) => void;
  readonly returnsAtOnce?: boolean;
}

/** The reason with which a call is aborted when the session ends: it cancels nothing. */
export const shutdown = "shutdown";

/**
 * One session of the host, as long as this instance of the extension serves it. Contexts go stale on reload and session
 * switch, and a stale one throws at every touch: after `close` nothing here touches the host any more.
 */
export class LiveSession {
  readonly id: string;
  readonly mode: Mode;
  readonly signal: AbortSignal;
  readonly #pi: ExtensionAPI;
  readonly #parts: HostParts;
  readonly #end = new AbortController();
  #ctx: ExtensionContext;
  #clash: string | undefined;
  #watching: Promise<RunFeed> | undefined;
  #feed: RunFeed | undefined;
  #widget: RunWidget | undefined;
  /** Calls that wait for a run: their result tells what a notice would tell. */
  readonly #held = new Map<string, number>();
  readonly #started = new Set<string>();
  readonly #told = new Set<string>();
  /** Notices in the agent's queue, by key. */
  readonly #queued = new Map<string, { readonly runId: string; readonly told: Rest }>();

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

  /** What the doctor is to say about the name of our tool. */
  set clash(owner: string | undefined) {
    this.#clash = owner;
  }

  /** Runs what touches the host, unless the session is over; a context that went stale unseen means that it is. */
  touch(act: (ctx: ExtensionContext, pi: ExtensionAPI) => void): void {
    if (this.isOver) return;
    try {
      act(this.#ctx, this.#pi);
    } catch (error) {
      if (!isStale(error)) throw error;
      this.close("stale");
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
    const releases: (() => void)[] = [];
    const context: ActionContext = {
      requester: { ...requester, projectRoot: project.root, ...(host !== undefined && { host }) },
      engine: project.engine,
      clock: this.#parts.clock,
      places: project.places,
      settingsFiles: project.settingsFiles,
      signal: call.signal ?? this.signal,
      onProgress: (view) => {
        if (releases.length === 0) {
          releases.push(this.#hold(view.runId));
          if (name === "run") this.#watch(view.runId);
        }
        call.onProgress?.(view);
      },
      ...(call.returnsAtOnce === true && { returnsAtOnce: true }),
      checks: () => this.#checks(loaded, project),
      redact: loaded.redact,
      newId: loaded.newId,
    };
    try {
      const result = await ("line" in given
        ? loaded.performLine(name, given.line, context)
        : loaded.perform(name, given.raw, context));
      this.#account(name, result);
      return result;
    } finally {
      for (const release of releases) release();
    }
  }

  /** Takes up the runs of this session that went on while nobody was here. Costs nothing where there are none. */
  catchUp(): void {
    if (!staysAlive(this.mode)) return;
    const ledger = readLedger(this.#ctx.sessionManager.getEntries());
    for (const key of ledger.told) this.#told.add(key);
    for (const runId of ledger.started) {
      this.#started.add(runId);
      if (!this.#told.has(restKey(runId, "over"))) this.#watch(runId);
    }
  }

  /** A message reached the session: if it is a notice of ours, it is delivered. */
  delivered(details: unknown): void {
    for (const [key, { runId }] of this.#queued) {
      if (typeof details === "object" && details !== null && "runId" in details && details.runId === runId) {
        this.#queued.delete(key);
      }
    }
  }

  /**
   * Ends everything of this session: calls that wait (without cancelling their runs), following, widget, timers.
   * The agent's queue survives a reload: what is in it will be delivered, and is not told again.
   */
  close(reason: string): void {
    if (this.isOver) return;
    if (reason === "reload") {
      const queued = [...this.#queued.values()];
      this.touch((_, pi) => {
        for (const entry of queued) pi.appendEntry(ledgerType, entry);
      });
    }
    try {
      this.#widget?.close();
    } catch (error) {
      // The host took its screen away first; then nothing of ours is on it.
      if (!isStale(error)) throw error;
    } finally {
      this.#end.abort(shutdown);
      this.#feed?.close();
      this.#queued.clear();
    }
  }

  #requester(origin: Origin): Omit<Requester, "projectRoot" | "host"> {
    const ctx = this.#ctx;
    const model = ctx.model;
    const thinking = model?.reasoning ? `:${this.#pi.getThinkingLevel()}` : "";
    return {
      cwd: ctx.cwd,
      sessionId: this.id,
      trusted: isTrusted(ctx),
      hasUI: ctx.hasUI,
      staysAlive: staysAlive(this.mode),
      ...(model !== undefined && { model: `${model.provider}/${model.id}${thinking}` }),
      origin,
    };
  }

  async #checks(loaded: Loaded, project: Project): ReturnType<typeof hostChecks> {
    const { model } = this.#ctx;
    return hostChecks(loaded.machine, {
      cwd: this.#ctx.cwd,
      directory: project.directory,
      projectRoot: project.root,
      trusted: isTrusted(this.#ctx),
      clash: this.#clash,
      model: model === undefined ? undefined : `${model.provider}/${model.id}`,
      isModelReady: model !== undefined && this.#ctx.modelRegistry.hasConfiguredAuth(model),
      exec: (command, args, cwd) => this.#pi.exec(command, [...args], { cwd, timeout: 10_000 }),
    });
  }

  /** What the caller was told needs no notice; a run that it only started does. */
  #account(name: string, { details }: ActionResult): void {
    const { runId, status } = details;
    if (runId === undefined || status === undefined || this.isOver) return;
    const rest = status === "blocked" ? "blocked" : isFinal(status) ? "over" : undefined;
    if (rest !== undefined && (this.#started.has(runId) || name === "run")) this.#tell(runId, rest);
    else if (name === "run") this.#watch(runId);
  }

  #tell(runId: string, told: Rest): void {
    if (this.#told.has(restKey(runId, told))) return;
    this.#started.add(runId);
    this.#told.add(restKey(runId, told));
    this.touch((_, pi) => pi.appendEntry(ledgerType, { runId, told }));
  }

  #watch(runId: string): void {
    if (!this.#started.has(runId)) {
      this.#started.add(runId);
      this.touch((_, pi) => pi.appendEntry(ledgerType, { runId }));
    }
    if (!staysAlive(this.mode)) return;
    this.#watching ??= this.#open();
    this.#watching.then((feed) => feed.follow(runId)).catch(this.report);
  }

  async #open(): Promise<RunFeed> {
    const { project } = await this.load();
    const { clock } = this.#parts;
    const feed = new RunFeed({
      engine: project.engine,
      clock,
      sessionId: this.id,
      changed: () => this.#widget?.changed(),
      rested: (view, late) => this.#rested(view, late, project.engine.directory(view.runId)),
      failed: (runId, message) => this.say(`team: run ${runId} cannot be followed: ${message}`, "warning"),
    });
    if (this.isOver) feed.close();
    this.#feed = feed;
    this.#widget = new RunWidget({
      clock,
      form: this.mode === "tui" ? "component" : "lines",
      ui: () => this.#ui(),
      views: (now) => feed.views(now),
      failed: this.report,
    });
    return feed;
  }

  #ui(): ExtensionContext["ui"] | undefined {
    let ui: ExtensionContext["ui"] | undefined;
    this.touch((ctx) => {
      ui = ctx.ui;
    });
    return ui;
  }

  #hold(runId: string): () => void {
    this.#held.set(runId, (this.#held.get(runId) ?? 0) + 1);
    return () => {
      const left = (this.#held.get(runId) ?? 1) - 1;
      if (left > 0) this.#held.set(runId, left);
      else this.#held.delete(runId);
      const view = left > 0 ? undefined : this.#feed?.view(runId);
      if (view !== undefined) this.#recheck(view);
    };
  }

  /** A run may have come to rest while a call waited for it, and the call returned without saying so. */
  #recheck(view: RunView): void {
    if (!isFinalRun(view.status) && view.status !== "blocked") return;
    this.load().then(
      ({ project }) => this.#rested(view, false, project.engine.directory(view.runId)),
      this.report,
    );
  }

  /** Tells the lead exactly once. It is woken for what it left in the background, and never at a start. */
  #rested(view: RunView, late: boolean, directory: string): void {
    const { runId, status, background } = view;
    const told: Rest = status === "blocked" ? "blocked" : "over";
    const key = restKey(runId, told);
    if (this.isOver || this.#held.has(runId) || this.#told.has(key)) return;
    this.touch((ctx, pi) => {
      const message = noticeMessage(noticeType, view, told, directory, this.#parts.clock.now());
      this.#told.add(key);
      if (!ctx.isIdle() && !background) {
        // A person started it and can read; the agent hears of it with the next prompt, and is not kept from its work.
        ctx.ui.notify(message.content, status === "failed" ? "error" : "info");
        pi.sendMessage({ ...message, display: false }, { deliverAs: "nextTurn" });
      } else if (background && !late) {
        this.#queued.set(key, { runId, told });
        pi.sendMessage(message, { triggerTurn: true, deliverAs: "followUp" });
      } else if (ctx.isIdle()) pi.sendMessage(message);
      else {
        this.#queued.set(key, { runId, told });
        pi.sendMessage(message, { deliverAs: "followUp" });
      }
    });
  }
}

/**
 * The signal of one call: aborted by the host's own (Esc: the run is to end), or with the reason "shutdown" when the
 * session ends, which comes first when both happen. `release` gives both back.
 */
export function callSignal(
  session: LiveSession,
  host: AbortSignal | undefined,
): { readonly signal: AbortSignal; release(): void } {
  const own = new AbortController();
  const cancel = (): void => own.abort("cancelled");
  const end = (): void => own.abort(shutdown);
  if (session.signal.aborted) end();
  else if (host?.aborted) cancel();
  session.signal.addEventListener("abort", end, { once: true });
  host?.addEventListener("abort", cancel, { once: true });
  return {
    signal: own.signal,
    release() {
      session.signal.removeEventListener("abort", end);
      host?.removeEventListener("abort", cancel);
    },
  };
}

function isFinal(status: string): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** True for what the host throws when a context outlived its session. */
export function isStale(error: unknown): boolean {
  return error instanceof Error && /\bstale\b/.test(error.message);
}
