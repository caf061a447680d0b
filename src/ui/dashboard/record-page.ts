import type { StoredEvent } from "../../core/events.ts";
import { membersOf } from "../../lib/json.ts";
import { words } from "../strings.ts";
import { type Line, wrapSpan } from "../width.ts";

const linesMax = 1_000;
/** No longer than what is drawn of a line whole. */
const pieces = /.{1,2000}/gsu;

/** A record of the journal as its JSON, texts with their line breaks; of a huge one the beginning and where all of it is. */
export function recordLines(event: StoredEvent, directory: string, columns: number): readonly Line[] {
  const made: string[] = [];
  for (const line of jsonLines(event)) if (made.push(line) > linesMax) break;
  const lines = wrapSpan(["text", made.join("\n")], columns, linesMax + 1);
  if (lines.length <= linesMax) return lines;
  return [...lines.slice(0, linesMax), ...wrapSpan(["dim", words.recordLeft(directory)], columns, linesMax)];
}

/** Made only as far as somebody reads. */
function* jsonLines(value: unknown, indent = "", before = "", after = ""): Generator<string, undefined> {
  const members = Object.entries(membersOf(value)).filter(([, one]) => one !== undefined);
  if (members.length === 0) {
    const spelled = JSON.stringify(value).replace(/\\(.)/g, (whole, sign) =>
      sign === "n" ? `\n${indent}  ` : whole,
    );
    for (const line of `${indent}${before}${spelled}${after}`.split("\n")) yield* line.match(pieces) ?? [];
    return;
  }
  const isList = Array.isArray(value);
  yield `${indent}${before}${isList ? "[" : "{"}`;
  for (const [at, [name, one]] of members.entries()) {
    const comma = at < members.length - 1 ? "," : "";
    yield* jsonLines(one, `${indent}  `, isList ? "" : `${JSON.stringify(name)}: `, comma);
  }
  yield `${indent}${isList ? "]" : "}"}${after}`;
}
