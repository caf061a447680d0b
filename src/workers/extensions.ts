import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { isRecord, parseObject } from "./protocol.ts";

/** Where the user's extensions are looked for. All paths are absolute. */
export interface ExtensionPlaces {
  readonly agentDir: string;
  readonly home: string;
  /** The project's directory; its own settings and extensions count only when `trusted`. */
  readonly project: string;
  readonly trusted: boolean;
  /** `npm root -g`, asked only when a package needs it; undefined when npm does not tell. */
  readonly npmRoot: (npm: readonly string[]) => Promise<string | undefined>;
}

/** Name in package.json of what workers never load: this package. */
const ourselves = "pi-muster";

/**
 * Files of the extensions that the host would load by itself for this user and project, in the host's order (project
 * before user, packages last), each once, this package left out however it was installed. Files, because a package
 * directory given to a host brings its skills and prompts along. What is missing or unreadable is left out, as the
 * host does.
 */
export async function configuredExtensions(places: ExtensionPlaces): Promise<readonly string[]> {
  const user = { base: places.agentDir, ...(await readSettings(join(places.agentDir, "settings.json"))) };
  const dot = join(places.project, ".pi");
  const scopes = places.trusted
    ? [{ base: dot, ...(await readSettings(join(dot, "settings.json"))) }, user]
    : [user];
  const found: string[] = [];
  for (const { base, extensions } of scopes) {
    const plain = extensions.filter((entry) => !isOverride(entry));
    const listed = await Promise.all(plain.map((entry) => filesAt(resolveFrom(base, entry, places.home))));
    found.push(...filtered(listed.flat(), extensions.filter(isOverride), base));
    found.push(...filtered(await filesAt(join(base, "extensions")), extensions.filter(isOverride), base));
  }
  for (const { base, packages, npm } of scopes) {
    for (const entry of packages) {
      const directory = await packageDirectory(entry.source, base, npm, places);
      if (!directory || entry.filter?.length === 0) continue;
      found.push(...filtered(await filesOfPackage(directory), entry.filter ?? [], directory));
    }
  }
  return await withoutOurselves(found);
}

/** The extension files behind paths that a person named: files, directories, package directories. This package is left out. */
export async function namedExtensions(paths: readonly string[]): Promise<readonly string[]> {
  const files = await Promise.all(
    paths.map(async (path) => ((await isDirectory(path)) ? await filesOfPackage(path) : await filesAt(path))),
  );
  return await withoutOurselves(files.flat());
}

interface HostSettings {
  readonly extensions: readonly string[];
  readonly packages: readonly { readonly source: string; readonly filter?: readonly string[] }[];
  /** Command that stands for npm. */
  readonly npm: readonly string[];
}

async function readSettings(path: string): Promise<HostSettings> {
  const raw = parseObject((await readIfThere(path)) ?? "") ?? {};
  const packages = Array.isArray(raw.packages) ? raw.packages : [];
  const npm = strings(raw.npmCommand);
  return {
    extensions: strings(raw.extensions),
    npm: npm.length > 0 ? npm : ["npm"],
    packages: packages.flatMap((entry: unknown) => {
      if (typeof entry === "string") return [{ source: entry }];
      if (!isRecord(entry) || typeof entry.source !== "string") return [];
      return [
        {
          source: entry.source,
          ...(Array.isArray(entry.extensions) ? { filter: strings(entry.extensions) } : {}),
        },
      ];
    }),
  };
}

/** Where the host keeps a package: npm's global root or its own npm directory, its git directory, or the path itself. */
async function packageDirectory(
  source: string,
  base: string,
  npm: readonly string[],
  places: ExtensionPlaces,
): Promise<string | undefined> {
  const project = base !== places.agentDir;
  if (source.startsWith("npm:")) {
    const name = /^npm:\s*(@?[^@\s]+)/.exec(source)?.[1];
    if (!name) return undefined;
    const own = join(base, "npm", "node_modules", name);
    if (project || (await isDirectory(own))) return own;
    const root = await places.npmRoot(npm);
    return root && join(root, name);
  }
  const git = gitPath(source);
  return git ? join(base, "git", git) : resolveFrom(base, source, places.home);
}

