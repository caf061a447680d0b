import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Figure } from "./figure.ts";

const births = ["clone", "clone3", "fork", "vfork"];
const renames = ["rename", "renameat", "renameat2"];
const syncs = ["fsync", "fdatasync"];

/** A stretch of time, ms since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What to put before a command so that it and all its descendants write one trace per thread into a directory. */
export function straceInto(directory: string): readonly string[] {
  const calls = ["execve", ...births, ...renames, ...syncs].join(",");
  return `strace -ff --seccomp-bpf -qq -ttt -s 300 -e trace=${calls} -o`
    .split(" ")
    .concat(join(directory, prefix));
}

const prefix = "trace";

/** Renames and fsyncs of one run, per task, for each kind of process. The traces must be complete. */
export async function asked(directory: string, span: Span, tasks: number): Promise<readonly Figure[]> {
  const threads = await readTraces(directory);
  const each = tasks === 1 ? "1 task" : `each of ${tasks} tasks`;
  return kinds.flatMap(({ kind }) =>
    [
      { what: "renames", calls: renames },
      { what: "fsyncs", calls: syncs },
    ].map(({ what, calls }): Figure => {
      const those = [...threads].filter(([id]) => kindOf(id, threads) === kind);
      const count = those
        .flatMap(([, thread]) => thread)
        .filter(({ at, call }) => at >= span.from && at <= span.to && calls.includes(call)).length;
      return {
        what: `${what} of ${kind}, ${each}`,
        value: Math.round((count / tasks) * 100) / 100,
        unit: "count",
      };
    }),
  );
}

/** Kinds of processes by what stands in their command line; the first that fits counts. */
const kinds = [
  { kind: "the runner", mark: "/runner.mjs" },
  { kind: "the warden", mark: "/warden.mjs" },
  { kind: "the workers", mark: "/worker.mjs" },
  { kind: "the host", mark: "/cli.js" },
];

interface Call {
  /** Ms since the epoch. */
  readonly at: number;
  readonly call: string;
  readonly text: string;
}

type Threads = ReadonlyMap<number, readonly Call[]>;

/** Every thread's calls by its id. */
async function readTraces(directory: string): Promise<Threads> {
  const files = (await readdir(directory)).filter((name) => name.startsWith(`${prefix}.`));
  return new Map(
    await Promise.all(
      files.map(async (name): Promise<[number, readonly Call[]]> => {
        const text = await readFile(join(directory, name), "utf8");
        return [Number(name.slice(prefix.length + 1)), text.split("\n").flatMap(readCall)];
      }),
    ),
  );
}

function readCall(line: string): readonly Call[] {
  const [, at, call, text] = /^(\d+\.\d+) (\w+)\((.*)$/.exec(line) ?? [];
  if (at === undefined || call === undefined || text === undefined) return [];
  return [{ at: Number(at) * 1_000, call, text }];
}

/** What a thread belongs to: by the program it became, else by the thread that made it. */
function kindOf(id: number, threads: Threads): string | undefined {
  const became = (threads.get(id) ?? []).findLast(
    ({ call, text }) => call === "execve" && text.endsWith(" = 0"),
  );
  if (became !== undefined) return kinds.find(({ mark }) => became.text.includes(mark))?.kind;
  const [maker] = [...threads].find(([, calls]) => calls.some((call) => bore(call, id))) ?? [];
  return maker === undefined ? undefined : kindOf(maker, threads);
}

function bore({ call, text }: Call, id: number): boolean {
  return births.includes(call) && text.endsWith(` = ${id}`);
}
