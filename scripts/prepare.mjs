/**
 * Runs at the end of every `npm install` of a checkout: a developer's, and the one that the host makes for `pi install git:…`
 * (`npm install --omit=dev`). It never fails the install: an unbuilt checkout works too, only slower.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { restoreManifest } from "./pack.mjs";
import { root } from "./repository.mjs";

/** @param {string} what @param {() => unknown} step */
async function attempt(what, step) {
  try {
    await step();
  } catch (error) {
    console.error(`pi-muster: ${what}: ${error instanceof Error ? error.message : error}`);
  }
}

function useHooks() {
  const forDevelopment = !(process.env.npm_config_omit ?? "").split(/[\s,]+/).includes("dev");
  const isOwnCheckout = existsSync(join(root, ".git")) && !root.split(/[\\/]/).includes("node_modules");
  if (!forDevelopment || !isOwnCheckout) return;
  spawnSync("git", ["config", "core.hooksPath", ".githooks"], { cwd: root, stdio: "ignore" });
}

await attempt("package.json could not be restored", restoreManifest);
await attempt("the pre-commit hook is not active", useHooks);
await attempt("dist/ was not built, the sources will be loaded instead", async () =>
  (await import("./build.mjs")).build(),
);
