import type { Span } from "./width.ts";

/** The first row that is shown so that the chosen one is in the middle, as far as there are rows around it. */
export function windowTop(chosen: number, length: number, rows: number): number {
  return Math.max(0, Math.min(chosen - Math.floor(rows / 2), length - rows));
}

/** What stands before a row of a list. */
export function marker(isChosen: boolean, isFocused: boolean): Span {
  return [isFocused ? "accent" : "dim", isChosen ? "▸" : " "];
}

/** Whether a text holds every word of the filter, in whatever case. */
export function matcher(filter: string): (text: string) => boolean {
  const wanted = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return (text) => wanted.length === 0 || wanted.every((word) => text.toLowerCase().includes(word));
}
