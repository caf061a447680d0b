/**
 * `npm run test:e2e:next`: the end-to-end and package tests on the host's successor and a Node that it runs on. Both are
 * fetched through npm into node_modules/.cache/next and kept there. `--fetch` only fetches, and prints where they are.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { installIfMissing, root, run } from "./repository.mjs";
import { runAll } from "./test.mjs";

const cache = join(root, "node_modules/.cache/next");
const nodeMajor = 22;
const scope = "@earendil-works/pi-coding-agent";
/** The newest, whose dependencies the registry may lack: its tarball runs alone with these beside it. */
const newest = {
  version: "1.5.2",
  beside: ["jiti@2.7.0", "quickjs-wasi@3.6.2", "@silvia-odwyer/photon-node@0.3.4"],
  cli: "dist/bundle/cli.js",
};
/** The newest that npm installs by itself. */
const installable = { version: "0.87.1", cli: "dist/cli.js" };

/** @param {string} directory @param {readonly string[]} args */
async function npm(directory, args) {
  const code = await run("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd: directory });
  if (code !== 0) throw new Error(`npm ${args.join(" ")} failed with ${code}`);
}

/**
 * Fills a directory once: a half-filled one is never taken for a whole one.
 * @param {string} name @param {(directory: string) => Promise<void>} fill
 */
async function once(name, fill) {
  const directory = join(cache, name);
  if (existsSync(directory)) return directory;
  const making = `${directory}.${process.pid}`;
  await mkdir(making, { recursive: true });
  await writeFile(join(making, "package.json"), '{"private":true}');
  try {
    await fill(making);
    await rename(making, directory);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
  return directory;
}

async function fetchNode() {
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const directory = await once(`node-${nodeMajor}`, (making) =>
    npm(making, ["install", `${name}@${nodeMajor}`]),
  );
  return join(directory, "node_modules", name, "bin/node");
}

async function fetchNewest() {
  const directory = await once(`pi-${newest.version}`, async (making) => {
    await npm(making, ["install", "--ignore-scripts", ...newest.beside]);
    await npm(making, ["pack", "--silent", `${scope}@${newest.version}`]);
    const into = join(making, "node_modules", scope);
    await mkdir(into, { recursive: true });
    const tarball = `earendil-works-pi-coding-agent-${newest.version}.tgz`;
    const code = await run("tar", ["xzf", tarball, "-C", into, "--strip-components=1"], { cwd: making });
    if (code !== 0) throw new Error(`tar could not unpack ${tarball}`);
  });
  return join(directory, "node_modules", scope, newest.cli);
}

async function fetchInstallable() {
  const name = `${scope}@${installable.version}`;
  const directory = await once(`pi-${installable.version}`, (making) =>
    npm(making, ["install", "--ignore-scripts", name]),
  );
  return join(directory, "node_modules", scope, installable.cli);
}

/** @param {string} node @param {string} cli @returns {string} what it calls itself; throws when it does not start. */
function versionOf(node, cli) {
  const asked = spawnSync(node, [cli, "--version"], {
    encoding: "utf8",
    env: { ...process.env, PI_OFFLINE: "1", PI_CODING_AGENT_DIR: join(cache, "agent") },
  });
  const version = `${asked.stdout}${asked.stderr}`.trim();
  if (asked.status !== 0) throw new Error(`${cli} does not start: ${version}`);
  return version;
}

async function fetchHost(/** @type {string} */ node) {
  try {
    const cli = await fetchNewest();
    return { cli, version: versionOf(node, cli) };
  } catch (error) {
    console.error(
      `${newest.version} is not to be had (${error instanceof Error ? error.message : error}); taking ${installable.version}`,
    );
    const cli = await fetchInstallable();
    return { cli, version: versionOf(node, cli) };
  }
}

await installIfMissing();
await mkdir(cache, { recursive: true });
const node = await fetchNode();
const { cli, version } = await fetchHost(node);
console.log(`host ${version}: ${cli}\nnode: ${node}`);
if (!process.argv.includes("--fetch")) {
  const projects = ["--project", "e2e", "--project", "package"];
  const env = { MUSTER_TEST_NODE: node, MUSTER_TEST_PI: cli };
  const { passed, failed } = await runAll([
    {
      name: `end to end on host ${version}`,
      kind: "vitest",
      fast: false,
      command: ["vitest", "run", ...projects],
      env,
    },
  ]);
  process.exitCode = failed > 0 ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed`);
}
