import type { ExtensionUIContext } from "@mariozechner/pi-coding-agent";
import type { Clock } from "../core/ports.ts";
import type { RunView } from "../core/view.ts";
import { asciiTheme, plainTheme, type Theme } from "../ui/theme.ts";
import { statusText, widgetLines } from "../ui/widget.ts";
import { drawLine } from "../ui/width.ts";
import { beatMs, Lines } from "./lines.ts";
import type { Look } from "./look.ts";

export interface WidgetTerms {
  readonly clock: Clock;
  /** `component`: drawn by the host's terminal; `lines`: sent to a client that draws. */
  readonly form: "component" | "lines";
  /** How much is shown, and with which signs. */
  readonly look: Pick<Look, "isAscii" | "linesMax">;
  /** Lends the host's screen, each time anew because contexts go stale; does nothing when it is gone. */
  readonly onScreen: (act: (ui: Pick<ExtensionUIContext, "setWidget" | "setStatus">) => void) => void;
  readonly views: (now: number) => readonly RunView[];
  /** A screen of ours lies over it: it is drawn when the host draws, and asks for nothing. */
  readonly isCovered: () => boolean;
  /** Drawing went wrong; must not throw. */
  readonly failed: (error: unknown) => void;
}

const key = "team";
const placement = { placement: "belowEditor" } as const;
/** Fastest redraw, ms. */
const redrawMinMs = { component: 100, lines: 1_000 };
/** Width for clients that do not tell theirs; they wrap or cut. */
const clientColumns = 120;

/**
 * The status widget of one session. A component rather than lines where the host draws: it gets the terminal's width, is
 * not cut after ten lines, and a redraw replaces nothing. No timer runs while nothing is shown.
 */
export class RunWidget {
  readonly #terms: WidgetTerms;
  readonly #closed = new AbortController();
  #isBeating = false;
  #isDue = false;
  #changedAt = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #redraw: (() => void) | undefined;
  #sent = "";
  #status: string | undefined;

  constructor(terms: WidgetTerms) {
    this.#terms = terms;
  }

  /** Something may look different now: drawn at once, or as soon as the last drawing is old enough. */
  changed(): void {
    if (this.#closed.signal.aborted) return;
    this.#changedAt = this.#terms.clock.now();
    this.#drawSoon();
    if (!this.#isBeating) this.#beat().catch(this.#terms.failed);
  }

  /** Takes everything of ours off the screen, and stays silent. */
  close(): void {
    this.#closed.abort();
    this.#clear();
  }

  #clear(): void {
    this.#tellStatus(undefined);
    if (this.#redraw === undefined && this.#sent === "") return;
    this.#redraw = undefined;
    this.#sent = "";
    this.#terms.onScreen((ui) => ui.setWidget(key, undefined));
  }

  #drawSoon(): void {
    const { clock, form, failed } = this.#terms;
    const sinceMs = clock.now() - this.#drawnAt;
    // A clock that was put back makes nobody wait longer.
    const waitMs = Math.min(redrawMinMs[form], redrawMinMs[form] - sinceMs);
    if (this.#isDue || this.#closed.signal.aborted) return;
    const draw = (): void => {
      this.#isDue = false;
      if (!this.#closed.signal.aborted) this.#draw();
    };
    this.#isDue = waitMs > 0;
    if (waitMs <= 0) draw();
    else clock.sleep(waitMs, this.#closed.signal).then(draw).catch(failed);
  }

  async #beat(): Promise<void> {
    this.#isBeating = true;
    const { clock, views } = this.#terms;
    while (views(clock.now()).length > 0 && !this.#closed.signal.aborted) {
      await clock.sleep(beatMs(clock.now() - this.#changedAt), this.#closed.signal);
      this.#drawSoon();
    }
    this.#isBeating = false;
  }

  #draw(): void {
    const { clock, form, look, views, onScreen } = this.#terms;
    this.#drawnAt = clock.now();
    const shown = views(this.#drawnAt);
    const draw = (width: number, theme: Theme): string[] =>
      widgetLines(
        views(clock.now()),
        clock.now(),
        width,
        asciiTheme(theme, () => look.isAscii),
        look.linesMax,
      );
    this.#tellStatus(statusText(shown, this.#drawnAt));
    if (shown.length === 0) this.#clear();
    else if (look.linesMax === 0) return;
    else if (form === "lines") {
      const lines = draw(clientColumns, plainTheme);
      const text = lines.join("\n");
      if (text !== this.#sent) onScreen((ui) => ui.setWidget(key, lines, placement));
      this.#sent = text;
    } else if (this.#redraw !== undefined) this.#redraw();
    else {
      const mount: Parameters<ExtensionUIContext["setWidget"]>[1] & object = (tui, theme) => {
        const lines = new Lines(
          (width) => draw(width, theme),
          () => look.isAscii,
        );
        this.#redraw = () => {
          if (this.#terms.isCovered()) lines.invalidate();
          else if (lines.isChanged()) tui.requestRender();
        };
        return lines;
      };
      onScreen((ui) => ui.setWidget(key, mount, placement));
    }
  }

  /** The host's footer says the same in a few words. */
  #tellStatus(text: string | undefined): void {
    const shown =
      text &&
      drawLine(
        [["text", text]],
        clientColumns,
        asciiTheme(plainTheme, () => this.#terms.look.isAscii),
      );
    if (shown !== this.#status) this.#terms.onScreen((ui) => ui.setStatus(key, shown));
    this.#status = shown;
  }
}
