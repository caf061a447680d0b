import { readdir, readFile, realpath } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { isDirectory, isThere } from "../lib/files.ts";
import { isRecord, type Json, parseObject } from "../lib/json.ts";

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
  const bases = [...(places.trusted ? [join(places.project, ".pi")] : []), places.agentDir];
  const scopes = await Promise.all(
    bases.map(async (base) => ({ base, settings: await readJson(join(base, "settings.json")) })),
  );
  const found: string[] = [];
  for (const { base, settings } of scopes) {
    const entries = strings(settings.extensions);
    const overrides = entries.filter(isOverride);
    const paths = entries.filter((entry) => !isOverride(entry)).map((entry) => fromBase(base, entry, places));
    for (const path of [...paths, join(base, "extensions")])
      found.push(...filtered(await filesAt(path), overrides, base));
  }
  for (const { base, settings } of scopes) {
    const packages: unknown[] = Array.isArray(settings.packages) ? settings.packages : [];
    for (const entry of packages) {
      const { source, extensions }: Json = isRecord(entry) ? entry : { source: entry };
      if (typeof source !== "string" || (Array.isArray(extensions) && extensions.length === 0)) continue;
      const directory = await packageDirectory(source, base, strings(settings.npmCommand), places);
      if (directory) found.push(...filtered(await filesOfPackage(directory), strings(extensions), directory));
    }
  }
  return await withoutOurselves(found);
}

/** The extension files behind paths that a person named: files, directories, package directories. This package is left out. */
export async function namedExtensions(paths: readonly string[]): Promise<readonly string[]> {
  const files = await Promise.all(paths.map(filesOfPackage));
  return await withoutOurselves(files.flat());
}

/** Where the host keeps a package: npm's global root or its own npm directory, its git directory, or the path itself. */
async function packageDirectory(
  source: string,
  base: string,
  npm: readonly string[],
  places: ExtensionPlaces,
): Promise<string | undefined> {
  const name = /^npm:\s*(@?[^@\s]+)/.exec(source)?.[1];
  if (name) {
    const own = join(base, "npm", "node_modules", name);
    if (base !== places.agentDir || (await isDirectory(own))) return own;
    const root = await places.npmRoot(npm.length > 0 ? npm : ["npm"]);
    return root && join(root, name);
  }
  // `host/owner/repository` in any of the spellings the host accepts.
  const git =
    /^(?:git:(?!\/\/)|(?=(?:https?|ssh|git):\/\/))(?:\w+:\/\/)?(?:[\w.-]+@)?([\w.-]+)(?::\d+)?[/:]([^@#]+)/.exec(
      source,
    );
  if (!git) return fromBase(base, source, places);
  return join(base, "git", `${git[1]}/${git[2]?.replace(/\.git$/, "").replace(/\/+$/, "")}`);
}

/** The extensions at a path: those a manifest names (globs and overrides included), else its `extensions/`, else itself. */
async function filesOfPackage(path: string): Promise<readonly string[]> {
  const { pi } = await readJson(join(path, "package.json"));
  const conventional = join(path, "extensions");
  if (!isRecord(pi)) return await filesAt((await isDirectory(conventional)) ? conventional : path);
  const named = strings(pi.extensions);
  const plain = named.filter((entry) => !isOverride(entry));
  const files = await Promise.all(plain.map((entry) => expandEntry(path, entry)));
  return filtered(files.flat(), named.filter(isOverride), path);
}

async function expandEntry(directory: string, entry: string): Promise<readonly string[]> {
  if (!/[*?]/.test(entry)) return await filesAt(resolve(directory, entry));
  const pattern = globPattern(entry.replace(/^\.\//, ""));
  const names = await readdir(directory, { recursive: true }).catch(() => []);
  const paths = names.filter((name) => pattern.test(name) && !name.includes("node_modules")).sort();
  return (await Promise.all(paths.map((name) => filesAt(join(directory, name))))).flat();
}

/** What the host finds at a path: the file; a directory's manifest or index; else its files and its folders' indexes. */
async function filesAt(path: string): Promise<readonly string[]> {
  if (!(await isDirectory(path))) return (await isThere(path)) ? [path] : [];
  const own = await entriesOf(path);
  if (own.length > 0) return own;
  const names = (await readdir(path))
    .filter((name) => !name.startsWith(".") && name !== "node_modules")
    .sort();
  const found = await Promise.all(
    names.map(async (name) => {
      const full = join(path, name);
      return (await isDirectory(full)) ? await entriesOf(full) : /\.(ts|js)$/.test(name) ? [full] : [];
    }),
  );
  return found.flat();
}

async function entriesOf(directory: string): Promise<readonly string[]> {
  const { pi } = await readJson(join(directory, "package.json"));
  const named = isRecord(pi) ? strings(pi.extensions).map((entry) => resolve(directory, entry)) : [];
  const there: string[] = [];
  for (const file of named) if (await isThere(file)) there.push(file);
  for (const index of ["index.ts", "index.js"])
    if (there.length === 0 && (await isThere(join(directory, index)))) there.push(join(directory, index));
  return there;
}

/** Each file once, by its real path, without those whose nearest package.json is ours. */
async function withoutOurselves(files: readonly string[]): Promise<readonly string[]> {
  const kept = new Map<string, string>();
  for (const file of files) {
    const real = await realpath(file).catch(() => undefined);
    if (real !== undefined && !kept.has(real) && !(await isOurs(real))) kept.set(real, file);
  }
  return [...kept.values()];
}

/** True for this package's own extension. Its scripted model is a provider like any other, which workers need. */
async function isOurs(file: string): Promise<boolean> {
  if (/^scripted-model\./.test(basename(file))) return false;
  for (let at = dirname(file); ; at = dirname(at)) {
    const manifest = join(at, "package.json");
    if (await isThere(manifest)) return (await readJson(manifest)).name === ourselves;
    if (dirname(at) === at) return false;
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
  const spelled: Readonly<Record<string, string>> = { "**": ".*", "**/": ".*", "*": "[^/]*", "?": "[^/]" };
  const source = glob.replace(/\*\*\/?|\*|\?|[.+^${}()|[\]\\]/g, (part) => spelled[part] ?? `\\${part}`);
  return new RegExp(`^${source}$`);
}

function fromBase(base: string, path: string, { home }: ExtensionPlaces): string {
  return resolve(
    base,
    path.trim().replace(/^~(?=\/|$)/, () => home),
  );
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

async function readJson(path: string): Promise<Json> {
  return parseObject(await readFile(path, "utf8").catch(() => "")) ?? {};
}
