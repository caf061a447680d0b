import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { alwaysOn } from "./always-on.ts";
import { endToEnd } from "./end-to-end.ts";
import { engine } from "./engine.ts";
import type { Benchmark, Figure } from "./figure.ts";
import { foldJournal } from "./fold.ts";
import { footprint } from "./footprint.ts";
import { history } from "./history.ts";
import { hostLoad } from "./host-load.ts";
import { idle } from "./idle.ts";
import { startUp } from "./start-up.ts";
import { ui } from "./ui.ts";

/** Every benchmark, in the order they run. To add one is to add a line. */
const benchmarks: readonly Benchmark[] = [
  engine,
  foldJournal,
  history,
  ui,
  alwaysOn,
  startUp,
  endToEnd,
  hostLoad,
  idle,
  footprint,
];

const usage = `npm run bench -- [--json] [--only <name>] [--rounds <n>]
  --json    one JSON object on stdout, nothing else
  --only    one of: ${benchmarks.map((one) => one.name).join(", ")}
  --rounds  repetitions of what is timed; every benchmark has its own default`;

interface Wish {
  readonly json: boolean;
  readonly chosen: readonly Benchmark[];
  readonly rounds: number | undefined;
}

function wishOf(args: readonly string[]): Wish {
  const { values } = parseArgs({
    args: [...args],
    options: { json: { type: "boolean" }, only: { type: "string" }, rounds: { type: "string" } },
  });
  const { json = false, only, rounds } = values;
  const chosen = benchmarks.filter((one) => only === undefined || one.name === only);
  const isCount = rounds === undefined || (Number.isInteger(Number(rounds)) && Number(rounds) > 0);
  if (chosen.length === 0 || !isCount) throw new Error(usage);
  return { json, chosen, rounds: rounds === undefined ? undefined : Number(rounds) };
}

function line(figure: Figure): string {
  const spread = figure.spread === undefined ? "" : ` [${figure.spread.join(" to ")}]`;
  const budget =
    figure.atMost === undefined
      ? ""
      : figure.value <= figure.atMost
        ? `  within ${figure.atMost}`
        : `  OVER ${figure.atMost}`;
  return `  ${figure.what}: ${figure.value}${spread} ${figure.unit}${budget}`;
}

async function main(): Promise<void> {
  const { json, chosen, rounds } = wishOf(process.argv.slice(2));
  const all: Record<string, readonly Figure[]> = {};
  for (const benchmark of chosen) {
    if (!json) console.log(`${benchmark.name}: ${benchmark.about}`);
    const figures = await benchmark.run(rounds);
    all[benchmark.name] = figures;
    if (!json) console.log(`${figures.map(line).join("\n")}\n`);
  }
  const machine = {
    node: process.version,
    cores: cpus().length,
    load: loadavg().map((load) => Math.round(load * 10) / 10),
  };
  console.log(
    json
      ? JSON.stringify({ machine, benchmarks: all })
      : `node ${machine.node}, ${machine.cores} cores, load ${machine.load.join(" ")}`,
  );
}

await main();
