import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { runDirectory } from "../../src/store/run-directory.ts";
import { readTranscript } from "../../src/store/transcript.ts";

const runId = "20260101-000000-test";

async function withTranscript(text: string | undefined) {
  const root = await mkdtemp(join(tmpdir(), "muster-transcript-"));
  onTestFinished(() => rm(root, { recursive: true }));
  const run = runDirectory(root, runId);
  const directory = join(run.attempts, "build-1");
  await mkdir(directory, { recursive: true });
  const write = (now: string) => writeFile(join(directory, "session.jsonl"), now);
  if (text !== undefined) await write(text);
  return { run, write };
}

test("read from its end to its beginning, a transcript of any records is whole, and no record twice", async () => {
  const anyRecord = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 60 })
    .map((text) => JSON.stringify(text));
  const { run, write } = await withTranscript(undefined);
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRecord, { maxLength: 12 }),
      fc.integer({ min: 64, max: 400 }),
      async (records, maxBytes) => {
        await write(records.map((record) => `${record}\n`).join(""));
        let found: readonly string[] = [];
        let before: number | undefined;
        for (let part = 0; part < 100 && before !== 0; part++) {
          const read = await readTranscript(run, "build", 1, {
            maxBytes,
            ...(before !== undefined && { before }),
          });
          found = [...read.records, ...found];
          before = read.from;
        }
        expect(found).toEqual(records);
      },
    ),
    { numRuns: 60 },
  );
});

test("who follows gets what was added, and a line only when it is whole; of no file, nothing", async () => {
  const { run, write } = await withTranscript('{"a":1}\n{"b"');
  const first = await readTranscript(run, "build", 1, { maxBytes: 1_000 });
  expect(first).toMatchObject({ records: ['{"a":1}'], from: 0, to: 8 });
  await write('{"a":1}\n{"b":2}\n');
  const next = await readTranscript(run, "build", 1, { after: first.to, maxBytes: 1_000 });
  expect(next).toMatchObject({ records: ['{"b":2}'], to: 16 });
  const none = await readTranscript(run, "other", 1, { maxBytes: 1_000 });
  expect(none).toMatchObject({ records: [], from: 0, to: 0 });
});

test("a record that is out of all bounds is skipped, not read into memory", async () => {
  const { run } = await withTranscript(`"${"x".repeat(20_000)}"\n"small"\n`);
  const first = await readTranscript(run, "build", 1, { after: 0, maxBytes: 100 });
  expect(first.records).toEqual([]);
  expect(first.to).toBeGreaterThan(0);
  expect((await readTranscript(run, "build", 1, { maxBytes: 100 })).records).toEqual(['"small"']);
});
