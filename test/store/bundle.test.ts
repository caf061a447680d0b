import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HistoryRefused, type ImportTerms } from "../../src/core/history.ts";
import { crc32 } from "../../src/lib/crc32.ts";
import { exists } from "../../src/lib/files.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { type PastWorld, pastWorld, started } from "../support/past.ts";

type Line = Record<string, unknown>;

const terms = (world: PastWorld, change: Partial<ImportTerms> = {}): ImportTerms => ({
  ...{ owner: { sessionId: "session-2" }, cwd: world.project, trusted: true, reason: "", force: false },
  ...{ settings: world.settings, maxBytes: 1_000_000 },
  ...change,
});
const exportTerms = { by: "session-1", maxBytes: 1_000_000 };

/** A finished run with these files beside its journal, and where its bundle is to go. */
async function finished(files: Readonly<Record<string, string | Buffer>> = {}) {
  const world = await pastWorld();
  const runId = await started(world);
  await Promise.all(world.drives);
  await add(world, runId, files);
  return { world, runId, bundle: join(world.project, "b.gz") };
}
async function add(world: PastWorld, runId: string, files: Readonly<Record<string, string | Buffer>>) {
  for (const [path, content] of Object.entries(files)) {
    const file = join(world.root, "runs", runId, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
}

async function linesOf(bundle: string): Promise<Line[]> {
  const text = gunzipSync(await readFile(bundle)).toString();
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
async function rewrite(bundle: string, lines: readonly unknown[]): Promise<void> {
  await writeFile(bundle, gzipSync(lines.map((line) => `${JSON.stringify(line)}\n`).join("")));
}
/** A file's line as we write it. */
function fileLine(path: string, text: string): Line {
  return { path, bytes: Buffer.byteLength(text), sha256: sha256(text), text };
}
/** The lines with an index that fits. */
function indexed(lines: readonly Line[]): Line[] {
  const files = lines.slice(1, -1).map(({ text: _, base64: __, ...file }) => file);
  return [...lines.slice(0, -1), { ...lines.at(-1), files }];
}
/** A journal's text with these records changed, checksums as they ought to be. */
function rerecorded(text: unknown, change: (record: Line) => Line | undefined): string {
  const records = String(text)
    .split("\n")
    .filter(Boolean)
    .map((line): Line => JSON.parse(line));
  return records
    .map(({ crc: _, ...record }) => change(record))
    .filter((record) => record !== undefined)
    .map((record) => {
      const body = JSON.stringify(record).slice(0, -1);
      return `${body},"crc":"${crc32(Buffer.from(body)).toString(16).padStart(8, "0")}"}\n`;
    })
    .join("");
}

const name = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 30 }),
    fc.constantFrom("a", ".hidden", "ü b", "a\\b", "-rf", "c\nd"),
  )
  .filter((text) => !/[/\0]/.test(text) && text !== "" && !/^\.{1,2}$/.test(text) && text.isWellFormed())
  .filter((text) => Buffer.byteLength(text) < 200);
const content = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom("", "s3cret42 in it", "\u001b[1m".repeat(50), "\u2028\r\n", "\ufeffbom")
    .map((text) => Buffer.from(text)),
);

