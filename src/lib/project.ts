import { realpath, stat } from "node:fs/promises";
import { dirname, join, parse } from "node:path";
import { errnoOf, exists } from "./files.ts";

/**
 * The project a directory belongs to: the top of its git work tree, else the directory itself, by real path. Undefined
 * outside any project: the file system's root, the user's home, or a directory that does not exist.
 */
export async function projectRoot(cwd: string, home: string): Promise<string | undefined> {
  const start = await realPathOf(cwd);
  if (start === undefined || !(await stat(start)).isDirectory()) return undefined;
  for (let at = start; at !== parse(at).root; at = dirname(at)) {
    if (await exists(join(at, ".git")).catch(() => false)) return at;
  }
  return start === parse(start).root || start === (await realPathOf(home)) ? undefined : start;
}

async function realPathOf(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    // A path that is not there is an answer; anything else is not ours to judge.
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}
