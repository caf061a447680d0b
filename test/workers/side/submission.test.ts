import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OutcomeRecord } from "../../../src/core/outcome.ts";
import { readSubmission, type SubmissionDesk, submit } from "../../../src/workers/side/submission.ts";

let top: string;
let desk: SubmissionDesk;

beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), "muster-submit-"));
  await mkdir(join(top, "ws/docs"), { recursive: true });
  desk = deskWith({});
});
afterEach(() => rm(top, { recursive: true, force: true }));

function deskWith(change: Partial<SubmissionDesk["assignment"]>): SubmissionDesk {
  return {
    assignment: {
      runId: "run-12345678",
      task: "build",
      agent: "executor",
      attempt: 2,
      outcomePath: join(top, "run/attempts/build-2/outcome.json"),
      artifactsDir: join(top, "run/artifacts"),
      workspace: join(top, "ws"),
      permission: "write",
      rules: { deny: [], ask: [], allow: [], askMaxMs: 0 },
      excludeTools: [],
      expectedParentPid: 1,
      depth: 1,
      resultMaxBytes: 100,
      ...change,
    },
    model: "scripted/demo",
    now: () => 0,
    redact: (text) => text.replaceAll("s3cret", "[redacted]"),
  };
}
const outcome = async (): Promise<OutcomeRecord> =>
  JSON.parse(await readFile(desk.assignment.outcomePath, "utf8"));

describe("submit", () => {
  it("leaves a whole, redacted outcome and nothing else", async () => {
    await writeFile(join(top, "ws/docs/a.md"), "key s3cret\n");
    await writeFile(join(top, "ws/b.bin"), Buffer.from([0, 255, 1]));
    const said = await submit({ result: "done with s3cret", artifacts: ["docs/a.md", "b.bin"] }, desk);
    expect(said).toEqual({ kind: "stored", artifacts: ["build-2/docs/a.md", "build-2/b.bin"] });
    const text = "done with [redacted]";
    expect(await outcome()).toMatchObject({
      v: 1,
      runId: "run-12345678",
      task: "build",
      attempt: 2,
      at: "1970-01-01T00:00:00.000Z",
      outcome: {
        kind: "completed",
        model: "scripted/demo",
        result: {
          text,
          bytes: text.length,
          truncated: false,
          form: "submitted",
          sha256: createHash("sha256").update(text).digest("hex"),
          artifacts: [
            { name: "docs/a.md", bytes: 15 },
            { name: "b.bin", bytes: 3 },
          ],
        },
      },
    });
    expect(await readFile(join(top, "run/artifacts/build-2/docs/a.md"), "utf8")).toBe("key [redacted]\n");
    expect(await readdir(join(top, "run/attempts/build-2"))).toEqual(["outcome.json"]);
  });

  it("keeps the first of two results", async () => {
    await submit({ result: "first", artifacts: [] }, desk);
    expect(await submit({ result: "second", artifacts: [] }, desk)).toEqual({ kind: "already" });
    expect((await outcome()).outcome).toMatchObject({ result: { text: "first" } });
  });

  it("refuses everything wrong at once, and writes nothing", async () => {
    await symlink("/etc/passwd", join(top, "ws/link"));
    desk = deskWith({ output: "report.md" });
    const said = await submit({ result: " \n", artifacts: ["../x", "missing", "docs", "link"] }, desk);
    expect(said.kind === "refused" ? said.problems.map((problem) => problem.split(";")[0]) : said).toEqual([
      '"result" is empty',
      'artifact "../x" does not exist',
      'artifact "missing" does not exist',
      'artifact "docs" is not a plain file',
      'artifact "link" leads out of the working directory',
      'the output that this task must leave behind "report.md" does not exist',
    ]);
    expect(await readdir(join(top, "run/artifacts")).catch(() => [])).toEqual([]);
    expect(await readdir(join(top, "run")).catch(() => [])).not.toContain("attempts");
    await writeFile(join(top, "ws/report.md"), "r");
    expect(await submit({ result: "ok", artifacts: [] }, desk)).toMatchObject({ kind: "stored" });
  });

  it("cuts a long result between characters and keeps the whole of it as an artifact", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "grapheme", minLength: 101 }),
        fc.integer({ min: 1, max: 100 }),
        async (text, max) => {
          fc.pre(text.trim() !== "");
          desk = deskWith({ resultMaxBytes: max });
          await rm(join(top, "run"), { recursive: true, force: true });
          await submit({ result: text, artifacts: [] }, { ...desk, redact: (same) => same });
          const { outcome: ended } = await outcome();
          if (ended.kind !== "completed") throw new Error(`it ${ended.kind}`);
          expect(text.toWellFormed().startsWith(ended.result.text)).toBe(true);
          expect(Buffer.byteLength(ended.result.text)).toBeLessThanOrEqual(max);
          expect(ended.result.truncated).toBe(true);
          const whole = await readFile(join(top, "run/artifacts/build-2.md"), "utf8");
          expect(whole).toBe(text.toWellFormed());
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe("readSubmission", () => {
  it.each([
    [{ result: "r" }, { result: "r", artifacts: [] }],
    [
      { result: "r", artifacts: "" },
      { result: "r", artifacts: [] },
    ],
    [
      { result: "r", artifacts: null },
      { result: "r", artifacts: [] },
    ],
    [
      { result: "r", artifacts: "null" },
      { result: "r", artifacts: [] },
    ],
    [
      { result: "r", artifacts: "a.md" },
      { result: "r", artifacts: ["a.md"] },
    ],
    [
      { result: "r", artifacts: '["a","b"]' },
      { result: "r", artifacts: ["a", "b"] },
    ],
    [
      { result: "r", artifacts: ["a", "a", "", null] },
      { result: "r", artifacts: ["a"] },
    ],
    [
      { result: "r", artifacts: "[odd].md" },
      { result: "r", artifacts: ["[odd].md"] },
    ],
    [{ result: null }, { result: "", artifacts: [] }],
    [{ result: { ok: true } }, { result: '{\n  "ok": true\n}', artifacts: [] }],
    [null, { result: "", artifacts: [] }],
    ["plain", { result: "plain", artifacts: [] }],
  ])("%j", (raw, read) => {
    expect(readSubmission(raw)).toEqual(read);
    expect(readSubmission(readSubmission(raw))).toEqual(read);
  });
});
