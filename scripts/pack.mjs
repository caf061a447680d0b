/**
 * Packing: the manifest in the package points at the prebuilt bundle and needs no other package, the one in the checkout
 * points at index.ts. `npm pack` runs `pack` before and `restore` after. An interrupted packing leaves the checkout's own
 * manifest in package.json.checkout, and the next install, build for packing or `npm test` puts it back.
 */
import { copyFile, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isMain, root } from "./repository.mjs";

const manifest = join(root, "package.json");
const aside = join(root, "package.json.checkout");

/**
 * The manifest as it is shipped.
 * @param {string} checkout text of the checkout's package.json
 * @returns {string}
 */
export function packedManifest(checkout) {
  const { scripts: _, dependencies: __, devDependencies: ___, ...rest } = JSON.parse(checkout);
  const packed = { ...rest, pi: { ...rest.pi, extensions: ["./dist/index.mjs"] } };
  return `${JSON.stringify(packed, null, 2)}\n`;
}

/** Puts the checkout's manifest back if a packing left its own; refuses when package.json was edited since. */
export async function restoreManifest() {
  const checkout = await readFile(aside, "utf8").catch(absent);
  if (checkout === undefined) return;
  const now = await readFile(manifest, "utf8");
  if (now !== packedManifest(checkout) && now !== checkout) {
    throw new Error(
      `${manifest} was edited while a packing had replaced it: merge it with ${aside} by hand, then delete that`,
    );
  }
  await rename(aside, manifest);
}

/** @param {NodeJS.ErrnoException} error @returns {undefined} */
function absent(error) {
  if (error.code === "ENOENT") return undefined;
  throw error;
}

async function pack() {
  await restoreManifest();
  const { build } = await import("./build.mjs");
  await build({ clean: true });
  const checkout = await readFile(manifest, "utf8");
  const next = `${manifest}.${process.pid}`;
  await writeFile(next, packedManifest(checkout));
  await copyFile(manifest, `${aside}.${process.pid}`);
  await rename(`${aside}.${process.pid}`, aside);
  await rename(next, manifest);
}

function refuse() {
  // `npm publish <directory>` registers the manifest as it is after postpack, with dependencies that the package does not need.
  throw new Error("publish the packed file instead: npm pack && npm publish ./pi-muster-<version>.tgz");
}

if (isMain(import.meta.url)) {
  const step = { pack, restore: restoreManifest, refuse }[process.argv[2] ?? ""];
  if (step === undefined) throw new Error("usage: node scripts/pack.mjs pack | restore | refuse");
  await step();
}
