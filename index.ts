import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ExtensionAPI, ExtensionFactory } from "@mariozechner/pi-coding-agent";
import { isBuildCurrent } from "./src/entry/loading.ts";

/** What Pi loads in a checkout: dist/ when it was built from these sources, else the sources themselves. */
export default async function muster(pi: ExtensionAPI): Promise<void> {
  const root = dirname(fileURLToPath(import.meta.url));
  const built = await isBuildCurrent(root);
  const extension = await load(join(root, built ? "dist/index.mjs" : "src/entry/extension.ts"), root);
  await extension(pi);
}

async function load(file: string, root: string): Promise<ExtensionFactory> {
  try {
    const module: { default: ExtensionFactory } = await import(pathToFileURL(file).href);
    return module.default;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `pi-muster cannot load ${file}: ${why}. Run "npm install" in ${root}: it installs what the sources need and builds dist/.`,
      { cause },
    );
  }
}
