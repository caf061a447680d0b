import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claim, claimName, claimsIn } from "../../src/lib/claim.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "muster-claim-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("claim", () => {
  it("has exactly one winner among many contenders, whose content is whole", async () => {
    for (let number = 1; number <= 20; number += 1) {
      const path = join(directory, claimName(number, "json"));
      const contenders = Array.from({ length: 16 }, (_, id) => claim(path, `from ${id}`, { durable: false }));
      const won = await Promise.all(contenders);
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await readFile(path, "utf8")).toBe(`from ${won.indexOf(true)}`);
    }
    expect((await readdir(directory)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("lists claims by number, whatever else lies there", async () => {
    for (const name of [
      "0002.json",
      "10000.json",
      "0011.json",
      "2.json",
      "0003.json.bad",
      "x.json",
      "0000.json",
    ]) {
      await writeFile(join(directory, name), "");
    }
    expect(await claimsIn(directory, "json")).toEqual([2, 11, 10_000]);
    expect(await claimsIn(join(directory, "none"), "json")).toEqual([]);
  });
});
