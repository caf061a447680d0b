/**
 * Builds dist/ from src/: the extension and every other process of ours, each one file plus shared chunks, with every
 * library inside. Nothing but node's own modules is imported at run time, so that the host loads it natively and a
 * second host is never pulled in (docs/decisions/0003). Run it as `node scripts/build.mjs`, or import `build`.
 */
import { copyFile, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isMain, root } from "./repository.mjs";

const entries = {
  index: "extension",
  runner: "runner",
  worker: "worker",
  warden: "warden",
  "scripted-model": "scripted-model",
};
const chunkKeptMs = 7 * 24 * 3_600_000;

/**
 * @param {{ clean?: boolean }} [options] `clean` starts from an empty dist/. Otherwise chunks of earlier builds stay for a
 *   week: a host that is running now may yet import one of them.
 * @returns {Promise<string[]>} the files built, relative to dist/.
 */
export async function build({ clean = false } = {}) {
  const esbuild = await import("esbuild");
  const dist = join(root, "dist");
  const entryPoints = Object.entries(entries).map(([out, source]) => ({
    in: join(root, "src/entry", `${source}.ts`),
    out,
  }));
  if (clean) await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  await rm(join(dist, "build.json"), { force: true });
  // Taken before the bundling: sources that change meanwhile make the build stale, never falsely current.
  const sources = await hashOfSources(esbuild);
  const { metafile } = await esbuild.build({
    absWorkingDir: root,
    entryPoints,
    outdir: dist,
    bundle: true,
    splitting: true,
    format: "esm",
    outExtension: { ".js": ".mjs" },
    chunkNames: "chunk-[hash]",
    target: "node20.6",
    // "neutral" takes the browser's ESM build of yaml, which needs no require(); "node" would take its CommonJS.
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["node:*"],
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  await copyFile(join(root, "src/entry/boot.cjs"), join(dist, "boot.cjs"));
  refuseForeignImports(metafile);
  const bundles = Object.keys(metafile.outputs).map((file) => file.slice("dist/".length));
  const files = [...bundles, "boot.cjs"];
  await dropOldChunks(dist, files);
  await writeFile(join(dist, "build.json"), `${JSON.stringify({ sources })}\n`);
  return files;
}

/** @param {import("esbuild").Metafile} metafile */
function refuseForeignImports(metafile) {
  const foreign = Object.entries(metafile.outputs).flatMap(([file, { imports }]) =>
    imports
      .filter((one) => one.external && !one.path.startsWith("node:"))
      .map((one) => `${file} imports ${one.path}`),
  );
  if (foreign.length > 0)
    throw new Error(`dist/ may import nothing but node's own modules:\n${foreign.join("\n")}`);
}

/**
 * @param {string} dist
 * @param {readonly string[]} current
 */
async function dropOldChunks(dist, current) {
  for (const file of await readdir(dist)) {
    if (current.includes(file)) continue;
    const { mtimeMs } = await stat(join(dist, file));
    if (Date.now() - mtimeMs > chunkKeptMs) await rm(join(dist, file));
  }
}

/**
 * The same function that decides at start-up, taken from its source, so that the two cannot disagree.
 * @param {typeof import("esbuild")} esbuild
 * @returns {Promise<string>}
 */
async function hashOfSources(esbuild) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [join(root, "src/entry/loading.ts")],
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
  });
  const code = Buffer.from(outputFiles[0]?.contents ?? "").toString("base64");
  const { sourcesHash } = await import(`data:text/javascript;base64,${code}`);
  return sourcesHash(root);
}

if (isMain(import.meta.url)) {
  try {
    const files = await build({ clean: process.argv.includes("--clean") });
    console.log(`built dist/: ${files.filter((file) => !file.startsWith("chunk-")).join(", ")}`);
  } catch (error) {
    // esbuild has told where; the message says what.
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
