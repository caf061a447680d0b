import { expect, it } from "vitest";
import { simulate } from "./simulate.ts";

const seeds = 300;
const batch = 50;

it.each(Array.from({ length: seeds / batch }, (_, index) => [index * batch + 1, (index + 1) * batch]))(
  "keeps every promise in the worlds of seeds %i to %i",
  async (first, last) => {
    const failed: string[] = [];
    for (let seed = first; seed <= last; seed++) {
      const { violations } = await simulate(seed);
      if (violations.length > 0) failed.push(`seed ${seed}: ${violations[0]}`);
    }
    expect(failed).toEqual([]);
  },
);

it("one seed gives one world, to the last record", async () => {
  const [once, again] = [await simulate(11), await simulate(11)];
  expect(again).toEqual(once);
  expect(once.journal.length).toBeGreaterThan(3);
});
