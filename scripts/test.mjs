/**
 * `npm test`: installs what is missing, runs every tier of tiers.mjs whatever the others did, and ends with the line
 * `N passed, N failed` on stdout. `--fast` (`npm run check`) runs the fast ones only. `--only <name>` runs one.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { restoreManifest } from "./pack.mjs";
import { installIfMissing, isMain, root } from "./repository.mjs";
import { tiers } from "./tiers.mjs";

/** @typedef {{ passed: number, failed: number, why?: string }} Count */

const tierMaxMs = 30 * 60_000;
const outputMaxBytes = 200_000;

/**
 * What a vitest JSON report says. A skipped test counts as failed, and so does a file that could not be run: nothing that
 * was written as a test goes uncounted.
 * @param {string} report the file's text; empty when vitest wrote none
 * @param {number} exitCode
 * @returns {Count}
 */
export function countOf(report, exitCode) {
  if (report === "") return { passed: 0, failed: 1, why: "vitest wrote no report" };
  const { numPassedTests, numTotalTests, testResults } = JSON.parse(report);
  const passed = Number(numPassedTests);
  const crashed = testResults.filter(isCrashed).length;
  const failed = Number(numTotalTests) - passed + crashed;
  if (passed + failed === 0) return { passed, failed: 1, why: "no test ran" };
  if (failed === 0 && exitCode !== 0)
    return { passed, failed: 1, why: `all tests passed, yet vitest exited ${exitCode}` };
  return { passed, failed };
}

/** @param {{ status: string, assertionResults: { status: string }[] }} file */
function isCrashed(file) {
  return file.status !== "passed" && file.assertionResults.every((test) => test.status === "passed");
}

/**
 * @param {import("./tiers.mjs").Tier} tier
 * @param {string} scratch a directory for its report
 * @returns {Promise<Count & { output: string }>}
 */
async function runTier(tier, scratch) {
  const report = join(scratch, `${tier.name.replaceAll(/\W+/g, "-")}.json`);
  const reporters =
    tier.kind === "vitest" ? ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`] : [];
  const { code, output } = await outputOf([...tier.command, ...reporters], tier.env);
  if (tier.kind === "check") {
    return code === 0
      ? { passed: 1, failed: 0, output }
      : { passed: 0, failed: 1, why: `exit ${code}`, output };
  }
  return { ...countOf(await readFile(report, "utf8").catch(() => ""), code), output };
}

/**
 * Runs one program in a process group of its own, ended as a whole when it takes too long.
 * @param {readonly string[]} command
 * @param {Record<string, string>} [env] added to ours
 * @returns {Promise<{ code: number, output: string }>} the end of its output, both streams together
 */
function outputOf([program = "", ...args], env = {}) {
  const bin = program === "node" ? process.execPath : join(root, "node_modules", ".bin", program);
  return new Promise((resolve) => {
    const child = spawn(bin, args, {
      cwd: root,
      env: { ...process.env, ...env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    /** @param {Buffer} chunk */
    const take = (chunk) => {
      output = (output + chunk).slice(-outputMaxBytes);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    const timer = setTimeout(() => {
      output += `\nended after ${tierMaxMs / 60_000} minutes`;
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, tierMaxMs);
    child.once("error", (error) => {
      clearTimeout(timer);
      resolve({ code: 127, output: error.message });
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output });
    });
  });
}

/**
 * Runs tiers one after another, with a result line for each and the whole output of those that fail.
 * @param {readonly import("./tiers.mjs").Tier[]} chosen
 */
export async function runAll(chosen) {
  const scratch = await mkdtemp(join(tmpdir(), "muster-tiers-"));
  const total = { passed: 0, failed: 0 };
  for (const tier of chosen) {
    const startedAt = performance.now();
    const { passed, failed, why, output } = await runTier(tier, scratch);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    if (failed > 0) console.log(`\n${output.trimEnd()}\n`);
    const mark = failed > 0 ? "FAIL" : "ok  ";
    console.log(
      `${mark} ${tier.name}: ${passed} passed, ${failed} failed${why ? ` (${why})` : ""}, ${seconds} s`,
    );
    total.passed += passed;
    total.failed += failed;
  }
  await rm(scratch, { recursive: true, force: true });
  return total;
}

/** @param {readonly string[]} args */
function chosenBy(args) {
  if (args.includes("--fast")) return tiers.filter((tier) => tier.fast);
  const only = args.indexOf("--only");
  if (only === -1) return tiers;
  const named = tiers.filter((tier) => tier.name === args[only + 1]);
  if (named.length === 0)
    throw new Error(`no such tier; there are: ${tiers.map((tier) => tier.name).join(" | ")}`);
  return named;
}

if (isMain(import.meta.url)) {
  const total = { passed: 0, failed: 0 };
  try {
    const chosen = chosenBy(process.argv.slice(2));
    await restoreManifest();
    await installIfMissing();
    Object.assign(total, await runAll(chosen));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    total.failed += 1;
  }
  process.exitCode = total.failed > 0 ? 1 : 0;
  console.log(`${total.passed} passed, ${total.failed} failed`);
}
