import { parseObject } from "../../lib/json.ts";
import { type Changes, changesOf, type FileStep, noChanges, stepLines } from "../changes.ts";
import { words } from "../strings.ts";
import type { Color } from "../theme.ts";
import { blockLines, diffLine, type ToolLook } from "../tool-block.ts";
import { type Pair, paired, readTranscript, type TranscriptEntry } from "../transcript.ts";
import { type Line, type Span, wrap, wrapSpan } from "../width.ts";
import { Drawings } from "./drawings.ts";

/** Lines of one text; of thoughts and notes the beginning; `v` shows the records themselves. */
const linesMax = { text: 1_000, tool: 12 };
/** The host's look costs milliseconds a call: of what was read, a screenful at the end has it, and all that comes then. */
const hostLooksMax = 20;

/** What of the changes was read so far: what comes later is added to it. */
interface Told {
  readonly records: number;
  readonly workspace: string;
  readonly changes: Changes;
}

/** A stretch of one attempt's transcript, as far as it was read; its parts are wrapped once a width. */
export class Transcript {
  /** Where the file is, absolute. */
  readonly path: string;
  /** The bytes that were read; before `from` there is more. */
  readonly from: number;
  readonly to: number;
  readonly #records: readonly TranscriptRecord[];
  #told: Told | undefined;
  /** Of all of it, and of records, entries and steps by themselves. */
  #drawings = new Drawings();

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
    next.#drawings = this.#drawings;
    return next;
  }

  /** The same with what comes before, from the byte `from` on. */
  after(records: readonly string[], from: number): Transcript {
    const next = new Transcript(this.path, from, this.to, [...records.map(recordOf), ...this.#records]);
    next.#drawings = this.#drawings;
    return next;
  }

  /** What was told, said and done, each call with its result, or the records as they are. */
  lines(columns: number, isRaw: boolean, look?: ToolLook): readonly Line[] {
    const key = `${columns} ${isRaw}`;
    return this.#drawings.once(this, key, () => {
      if (isRaw)
        return this.#records.flatMap((record) =>
          this.#drawings.once(record, key, () =>
            wrapSpan(["toolOutput", record.text], columns, linesMax.text),
          ),
        );
      const pairs = paired(this.#records.flatMap((record) => record.entries()));
      // Whose look it is, is no part of the key: what is on the screen does not change its height because more comes.
      return pairs.flatMap((pair, at) =>
        this.#drawings.once(pair[0], `${key} ${pair.length}`, () =>
          pairLines(pair, columns, at >= pairs.length - hostLooksMax ? look : undefined),
        ),
      );
    });
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
    const draw = (step: FileStep, index: number): readonly Line[] =>
      this.#drawings.once(step, key, () => stepLines(step, index).flatMap((line) => diffLine(line, columns)));
    return this.#drawings.once(of, key, () =>
      of.files.flatMap(({ path, added, removed, steps }) => [
        [
          ["toolTitle", path],
          ["success", `+${added}`],
          ["error", `-${removed}`],
        ] satisfies Line,
        ...steps.flatMap(draw),
      ]),
    );
  }
}

interface TranscriptRecord {
  readonly text: string;
  entries(): readonly TranscriptEntry[];
}

function recordOf(text: string): TranscriptRecord {
  let read: readonly TranscriptEntry[] | undefined;
  return {
    text,
    entries() {
      if (read !== undefined) return read;
      read = readTranscript(text);
      // What is no record is shown as it is; a record that tells nothing is for `v`.
      if (read.length === 0 && parseObject(text) === undefined) read = [{ kind: "note", text }];
      return read;
    },
  };
}

function pairLines(pair: Pair, columns: number, look?: ToolLook): readonly Line[] {
  const [{ kind, text, isError }] = pair;
  if (kind === "call" || kind === "result") return blockLines(pair, columns, look);
  const { transcript } = words;
  const color = isError ? "error" : "dim";
  const looks: Readonly<Record<string, readonly [Span, Color]>> = {
    prompt: [["accent", `▸ ${transcript.told}`], "text"],
    said: [["success", `● ${transcript.says}`], "text"],
    thought: [["dim", transcript.thinks], "dim"],
  };
  const [title, textColor] = looks[kind] ?? [[color, isError ? "✗" : "·"], color];
  const most = kind === "prompt" || kind === "said" ? linesMax.text : linesMax.tool;
  const all = wrap(text.trimEnd(), columns - 2, most + 1);
  return [
    [title],
    ...all.slice(0, most).map((line): Line => [[textColor, `  ${line}`]]),
    ...(all.length > most ? [[["dim", `  ${transcript.cut}`]] satisfies Line] : []),
  ];
}
