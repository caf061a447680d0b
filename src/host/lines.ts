import type { Component } from "@mariozechner/pi-tui";
import { fitLine } from "../ui/width.ts";

/** Lines for a width; may throw. */
export type Draw = (width: number) => string[];

/**
 * A component of the host that draws our lines once a width. It never throws and never lets a line through that is too
 * wide: the host dies of both.
 */
export class Lines implements Component {
  #draw: Draw;
  #drawn: { readonly width: number; readonly lines: string[] } | undefined;

  constructor(draw: Draw) {
    this.#draw = draw;
  }

  /** Draws this from now on. */
  show(draw: Draw): this {
    this.#draw = draw;
    this.#drawn = undefined;
    return this;
  }

  render(width: number): string[] {
    if (this.#drawn?.width !== width) this.#drawn = { width, lines: this.#fresh(width) };
    return this.#drawn.lines;
  }

  invalidate(): void {
    this.#drawn = undefined;
  }

  #fresh(width: number): string[] {
    try {
      return this.#draw(width).map((line) => fitLine(line, width));
    } catch (error) {
      // The place shows that it cannot be drawn, and why; everything else on the screen lives on.
      return [
        fitLine(`team: this cannot be drawn: ${error instanceof Error ? error.message : error}`, width),
      ];
    }
  }
}

/** The component of the last time, if it is ours, so that the host keeps one object for one place. */
export function linesAgain(last: Component | undefined, draw: Draw): Lines {
  return last instanceof Lines ? last.show(draw) : new Lines(draw);
}
