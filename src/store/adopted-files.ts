import { copyFile, readdir, readFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import type { AttemptResult, OutcomeRecord } from "../core/outcome.ts";
import { errnoOf, makeDirectory, writeAtomic } from "../lib/files.ts";
import { sha256 } from "../lib/hash.ts";

/** Where an attempt's files are, and where the run's artifacts. */
export interface AttemptPlace {
  readonly directory: string;
  readonly artifacts: string;
}

/**
 * Copies an attempt's files with the artifacts of its result; the outcome, as `record`, last, so that what is there is
 * whole. False when an artifact is not what the result says. Throws the file system's error when the disk refuses.
 */
export async function adoptFiles(
  from: AttemptPlace,
  to: AttemptPlace,
  record: OutcomeRecord,
  { artifacts }: AttemptResult,
): Promise<boolean> {
  const contents = new Map<string, Buffer>();
  for (const { path, sha256: expected } of artifacts) {
    const file = resolve(from.artifacts, path);
    const content = file.startsWith(from.artifacts + sep) ? await readOrNothing(file) : undefined;
    if (content === undefined || sha256(content) !== expected) return false;
    contents.set(path, content);
  }
  for (const [path, content] of contents) {
    const target = join(to.artifacts, path);
    await makeDirectory(dirname(target));
    await writeAtomic(target, content);
  }
  for (const entry of await readdir(from.directory, { withFileTypes: true })) {
    const isRecord = entry.name.startsWith("outcome.json") || entry.name.startsWith(".");
    // A link could lead anywhere.
    if (!entry.isFile() || isRecord) continue;
    await copyFile(join(from.directory, entry.name), join(to.directory, entry.name));
  }
  await writeAtomic(join(to.directory, "outcome.json"), `${JSON.stringify(record)}\n`);
  return true;
}

async function readOrNothing(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