describe("a bundle", () => {
  it("carries every file, and a second export is the first one but for the import", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(name, content), { maxLength: 6, selector: ([path]) => path.toLowerCase() }),
        async (files) => {
          const { world, runId, bundle } = await finished(
            Object.fromEntries(files.map(([path, bytes]) => [`artifacts/a-1/${path}`, bytes])),
          );
          const out = await world.history.exportRun(runId, bundle, exportTerms);
          const other = await pastWorld();
          expect(await other.history.importRun(bundle, terms(other))).toBe(runId);
          const again = join(other.project, "again.gz");
          const back = await other.history.exportRun(runId, again, exportTerms);
          expect(back.leftOut).toEqual([]);
          expect(back.files.filter(({ path }) => path !== "journal/0002.jsonl")).toEqual(
            out.files.map(({ redacted: _, ...file }) => file),
          );
          const added = (await linesOf(again)).find(({ path }) => path === "journal/0002.jsonl");
          const types = String(added?.text)
            .split("\n")
            .filter(Boolean)
            .map((line) => JSON.parse(line).type);
          expect(types).toEqual(["lease.taken", "run.imported"]);
          for (const [path, bytes] of files) {
            const kept = await readFile(join(other.root, "runs", runId, "artifacts/a-1", path)).catch(
              () => undefined,
            );
            if (/[\\]/.test(path) || /^\..*\.tmp$/.test(path)) expect(out.leftOut.join()).toContain(path);
            else if (bytes.includes("s3cret")) expect(String(kept)).toBe("[redacted] in it");
            else expect(kept).toEqual(bytes);
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  it("is one private file of readable lines, without links, requests and secrets", async () => {
    const { world, runId, bundle } = await finished({
      "attempts/a-1/prompt.md": "do it with s3cret1",
      "inbox/late.json": "{}",
      "artifacts/blob": Buffer.from([0, 1, 2]),
    });
    await symlink("/etc/passwd", join(world.root, "runs", runId, "artifacts/link"));
    const { leftOut, files } = await world.history.exportRun(runId, bundle, exportTerms);
    expect(leftOut).toEqual(["artifacts/link is a link"]);
    expect(files.map(({ path }) => path)).toEqual([
      "journal/0001.jsonl",
      "artifacts/blob",
      "attempts/a-1/prompt.md",
    ]);
    expect(files[1]).toMatchObject({ binary: true, bytes: 3 });
    expect(files[2]).toMatchObject({ redacted: true });
    expect(gunzipSync(await readFile(bundle)).toString()).not.toContain("s3cret");
    expect((await import("node:fs")).statSync(bundle).mode & 0o777).toBe(0o600);
    await expect(world.history.exportRun(runId, bundle, exportTerms)).rejects.toMatchObject({
      failure: { code: "EEXIST" },
    });
    expect((await readdir(world.project)).sort()).toEqual([".muster", "b.gz", "builtin"]);
  });

  it("keeps its journal whole where a secret in it has to go: seals fit, and readers go on", async () => {
    const { world, runId, bundle } = await finished();
    const loud = await world.loudHistory();
    const lease = await world.store.acquire(runId, { pid: 9, startTime: "9", bootId: "b" }, 1);
    if ("heldBy" in lease) throw new Error("nobody drives it");
    await lease.release();
    await loud.exportRun(runId, bundle, exportTerms);
    const other = await pastWorld();
    await other.history.importRun(bundle, terms(other));
    const { events, problem } = await other.engine.read(runId);
    expect(problem).toBeUndefined();
    expect(events.map(({ type }) => type).filter((type) => type === "lease.taken")).toHaveLength(3);
    expect(JSON.stringify(events)).not.toContain("the goal");
  });
});

describe("a bundle that is not one of ours", () => {
  const journal = (lines: readonly Line[]): number =>
    lines.findIndex(({ path }) => path === "journal/0001.jsonl");
  const replaced = (lines: readonly Line[], text: string): Line[] =>
    indexed(
      lines.map((line, index) => (index === journal(lines) ? fileLine("journal/0001.jsonl", text) : line)),
    );
  const withFile = (path: string) => (lines: readonly Line[]) =>
    indexed([...lines.slice(0, -1), fileLine(path, "x"), ...lines.slice(-1)]);
  const changed = (change: (record: Line) => Line | undefined) => (lines: readonly Line[]) =>
    replaced(lines, rerecorded(lines[journal(lines)]?.text, change));

  const hostile: readonly [string, (lines: readonly Line[]) => readonly unknown[]][] = [
    ...[
      "artifacts/../../../out",
      "/etc/cron.d/x",
      "artifacts/..",
      "artifacts//x",
      "artifacts\\..\\..\\x",
      "attempts/a-1/..\\x",
      "attempts/../inbox/start.json",
      "inbox/start.json",
      "manifest.json",
      "journal/0001.released",
      "journal/../x.jsonl",
      "artifacts/a\0b",
      "runner.log/x",
      "",
    ].map((path): [string, (lines: readonly Line[]) => readonly unknown[]] => [
      `a file ${JSON.stringify(path)}`,
      withFile(path),
    ]),
    ["a file twice", (lines) => indexed([...lines.slice(0, 2), ...lines.slice(1)])],
    [
      "a file where a directory is",
      (lines) =>
        indexed([
          ...lines.slice(0, -1),
          fileLine("artifacts/a", ""),
          fileLine("artifacts/a/b", ""),
          ...lines.slice(-1),
        ]),
    ],
    [
      "a changed file",
      (lines) => lines.map((line) => (line.text === undefined ? line : { ...line, text: `${line.text} ` })),
    ],
    [
      "a changed file and hash, the index as it was",
      (lines) => lines.map((line, index) => (index === 1 ? fileLine("journal/0001.jsonl", "") : line)),
    ],
    ["no end", (lines) => lines.slice(0, -1)],
    ["something behind its end", (lines) => [...lines, {}]],
    ["no header", (lines) => lines.slice(1)],
    ["lines that are no objects", (lines) => [lines[0], 7, ...lines.slice(1)]],
    ["the header of another run", ([header, ...lines]) => [{ ...header, runId: "20260101-other" }, ...lines]],
    [
      "an id that is a way out",
      ([header, ...lines]) => [
        { ...header, runId: "../../../x", manifest: { runId: "../../../x" } },
        ...lines,
      ],
    ],
    ["a newer format", ([header, ...lines]) => [{ ...header, v: 2 }, ...lines]],
    ["newer records", ([header, ...lines]) => [{ ...header, schemaVersion: 2 }, ...lines]],
    ["a record of a newer version", changed((record) => ({ ...record, v: 2 }))],
    [
      "a record of an unknown kind",
      changed((record) => (record.seq === 3 ? { ...record, type: "run.exploded" } : record)),
    ],
    ["a journal with a gap", changed((record) => (record.seq === 4 ? undefined : record))],
    [
      "a journal with a wrong checksum",
      (lines) => replaced(lines, String(lines[journal(lines)]?.text).replace("the goal", "the Goal")),
    ],
    [
      "a journal that is impossible",
      changed((record) => (record.type === "attempt.started" ? { ...record, task: "nobody" } : record)),
    ],
    ["a journal of holes", changed(({ plan: _, ...record }) => record)],
    [
      "the journal of another run",
      changed((record) =>
        record.type === "run.started"
          ? { ...record, terms: { ...(record.terms as Line), runId: "20260101-other" } }
          : record,
      ),
    ],
    ["no journal", (lines) => indexed(lines.filter((_, index) => index !== journal(lines)))],
    [
      "more than is allowed",
      (lines) =>
        indexed([
          ...lines.slice(0, -1),
          fileLine("artifacts/big", "x".repeat(1_000_001)),
          ...lines.slice(-1),
        ]),
    ],
    ["a bomb", ([header]) => [{ ...header, bomb: "x".repeat(40_000_000) }]],
  ];

  it.each(hostile)("is refused, and nothing is made: %s", async (_what, change) => {
    const { world, runId, bundle } = await finished({ "artifacts/a-1.md": "text" });
    await world.history.exportRun(runId, bundle, exportTerms);
    await rewrite(bundle, change(await linesOf(bundle)));
    const other = await pastWorld();
    const { ok, error } = await other.history.importRun(bundle, terms(other)).then(
      () => ({ ok: true, error: undefined }),
      (why: unknown) => ({ ok: false, error: why }),
    );
    expect({ ok, name: error instanceof Error ? error.name : "" }).toMatchObject({
      ok: false,
      name: /^(HistoryRefused|StorageError)$/,
    });
    expect(await other.engine.list()).toEqual([]);
    expect(await readdir(join(other.root, "runs")).catch(() => [])).toEqual([]);
    expect((await readdir(other.project)).sort()).toEqual(
      ["builtin", ...((await exists(other.root)) ? [".muster"] : [])].sort(),
    );
  });

  it("is refused wherever it is cut, and whatever byte of it is changed", async () => {
    const { world, runId, bundle } = await finished();
    await world.history.exportRun(runId, bundle, exportTerms);
    const whole = await readFile(bundle);
    const inspect = async (bytes: Buffer) => {
      await writeFile(bundle, bytes);
      return await world.history.inspect(bundle, 1_000_000).catch((error: unknown) => error);
    };
    const good = await inspect(whole);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        expect(await inspect(whole.subarray(0, at))).toBeInstanceOf(HistoryRefused);
        const other = Buffer.from(whole);
        other[at] = (other[at] ?? 0) ^ flip;
        const seen = await inspect(other);
        // Four bytes of gzip's own header say when and where it was packed.
        if (!(seen instanceof HistoryRefused)) expect(seen).toEqual(good);
      }),
      { numRuns: 150 },
    );
    for (const nothing of ["", "no gzip", gzipSync("")])
      expect(await inspect(Buffer.from(nothing))).toBeInstanceOf(HistoryRefused);
    await expect(world.history.inspect(join(world.project, "none"), 1)).rejects.toThrow("no such file");
    const pipe = join(world.project, "pipe");
    await promisify(execFile)("mkfifo", [pipe]);
    await expect(world.history.inspect(pipe, 1)).rejects.toMatchObject({ failure: { code: "EINVAL" } });
    await expect(world.history.inspect(world.project, 1)).rejects.toMatchObject({
      failure: { code: "EISDIR" },
    });
  });

  it("does not follow a link in the place of the runs", async () => {
    const { world, runId, bundle } = await finished();
    await world.history.exportRun(runId, bundle, exportTerms);
    const other = await pastWorld();
    await mkdir(other.root);
    await symlink(world.project, join(other.root, "runs"));
    await expect(other.history.importRun(bundle, terms(other))).rejects.toMatchObject({
      failure: { code: "ENOTDIR" },
    });
  });

  it("loads no code that nobody allowed", async () => {
    const { world, runId, bundle } = await finished();
    await world.history.exportRun(runId, bundle, exportTerms);
    const lines = await linesOf(bundle);
    const evil = (record: Line): Line => {
      if (record.type !== "run.started") return record;
      const plan = record.plan as Line & { agents: { explorer: Line } };
      const explorer = { ...plan.agents.explorer, extensions: ["/tmp/evil.mjs"] };
      return { ...record, plan: { ...plan, agents: { explorer } } };
    };
    await rewrite(bundle, changed(evil)(lines));
    const other = await pastWorld();
    await expect(other.history.importRun(bundle, terms(other))).rejects.toThrow("/tmp/evil.mjs");
    expect(await other.history.importRun(bundle, terms(other, { force: true, reason: "mine" }))).toBe(runId);
  });
});