/** `host/owner/repository` of a git source in any of the spellings the host accepts. */
function gitPath(source: string): string | undefined {
  if (!/^(git:|https?:\/\/|ssh:\/\/|git:\/\/)/.test(source)) return undefined;
  const bare = source
    .replace(/^git:(?!\/\/)/, "")
    .replace(/^\w+:\/\//, "")
    .replace(/^[\w.-]+@/, "");
  const match = /^([\w.-]+)(?::\d+)?[/:]([^@#]+)/.exec(bare);
  return match ? `${match[1]}/${match[2]?.replace(/\.git$/, "").replace(/\/+$/, "")}` : undefined;
}

/** A package's extensions: those its manifest names (globs and overrides included), else its `extensions/`, else itself. */
async function filesOfPackage(directory: string): Promise<readonly string[]> {
  const manifest = parseObject((await readIfThere(join(directory, "package.json"))) ?? "");
  const named = isRecord(manifest?.pi) ? strings(manifest.pi.extensions) : undefined;
  if (named) {
    const files = await Promise.all(
      named.filter((entry) => !isOverride(entry)).map((entry) => expandEntry(directory, entry)),
    );
    return filtered(files.flat(), named.filter(isOverride), directory);
  }
  const conventional = join(directory, "extensions");
  return (await isDirectory(conventional)) ? await filesAt(conventional) : await filesAt(directory);
}

async function expandEntry(directory: string, entry: string): Promise<readonly string[]> {
  if (!/[*?]/.test(entry)) return await filesAt(resolve(directory, entry));
  const matches = globPattern(entry.replace(/^\.\//, ""));
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  const paths = names.filter((name) => matches.test(name) && !name.includes("node_modules")).sort();
  return (await Promise.all(paths.map((name) => filesAt(join(directory, name))))).flat();
}

/** What the host finds at a path: the file; a directory's manifest or index; else its files and its folders' indexes. */
async function filesAt(path: string): Promise<readonly string[]> {
  if (!(await isDirectory(path))) return (await isThere(path)) ? [path] : [];
  const own = await entryOf(path);
  if (own) return own;
  const names = (await readdir(path))
    .filter((name) => !name.startsWith(".") && name !== "node_modules")
    .sort();
  const found = await Promise.all(
    names.map(async (name) => {
      const full = join(path, name);
      if (await isDirectory(full)) return (await entryOf(full)) ?? [];
      return /\.(ts|js)$/.test(name) ? [full] : [];
    }),
  );
  return found.flat();
}

async function entryOf(directory: string): Promise<readonly string[] | undefined> {
  const manifest = parseObject((await readIfThere(join(directory, "package.json"))) ?? "");
  const named = isRecord(manifest?.pi)
    ? strings(manifest.pi.extensions).map((entry) => resolve(directory, entry))
    : [];
  for (const candidates of [named, [join(directory, "index.ts")], [join(directory, "index.js")]]) {
    const there = await Promise.all(candidates.map(isThere));
    const files = candidates.filter((_, index) => there[index]);
    if (files.length > 0) return files;
  }
  return undefined;
}

/** Each file once, by its real path, without those whose nearest package.json is ours. */
async function withoutOurselves(files: readonly string[]): Promise<readonly string[]> {
  const kept = new Map<string, string>();
  for (const file of files) {
    const real = await realpath(file).catch(() => undefined);
    if (real === undefined || kept.has(real) || (await isOurs(real))) continue;
    kept.set(real, file);
  }
  return [...kept.values()];
}

/** True for this package's own extension. Its scripted model is a provider like any other, which workers need. */
async function isOurs(file: string): Promise<boolean> {
  return !/^scripted-model\./.test(basename(file)) && (await packageName(dirname(file))) === ourselves;
}

async function packageName(directory: string): Promise<unknown> {
  for (let at = directory; ; at = dirname(at)) {
    const text = await readIfThere(join(at, "package.json"));
    if (text !== undefined) return parseObject(text)?.name;
    if (dirname(at) === at) return undefined;
  }
}

/** The host's filters: plain patterns choose, `!` takes out, `+` and `-` name exact files and win. */
function filtered(files: readonly string[], patterns: readonly string[], base: string): readonly string[] {
  const of = (sign: string): readonly string[] =>
    patterns.filter((one) => one.startsWith(sign)).map((one) => one.slice(1));
  const chosen = patterns.filter((one) => !isOverride(one));
  return files.filter((file) => {
    const isExactly = (pattern: string): boolean => resolve(base, pattern) === file;
    const matches = (pattern: string): boolean =>
      [relative(base, file), basename(file), file].some((name) => globPattern(pattern).test(name));
    if (of("-").some(isExactly)) return false;
    if (of("+").some(isExactly)) return true;
    return (chosen.length === 0 || chosen.some(matches)) && !of("!").some(matches);
  });
}

function isOverride(entry: string): boolean {
  return /^[!+-]/.test(entry);
}

function globPattern(glob: string): RegExp {
  const source = glob.replace(/\*\*\/?|\*|\?|[.+^${}()|[\]\\]/g, (part) => {
    if (part.startsWith("**")) return ".*";
    if (part === "*") return "[^/]*";
    return part === "?" ? "[^/]" : `\\${part}`;
  });
  return new RegExp(`^${source}$`);
}

function resolveFrom(base: string, path: string, home: string): string {
  const trimmed = path.trim();
  if (trimmed === "~" || trimmed.startsWith("~/")) return join(home, trimmed.slice(1));
  return isAbsolute(trimmed) ? trimmed : resolve(base, trimmed);
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

async function readIfThere(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch(() => undefined);
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

async function isDirectory(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
