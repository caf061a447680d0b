import { spawn } from "node:child_process";
import { cpuMsOf } from "./cpu.ts";
import { type Benchmark, type Figure, figureOf } from "./figure.ts";
import { type Team, withTeam } from "./team.ts";

const tasks = 8;

/** What the house costs around the processes that it cannot do without. */
export const endToEnd: Benchmark = {
  name: "end-to-end",
  about: `${tasks} instant tasks through the tool of a running host, against ${tasks} bare children at once, in one round`,
  run: (rounds = 9) => withTeam((team) => compared(team, rounds)),
};

interface Cost {
  readonly wallMs: number;
  /** User and system time of every process that took part; NaN where the kernel does not tell. */
  readonly cpuMs: number;
}

async function compared(team: Team, rounds: number): Promise<readonly Figure[]> {
  const samples: { readonly floor: Cost; readonly ours: Cost }[] = [];
  // One round more, unmeasured: the first one loads the house and warms the disk.
  for (let round = -1; round < rounds; round++) {
    const isFloorFirst = round % 2 === 0;
    const early = isFloorFirst ? await floor(team) : undefined;
    const ours = await throughTheHost(team);
    const sample = { floor: early ?? (await floor(team)), ours };
    if (round >= 0) samples.push(sample);
  }
  const of = (pick: (sample: (typeof samples)[number]) => number) => samples.map(pick);
  return [
    figureOf(
      "wall time, ratio to the floor",
      "ratio",
      of(({ floor, ours }) => ours.wallMs / floor.wallMs),
      1.1,
    ),
    figureOf(
      "wall time through the host",
      "ms",
      of(({ ours }) => ours.wallMs),
    ),
    figureOf(
      "wall time of bare children",
      "ms",
      of(({ floor }) => floor.wallMs),
    ),
    figureOf(
      "CPU, ratio to the floor",
      "ratio",
      of(({ floor, ours }) => ours.cpuMs / floor.cpuMs),
    ),
    figureOf(
      "CPU through the host",
      "ms",
      of(({ ours }) => ours.cpuMs),
    ),
    figureOf(
      "CPU of bare children",
      "ms",
      of(({ floor }) => floor.cpuMs),
    ),
  ];
}

async function throughTheHost(team: Team): Promise<Cost> {
  const cpu = await cpuMsOf(team.host.pid);
  const run = await team.run("instant 8");
  // Its last processes are not to weigh on the floor.
  await run.settled();
  return { wallMs: run.wallMs, cpuMs: (await cpuMsOf(team.host.pid)) - cpu };
}

async function floor(team: Team): Promise<Cost> {
  const cpu = await cpuMsOf(process.pid, "of its children");
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: tasks }, () => bareChild(team)));
  const wallMs = performance.now() - startedAt;
  return { wallMs, cpuMs: (await cpuMsOf(process.pid, "of its children")) - cpu };
}

/**
 * Each in a session of its own, as workers are: Linux gives every session the same share of the processor, so that on a
 * busy machine children of one session would stand back behind workers.
 */
async function bareChild(team: Team): Promise<void> {
  const [command, ...args] = team.bare;
  const child = spawn(command, args, {
    cwd: team.place.workspace,
    env: team.environment,
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  if (!said.includes('"text":"done"')) throw new Error(`a bare child did not answer: ${said.slice(-500)}`);
}
