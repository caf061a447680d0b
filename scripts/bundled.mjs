import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as esbuild from "esbuild";
import { root } from "./repository.mjs";

/**
 * Bundles one of our TypeScript programs with everything of ours it imports; packages stay outside.
 * @param {string} entry relative to the repository
 * @param {import("esbuild").Plugin[]} [plugins]
 * @returns {Promise<string>} the program as an ES module
 */
export async function bundled(entry, plugins = []) {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.6",
    packages: "external",
    write: false,
    plugins,
    logLevel: "error",
  });
  return outputFiles[0]?.text ?? "";
}

/**
 * Bundles and imports it, from a file that is gone afterwards.
 * @param {string} entry relative to the repository
 * @returns {Promise<any>} its exports
 */
export async function loadBundled(entry) {
  // Inside the repository, so that packages are found.
  const scratch = await mkdtemp(join(root, "node_modules", ".muster-"));
  try {
    const file = join(scratch, "program.mjs");
    await writeFile(file, await bundled(entry));
    return await import(pathToFileURL(file).href);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
