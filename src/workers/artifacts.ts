import { constants } from "node:fs";
import { lstat, open, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { Artifact } from "../core/outcome.ts";
import { errnoOf, makeDirectory, writeAtomic } from "../lib/files.ts";
import { sha256 } from "../lib/hash.ts";

/** Largest file that becomes an artifact. */
export const artifactMaxBytes = 50_000_000;

/** A file was named but did not become an artifact; `why` completes the sentence "<file> ...". */
export interface ArtifactRefusal {
  readonly why: string;
}

/**
 * Copies a file of the workspace into `<artifacts>/<folder>/`, redacted when it is text. Refused: what is missing, is no
 * plain file, leads out of the workspace (symbolic links included), or is larger than `artifactMaxBytes`. Rejects only
 * when the disk refuses the copy.
 */
export async function keepArtifact(
  source: { readonly workspace: string; readonly file: string },
  target: { readonly artifacts: string; readonly folder: string },
  redact: (text: string) => string,
): Promise<Artifact | ArtifactRefusal> {
  const content = await readInside(source.workspace, source.file);
  if (!Buffer.isBuffer(content)) return content;
  const text = decode(content);
  const kept = text === undefined ? content : Buffer.from(redact(text));
  const name = relative(source.workspace, resolve(source.workspace, source.file));
  const path = join(target.folder, name);
  await makeDirectory(dirname(join(target.artifacts, path)));
  await writeAtomic(join(target.artifacts, path), kept);
  return { name, path, bytes: kept.length, sha256: sha256(kept) };
}

/** True when the artifact is exactly what its record says: inside the directory, a plain file, same size and hash. */
export async function isArtifactIntact(artifacts: string, artifact: Artifact): Promise<boolean> {
  const content = await readInside(artifacts, artifact.path);
  return Buffer.isBuffer(content) && content.length === artifact.bytes && sha256(content) === artifact.sha256;
}

async function readInside(directory: string, file: string): Promise<Buffer | ArtifactRefusal> {
  if (isAbsolute(file) && !isInside(directory, file)) return { why: "lies outside of the working directory" };
  try {
    const root = await realpath(directory);
    const real = await realpath(resolve(directory, file));
    if (!isInside(root, real)) return { why: "leads out of the working directory" };
    const { size } = await lstat(real);
    if (size > artifactMaxBytes) return { why: `is larger than ${artifactMaxBytes} bytes` };
    const handle = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return (await handle.stat()).isFile() ? await handle.readFile() : { why: "is not a plain file" };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = errnoOf(error) ?? String(error);
    return { why: code === "ENOENT" || code === "ENOTDIR" ? "does not exist" : `cannot be read (${code})` };
  }
}

function isInside(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function decode(content: Buffer): string | undefined {
  const text = content.toString("utf8");
  return !text.includes("\0") && Buffer.from(text).equals(content) ? text : undefined;
}
