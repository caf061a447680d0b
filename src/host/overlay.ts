import type { ExtensionUIContext } from "@mariozechner/pi-coding-agent";
import type { OverlayHandle } from "@mariozechner/pi-tui";
import { membersOf } from "../lib/json.ts";
import { keyName } from "../ui/key-name.ts";
import { asciiTheme, type Theme } from "../ui/theme.ts";
import { Lines } from "./lines.ts";
import type { LiveSession } from "./session.ts";

type Factory = Parameters<ExtensionUIContext["custom"]>[0];

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

/** What an overlay stands on. */
export interface Stage {
  readonly session: LiveSession;
  readonly tui: Parameters<Factory>[0];
  readonly theme: Theme;
  readonly keybindings: Parameters<Factory>[2];
  readonly close: () => void;
  /** Lets what is below be seen and take the keys, until it stands there again as it was. */
  readonly setHidden: (isHidden: boolean) => void;
}

/** The whole screen as a component of the host: keys in, lines out; never throws. */
export abstract class Overlay extends Lines {
  readonly stage: Stage;
  readonly end = new AbortController();
  #height = 0;

  constructor(stage: Stage, draw: (width: number, height: number) => string[]) {
    super((width) => draw(width, this.#height));
    this.stage = stage;
  }

  /** What a key of this name does. */
  protected abstract press(key: string): void;

  override render(width: number): string[] {
    const { rows } = this.stage.tui.terminal;
    if (rows !== this.#height) this.invalidate();
    this.#height = rows;
    return super.render(width);
  }

  handleInput(data: string): void {
    this.#press(this.#nameOf(data));
  }

  /** 1.5.2 tells of the mouse in its full-screen mode, 0.73.1 never: the wheel does what the arrow keys do. */
  handleMouse(event: unknown): { readonly handled: true } | undefined {
    const { type, wheelDelta } = membersOf(event);
    if (type !== "wheel" || typeof wheelDelta !== "number") return undefined;
    this.#press(wheelDelta < 0 ? "up" : "down");
    return { handled: true };
  }

  #press(key: string): void {
    try {
      this.press(key);
      this.redraw();
    } catch (error) {
      this.stage.session.report(error);
    }
  }

  dispose(): void {
    this.end.abort();
  }

  redraw(): void {
    if (!this.end.signal.aborted && this.isChanged()) this.stage.tui.requestRender();
  }

  #nameOf(data: string): string {
    const name = keyName(data);
    // What is typed into a box is text, whatever it is bound to.
    if ([...name].length === 1) return name;
    for (const [id, ours] of Object.entries(bound))
      if (this.stage.keybindings.matches(data, id as keyof typeof bound)) return ours;
    return name;
  }
}

/** Opens an overlay over everything; resolves when it is open. It closes with its session. */
export async function openOverlay(session: LiveSession, make: (stage: Stage) => Overlay): Promise<void> {
  await session.look.refresh();
  const factory = (
    tui: Stage["tui"],
    theme: Theme,
    keybindings: Stage["keybindings"],
    done: () => void,
  ): Overlay => {
    const shown = asciiTheme(theme, () => session.look.isAscii);
    const close = (): void => {
      screen.dispose();
      done();
    };
    const screen: Overlay = make({ session, tui, theme: shown, keybindings, close, setHidden });
    session.screens += 1;
    const leave = (): void => {
      session.screens -= 1;
    };
    screen.end.signal.addEventListener("abort", leave, { once: true });
    session.signal.addEventListener("abort", close, { once: true, signal: screen.end.signal });
    return screen;
  };
  let handle: OverlayHandle | undefined;
  const setHidden = (isHidden: boolean): void => handle?.setHidden(isHidden);
  const overlayOptions = { width: "100%", maxHeight: "100%", anchor: "top-left" } as const;
  session.touch((ctx) => {
    // The host's theme has the colours that ours names.
    ctx.ui
      .custom<void>((tui, theme, keys, done) => factory(tui, theme, keys, () => done()), {
        overlay: true,
        overlayOptions,
        onHandle: (given) => {
          handle = given;
        },
      })
      .catch(session.report);
  });
}
