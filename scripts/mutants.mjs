/**
 * `node scripts/mutants.mjs [name]`: plants each mutant of test/mutants.md in a bundle of its own and runs the simulation on it.
 * A mutant that no seed shows, or that no longer fits the source, is a failure: exit code 1.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundled } from "./bundled.mjs";
import { isMain, root } from "./repository.mjs";

/**
 * @typedef {object} Mutant
 * @property {string} name as test/mutants.md lists it
 * @property {string} file
 * @property {string} from text that occurs once in the file
 * @property {string} to
 */

const seeds = 3_000;
const mutantMaxMs = 120_000;

/** @type {readonly Mutant[]} */
export const mutants = [
  {
    name: "dependency-ignored",
    file: "src/core/settle.ts",
    from: "if (task.unmet === 1) ready.push(dependent);",
    to: "ready.push(dependent);",
  },
  {
    name: "concurrency-ignored",
    file: "src/core/advance.ts",
    from: "Math.min(state.terms.settings.concurrency - atWork(state), room.workers)",
    to: "room.workers",
  },
  {
    name: "second-writer",
    file: "src/core/candidates.ts",
    from: "if (isWriter(planned)) this.#mayWrite = false;",
    to: "",
  },
  {
    name: "judgement-forgotten",
    file: "src/core/decide.ts",
    from: "brief(judged(found.task, reported))",
    to: "brief(reported)",
  },
  {
    name: "retry-without-end",
    file: "src/core/retry.ts",
    from: "outcome.retryable && task.failures < planned.retries",
    to: "outcome.retryable",
  },
  {
    name: "loss-without-end",
    file: "src/core/retry.ts",
    from: "task.losses < retries.lostMax ?",
    to: "true ?",
  },
  {
    name: "salvage-ignored",
    file: "src/core/decide.ts",
    from: "const kept = salvaged.get(attemptKey(planned.id, number));",
    to: "const kept = salvaged.get('');",
  },
  {
    name: "final-answers",
    file: "src/core/decide.ts",
    from: 'if (state.status === "queued" || isFinalRun(state.status)) return;\n  switch',
    to: 'if (state.status === "queued") return;\n  switch',
  },
  {
    name: "deadline-off",
    file: "src/core/deadline.ts",
    from: "if (draft.at < due.at) continue;",
    to: "if (draft.at < due.at + 1e9) continue;",
  },
  {
    name: "signs-forgotten",
    file: "src/core/deadline.ts",
    from: "Math.max(lastSignAt, waitsUntil)",
    to: "Math.max(attempt.startedAt, waitsUntil)",
  },
  {
    name: "step-taken-again",
    file: "src/core/deadline.ts",
    from: "const next = ladder[taken + 1];",
    to: "const next = ladder[Math.max(0, taken)];",
  },
  {
    name: "step-told-again",
    file: "src/engine/crew.ts",
    from: "escalation.step === member.step || ",
    to: "",
  },
  {
    name: "start-after-cancel",
    file: "src/core/advance.ts",
    from: "if (state.cancel !== undefined) cancelEverything(draft, state);\n  else if",
    to: "if (state.cancel !== undefined) stopActive(draft, state, 'cancelled');\n  if",
  },
  {
    name: "start-before-append",
    file: "src/engine/driver.ts",
    from: "await this.#patiently(() => this.#parts.lease.append(events, at));",
    to: "this.#crew.become(state); await this.#patiently(() => this.#parts.lease.append(events, at));",
  },
  {
    name: "begun-twice",
    file: "src/engine/crew.ts",
    from: "member.isOver = true;",
    to: "member.isOver = true; this.#members.delete(key);",
  },
  {
    name: "token-kept",
    file: "src/engine/tokens.ts",
    from: "if (token !== undefined) this.#free.push(token);",
    to: "",
  },
  {
    name: "token-not-taken",
    file: "src/engine/tokens.ts",
    from: "return { workers: this.#free.length,",
    to: "return { workers: this.#free.length + 1,",
  },
  {
    name: "predecessor-not-ended",
    file: "src/engine/driver.ts",
    from: "let left = await backend.reap(runId, recordedWorkers(state));",
    to: "let left: readonly ProcessIdentity[] = [];",
  },
  {
    name: "request-dropped-first",
    file: "src/engine/driver.ts",
    from: "requests = await this.#patiently(() => inbox.pending());",
    to: "requests = await inbox.pending(); await inbox.discard(requests.map((request) => request.id));",
  },
  {
    name: "parked-is-deaf",
    file: "src/engine/driver.ts",
    from: "return this.#reports.length === 0 && !this.#inboxMayHold;",
    to: "return true;",
  },
  {
    name: "busy-for-room",
    file: "src/core/deadline.ts",
    from: "task.retryAt > decidedAt",
    to: "true",
  },
  {
    name: "last-word-missing",
    file: "src/engine/driver.ts",
    from: "while (!(await this.#projection.flush()) && !this.#signal.aborted) {",
    to: "while (false) {",
  },
  {
    name: "recovery-without-end",
    file: "src/core/decide.ts",
    from: "if (state.recoveries <= max) return;",
    to: "if (max >= 0) return;",
  },
  {
    name: "recovery-counts-on",
    file: "src/core/evolve.ts",
    from: "next.recoveries = 0;\n      const done",
    to: "const done",
  },
  {
    name: "plan-unasked",
    file: "src/core/evolve.ts",
    from: "...(settings.requireApproval && continued?.isApproved !== true && { proposedAt: at }),",
    to: "",
  },
  {
    name: "gate-open",
    file: "src/core/evolve.ts",
    from: "if (planned.gate === undefined) return",
    to: "if (planned.id !== '') return",
  },
  {
    name: "rejection-ignored",
    file: "src/core/delivery.ts",
    from: "next.cancel ??=",
    to: "if (at < 0) next.cancel =",
  },
  {
    name: "any-word-decides",
    file: "src/core/mailroom.ts",
    from: 'asked.mail.kind === "approval" ? noVerdict(asked.mail, text) : undefined',
    to: "undefined",
  },
  {
    name: "stale-revision",
    file: "src/core/approval.ts",
    from: "if (revision !== state.revision)",
    to: "if (revision < 0)",
  },
  {
    name: "nobody-recovers",
    file: "src/engine/recovery.ts",
    from: "await launch(runId);",
    to: "await Promise.resolve();",
  },
  {
    name: "finished-done-again",
    file: "src/core/reuse.ts",
    from: "(dependency) => !reused.has(dependency)",
    to: "(dependency) => reused.has(dependency)",
  },
  {
    name: "retried-by-everybody",
    file: "src/engine/local-engine.ts",
    from: "if (by !== runId) throw new AlreadyContinued(from, by);",
    to: "",
  },
];

