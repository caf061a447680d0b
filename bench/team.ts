import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { withPacked } from "../test/package/packed.ts";
import {
  type Host,
  hostCli,
  isAlive,
  type Json,
  makePlace,
  node,
  type Place,
  removePlace,
  startHost,
} from "../test/support/host.ts";

/** What each worker is told, word for word what a bare child is told. */
export const instantTask = "Benchmark: answer at once.";
const streamingTask = "Benchmark: stream tokens.";
export const tokensPerWorker = 2_000;

/**
 * One script for lead, workers and bare children. A worker hands in its result as real ones do, with one call; a bare
 * child has no such tool and answers with a text: one model call on either side.
 */
const script = [
  leadRule("instant 1", 1, instantTask),
  leadRule("instant 8", 8, instantTask),
  leadRule("streaming 8", 8, streamingTask),
  {
    name: "worker: instant",
    when: { prompt: instantTask, system: "submit_result" },
    turns: [[{ tool: "submit_result", arguments: { result: "done" } }]],
  },
  {
    name: "worker: streaming",
    when: { prompt: streamingTask },
    turns: [
      [
        { tokens: tokensPerWorker, everyMs: 1 },
        { tool: "submit_result", arguments: { result: "done" } },
      ],
    ],
  },
  { name: "bare child", when: { prompt: instantTask }, turns: [[{ text: "done" }]] },
];

function leadRule(name: string, count: number, task: string) {
  const tasks = Array.from({ length: count }, (_, i) => ({ id: `t${i + 1}`, agent: "explorer", task }));
  const run = { action: "run", goal: "Benchmark.", tasks, concurrency: 8 };
  return {
    name: `lead: ${name}`,
    when: { prompt: `the lead of a benchmark: ${name}` },
    turns: [[{ tool: "team", arguments: run }], [{ text: "done" }]],
  };
}

/** The real host with the packed extension and the scripted model, in a home of its own. */
export interface Team {
  readonly place: Place;
  readonly host: Host;
  /** Has the lead call the tool and waits for its result; throws unless all tasks completed. */
  run(what: "instant 1" | "instant 8" | "streaming 8"): Promise<TeamRun>;
  /** A bare child's command line, the same flags as a worker's as far as both have them. */
  readonly bare: readonly [command: string, ...args: string[]];
  readonly environment: NodeJS.ProcessEnv;
}

export interface TeamRun {
  /** From the prompt to the tool's result, as a client of the host sees it. */
  readonly wallMs: number;
  /** The run's directory. */
  readonly directory: string;
  /** Resolves when the runner has ended too. */
  settled(): Promise<void>;
}

export interface TeamTerms {
  /** Files for `-e` besides ours. Workers load them too. */
  readonly extensions?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A program and its arguments that start the host. */
  readonly through?: readonly string[];
}

/** Starts a team, hands it over, ends it and removes what it left. */
export function withTeam<T>(use: (team: Team) => Promise<T>, terms: TeamTerms = {}): Promise<T> {
  return withPacked(async (packed) => {
    const place = await makePlace();
    try {
      return await inPlace(place, packed, terms, use);
    } finally {
      await removePlace(place);
    }
  });
}

async function inPlace<T>(
  place: Place,
  packed: string,
  { extensions = [], environment = {}, through }: TeamTerms,
  use: (team: Team) => Promise<T>,
): Promise<T> {
  const provider = join(packed, "dist/scripted-model.mjs");
  const host = await startHost({
    place,
    extensions: [packed, provider, ...extensions],
    script,
    environment,
    ...(through === undefined ? {} : { through }),
  });
  const lean = ["--no-session", "-ne", "-ns", "-np", "--no-themes", "--model", "scripted/demo"];
  try {
    return await use({
      place,
      host,
      run: (what) => leadOn(host, what),
      bare: [node, hostCli, "--mode", "json", "-p", ...lean, "-e", provider, instantTask],
      environment: {
        PATH: process.env.PATH,
        TMPDIR: process.env.TMPDIR,
        HOME: place.home,
        PI_CODING_AGENT_DIR: place.agentDir,
        PI_OFFLINE: "1",
        PI_TELEMETRY: "0",
        PI_MUSTER_SCRIPT: join(place.top, "script.json"),
      },
    });
  } finally {
    await host.end();
  }
}

async function leadOn(host: Host, what: string): Promise<TeamRun> {
  const since = host.events.length;
  const startedAt = performance.now();
  host.send({ type: "prompt", message: `You are the lead of a benchmark: ${what}` });
  const isEnd = (event: Json) => event.type === "tool_execution_end" && event.toolName === "team";
  const end = await host.event(isEnd, since);
  const wallMs = performance.now() - startedAt;
  await host.event((event) => event.type === "agent_end", since);
  const directory = directoryIn(end);
  return { wallMs, directory, settled: () => runnerGone(directory) };
}

function directoryIn({ isError, result }: Json): string {
  const told = JSON.stringify(result);
  const directory: unknown = JSON.parse(told).details?.paths?.[0];
  if (isError === true || typeof directory !== "string") throw new Error(`the run failed: ${told}`);
  return directory;
}

/** Pid of the process that drives or drove the run. */
export async function runnerOf(directory: string): Promise<number> {
  const [first = ""] = (await readFile(join(directory, "journal/0001.jsonl"), "utf8")).split("\n");
  const { pid } = JSON.parse(first);
  if (typeof pid !== "number") throw new Error(`no driver in ${first}`);
  return pid;
}

async function runnerGone(directory: string): Promise<void> {
  const pid = await runnerOf(directory);
  while (isAlive(pid)) await pause(20);
}

/** Writes an extension that only the host itself obeys: workers load what the host's command line names. */
export async function hostOnlyExtension(file: string, body: string): Promise<string> {
  await writeFile(
    file,
    `import { writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
export default (pi) => {
  if (process.env.PI_MUSTER_RUN) return;
${body}
};
`,
  );
  return file;
}

/** Every file below a directory with its size in bytes. */
export async function sizesBelow(directory: string): Promise<ReadonlyMap<string, number>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return new Map(files.map((file, i) => [file.slice(directory.length + 1), sizes[i] ?? 0]));
}
