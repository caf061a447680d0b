import type { ExtensionUIContext } from "@mariozechner/pi-coding-agent";
import type { Clock } from "../core/ports.ts";
import type { RunView } from "../core/view.ts";
import { plainTheme } from "../ui/theme.ts";
import { widgetLines } from "../ui/widget.ts";
import { Lines } from "./lines.ts";

export interface WidgetTerms {
  readonly clock: Clock;
  /** `component`: drawn by the host's terminal; `lines`: sent to a client that draws. */
  readonly form: "component" | "lines";
  /** The host's UI, or undefined when it is gone; asked each time, because contexts go stale. */
  readonly ui: () => Ui | undefined;
  readonly views: (now: number) => readonly RunView[];
  /** Drawing went wrong; must not throw. */
  readonly failed: (error: unknown) => void;
}

type Ui = Pick<ExtensionUIContext, "setWidget">;
const key = "team";
const placement = { placement: "belowEditor" } as const;
/** Fastest redraw, ms, and the beat of the elapsed times while something is shown. */
const redrawMinMs = { component: 250, lines: 1_000 };
const beatMs = 1_000;
/** Width for clients that do not tell theirs; they wrap or cut. */
const clientColumns = 120;

/**
 * The status widget of one session. A component rather than lines where the host draws: it gets the terminal's width, is
 * not cut after ten lines, and a redraw replaces nothing. No timer runs while nothing is shown.
 */
export class RunWidget {
  readonly #terms: WidgetTerms;
  #sleeping: { readonly dueAt: number; readonly wake: AbortController } | undefined;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #redraw: (() => void) | undefined;
  #sent = "";
  #isClosed = false;

  constructor(terms: WidgetTerms) {
    this.#terms = terms;
  }

  /** Something may look different now. Drawn within a quarter of a second (a second for clients), many calls together. */
  changed(): void {
    const { clock, form } = this.#terms;
    this.#drawIn(Math.max(0, this.#drawnAt + redrawMinMs[form] - clock.now()));
  }

  /** Takes everything of ours off the screen, and stays silent. */
  close(): void {
    this.#isClosed = true;
    this.#sleeping?.wake.abort();
    this.#sleeping = undefined;
    if (this.#redraw !== undefined || this.#sent !== "") this.#terms.ui()?.setWidget(key, undefined);
    this.#redraw = undefined;
    this.#sent = "";
  }

  #drawIn(ms: number): void {
    const { clock, failed } = this.#terms;
    const dueAt = clock.now() + ms;
    if (this.#isClosed || (this.#sleeping !== undefined && this.#sleeping.dueAt <= dueAt)) return;
    this.#sleeping?.wake.abort();
    const own = { dueAt, wake: new AbortController() };
    this.#sleeping = own;
    // Whoever woke us early put his own sleep in our place.
    clock
      .sleep(ms, own.wake.signal)
      .then(() => {
        if (this.#sleeping === own && !this.#isClosed) this.#draw();
      })
      .catch(failed);
  }

  #draw(): void {
    this.#sleeping = undefined;
    this.#drawnAt = this.#terms.clock.now();
    const shown = this.#terms.views(this.#drawnAt);
    const ui = this.#terms.ui();
    if (ui === undefined) return;
    if (this.#terms.form === "component") this.#drawComponent(ui, shown.length > 0);
    else this.#sendLines(ui, shown);
    if (shown.length > 0) this.#drawIn(beatMs);
  }

  #drawComponent(ui: Ui, isNeeded: boolean): void {
    if (isNeeded && this.#redraw !== undefined) this.#redraw();
    else if (isNeeded) {
      const { clock, views } = this.#terms;
      const mount: Parameters<Ui["setWidget"]>[1] & object = (tui, theme) => {
        const lines = new Lines((width) => widgetLines(views(clock.now()), clock.now(), width, theme));
        this.#redraw = () => {
          lines.invalidate();
          tui.requestRender();
        };
        return lines;
      };
      ui.setWidget(key, mount, placement);
    } else if (this.#redraw !== undefined) {
      this.#redraw = undefined;
      ui.setWidget(key, undefined);
    }
  }

  #sendLines(ui: Ui, shown: readonly RunView[]): void {
    const lines = widgetLines(shown, this.#terms.clock.now(), clientColumns, plainTheme);
    const text = lines.join("\n");
    if (text !== this.#sent) ui.setWidget(key, lines.length === 0 ? undefined : lines, placement);
    this.#sent = text;
  }
}
