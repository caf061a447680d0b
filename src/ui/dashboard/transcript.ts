import { words } from "../strings.ts";
import type { Color } from "../theme.ts";
import { readTranscript, type TranscriptEntry } from "../transcript.ts";
import { type Span, wrap } from "../width.ts";

type Line = readonly Span[];

/** Lines of one text; of what tools say, the beginning; `v` shows the records themselves. */
const linesMax = { text: 1_000, tool: 12 };

/** A stretch of one attempt's transcript, as far as it was read; its records are wrapped once a width. */
export class Transcript {
  /** Where the file is, absolute. */
  readonly path: string;
  /** The bytes that were read; before `from` there is more. */
  readonly from: number;
  readonly to: number;
  readonly #records: readonly RecordLines[];
  #drawn: { readonly key: string; readonly lines: readonly Line[] } | undefined;

  constructor(path: string, from = 0, to = 0, records: readonly RecordLines[] = []) {
    this.path = path;
    this.from = from;
    this.to = to;
    this.#records = records;
  }

  /** The same with what follows, up to the byte `to`. */
  with(records: readonly string[], to: number): Transcript {
    return new Transcript(this.path, this.from, to, [...this.#records, ...records.map(recordLines)]);
  }

  /** The same with what comes before, from the byte `from` on. */
  after(records: readonly string[], from: number): Transcript {
    return new Transcript(this.path, from, this.to, [...records.map(recordLines), ...this.#records]);
  }

  /** What was told, said and done, or the records as they are. */
  lines(columns: number, isRaw: boolean): readonly Line[] {
    const key = `${columns} ${isRaw}`;
    if (this.#drawn?.key !== key)
      this.#drawn = { key, lines: this.#records.flatMap((record) => record(columns, isRaw)) };
    return this.#drawn.lines;
  }
}

type RecordLines = (columns: number, isRaw: boolean) => readonly Line[];

function recordLines(record: string): RecordLines {
  let drawn: { readonly key: string; readonly lines: readonly Line[] } | undefined;
  return (columns, isRaw) => {
    const key = `${columns} ${isRaw}`;
    if (drawn?.key === key) return drawn.lines;
    const entries = isRaw ? [] : readTranscript(record);
    // What is no record is shown as it is.
    const lines =
      entries.length > 0
        ? entries.flatMap((entry) => entryLines(entry, columns))
        : wrap(record, columns, linesMax.text).map((line): Line => [["toolOutput", line]]);
    drawn = { key, lines };
    return lines;
  };
}

function entryLines(entry: TranscriptEntry, columns: number): readonly Line[] {
  const { kind, tool = "", text, diff, isError } = entry;
  const { transcript } = words;
  const looks: Readonly<Record<typeof kind, readonly [Span, Color]>> = {
    prompt: [["accent", `▸ ${transcript.told}`], "text"],
    said: [["success", `● ${transcript.says}`], "text"],
    thought: [["dim", transcript.thinks], "dim"],
    call: [["toolTitle", `● ${tool}`], "muted"],
    result: [
      [isError ? "error" : "dim", isError ? `✗ ${tool}` : `└ ${tool}`],
      isError ? "error" : "toolOutput",
    ],
    note: [[isError ? "error" : "dim", isError ? "✗" : "·"], isError ? "error" : "dim"],
  };
  const [title, color] = looks[kind];
  const most = kind === "prompt" || kind === "said" ? linesMax.text : linesMax.tool;
  const all = wrap((diff ?? text).trimEnd(), columns - 2, most + 1);
  const signs: Readonly<Record<string, Color>> = { "+": "success", "-": "error" };
  return [
    [title],
    ...all.slice(0, most).map((line): Line => [[(diff && signs[line.charAt(0)]) || color, `  ${line}`]]),
    ...(all.length > most ? [[["dim", `  ${transcript.cut}`]] satisfies Line] : []),
  ];
}
