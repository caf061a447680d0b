import { expect, it } from "vitest";
import { playTwoHosts } from "../chaos/two-hosts.ts";

/** `npm run chaos -- --two-hosts --rounds N` plays more of them. */
it.each([1, 4])(
  "two hosts do what they like to one project, and nothing is lost or mixed up (seed %i)",
  async (seed) => {
    const { violations, runs, calls } = await playTwoHosts(seed, 12, { patience: 2, keep: false });
    expect(violations).toEqual([]);
    expect(runs).toBeGreaterThan(3);
    expect(Object.keys(calls).length).toBeGreaterThan(4);
  },
);
