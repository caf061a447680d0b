import type { Component } from "@mariozechner/pi-tui";
import { words } from "../ui/strings.ts";
import { plainTheme } from "../ui/theme.ts";
import { drawLine } from "../ui/width.ts";

/** Lines that fit a width; may throw. */
export type Draw = (width: number) => string[];

/** Whether only ASCII is drawn, as far as that is known yet: never waits, never throws. */
export type IsAscii = () => boolean;

/**
 * How long to the next drawing of what changes by time alone, ms, when the last news is so old: each drawing of ours makes
 * the host draw its whole chat, and clocks of something that waits may go by steps.
 */
export function beatMs(quietMs: number): number {
  return quietMs < 10_000 ? 1_000 : 5_000;
}

/** A component of the host that draws our lines once a width and a look. It never throws: the host dies of that. */
export class Lines implements Component {
  #draw: Draw;
  readonly #isAscii: IsAscii;
  #drawn: { readonly width: number; readonly isAscii: boolean; readonly lines: string[] } | undefined;

  constructor(draw: Draw, isAscii: IsAscii = () => false) {
    this.#draw = draw;
    this.#isAscii = isAscii;
  }

  /** Draws this from now on. */
  show(draw: Draw): this {
    this.#draw = draw;
    this.#drawn = undefined;
    return this;
  }

  render(width: number): string[] {
    const isAscii = this.#isAscii();
    if (this.#drawn?.width !== width || this.#drawn.isAscii !== isAscii)
      this.#drawn = { width, isAscii, lines: this.#fresh(width) };
    return this.#drawn.lines;
  }

  /** Draws anew, and says whether that looks different. */
  isChanged(): boolean {
    if (this.#drawn === undefined) return true;
    const { width, lines } = this.#drawn;
    this.#drawn = { width, isAscii: this.#isAscii(), lines: this.#fresh(width) };
    return this.#drawn.lines.join("\n") !== lines.join("\n");
  }

  invalidate(): void {
    this.#drawn = undefined;
  }

  #fresh(width: number): string[] {
    try {
      return this.#draw(width);
    } catch (error) {
      // The place shows that it cannot be drawn, and why; everything else on the screen lives on.
      return [drawLine([["error", words.said.notDrawn(String(error))]], width, plainTheme)];
    }
  }
}

/** The component of the last time, if it is ours, so that the host keeps one object for one place. */
export function linesAgain(last: Component | undefined, draw: Draw, isAscii: IsAscii): Lines {
  return last instanceof Lines ? last.show(draw) : new Lines(draw, isAscii);
}
