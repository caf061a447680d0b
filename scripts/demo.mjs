/**
 * `npm run demo`: a real team run, end to end, on a sample repository with a failing test. The host, its children, the
 * files, git and the test are real; only the model is scripted (demo/script.json), so no key and no network are needed.
 * Exit 0 only if the sample's test passes at the end. `--tui` opens the same in the interactive host.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installIfMissing, root } from "./repository.mjs";

const prompt = "Fix the failing test of this shop.";
const model = "scripted/demo";

await installIfMissing();
const place = await realpath(await mkdtemp(join(tmpdir(), "muster-demo-")));
const sample = join(place, "corner-shop");
const agentDir = join(place, "agent");
await prepareSample();
const isTui = process.argv.includes("--tui");
const host = startHost(isTui);
const exit = ended(host);
process.exitCode = isTui ? await exit.then(() => (sayTest() ? 0 : 1)) : await demonstrate(host, exit);

async function prepareSample() {
  await cp(join(root, "demo/sample"), sample, { recursive: true });
  await mkdir(agentDir);
  git("init", "-q", "-b", "main");
  git("add", "-A");
  git("-c", "user.name=demo", "-c", "user.email=demo@example.org", "commit", "-qm", "a shop with a bug");
}

/** @param {string[]} args */
function git(...args) {
  const { status, stderr } = spawnSync("git", args, { cwd: sample, encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${args.join(" ")} failed: ${stderr}`);
}

/** @param {boolean} interactive */
function startHost(interactive) {
  const cli = join(root, "node_modules/@mariozechner/pi-coding-agent/dist/cli.js");
  const built = join(root, "dist/scripted-model.mjs");
  const provider = existsSync(built) ? built : join(root, "src/entry/scripted-model.ts");
  const flags = ["-ne", "-e", root, "-e", provider, "--model", model];
  const args = interactive ? [...flags, prompt] : [...flags, "--mode", "rpc", "--no-session"];
  return spawn(process.execPath, [cli, ...args], {
    cwd: sample,
    env: {
      ...process.env,
      PI_CODING_AGENT_DIR: agentDir,
      PI_OFFLINE: "1",
      PI_MUSTER_SCRIPT: join(root, "demo/script.json"),
    },
    stdio: interactive ? "inherit" : ["pipe", "pipe", "pipe"],
  });
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<number>}
 */
function ended(child) {
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {Promise<number>} exit
 */
async function demonstrate(child, exit) {
  say(`pi-muster demo: a real team run. The model is scripted (${model}); everything else is real.\n`);
  say(`A shop with a failing test, in ${sample}`);
  sayTest();
  let errors = "";
  child.stderr?.on("data", (chunk) => {
    errors += chunk;
  });
  const shown = new Map();
  /** @type {() => void} */
  let over = () => {
    throw new Error("nobody waits yet");
  };
  const done = new Promise((resolve) => {
    over = () => resolve(undefined);
  });
  eachLine(child, (event) => {
    if (event.type === "agent_end") over();
    else show(event, shown);
  });
  child.once("exit", over);
  // A host that is gone already says why on stderr, which is shown at the end.
  child.stdin?.on("error", over);
  say(`> ${prompt}\n`);
  child.stdin?.write(`${JSON.stringify({ type: "prompt", message: prompt })}\n`);
  await done;
  child.stdin?.end();
  await exit;
  const passes = sayTest();
  const diff = spawnSync("git", ["diff", "--stat"], { cwd: sample, encoding: "utf8" }).stdout.trim();
  say(`What changed, by git:\n  ${diff}\n`);
  if (!passes) say(`The sample's test still fails. The host said:\n${errors.slice(-2_000)}`);
  say(`Look around:  ls ${sample}/.muster/runs/*   (journal, prompts, transcripts, outcomes)`);
  say("Watch it live: npm run demo -- --tui      Use it: pi install <this directory>, then /team-run <goal>");
  return passes ? 0 : 1;
}

/**
 * Prints what is new in one event of the host's stream.
 * @param {any} event
 * @param {Map<string, string>} shown
 */
function show(event, shown) {
  if (event.type === "message_end" && event.message.role === "assistant") {
    for (const part of event.message.content) if (part.type === "text") say(`${part.text}\n`);
  }
  if (event.type === "tool_execution_start" && event.toolName === "team") {
    say(`  team ${event.args.action}: ${event.args.goal ?? ""}`);
  }
  const details = event.partialResult?.details ?? event.result?.details;
  for (const task of details?.tasks ?? []) {
    if (shown.get(task.id) === task.status || task.status === "pending") continue;
    shown.set(task.id, task.status);
    say(
      `  ${task.id.padEnd(10)} ${task.status.padEnd(10)} ${task.cause && task.cause !== task.status ? task.cause : ""} [${task.agent}]`,
    );
  }
}

/** Runs the sample's own test and says how it went. */
function sayTest() {
  const { status, stdout } = spawnSync("npm", ["test", "--silent"], { cwd: sample, encoding: "utf8" });
  const count = (/** @type {string} */ word) => new RegExp(`^# ${word} (\\d+)`, "m").exec(stdout)?.[1] ?? "?";
  say(`npm test: ${count("pass")} pass, ${count("fail")} fail\n`);
  return status === 0;
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {(event: any) => void} onEvent
 */
function eachLine(child, onEvent) {
  let rest = "";
  child.stdout?.setEncoding("utf8");
  child.stdout?.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("{")) onEvent(JSON.parse(line));
  });
}

/** @param {string} text */
function say(text) {
  console.log(text);
}
