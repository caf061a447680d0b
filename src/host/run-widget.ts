import type { ExtensionUIContext } from "@mariozechner/pi-coding-agent";
import type { Clock } from "../core/ports.ts";
import type { RunView } from "../core/view.ts";
import { plainTheme } from "../ui/theme.ts";
import { widgetLines } from "../ui/widget.ts";
import { Lines } from "./lines.ts";

/** The status widget of one session. */
export interface RunWidget {
  /** Something may look different now. Drawn within a quarter of a second, many calls together. */
  changed(): void;
  close(): void;
}

export interface WidgetTerms {
  readonly clock: Clock;
  /** `component`: drawn by the host's terminal; `lines`: sent to a client that draws. */
  readonly form: "component" | "lines";
  /** The host's UI, or undefined when it is gone; asked each time, because contexts go stale. */
  readonly ui: () => Pick<ExtensionUIContext, "setWidget"> | undefined;
  readonly views: (now: number) => readonly RunView[];
  /** Drawing went wrong; must not throw. */
  readonly failed: (error: unknown) => void;
}

const key = "team";
/** Fastest redraw, ms, and the beat of the elapsed times while something is shown. */
const redrawMinMs = { component: 250, lines: 1_000 };
const beatMs = 1_000;
/** Width for clients that do not tell theirs; they wrap or cut. */
const clientColumns = 120;

/**
 * A component rather than lines where the host draws: it gets the terminal's width, is not cut after ten lines, and a
 * redraw replaces nothing. No timer runs while nothing is shown.
 */
export function openRunWidget(terms: WidgetTerms): RunWidget {
  const { clock, form } = terms;
  let sleeping: { readonly dueAt: number; readonly wake: AbortController } | undefined;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let redraw: (() => void) | undefined;
  let sent = "";
  let isClosed = false;

  const drawIn = (ms: number): void => {
    const dueAt = clock.now() + ms;
    if (isClosed || (sleeping !== undefined && sleeping.dueAt <= dueAt)) return;
    sleeping?.wake.abort();
    const own = { dueAt, wake: new AbortController() };
    sleeping = own;
    // Whoever woke us early put his own sleep in our place.
    clock
      .sleep(ms, own.wake.signal)
      .then(() => {
        if (sleeping === own && !isClosed) draw();
      })
      .catch(terms.failed);
  };

  const draw = (): void => {
    sleeping = undefined;
    drawnAt = clock.now();
    const shown = terms.views(drawnAt);
    const ui = terms.ui();
    if (ui === undefined) return;
    if (form === "component") drawComponent(ui, shown.length > 0);
    else sendLines(ui, shown);
    if (shown.length > 0) drawIn(beatMs);
  };

  const drawComponent = (ui: Pick<ExtensionUIContext, "setWidget">, isNeeded: boolean): void => {
    if (isNeeded && redraw !== undefined) redraw();
    else if (isNeeded) {
      const mount: Parameters<typeof ui.setWidget>[1] & object = (tui, theme) => {
        const lines = new Lines((width) => widgetLines(terms.views(clock.now()), clock.now(), width, theme));
        redraw = () => {
          lines.invalidate();
          tui.requestRender();
        };
        return lines;
      };
      ui.setWidget(key, mount, { placement: "belowEditor" });
    } else if (redraw !== undefined) {
      redraw = undefined;
      ui.setWidget(key, undefined);
    }
  };

  const sendLines = (ui: Pick<ExtensionUIContext, "setWidget">, shown: readonly RunView[]): void => {
    const lines = widgetLines(shown, clock.now(), clientColumns, plainTheme);
    const text = lines.join("\n");
    if (text !== sent)
      ui.setWidget(key, lines.length === 0 ? undefined : lines, { placement: "belowEditor" });
    sent = text;
  };

  return {
    changed: () => drawIn(Math.max(0, drawnAt + redrawMinMs[form] - clock.now())),
    close() {
      isClosed = true;
      sleeping?.wake.abort();
      sleeping = undefined;
      if (redraw !== undefined || sent !== "") terms.ui()?.setWidget(key, undefined);
      redraw = undefined;
      sent = "";
    },
  };
}
