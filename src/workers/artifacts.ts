import { constants } from "node:fs";
import { lstat, open, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { Artifact, AttemptResult } from "../core/outcome.ts";
import type { TaskId } from "../core/plan.ts";
import { errnoOf, makeDirectory, plainText, writeAtomic } from "../lib/files.ts";
import { sha256 } from "../lib/hash.ts";

/** Largest file that becomes an artifact. */
export const artifactMaxBytes = 50_000_000;

/** Where an attempt's artifacts go. */
export interface Shelf {
  /** The run's `artifacts/`, absolute. */
  readonly artifacts: string;
  readonly task: TaskId;
  readonly attempt: number;
  readonly redact: (text: string) => string;
}

/** A file was named but did not become an artifact; `why` completes the sentence "<file> ...". */
export interface ArtifactRefusal {
  readonly why: string;
}

/** Path below `artifacts/` under which the attempt's files lie as they lay in the workspace. */
export function folderOf(shelf: Pick<Shelf, "task" | "attempt">): string {
  return `${shelf.task}-${shelf.attempt}`;
}

/**
 * Copies a file of the workspace below the attempt's folder, redacted. Refused: what is missing, is no
 * plain file, leads out of the workspace (symbolic links included), or is larger than `artifactMaxBytes`. Rejects only
 * when the disk refuses the copy.
 */
export async function keepArtifact(
  workspace: string,
  file: string,
  shelf: Shelf,
): Promise<Artifact | ArtifactRefusal> {
  const content = await readInside(workspace, file);
  if (!Buffer.isBuffer(content)) return content;
  const name = relative(workspace, resolve(workspace, file));
  return await keep(name, join(folderOf(shelf), name), withoutSecrets(content, shelf.redact), shelf);
}

/**
 * A result as outcome.json holds it. What it cannot hold is cut between characters and kept whole as the artifact
 * `<task>-<n>.md`, beside the folder of the attempt's files, so that no file of the workspace has its place.
 */
export async function resultOf(
  answer: string,
  maxBytes: number,
  shelf: Shelf,
  rest: Pick<AttemptResult, "form" | "artifacts">,
): Promise<AttemptResult> {
  const whole = Buffer.from(shelf.redact(answer));
  const digest = { bytes: whole.length, sha256: sha256(whole), form: rest.form };
  if (whole.length <= maxBytes)
    return { text: whole.toString(), truncated: false, ...digest, artifacts: rest.artifacts };
  let end = maxBytes;
  while (end > 0 && ((whole[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  const name = `${folderOf(shelf)}.md`;
  const kept = await keep(name, name, whole, shelf);
  return {
    text: whole.toString("utf8", 0, end),
    truncated: true,
    ...digest,
    artifacts: [...rest.artifacts, kept],
  };
}

/** True when the artifact is exactly what its record says: inside the directory, a plain file, same size and hash. */
export async function isArtifactIntact(artifacts: string, artifact: Artifact): Promise<boolean> {
  const content = await readInside(artifacts, artifact.path);
  return Buffer.isBuffer(content) && content.length === artifact.bytes && sha256(content) === artifact.sha256;
}

async function keep(name: string, path: string, content: Buffer, { artifacts }: Shelf): Promise<Artifact> {
  const target = join(artifacts, path);
  await makeDirectory(dirname(target));
  await writeAtomic(target, content);
  return { name, path, bytes: content.length, sha256: sha256(content) };
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

/**
 * A file without its secrets, byte for byte the same where it has none. Of what is no text at all (it has a NUL) only
 * runs of ASCII are looked through: elsewhere pictures and archives would look like passwords by chance.
 */
function withoutSecrets(content: Buffer, redact: Shelf["redact"]): Buffer {
  const text = plainText(content);
  if (text !== undefined) return Buffer.from(redact(text));
  const bytes = content.toString("latin1");
  const clean = content.includes(0) ? bytes.replace(/[\t\n\r -~]{8,}/g, redact) : redact(bytes);
  return clean === bytes ? content : Buffer.from(clean, "latin1");
}
