/** Where this checkout lies, and running programs in it. Plain JavaScript: it works before anything is installed. */
import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The checkout's top directory, absolute. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Whether the module with this URL is the script that node was started with.
 * @param {string} url
 */
export function isMain(url) {
  const script = process.argv[1];
  return script !== undefined && existsSync(script) && url === pathToFileURL(realpathSync(script)).href;
}

/**
 * Runs a program to its end; its output is streamed to stderr, so that stdout stays the caller's.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>} its exit status; 1 when a signal ended it.
 */
export function run(command, args, { cwd = root, env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", 2, 2] });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/**
 * Installs the dependencies of this checkout when any of them is missing; else does nothing. Throws when npm fails.
 * @returns {Promise<boolean>} whether it installed.
 */
export async function installIfMissing() {
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const names = Object.keys({ ...dependencies, ...devDependencies });
  if (names.every((name) => existsSync(join(root, "node_modules", name, "package.json")))) return false;
  // Not `npm ci`: it refuses a lock file when a registry lacks optional packages of other platforms.
  const code = await run("npm", ["install", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (code !== 0)
    throw new Error(`npm could not install the dependencies (exit ${code}); its output says why`);
  return true;
}
