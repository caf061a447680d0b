import { access, readdir, readFile, realpath, stat } from "node:fs/promises";
import path from "node:path";
import type { Found, ResourceFile, ResourceKind, ResourceSource } from "./definition.ts";

/** Where resources lie. */
export interface ResourcePlaces {
  /** Package root that holds agents/ teams/ workflows/ skills/. */
  readonly builtin: string;
  /** The user's agent directory: `<dir>/agents|teams|workflows|skills`. */
  readonly user: string;
  /** Project root: `.crew/…`, then `.pi/…`. Absent when the project is not trusted. */
  readonly project?: string;
}

const folders: Readonly<Record<ResourceKind, { folder: string; ending: string }>> = {
  agent: { folder: "agents", ending: ".md" },
  team: { folder: "teams", ending: ".team.md" },
  workflow: { folder: "workflows", ending: ".workflow.md" },
};
export const resourceKinds = ["agent", "team", "workflow"] as const;

/** Largest resource file that is read. */
const fileMaxBytes = 256 * 1024;
/** Most files of one folder. */
const filesMax = 500;

/** Every file that may define something, in order of precedence (a later one wins), by name within a folder. */
export async function findFiles(places: ResourcePlaces, found: Found[]): Promise<readonly ResourceFile[]> {
  const files: ResourceFile[] = [];
  const seen = new Set<string>();
  for (const { source, root } of layers(places)) {
    for (const kind of resourceKinds) {
      const { folder, ending } = folders[kind];
      const directory = path.join(root, folder);
      // A home directory that is also the project would otherwise define everything twice.
      const real = await realpath(directory).catch(() => directory);
      if (seen.has(real)) continue;
      seen.add(real);
      for (const name of await entries(directory, found)) {
        if (!name.endsWith(".md") || name.startsWith(".") || name.toLowerCase() === "readme.md") continue;
        const file = path.join(directory, name);
        if (name.endsWith(ending)) files.push({ kind, stem: name.slice(0, -ending.length), file, source });
        else {
          const remedy = `name it ${name.slice(0, -".md".length)}${ending}`;
          found.push({
            where: `${file}:1`,
            message: `a ${kind}'s file must end in ${ending}`,
            remedy,
            fatal: false,
          });
        }
      }
    }
  }
  return files;
}

/** Skills by name: the absolute path of each SKILL.md, of the layer that wins. */
export async function findSkills(places: ResourcePlaces): Promise<ReadonlyMap<string, string>> {
  const skills = new Map<string, string>();
  for (const { root } of layers(places)) {
    const directory = path.join(root, "skills");
    for (const name of await entries(directory, [])) {
      const file = path.join(directory, name, "SKILL.md");
      if (await exists(file)) skills.set(name, file);
    }
  }
  return skills;
}

/** True when something is there and may be read. */
export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/** The text of a resource file; nothing, with a problem, when it cannot be read as bounded UTF-8 text. */
export async function readText(file: string, found: Found[]): Promise<string | undefined> {
  const fatal = (message: string, remedy: string): undefined => {
    found.push({ where: `${file}:1`, message, remedy, fatal: true });
  };
  let bytes: Buffer;
  try {
    // Looked at first: reading a pipe would never end.
    const { size, isFile } = await stat(file).then((stats) => ({ size: stats.size, isFile: stats.isFile() }));
    if (!isFile) return fatal("this is not a regular file", "replace it by a Markdown file, or remove it");
    if (size > fileMaxBytes) {
      return fatal(`the file has ${size} bytes`, `keep it under ${fileMaxBytes}; point at longer material`);
    }
    bytes = await readFile(file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    return fatal(
      `the file cannot be read (${String(error.code)})`,
      "check that it exists and that you may read it",
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return fatal("the file is not UTF-8 text", "save it as UTF-8, or remove it");
  }
}

function layers(places: ResourcePlaces): { source: ResourceSource; root: string }[] {
  return [
    { source: "builtin", root: places.builtin },
    { source: "user", root: places.user },
    ...(places.project === undefined
      ? []
      : [".crew", ".pi"].map((name) => ({
          source: "project" as const,
          root: path.join(places.project ?? "", name),
        }))),
  ];
}

/** Names in a folder, sorted; none where there is no folder. */
async function entries(directory: string, found: Found[]): Promise<readonly string[]> {
  try {
    const names = (await readdir(directory)).sort();
    if (names.length > filesMax) {
      const message = `the folder has ${names.length} entries; the first ${filesMax} are read`;
      found.push({
        where: `${directory}:1`,
        message,
        remedy: "move what is no resource elsewhere",
        fatal: false,
      });
    }
    return names.slice(0, filesMax);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === undefined) throw error;
    if (code !== "ENOENT" && code !== "ENOTDIR") {
      const message = `the folder cannot be read (${String(code)})`;
      found.push({ where: `${directory}:1`, message, remedy: "check that you may read it", fatal: false });
    }
    return [];
  }
}
