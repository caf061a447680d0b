import { type Changes, changesOf, type FileStep, noChanges, stepLines } from "../changes.ts";
import { words } from "../strings.ts";
import type { Color } from "../theme.ts";
import { readTranscript, type TranscriptEntry } from "../transcript.ts";
import { type Line, type Span, wrap, wrapSpan } from "../width.ts";

/** Lines of one text; of what tools say, the beginning; `v` shows the records themselves. */
const linesMax = { text: 1_000, tool: 12 };

/** What of the changes was read so far, and how it was drawn last: what comes later is added to it. */
interface Told {
  readonly records: number;
  readonly workspace: string;
  readonly changes: Changes;
}
interface Drawn {
  readonly key: string;
  readonly lines: readonly Line[];
}

/** A stretch of one attempt's transcript, as far as it was read; its records are wrapped once a width. */
export class Transcript {
  /** Where the file is, absolute. */
  readonly path: string;
  /** The bytes that were read; before `from` there is more. */
  readonly from: number;
  readonly to: number;
  readonly #records: readonly TranscriptRecord[];
  #drawn: Drawn | undefined;
  #told: Told | undefined;
  #diff: (Drawn & { readonly of: Changes }) | undefined;
  #steps = new WeakMap<FileStep, Drawn>();

  constructor(path: string, from = 0, to = 0, records: readonly TranscriptRecord[] = []) {
    this.path = path;
    this.from = from;
    this.to = to;
    this.#records = records;
  }

  /** The same with what follows, up to the byte `to`. */
  with(records: readonly string[], to: number): Transcript {
    const all = [...this.#records, ...records.map(recordOf)];
    const next = new Transcript(this.path, this.from, to, all);
    next.#told = this.#told;
    next.#steps = this.#steps;
    return next;
  }

  /** The same with what comes before, from the byte `from` on. */
  after(records: readonly string[], from: number): Transcript {
    return new Transcript(this.path, from, this.to, [...records.map(recordOf), ...this.#records]);
  }

  /** What was told, said and done, or the records as they are. */
  lines(columns: number, isRaw: boolean): readonly Line[] {
    const key = `${columns} ${isRaw}`;
    if (this.#drawn?.key !== key)
      this.#drawn = { key, lines: this.#records.flatMap((record) => record.lines(columns, isRaw)) };
    return this.#drawn.lines;
  }

  /** What its tools showed of changed files; the same object until there is more. */
  changes(workspace: string): Changes {
    const { records = 0, changes } = this.#told?.workspace === workspace ? this.#told : {};
    if (changes !== undefined && records === this.#records.length) return changes;
    const more = this.#records.slice(records).flatMap((record) => record.entries());
    const before = changes ?? { ...noChanges, isPartial: this.from > 0 };
    this.#told = {
      ...{ records: this.#records.length, workspace },
      changes: changesOf(more, workspace, before),
    };
    return this.#told.changes;
  }

  /** The same as a diff, file by file. */
  diff(workspace: string, columns: number): readonly Line[] {
    const of = this.changes(workspace);
    const key = String(columns);
    if (this.#diff?.of !== of || this.#diff.key !== key) {
      const lines = of.files.flatMap(({ path, added, removed, steps }) => [
        [
          ["toolTitle", path],
          ["success", `+${added}`],
          ["error", `-${removed}`],
        ] satisfies Line,
        ...steps.flatMap((step, index) => this.#step(step, index, columns)),
      ]);
      this.#diff = { of, key, lines };
    }
    return this.#diff.lines;
  }

  #step(step: FileStep, index: number, columns: number): readonly Line[] {
    const key = String(columns);
    const known = this.#steps.get(step);
    if (known?.key === key) return known.lines;
    const lines = stepLines(step, index).flatMap((line) => diffLine(line, columns));
    this.#steps.set(step, { key, lines });
    return lines;
  }
}

interface TranscriptRecord {
  entries(): readonly TranscriptEntry[];
  lines(columns: number, isRaw: boolean): readonly Line[];
}

function recordOf(record: string): TranscriptRecord {
  let drawn: Drawn | undefined;
  let read: readonly TranscriptEntry[] | undefined;
  const entries = (): readonly TranscriptEntry[] => {
    read ??= readTranscript(record);
    return read;
  };
  return {
    entries,
    lines(columns, isRaw) {
      const key = `${columns} ${isRaw}`;
      if (drawn?.key === key) return drawn.lines;
      const told = isRaw ? [] : entries();
      // What is no record is shown as it is.
      const lines =
        told.length > 0
          ? told.flatMap((entry) => entryLines(entry, columns))
          : wrapSpan(["toolOutput", record], columns, linesMax.text);
      drawn = { key, lines };
      return lines;
    },
  };
}

const signs: Readonly<Record<string, Color>> = { "+": "success", "-": "error" };

/** A line of a diff; what does not fit goes on below its text, where there is room beside the numbers. */
function diffLine(line: string, columns: number): readonly Line[] {
  const color = signs[line.charAt(0)] ?? "toolOutput";
  const [, gutter = "", text = ""] = /^([+\- ] *\d+) ?(.*)$/s.exec(line) ?? ["", "", line];
  const room = columns - gutter.length - 1;
  if (gutter === "" || room < gutter.length) return wrapSpan([color, line], columns, linesMax.text);
  return wrapSpan([color, text], room, linesMax.text).map((part, at) => [
    [color, at === 0 ? gutter : " ".repeat(gutter.length)],
    ...part,
  ]);
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
  return [
    [title],
    ...all.slice(0, most).map((line): Line => [[(diff && signs[line.charAt(0)]) || color, `  ${line}`]]),
    ...(all.length > most ? [[["dim", `  ${transcript.cut}`]] satisfies Line] : []),
  ];
}
