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
}

/** No colours: for headless hosts, logs and tests. */
export const plainTheme: Theme = { fg: (_color, text) => text, bold: (text) => text };
