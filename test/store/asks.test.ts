import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Once } from "../../src/core/commands.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { at, freshDirectory, runId } from "./places.ts";

const ask = (key: string, isUnderWay = true): Once => ({ key, isUnderWay: async () => isUnderWay });

async function project() {
  const root = join(await freshDirectory(), ".muster");
  let now = at;
  const clock = { now: () => now, sleep: async () => undefined };
  /** What another process sees. */
  const store = () => openRunStore(root, { clock });
  let runs = 0;
  const create = (once: Once): Promise<string> => store().create(`${runId}-${++runs}`, undefined, once);
  const pass = (ms: number): void => {
    now += ms;
  };
  const asks = () => readdir(join(root, "asks"));
  return { root, store, create, pass, asks };
}

it("of any number that ask for the same at once, one makes the run; others are told which", async () => {
  const { store, create } = await project();
  const made = await Promise.all(Array.from({ length: 20 }, (_, n) => create(ask(`key-${n % 2}`))));
  expect(new Set(made).size).toBe(2);
  expect(await store().ids()).toEqual([...new Set(made)].sort());
});

it("makes another one where the first is over, was asked for too long ago, or is something else", async () => {
  const { create, pass, asks } = await project();
  const first = await create(ask("a"));
  expect(await create(ask("b"))).not.toBe(first);
  expect(await create(ask("a", false))).not.toBe(first);
  const second = await create(ask("a", true));
  pass(29_999);
  expect(await create(ask("a"))).toBe(second);
  pass(1);
  expect(await create(ask("a"))).not.toBe(second);
  expect(await asks()).toEqual(["0004.json"]);
});

it("finishes what a killed process had claimed and not put in its place, and passes over what it cannot", async () => {
  const { root, store, create } = await project();
  const first = await create(ask("a"));
  const hidden = `.${first}.0123456789ab`;
  await rename(join(root, "runs", first), join(root, "runs", hidden));
  const claim = { key: "a", at, runId: first, ready: hidden };
  await writeFile(join(root, "asks", "0002.json"), JSON.stringify(claim));
  expect(await create(ask("a"))).toBe(first);
  expect(await store().ids()).toEqual([first]);
  await writeFile(join(root, "asks", "0003.json"), "torn");
  await writeFile(join(root, "asks", "0004.json"), JSON.stringify({ ...claim, key: "b", ready: "../../x" }));
  await mkdir(join(root, "asks", "9999"));
  expect(await create(ask("b"))).not.toBe(first);
});
