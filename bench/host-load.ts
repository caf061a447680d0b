import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { filesBelow, makePlace, removePlace, until } from "../test/support/host.ts";
import { cpuMsOf } from "./cpu.ts";
import { type Benchmark, type Figure, figureOf } from "./figure.ts";
import { hostOnlyExtension, runnerOf, type Team, tokensPerWorker, withTeam } from "./team.ts";

const idleForMs = 4_000;

/** What the person at the host feels while a team works. Linux only: the runner's times come from /proc. */
export const hostLoad: Benchmark = {
  name: "host-load",
  about: `the host while 8 workers stream ${tokensPerWorker} tokens each, one a millisecond`,
  async run(rounds = 3) {
    const probe = await makePlace();
    const found = join(probe.top, "found.json");
    try {
      const extension = await hostOnlyExtension(join(probe.top, "probe.mjs"), probeSource(found));
      return await withTeam((team) => measured(team, found, rounds), { extensions: [extension] });
    } finally {
      await removePlace(probe);
    }
  },
};

/** Measures from the tool's call to its result, inside the host. The histogram's resolution is its floor. */
function probeSource(found: string): string {
  return `  const delay = monitorEventLoopDelay({ resolution: 5 });
  let before;
  pi.on("tool_call", () => { delay.reset(); delay.enable(); before = process.cpuUsage(); });
  pi.on("tool_result", () => {
    const { user, system } = process.cpuUsage(before);
    delay.disable();
    writeFileSync(${JSON.stringify(found)}, JSON.stringify({
      cpuMs: (user + system) / 1e3, p99Ms: delay.percentile(99) / 1e6, maxMs: delay.max / 1e6 }));
  });`;
}

interface Sample {
  readonly cpuMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;

  readonly runnerMs: number;
  readonly wallMs: number;
  /** The same host, doing nothing for as long as the run took. */
  readonly idleMs: number;
}

async function measured(team: Team, found: string, rounds: number): Promise<readonly Figure[]> {
  const samples: Sample[] = [];
  // One round more, unmeasured: the first call loads the house.
  for (let round = -1; round < rounds; round++) {
    const ending = new AbortController();
    const runner = runnerCpu(team, ending.signal);
    const run = await team.run("streaming 8");
    await run.settled();
    ending.abort();
    const told = JSON.parse(await readFile(found, "utf8"));
    const { wallMs } = run;
    const idleMs = ((await idleCpuMs(team)) / idleForMs) * wallMs;
    if (round >= 0) samples.push({ ...told, runnerMs: await runner, wallMs, idleMs });
  }
  const of = (what: string, key: keyof Sample, atMost?: number): Figure =>
    figureOf(
      what,
      "ms",
      samples.map((sample) => sample[key]),
      atMost,
    );
  return [
    of("host CPU", "cpuMs", 500),
    of("CPU of the idle host in that time", "idleMs"),
    of("host event-loop delay p99", "p99Ms"),
    of("host event-loop delay max", "maxMs"),
    of("runner CPU", "runnerMs"),
    of("wall time", "wallMs"),
  ];
}

async function idleCpuMs(team: Team): Promise<number> {
  const before = await cpuMsOf(team.host.pid, "alone");
  await pause(idleForMs);
  return (await cpuMsOf(team.host.pid, "alone")) - before;
}

/** User and system time of the newest run's runner as last seen before it ended; 20 ms at most are missed. */
async function runnerCpu(team: Team, signal: AbortSignal): Promise<number> {
  const runs = join(team.place.workspace, ".muster/runs");
  const isJournal = (file: string): boolean => file.endsWith("journal/0001.jsonl");
  const journals = async () => (await filesBelow(runs).catch(() => [])).filter(isJournal);
  const before = new Set(await journals());
  let fresh: string | undefined;
  await until("a run begins", async () => {
    fresh = (await journals()).find((file) => !before.has(file));
    return fresh !== undefined;
  });
  const pid = await runnerOf(join(runs, fresh ?? "", "../.."));
  let seen = 0;
  while (!signal.aborted) {
    const now = await cpuMsOf(pid, "alone");
    if (Number.isNaN(now)) break;
    seen = now;
    await pause(20);
  }
  return seen;
}
