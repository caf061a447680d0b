import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { faulty, mutants } from "../../scripts/mutants.mjs";

it("every mutant still fits the source and is listed; node scripts/mutants.mjs sees that each is caught", async () => {
  const list = await readFile(join(import.meta.dirname, "../mutants.md"), "utf8");
  const listed = [...list.matchAll(/^\| ([a-z-]+) \|/gm)].map(([, name]) => name);
  expect(listed.filter((name) => name !== "mutant").sort()).toEqual(mutants.map(({ name }) => name).sort());
  for (const mutant of mutants) await faulty(mutant);
});
