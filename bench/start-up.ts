import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { startUntilAnswer, withPacked } from "../test/package/packed.ts";
import { type Benchmark, type Figure, figureOf } from "./figure.ts";

/**
 * What the packed extension adds to the start of the host, from spawn to its first answer. Each round starts the bare host
 * and the host with the package, the first one alternating; the figure is the median of the differences within rounds.
 */
export const startUp: Benchmark = {
  name: "start-up",
  about: "host with the packed extension less the bare host, paired within each round, to the first answer",
  run: (rounds = 9) =>
    withPacked(async (packed, home) => [
      ...(await compared("warm loader cache", packed, rounds, await keptCache(home))),
      ...(await compared("empty loader cache", packed, rounds, await freshCaches(home))),
    ]),
};

/** Yields the temporary directory for the next start: the host's loader keeps its cache there. */
type Caches = () => Promise<string>;

async function keptCache(home: (name: string) => Promise<string>): Promise<Caches> {
  const kept = await home("kept-cache");
  return async () => kept;
}

async function freshCaches(home: (name: string) => Promise<string>): Promise<Caches> {
  const parent = await home("fresh-caches");
  return () => mkdtemp(join(parent, "t-"));
}

async function compared(
  condition: string,
  packed: string,
  rounds: number,
  cache: Caches,
): Promise<readonly Figure[]> {
  const wall: number[] = [];
  const cpu: number[] = [];
  const bareWall: number[] = [];
  // One round more, unmeasured: the first start of a file reads it from the disk.
  for (let round = -1; round < rounds; round++) {
    const one = async (extensions: readonly string[]) => startUntilAnswer(await cache(), extensions);
    const isBareFirst = round % 2 === 0;
    const first = await one(isBareFirst ? [] : [packed]);
    const second = await one(isBareFirst ? [packed] : []);
    const [bare, full] = isBareFirst ? [first, second] : [second, first];
    if (round < 0) continue;
    wall.push(full.wallMs - bare.wallMs);
    if (full.cpuMs !== undefined && bare.cpuMs !== undefined) cpu.push(full.cpuMs - bare.cpuMs);
    bareWall.push(bare.wallMs);
  }
  return [
    figureOf(`added, ${condition}`, "ms", wall, 60),
    ...(cpu.length === 0 ? [] : [figureOf(`added CPU, ${condition}`, "ms", cpu)]),
    figureOf(`bare host, ${condition}`, "ms", bareWall),
  ];
}
