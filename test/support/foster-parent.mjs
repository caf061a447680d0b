/**
 * Starts its arguments as a worker of its own and stays until it is killed. The worker reads our own input, which
 * outlives us; with FOSTER_INPUT=pipe one that closes with our death, as a driver's does.
 */
import { spawn } from "node:child_process";

const [command = "", ...args] = process.argv.slice(2);
const assignment = {
  ...JSON.parse(process.env.PI_MUSTER_ASSIGNMENT ?? "{}"),
  expectedParentPid: process.pid,
};
/** @type {import("node:child_process").SpawnOptions} */
const options = {
  stdio: [process.env.FOSTER_INPUT === "pipe" ? "pipe" : "inherit", "inherit", "inherit"],
  env: { ...process.env, PI_MUSTER_ASSIGNMENT: JSON.stringify(assignment) },
};
const child = spawn(command, args, options).on("exit", (code) => process.exit(code ?? 1));
if (child.stdin) process.stdin.pipe(child.stdin);
