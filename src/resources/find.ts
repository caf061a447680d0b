import { isUtf8 } from "node:buffer";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { errnoOf, isThere } from "../lib/files.ts";
import type { ResourceFile, ResourceKind } from "./definition.ts";
import type { Findings } from "./findings.ts";

/** Where resources lie. */
export interface ResourcePlaces {
  /** Package root that holds agents/ teams/ workflows/ skills/. */
  readonly builtin: string;
  /** The user's agent directory: `<dir>/agents|teams|workflows|skills`. */
  readonly user: string;
  /** Project root: `.crew/…`, then `.pi/…`. Absent when the project is not trusted. */
  readonly project?: string;
}

export const resourceKinds = ["agent", "team", "workflow"] as const;
const endings: Readonly<Record<ResourceKind, string>> = {
  agent: ".md",
  team: ".team.md",
  workflow: ".workflow.md",
};

const fileMaxBytes = 256 * 1024;
/** Most entries of one folder that are looked at. */
const entriesMax = 500;

/** Every file that may define something, in order of precedence (a later one wins), by name within a folder. */
export async function findFiles(places: ResourcePlaces, found: Findings): Promise<readonly ResourceFile[]> {
  const files: ResourceFile[] = [];
  const seen = new Set<string>();
  for (const { source, root } of layers(places)) {
    for (const kind of resourceKinds) {
      const directory = path.join(root, `${kind}s`);
      const names = await entries(directory, found);
      // A home directory that is also the project would otherwise define everything twice.
      const real = await realpath(directory).catch(() => directory);
      if (seen.has(real)) continue;
      seen.add(real);
      for (const name of names) {
        if (!name.endsWith(".md") || name.startsWith(".") || name.toLowerCase() === "readme.md") continue;
        const file = path.join(directory, name);
        const ending = endings[kind];
        if (name.endsWith(ending)) files.push({ kind, stem: name.slice(0, -ending.length), file, source });
        else found.warn(`${file}:1`, `a ${kind}'s file must end in ${ending}`, "rename it");
      }
    }
  }
  return files;
}

/** Skills by name: the absolute path of each SKILL.md, of the layer that wins. */
export async function findSkills(
  places: ResourcePlaces,
  found: Findings,
): Promise<ReadonlyMap<string, string>> {
  const skills = new Map<string, string>();
  for (const { root } of layers(places)) {
    const directory = path.join(root, "skills");
    for (const name of await entries(directory, found)) {
      const file = path.join(directory, name, "SKILL.md");
      if (await isThere(file)) skills.set(name, file);
    }
  }
  return skills;
}

/** The text of a file; nothing, with an error, when it is not there (unless it may be) or is no bounded UTF-8 text. */
export async function readText(
  file: string,
  found: Findings,
  mayBeMissing = false,
): Promise<string | undefined> {
  const refuse = (message: string, remedy: string): undefined => found.error(`${file}:1`, message, remedy);
  try {
    // Looked at first: reading a pipe would never end.
    const stats = await stat(file);
    if (!stats.isFile()) return refuse("this is not a regular file", "replace it by one, or remove it");
    if (stats.size > fileMaxBytes) {
      return refuse(`the file has ${stats.size} bytes`, `keep it under ${fileMaxBytes}`);
    }
    const bytes = await readFile(file);
    return isUtf8(bytes) ? bytes.toString("utf8") : refuse("the file is not UTF-8 text", "save it as UTF-8");
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    if (mayBeMissing && (code === "ENOENT" || code === "ENOTDIR")) return undefined;
    return refuse(`the file cannot be read (${code})`, "check that it exists and that you may read it");
  }
}

function layers({ builtin, user, project }: ResourcePlaces) {
  const folders = project === undefined ? [] : [path.join(project, ".crew"), path.join(project, ".pi")];
  const ours = [{ source: "builtin", root: builtin } as const, { source: "user", root: user } as const];
  return [...ours, ...folders.map((root) => ({ source: "project", root }) as const)];
}

/** Names in a folder, sorted; none where there is no folder. */
async function entries(directory: string, found: Findings): Promise<readonly string[]> {
  try {
    const names = (await readdir(directory)).sort();
    if (names.length > entriesMax) {
      const message = `the folder has ${names.length} entries; only the first ${entriesMax} count`;
      found.warn(`${directory}:1`, message, "move what is no resource elsewhere");
    }
    return names.slice(0, entriesMax);
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    if (code !== "ENOENT" && code !== "ENOTDIR") {
      found.warn(`${directory}:1`, `the folder cannot be read (${code})`, "check that you may read it");
    }
    return [];
  }
}
