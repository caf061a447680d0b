import { join } from "node:path";
import { expect, it } from "vitest";
import { repository } from "../e2e/support/lead.ts";
import { node } from "../support/host.ts";
import { playAnywhere } from "./main.ts";

/** The machine of a test run does other things, too: what takes longer than promised here is seen by `npm run chaos`. */
const patience = 6;

it.each([1, 2, 9, 21])("round %i keeps every promise", async (seed) => {
  const replay = [node, join(repository, "scripts/chaos.mjs")] as const;
  const { violations, faults, status } = await playAnywhere(seed, { patience, keep: false }, replay);
  expect({ violations, status }).toEqual({ violations: [], status: "completed" });
  expect(Object.keys(faults)).not.toEqual([]);
});