/**
 * The file with the fault in it.
 * @param {Mutant} mutant
 * @returns {Promise<string>} rejects when the text to change does not occur exactly once
 */
export async function faulty({ name, file, from, to }) {
  const text = await readFile(join(root, file), "utf8");
  if (text.split(from).length !== 2) throw new Error(`mutant ${name} does not fit ${file} any more`);
  return text.replace(from, () => to);
}

/**
 * @param {Mutant} mutant
 * @returns {Promise<import("esbuild").Plugin>}
 */
async function planting(mutant) {
  const contents = await faulty(mutant);
  return {
    name: mutant.name,
    setup(build) {
      const filter = new RegExp(`${mutant.file.replaceAll(/[/.]/g, "\\$&")}$`);
      build.onLoad({ filter }, () => ({ contents, loader: "ts" }));
    },
  };
}

/**
 * Runs the simulation with one mutant in it until a seed fails.
 * @param {Mutant} mutant
 * @returns {Promise<string | undefined>} what caught it, or undefined when nothing did
 */
async function caughtBy(mutant) {
  const scratch = await mkdtemp(join(root, "node_modules", ".mutant-"));
  try {
    const program = join(scratch, "program.mjs");
    const run = `\nprocess.exitCode = (await simulateSeeds(process.argv.slice(2), console.log)).length > 0 ? 1 : 0;\n`;
    await writeFile(program, (await bundled("test/simulation/main.ts", [await planting(mutant)])) + run);
    const { code, output } = await outputOf([program, `--seeds=${seeds}`, "--bail"]);
    if (code === 0) return undefined;
    return output.split("\n")[0]?.slice(0, 160) ?? "";
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * @param {readonly string[]} args
 * @returns {Promise<{ code: number, output: string }>}
 */
function outputOf(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    const timer = setTimeout(() => {
      output = `no end within ${mutantMaxMs} ms\n${output}`;
      child.kill("SIGKILL");
    }, mutantMaxMs);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output });
    });
  });
}

async function main() {
  const [, , only] = process.argv;
  const listed = await readFile(join(root, "test/mutants.md"), "utf8");
  let escaped = 0;
  for (const mutant of mutants.filter(({ name }) => only === undefined || name === only)) {
    const found = await caughtBy(mutant);
    const isListed = listed.includes(`| ${mutant.name} |`);
    if (found === undefined || !isListed) escaped++;
    console.log(
      `${found === undefined ? "ESCAPED" : "caught "} ${mutant.name}${isListed ? "" : " (not in test/mutants.md)"}: ${found ?? `${seeds} seeds saw nothing`}`,
    );
  }
  console.log(`${mutants.length} mutants, ${escaped} escaped`);
  process.exitCode = escaped > 0 ? 1 : 0;
}

if (isMain(import.meta.url)) await main();
