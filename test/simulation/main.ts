import { parseArgs } from "node:util";
import { simulate, type WorldReport } from "./simulate.ts";

/**
 * The command line: `--seeds N` worlds from `--seed S` on (1), `--journal` to print what each recorded, `--bail` to stop at
 * the first that fails. Prints a line for each failing seed and one summary. Resolves with the failing seeds; throws on arguments that make no sense.
 */
export async function simulateSeeds(
  args: readonly string[],
  print: (line: string) => void,
): Promise<readonly number[]> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: "string" },
      seed: { type: "string" },
      journal: { type: "boolean" },
      bail: { type: "boolean" },
    },
  });
  const first = Number(values.seed ?? 1);
  const count = Number(values.seeds ?? (values.seed === undefined ? 300 : 1));
  if (!Number.isInteger(first) || !Number.isInteger(count) || count < 1)
    throw new Error("--seeds and --seed take whole numbers");
  const startedAt = performance.now();
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  const failed: number[] = [];
  const total: Record<string, number> = { steps: 0, events: 0 };
  for (let seed = first; seed < first + count; seed++) {
    const report = await simulate(seed);
    // Rejections that nobody handled are told between one turn of the event loop and the next.
    await new Promise((resolve) => setImmediate(resolve));
    const violations = [...report.violations, ...unhandled.splice(0).map(shown)];
    add(total, report);
    if (values.journal) for (const event of report.journal) print(JSON.stringify(event));
    if (violations.length === 0) continue;
    failed.push(seed);
    print(`seed ${seed}: ${violations[0]}`);
    if (values.bail) break;
  }
  process.off("unhandledRejection", note);
  const rate = (count / (performance.now() - startedAt)) * 1000;
  const counts = Object.entries(total).map(([name, value]) => `${value} ${name}`);
  print(`${count} seeds, ${failed.length} failed, ${rate.toFixed(0)} seeds/s; ${counts.join(", ")}`);
  return failed;
}

function add(total: Record<string, number>, { steps, journal, tally }: WorldReport): void {
  for (const [name, count] of Object.entries({ steps, events: journal.length, ...tally }))
    total[name] = (total[name] ?? 0) + count;
}

function shown(reason: unknown): string {
  return `unhandled: ${reason instanceof Error ? reason.stack : String(reason)}`;
}
