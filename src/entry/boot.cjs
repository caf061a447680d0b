/**
 * Loaded by node before anything of a worker's host (`NODE_OPTIONS=--require`), because a host takes seconds to boot and
 * the worker-side extension, which ends the worker with its driver, loads last. From the process's first moment a
 * thread of its own watches, also while a blocking start holds the main one. When the driver is gone it starts another
 * warden, which ends all that carries the driver's mark, this process included; a process that still lives then ends
 * itself. CommonJS, because `--import` would change how the host's own main file is loaded (docs/decisions/0007).
 */
const { spawn } = require("node:child_process");
const { isMainThread, Worker, workerData } = require("node:worker_threads");

const pollMs = 250;
/** A warden has asked and killed by then. */
const killAfterMs = 3_500;
const variable = "PI_MUSTER_BOOT";

/** @typedef {{ driver: number, warden: readonly string[], preload: string }} Orders as JSON in PI_MUSTER_BOOT */

const orders = process.env[variable];
if (isMainThread) {
  if (orders !== undefined) begin(orders);
} else if (workerData?.[variable] !== undefined) watch(workerData[variable]);

/** @param {string} text */
function begin(text) {
  /** @type {Orders} */
  const { preload } = JSON.parse(text);
  // Nothing that the worker starts inherits any of it; what the user has set stays.
  delete process.env[variable];
  const options = (process.env.NODE_OPTIONS ?? "").replace(preload, "").trim();
  if (options === "") delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = options;

  const data = { [variable]: { ...JSON.parse(text), parent: process.ppid } };
  const thread = new Worker(__filename, { workerData: data, execArgv: [], env: { ...process.env } });
  // No thread to be had: the worker-side extension watches from its own load on.
  thread.on("error", () => undefined);
  thread.unref();
  Reflect.set(globalThis, Symbol.for("pi-muster.boot"), () => thread.terminate());
}

/** @param {Orders & { parent: number }} orders */
function watch({ driver, warden, parent }) {
  const timer = setInterval(() => {
    if (process.ppid === parent && exists(driver)) return;
    clearInterval(timer);
    setTimeout(() => process.kill(process.pid, "SIGKILL"), killAfterMs);
    const [command = "", ...args] = warden;
    const { PI_MUSTER_DRIVER: _1, PI_MUSTER_WORKER: _2, PI_MUSTER_ASSIGNMENT: _3, ...env } = process.env;
    const child = spawn(command, args, { cwd: "/", detached: true, stdio: "ignore", env });
    // Not to be started: then we end by ourselves.
    child.on("error", () => undefined);
  }, pollMs);
}

/** @param {number} pid */
function exists(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}
