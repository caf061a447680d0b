/** Starts its arguments as a worker of its own, on its own pipes, and stays until it is killed. */
import { spawn } from "node:child_process";

const [command = "", ...args] = process.argv.slice(2);
const assignment = {
  ...JSON.parse(process.env.PI_MUSTER_ASSIGNMENT ?? "{}"),
  expectedParentPid: process.pid,
};
/** @type {import("node:child_process").SpawnOptions} */
const options = {
  stdio: "inherit",
  env: { ...process.env, PI_MUSTER_ASSIGNMENT: JSON.stringify(assignment) },
};
spawn(command, args, options).on("exit", (code) => process.exit(code ?? 1));
