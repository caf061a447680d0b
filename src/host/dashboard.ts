import type { ExtensionUIContext } from "@mariozechner/pi-coding-agent";
import type { Clock } from "../core/ports.ts";
import { draw, momentOf } from "../ui/dashboard/draw.ts";
import { press } from "../ui/dashboard/keys.ts";
import { chosenRun, isLive } from "../ui/dashboard/runs.ts";
import { type Dashboard, type Intent, noDashboard, type Scene } from "../ui/dashboard/scene.ts";
import { chosenTask } from "../ui/dashboard/work-panes.ts";
import { keyName } from "../ui/key-name.ts";
import { words } from "../ui/strings.ts";
import { asciiTheme, type Theme } from "../ui/theme.ts";
import { DashboardFeed } from "./dashboard-feed.ts";
import { Lines } from "./lines.ts";
import type { HostParts } from "./parts.ts";
import type { LiveSession } from "./session.ts";

type Custom = ExtensionUIContext["custom"];
type Factory = Parameters<Custom>[0];
type Terminal = Parameters<Factory>[0];
type Keybindings = Parameters<Factory>[2];

/** Redraws at most this often, and the beat of elapsed times, ms. */
const redrawMinMs = 100;
const beatMs = 1_000;
/** Keys that a person may have bound otherwise, and what ours are called. */
const bound = {
  ...{
    "tui.select.up": "up",
    "tui.select.down": "down",
    "tui.select.confirm": "enter",
    "tui.select.cancel": "escape",
  },
  ...{ "tui.select.pageUp": "pageUp", "tui.select.pageDown": "pageDown" },
} as const;

/** What is opened first: words that name a run, and a task of it. */
export interface Opening {
  readonly line: string;
  readonly isTranscript: boolean;
}

/** Opens the dashboard over everything; resolves when it is open. Whatever it asks for is asked as a command would. */
export async function openDashboard(
  session: LiveSession,
  { clock }: Pick<HostParts, "clock">,
  opening: Opening,
): Promise<void> {
  const { project } = await session.load();
  const { ui } = await project.settings();
  const { engine, history } = project;
  const factory = (tui: Terminal, theme: Theme, keybindings: Keybindings, done: () => void) => {
    const shown = ui.glyphs === "ascii" ? asciiTheme(theme) : theme;
    const close = (): void => {
      screen.dispose();
      done();
    };
    const feed = new DashboardFeed({ engine, history, clock, changed: () => screen.changed() });
    const screen: Screen = new Screen({
      session,
      clock,
      feed,
      opening,
      tui,
      theme: shown,
      keybindings,
      close,
    });
    session.signal.addEventListener("abort", close, { once: true });
    return screen;
  };
  const overlayOptions = { width: "100%", maxHeight: "100%", anchor: "top-left" } as const;
  session.touch((ctx) => {
    // The host's theme has the colours that ours names.
    ctx.ui
      .custom<void>((tui, theme, keys, done) => factory(tui, theme, keys, () => done()), {
        overlay: true,
        overlayOptions,
      })
      .catch(session.report);
  });
}

interface ScreenTerms {
  readonly session: LiveSession;
  readonly clock: Clock;
  readonly feed: DashboardFeed;
  readonly opening: Opening;
  readonly tui: Terminal;
  readonly theme: Theme;
  readonly keybindings: Keybindings;
  readonly close: () => void;
}

/** The dashboard as a component of the host: keys in, lines out; never throws. */
class Screen extends Lines {
  readonly #terms: ScreenTerms;
  readonly #end = new AbortController();
  #state: Dashboard = noDashboard;
  #height = 0;
  #isDue = false;
  /** The words that name what is to be opened, until there is a list to look them up in. */
  #opening: Opening | undefined;

