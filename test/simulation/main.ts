import { parseArgs } from "node:util";
import { simulate, type WorldReport } from "./simulate.ts";
import type { Tally } from "./world.ts";

/**
 * `--seeds N` worlds from `--seed S` on (1); `--journal` prints what the last one recorded. One summary line; exit code 1
 * and a line for each failing seed when there is one.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string" },
      seed: { type: "string" },
      journal: { type: "boolean", default: false },
    },
  });
  const first = Number(values.seed ?? 1);
  const count = Number(values.seeds ?? (values.seed === undefined ? 300 : 1));
  if (!Number.isInteger(first) || !Number.isInteger(count) || count < 1)
    throw new Error("--seeds and --seed take whole numbers");
  const startedAt = performance.now();
  const unhandled: unknown[] = [];
  process.on("unhandledRejection", (reason) => unhandled.push(reason));
  const failed: number[] = [];
  const total: Record<string, number> = { steps: 0, events: 0 };
  for (let seed = first; seed < first + count; seed++) {
    const report = await simulate(seed);
    await new Promise((resolve) => setImmediate(resolve));
    const violations = [...report.violations, ...unhandled.splice(0).map(shown)];
    add(total, report);
    if (values.journal) for (const event of report.journal) console.log(JSON.stringify(event));
    if (violations.length === 0) continue;
    failed.push(seed);
    console.log(`seed ${seed}: ${violations[0]}`);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const counts = Object.entries(total).map(([name, value]) => `${value} ${name}`);
  console.log(
    `${count} seeds, ${failed.length} failed, ${(count / seconds).toFixed(0)} seeds/s; ${counts.join(", ")}`,
  );
  process.exitCode = failed.length > 0 ? 1 : 0;
}

function add(total: Record<string, number>, { steps, journal, tally }: WorldReport): void {
  const counts: Tally & { steps: number; events: number } = { ...tally, steps, events: journal.length };
  for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
}

function shown(reason: unknown): string {
  return `unhandled: ${reason instanceof Error ? reason.stack : String(reason)}`;
}

await main();
