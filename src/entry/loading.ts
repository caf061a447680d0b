import { createHash } from "node:crypto";
import { readdir, readFile, realpath } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Processes of ours besides the host's own: each starts from a file of this name, in dist/ or in src/entry/. */
export type ProcessName = "runner" | "worker" | "warden" | "scripted-model";

export interface EntryFile {
  /** Absolute path. */
  readonly file: string;
  /** True for a TypeScript source: plain node 20 cannot run it, `nodeArguments` says how to; the host's `-e` can. */
  readonly viaJiti: boolean;
}

/** Where another process starts: prebuilt when this very module runs prebuilt, so that one run never mixes both. */
export function entryFile(name: ProcessName): EntryFile {
  const here = dirname(fileURLToPath(import.meta.url));
  return isBundle(here)
    ? { file: join(here, `${name}.mjs`), viaJiti: false }
    : { file: join(here, `${name}.ts`), viaJiti: true };
}

/** What node loads into a worker's host before all else, absolute: the same plain JavaScript beside sources and build. */
export function bootFile(): string {
  return join(dirname(fileURLToPath(import.meta.url)), "boot.cjs");
}

/** The package's own top directory, absolute: there lie agents/, teams/, workflows/ and skills/. */
export function packageRoot(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return isBundle(here) ? dirname(here) : dirname(dirname(here));
}

/**
 * What to give `node` to run an entry file; the file's own arguments follow. A source runs through the command line of the
 * jiti beside the host's `hostCli` (the path in the host's own argv[1]), or beside ours in a development checkout. jiti's
 * command line starts in a third of the time of its `--import` hook and shows the script as argv[1]; same in 2.6 and 2.7.
 * Throws when there is no jiti: a host compiled into one binary has none.
 */
export async function nodeArguments(entry: EntryFile, hostCli: string): Promise<readonly string[]> {
  return entry.viaJiti ? [await jitiCli(hostCli), entry.file] : [entry.file];
}

/** True when dist/ under `root` was built from exactly the sources there. About 10 ms for 100 files. */
export async function isBuildCurrent(root: string): Promise<boolean> {
  const built = await readIfThere(join(root, "dist", "build.json"));
  if (built === undefined) return false;
  const stamp: unknown = JSON.parse(built);
  const sources =
    typeof stamp === "object" && stamp !== null && "sources" in stamp ? stamp.sources : undefined;
  return sources === (await sourcesHash(root));
}

/** A hash (hex) over every file of src/ with its path, and the version in package.json. */
export async function sourcesHash(root: string): Promise<string> {
  const found = await readdir(join(root, "src"), { recursive: true, withFileTypes: true });
  const files = found
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .sort();
  const contents = await Promise.all(files.map((file) => readFile(file)));
  const hash = createHash("sha256").update(
    await readFile(join(root, "package.json"), "utf8").then(versionIn),
  );
  for (const [i, file] of files.entries()) {
    hash.update(`\0${file.slice(root.length)}\0`).update(contents[i] ?? "");
  }
  return hash.digest("hex");
}

function isBundle(directory: string): boolean {
  return basename(directory) === "dist";
}

function versionIn(manifest: string): string {
  const parsed: unknown = JSON.parse(manifest);
  return typeof parsed === "object" && parsed !== null && "version" in parsed ? String(parsed.version) : "";
}

async function jitiCli(hostCli: string): Promise<string> {
  const beside = [await realpath(hostCli).catch(() => hostCli), fileURLToPath(import.meta.url)];
  for (const from of beside) {
    try {
      return join(dirname(createRequire(from).resolve("jiti")), "jiti-cli.mjs");
    } catch (error) {
      // Not beside this one, and then we look beside the next.
      if (!isMissing(error)) throw error;
    }
  }
  throw new Error(
    `pi-muster runs from its sources, and no jiti was found beside ${beside.join(" or ")} to start them with. Run "npm install" in ${packageRoot()}: it builds dist/, which needs none.`,
  );
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    (error.code === "ENOENT" || error.code === "MODULE_NOT_FOUND")
  );
}
