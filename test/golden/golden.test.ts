import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRunStore } from "../../src/store/run-store.ts";
import { record, stories, summaryOf } from "./record.ts";

const journals = join(import.meta.dirname, "journals");
const newest = "0.1.0";

let root = "";

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "muster-golden-test-"));
  // A release records its journals once; those of older ones stay as their users have them.
  if (process.env.RECORD_GOLDEN === newest) {
    for (const [name, story] of Object.entries(stories))
      await record(name, story, join(journals, newest, name));
  }
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** What the store reads from a journal in its place. */
async function read(directory: string): Promise<ReturnType<typeof summaryOf>> {
  const runId = "20260101-000000-golden";
  await rm(join(root, "runs"), { recursive: true, force: true });
  const store = openRunStore(root);
  await store.create(runId);
  const place = join(root, "runs", runId, "journal");
  await cp(directory, place, { recursive: true, filter: (path) => !path.endsWith("summary.json") });
  const { events, problem } = await store.read(runId);
  expect(problem).toBeUndefined();
  return summaryOf(events);
}

describe("journals that releases have written", () => {
  it("still fold to what they meant then", async () => {
    for (const release of await readdir(journals)) {
      const names = await readdir(join(journals, release));
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) {
        const directory = join(journals, release, name);
        const summary = JSON.parse(await readFile(join(directory, "summary.json"), "utf8"));
        expect({ release, name, ...(await read(directory)) }).toEqual({ release, name, ...summary });
      }
    }
  });

  it.each(Object.entries(stories))("are what today's driver writes: %s", async (name, story) => {
    const directory = join(root, "today", name);
    await record(name, story, directory);
    const golden = await readFile(join(journals, newest, name, "summary.json"), "utf8");
    expect(JSON.parse(await readFile(join(directory, "summary.json"), "utf8"))).toEqual(JSON.parse(golden));
  });
});
