import { randomBytes } from "node:crypto";
import { lstat, open, readdir, realpath, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { schemaVersion } from "../core/events.ts";
import { type BundleFile, type BundleHeader, HistoryRefused } from "../core/history.ts";
import {
  claimName,
  errnoOf,
  fileMode,
  isRealDirectory,
  makeDirectory,
  openRegular,
  plainText,
  unlessGone,
} from "../lib/files.ts";
import { sha256 } from "../lib/hash.ts";
import { isRecord } from "../lib/json.ts";
import { isRunId } from "./run-directory.ts";

const bundleVersion = 1;
const kind = "pi-muster bundle";
/** Files in a bundle; more are a mistake or an attack. */
const filesMax = 100_000;
/** Bytes that a bundle may unpack to beyond its files' contents, for names, escapes and the index. */
const overhead = { factor: 1.5, bytes: 16 * 1024 * 1024 };

/** A file with its content. */
export interface Content extends Pick<BundleFile, "path" | "redacted"> {
  readonly content: Buffer;
}

/**
 * Plain files below a directory, depth first and in order, by their paths relative to it; everything else is told by
 * `other`. What vanishes meanwhile is passed over.
 */
export async function* plainFiles(
  directory: string,
  other: (path: string, why: string) => void,
  below = "",
): AsyncGenerator<{ readonly path: string; readonly bytes: number; readonly mtimeMs: number }> {
  if (below === "" && !(await isRealDirectory(directory))) return;
  for (const name of ((await unlessGone(readdir(join(directory, below)))) ?? []).sort()) {
    const path = below === "" ? name : `${below}/${name}`;
    const found = await unlessGone(lstat(join(directory, path)));
    if (found?.isDirectory()) yield* plainFiles(directory, other, path);
    else if (found?.isFile()) yield { path, bytes: found.size, mtimeMs: found.mtimeMs };
    else if (found !== undefined) other(path, found.isSymbolicLink() ? "is a link" : "is no plain file");
  }
}

/**
 * Writes the bundle, private and whole or not at all: gzip of JSON lines, the header first, then a line a file, and last
 * the index of all. Throws `EEXIST` when something of that name exists.
 */
export async function writeBundle(
  to: string,
  header: Omit<BundleHeader, "kind" | "v" | "schemaVersion">,
  contents: AsyncIterable<Content>,
  leftOut: readonly string[],
): Promise<readonly BundleFile[]> {
  const files: BundleFile[] = [];
  async function* lines(): AsyncGenerator<string> {
    yield line({ kind, v: bundleVersion, schemaVersion, ...header });
    for await (const { path, content, redacted } of contents) {
      const text = plainText(content);
      const file: BundleFile = {
        ...{ path, bytes: content.length, sha256: sha256(content) },
        ...(text === undefined && { binary: true }),
        ...(redacted && { redacted }),
      };
      files.push(file);
      // Text full of escapes is no better to read than base64, and longer.
      const isPlain =
        text !== undefined && JSON.stringify(text).length <= content.length * overhead.factor + 16;
      yield line({ ...file, ...(isPlain ? { text } : { base64: content.toString("base64") }) });
    }
    yield line({ end: kind, files, leftOut });
  }
  await makeDirectory(dirname(to));
  const temporary = join(dirname(to), `.${basename(to)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx", fileMode);
    await pipeline(Readable.from(lines()), createGzip(), file.createWriteStream({ flush: true }));
    // The name must be free: two exports at once, or somebody's own file.
    await claimName(temporary, to);
  } finally {
    await rm(temporary, { force: true });
  }
  return files;
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

/** How a bundle ends: what it lists, and the hash of that list. */
export interface BundleEnd {
  readonly files: readonly BundleFile[];
  readonly leftOut: readonly string[];
  readonly sha256: string;
}

/**
 * Reads a bundle to its end, a file at a time, and gives its header, each file and its end in this order. Throws
 * `HistoryRefused` at the first thing that is wrong: names that could leave the run's directory, content that is not
 * what its hash says, more bytes than `maxBytes`, a missing end.
 */
export async function* readBundle(
  path: string,
  maxBytes: number,
): AsyncGenerator<BundleHeader | Content | BundleEnd> {
  const refuse = (message: string, remedy = "export the run again, and copy the file whole"): never => {
    throw new HistoryRefused(path, message, remedy);
  };
  const seen: BundleFile[] = [];
  const names = new Set<string>();
  let bytes = 0;
  let header: BundleHeader | undefined;
  let isOver = false;
  for await (const text of linesOf(path, maxBytes, refuse)) {
    const value = parsed(text) ?? refuse("a line of it is no JSON object");
    if (isOver) refuse("something follows its end");
    if (header === undefined) {
      header = headerOf(value, refuse);
      yield header;
    } else if (value.end === kind) {
      const { leftOut = [] } = value;
      if (JSON.stringify(value.files) !== JSON.stringify(seen))
        refuse("its index does not list what is in it");
      isOver = true;
      yield { files: seen, leftOut: Array.isArray(leftOut) ? leftOut.map(String) : [], sha256: sha256(text) };
    } else {
      const { file, content } = fileOf(value, refuse);
      bytes += content.length;
      if (bytes > maxBytes || seen.length >= filesMax)
        refuse(
          `it holds more than ${maxBytes} bytes or ${filesMax} files`,
          "raise export.maxBytes if you trust it",
        );
      if (names.has(file.path)) refuse(`it holds ${file.path} twice`);
      names.add(file.path);
      seen.push(file);
      yield { path: file.path, content };
    }
  }
  if (!isOver) refuse("it ends too early: a part is missing");
}

type Refuse = (message: string, remedy?: string) => never;

async function* linesOf(path: string, maxBytes: number, refuse: Refuse): AsyncGenerator<string> {
  const rawMax = maxBytes * overhead.factor + overhead.bytes;
  const unpacked: Transform = createGunzip();
  let reading: Promise<unknown> | undefined;
  let parts: Buffer[] = [];
  let bytes = 0;
  try {
    const { file } = await openRegular(await realpath(path));
    // What goes wrong there ends the reading here.
    reading = pipeline(file.createReadStream(), unpacked).catch(() => undefined);
    for await (const chunk of unpacked) {
      let rest: Buffer = Buffer.from(chunk);
      bytes += rest.length;
      if (bytes > rawMax)
        refuse(`it unpacks to more than ${maxBytes} bytes`, "raise export.maxBytes if you trust it");
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
        yield Buffer.concat([...parts, rest.subarray(0, end)]).toString("utf8");
        parts = [];
        rest = rest.subarray(end + 1);
      }
      if (rest.length > 0) parts.push(rest);
    }
  } catch (error) {
    const code = errnoOf(error) ?? "";
    if (code.startsWith("Z_")) refuse(`it is no whole gzip file (${code})`);
    if (code === "ENOENT") refuse("there is no such file", "check the path");
    throw error;
  } finally {
    unpacked.destroy();
    await reading;
  }
  if (parts.length > 0) refuse("it ends too early: its last line is not whole");
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function headerOf(value: Readonly<Record<string, unknown>>, refuse: Refuse): BundleHeader {
  const { v, runId, manifest } = value;
  if (value.kind !== kind || typeof v !== "number") return refuse("it is no bundle of pi-muster");
  if (v > bundleVersion || Number(value.schemaVersion) > schemaVersion)
    return refuse(
      "it was written by a newer version, whose records this one does not know",
      "update pi-muster",
    );
  const isWhole =
    typeof runId === "string" && isRunId(runId) && isRecord(manifest) && manifest.runId === runId;
  if (!isWhole) return refuse("it does not say which run it holds");
  // Shown to people; what the run is, is read from its journal.
  return value as Readonly<Record<string, unknown>> & BundleHeader;
}

/** Names as we write them, and nothing that another system could take for a way out. */
const nameShape = /^(?!\.{1,2}$)[^/\\\0]{1,255}$/;
const placeShape = /^(?:journal\/\d{4,}\.jsonl|attempts\/[^/]+\/.+|artifacts\/.+|runner\.log)$/s;

/** True for a path that a bundle may hold: one that has its place in a run on every system. */
export function hasPlace(path: string): boolean {
  return placeShape.test(path) && path.split("/").every((name) => nameShape.test(name));
}

function fileOf(
  value: Readonly<Record<string, unknown>>,
  refuse: Refuse,
): { readonly file: BundleFile; readonly content: Buffer } {
  const { path, bytes, sha256: hash, text, base64, binary, redacted } = value;
  if (typeof path !== "string" || typeof bytes !== "number" || typeof hash !== "string")
    return refuse("a line of it is no file");
  if (!hasPlace(path))
    return refuse(
      `it holds ${JSON.stringify(path.slice(0, 200))}, which has no place in a run`,
      "do not trust it",
    );
  const content = typeof text === "string" ? Buffer.from(text) : Buffer.from(String(base64), "base64");
  if (content.length !== bytes || sha256(content) !== hash)
    return refuse(`${path} is not what its hash says: it was damaged or changed`);
  const isBinary = binary === true && ({ binary } as const);
  const isRedacted = redacted === true && ({ redacted } as const);
  return { file: { path, bytes, sha256: hash, ...isBinary, ...isRedacted }, content };
}
