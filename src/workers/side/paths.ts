import { lstat, readlink, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, parse, relative, resolve, sep } from "node:path";
import { errnoOf } from "../../lib/files.ts";

/** A path inside the workspace, or why it is none. `inside` is relative with `/` between its parts. */
export type Placed =
  | { readonly path: string; readonly inside: string }
  | { readonly path: string; readonly problem: string };

const reserved = new Set([".git", ".muster"]);
const linksMax = 40;

/**
 * Where a file tool would really write when it is given `spelled`, judged by real path: `..`, symbolic links (dangling
 * ones too), `~` and the host's own leniences (a leading `@`, unicode spaces) are followed. A problem when that is
 * outside the workspace, or under a `.git` or `.muster` directory below it. Hard links are not seen.
 */
export async function placeInWorkspace(spelled: string, workspace: string): Promise<Placed> {
  const lexical = resolve(workspace, expanded(spelled));
  const placed = await place(() => realTarget(lexical, 0), lexical, workspace);
  return !("problem" in placed) && placed.inside === ""
    ? { path: placed.path, problem: "is the workspace itself" }
    : placed;
}

/**
 * Where a shell that stands in `directory` would really write when it is given `spelled`: as above, but `..` is taken as
 * the kernel takes it, after a link from where the link leads. The workspace itself is a place in it.
 */
export function placeFromShell(spelled: string, directory: string, workspace: string): Promise<Placed> {
  return place(() => walk(directory, spelled, 0), resolve(directory, spelled), workspace);
}

async function place(real: () => Promise<string>, lexical: string, workspace: string): Promise<Placed> {
  let path: string;
  let root: string;
  try {
    root = await realpath(workspace);
    path = await real();
  } catch (error) {
    return { path: lexical, problem: `cannot be resolved (${errnoOf(error) ?? String(error)})` };
  }
  const inside = relative(root, path);
  if (isElsewhere(inside)) return { path, problem: `is outside the workspace ${workspace}` };
  const parts = [...inside.split(sep), ...relative(workspace, lexical).split(sep)];
  const kept = parts.find((part) => reserved.has(part.toLowerCase()));
  if (kept !== undefined) return { path, problem: `belongs to ${kept}, which workers leave alone` };
  return { path, inside: inside.split(sep).join("/") };
}

/** True for a relative path that leads out of where it starts. */
export function isElsewhere(relativePath: string): boolean {
  return relativePath === ".." || relativePath.startsWith(`..${sep}`) || isAbsolute(relativePath);
}

/** Host 0.73.1 reads a leading `@`, `~` and unicode spaces in paths the same way. */
function expanded(spelled: string): string {
  const path = spelled.replace(/^@/, "").replace(/[\u00A0\u2000-\u200A\u202F\u205F\u3000]/g, " ");
  return path === "~" || path.startsWith("~/") ? homedir() + path.slice(1) : path;
}

/** Like realpath, but the path, or the end of it, need not exist yet. */
async function realTarget(path: string, links: number): Promise<string> {
  if (links > linksMax) throw Object.assign(new Error("too many symbolic links"), { code: "ELOOP" });
  try {
    return await realpath(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  const parent = dirname(path);
  if (parent === path) return path;
  const directory = await realTarget(parent, links);
  const link = await linkTarget(path);
  if (link === undefined) return join(directory, basename(path));
  return await walk(directory, link, links + 1);
}

/** Part by part, as the kernel does: `..` after a link leaves the link's target. */
async function walk(from: string, path: string, links: number): Promise<string> {
  let at = isAbsolute(path) ? parse(path).root : from;
  for (const part of path.split(/[/\\]+/))
    at = part === ".." ? dirname(at) : await realTarget(join(at, part), links);
  return at;
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
