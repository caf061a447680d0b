import { expect, it } from "vitest";
import { simulateSeeds } from "./main.ts";
import { simulate } from "./simulate.ts";

const seeds = 300;
const batch = 50;

it.each(Array.from({ length: seeds / batch }, (_, index) => [index * batch + 1, (index + 1) * batch]))(
  "keeps every promise in the worlds of seeds %i to %i",
  async (first, last) => {
    const lines: string[] = [];
    const failed = await simulateSeeds([`--seed=${first}`, `--seeds=${last - first + 1}`], (line) =>
      lines.push(line),
    );
    expect(failed, lines.join("\n")).toEqual([]);
  },
);

it("one seed gives one world, to the last record", async () => {
  const [once, again] = [await simulate(11), await simulate(11)];
  expect(again).toEqual(once);
  expect(once.journal.length).toBeGreaterThan(3);
});