  constructor(terms: ScreenTerms) {
    super((width) => {
      const now = terms.clock.now();
      return draw(this.#state, terms.feed.scene(now), now, width, this.#height, terms.theme);
    });
    this.#terms = terms;
    this.#opening = terms.opening;
    this.#beat().catch(terms.session.report);
  }

  override render(width: number): string[] {
    const { rows } = this.#terms.tui.terminal;
    if (rows !== this.#height) this.invalidate();
    this.#height = rows;
    return super.render(width);
  }

  handleInput(data: string): void {
    try {
      this.#press(this.#nameOf(data));
    } catch (error) {
      this.#terms.session.report(error);
    }
  }

  /** Something came in: drawn soon, once for all that comes until then. */
  changed(): void {
    this.#open();
    this.#attend();
    if (this.#isDue || this.#end.signal.aborted) return;
    this.#isDue = true;
    const { clock, session } = this.#terms;
    clock
      .sleep(redrawMinMs, this.#end.signal)
      .then(() => {
        this.#isDue = false;
        this.#redraw();
      })
      .catch(session.report);
  }

  dispose(): void {
    this.#end.abort();
    this.#terms.feed.close();
  }

  #redraw(): void {
    if (!this.#end.signal.aborted && this.isChanged()) this.#terms.tui.requestRender();
  }

  async #beat(): Promise<void> {
    const { clock, feed } = this.#terms;
    while (!this.#end.signal.aborted) {
      await clock.sleep(beatMs, this.#end.signal);
      const chosen = chosenRun(this.#state, feed.scene(clock.now()));
      if (chosen !== undefined && isLive(chosen)) this.#redraw();
    }
  }

  #nameOf(data: string): string {
    const { keybindings } = this.#terms;
    const name = keyName(data);
    // What is typed into a box is text, whatever it is bound to.
    if ([...name].length === 1) return name;
    for (const [id, ours] of Object.entries(bound))
      if (keybindings.matches(data, id as keyof typeof bound)) return ours;
    return name;
  }

  #press(key: string): void {
    const { clock, feed, tui } = this.#terms;
    const now = clock.now();
    const scene = feed.scene(now);
    const moment = momentOf(this.#state, scene, now, tui.terminal.columns, tui.terminal.rows);
    const { state, intent } = press(moment, key);
    this.#state = state;
    this.#attend();
    if (intent !== undefined) this.#do(intent, scene);
    if (!this.#end.signal.aborted) this.#redraw();
  }

  /** What is looked at is what is read. */
  #attend(): void {
    const { clock, feed } = this.#terms;
    feed.choose(chosenRun(this.#state, feed.scene(clock.now()))?.runId);
    feed.watch(this.#attempt());
  }

  #attempt(): { readonly runId: string; readonly task: string; readonly attempt: number } | undefined {
    const { clock, feed } = this.#terms;
    const view = feed.scene(clock.now()).run?.view;
    const task = view && chosenTask(this.#state, view);
    if (this.#state.pane !== "worker" || view === undefined || task === undefined) return undefined;
    return { runId: view.runId, task: task.id, attempt: this.#state.attempt ?? task.attempts };
  }

  #do(intent: Intent, scene: Scene): void {
    const { feed, tui, close } = this.#terms;
    switch (intent.kind) {
      case "close":
        close();
        return;
      case "older": {
        const attempt = this.#attempt();
        if (attempt !== undefined) feed.older(attempt);
        return;
      }
      case "copy":
        // Terminals that have no such sequence ignore it; the path is on the screen either way.
        tui.terminal.write(`\x1b]52;c;${Buffer.from(intent.text).toString("base64")}\x07`);
        feed.answer = { ok: true, text: words.copied(intent.text) };
        return;
      case "perform":
        this.#perform(intent.action, { raw: { ...intent.parameters } }, scene);
        return;
      case "command":
        this.#perform(intent.name, { line: intent.line }, scene);
    }
  }

  #perform(name: string, given: { readonly raw: unknown } | { readonly line: string }, scene: Scene): void {
    const { session, feed } = this.#terms;
    const origin = { kind: "user", id: `/team-${name}` } as const;
    feed.answer = { ok: true, text: words.atWorkOn(name) };
    session
      .perform(name, given, { origin, returnsAtOnce: true })
      .then(({ ok, text, details }) => {
        feed.answer = { ok, text };
        // A typed command was asked for its answer; a key was asked for what it does.
        if ("line" in given && text.trim().includes("\n"))
          this.#state = { ...this.#state, page: "answer", at: { ...this.#state.at, page: 0 } };
        const { runId } = details;
        const isNew = runId !== undefined && !scene.listings.some((one) => one.runId === runId);
        if (isNew) this.#state = { ...this.#state, run: runId, filter: "" };
        feed.refresh();
        this.changed();
      })
      .catch(session.report);
  }

  /** Finds what was to be opened, as soon as there is a list. */
  #open(): void {
    const { clock, feed } = this.#terms;
    const { listings } = feed.scene(clock.now());
    if (this.#opening === undefined || listings.length === 0) return;
    const { line, isTranscript } = this.#opening;
    this.#opening = undefined;
    const [first = "", second] = line.trim().split(/\s+/);
    const run =
      first === "" ? undefined : listings.find(({ runId }) => runId.startsWith(first.toLowerCase()));
    // One word that is no run is a task of the newest.
    const task = second ?? (run === undefined && first !== "last" && first !== "" ? first : undefined);
    const newest = first === "" && task === undefined && !isTranscript ? undefined : listings[0];
    this.#state = {
      ...this.#state,
      ...((run ?? newest) && { run: (run ?? newest)?.runId ?? "" }),
      ...(task !== undefined && { task }),
      ...(isTranscript && { pane: "worker", focus: "pane", isAlone: true }),
    };
  }
}
