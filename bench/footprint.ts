import { output } from "../test/package/packed.ts";
import { makePlace, removePlace } from "../test/support/host.ts";
import type { Benchmark, Figure } from "./figure.ts";
import { asked, type Span, straceInto } from "./strace.ts";
import { sizesBelow, type Team, withTeam } from "./team.ts";

/** What a task that does nothing leaves on the disk, and what it asks of the disk until then. */
export const footprint: Benchmark = {
  name: "footprint",
  about:
    "what no-op tasks leave in the run's directory, and the renames and fsyncs of all processes (by strace)",
  async run() {
    if (!(await hasStrace())) {
      console.error("strace is missing or may not trace here: renames and fsyncs are not counted");
      return withTeam(async (team) => [...(await one(team)).figures, ...(await eight(team)).figures]);
    }
    const traces = await makePlace();
    try {
      const through = straceInto(traces.top);
      const runs = await withTeam(async (team) => [await one(team), await eight(team)], { through });
      const calls = runs.map(({ tasks, span }) => asked(traces.top, span, tasks));
      return [...runs.flatMap(({ figures }) => figures), ...(await Promise.all(calls)).flat()];
    } finally {
      await removePlace(traces);
    }
  },
};

function hasStrace(): Promise<boolean> {
  return output("/", "strace", ["-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync", "true"]).then(
    () => true,
    () => false,
  );
}

interface Left {
  readonly tasks: number;
  readonly span: Span;
  readonly figures: readonly Figure[];
}

const one = (team: Team): Promise<Left> => left(team, "instant 1", 1);
const eight = (team: Team): Promise<Left> => left(team, "instant 8", 8);

/** Files and bytes of each task once everything of the run is gone. */
async function left(team: Team, what: Parameters<Team["run"]>[0], tasks: number): Promise<Left> {
  const from = Date.now();
  const run = await team.run(what);
  await run.settled();
  const to = Date.now();
  const sizes = [...(await sizesBelow(run.directory))];
  const isTranscript = ([file]: readonly [string, number]): boolean => file.endsWith("session.jsonl");
  const counted = sizes.filter((entry) => !isTranscript(entry));
  const bytes = (entries: typeof sizes): number => entries.reduce((sum, [, size]) => sum + size, 0) / tasks;
  const each = tasks === 1 ? "1 task" : `each of ${tasks} tasks`;
  return {
    tasks,
    span: { from, to },
    figures: [
      { what: `files, ${each}`, value: counted.length / tasks, unit: "count", atMost: 8 },
      { what: `bytes, ${each}`, value: Math.round(bytes(counted)), unit: "bytes", atMost: 16_384 },
      {
        what: `bytes of transcript, ${each}`,
        value: Math.round(bytes(sizes.filter(isTranscript))),
        unit: "bytes",
      },
    ],
  };
}
