/** One measured number. */
export interface Figure {
  readonly what: string;
  /** The median where something was repeated. */
  readonly value: number;
  readonly unit: "ms" | "tokens" | "1/s" | "bytes" | "count" | "ratio";
  /** Smallest and largest of the repetitions. */
  readonly spread?: readonly [least: number, most: number];
  /** What we promise; absent for a figure that is only told. */
  readonly atMost?: number;
}

export interface Benchmark {
  readonly name: string;
  /** What is measured, against what, in one line. */
  readonly about: string;
  /** `rounds` overrides how often the timed part is repeated. Cleans up after itself. */
  run(rounds?: number): Promise<readonly Figure[]>;
}

/** Median and spread of repetitions: a ratio to thousandths, the rest to tenths. */
export function figureOf(
  what: string,
  unit: Figure["unit"],
  samples: readonly number[],
  atMost?: number,
): Figure {
  const parts = unit === "ratio" ? 1_000 : 10;
  const sorted = samples.map((sample) => Math.round(sample * parts) / parts).sort((a, b) => a - b);
  const [least, median, most] = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  if (least === undefined || median === undefined || most === undefined)
    throw new Error(`nothing was measured: ${what}`);
  return { what, unit, value: median, spread: [least, most], ...(atMost === undefined ? {} : { atMost }) };
}
