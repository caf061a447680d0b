/** The colours that our lines use: names of the host's theme. */
export type Color =
  | "accent"
  | "dim"
  | "error"
  | "muted"
  | "success"
  | "text"
  | "toolOutput"
  | "toolTitle"
  | "warning";

/** As much of the host's theme as our lines need. */
export interface Theme {
  fg(color: Color, text: string): string;
  bold(text: string): string;
  /** Only ASCII is drawn, save the letters of other scripts: none of our signs, no emoji. */
  readonly isAscii?: boolean;
}

/** No colours: for headless hosts, logs and tests. */
export const plainTheme: Theme = { fg: (_color, text) => text, bold: (text) => text };

/** The same colours for terminals and eyes that do without our signs and without emoji, as long as `isAscii` says so. */
export function asciiTheme(theme: Theme, isAscii = (): boolean => true): Theme {
  return {
    fg: (color, text) => theme.fg(color, text),
    bold: (text) => theme.bold(text),
    get isAscii() {
      return isAscii();
    },
  };
}
