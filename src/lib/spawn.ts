import { execFile, spawn } from "node:child_process";
import type { Environment } from "./environment.ts";

/** What to run. No shell is involved. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Environment;
}

/** How the kernel says that a process ended: exactly one of the two is set. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A running child with its own session and process group, so that the whole group can be signalled. */
export interface Child {
  readonly pid: number;
  /** Resolves when the process itself has ended, even while others still hold its pipes. */
  readonly exited: Promise<Exit>;
  /** Resolves when both output pipes reached their end or were released. */
  readonly drained: Promise<void>;
  /** False once the child's input is closed. A reader that went away is no error here: its exit tells. */
  write(text: string): boolean;
  endInput(): void;
  /** Lets go of the pipes, whoever else holds them. */
  release(): void;
}

/** The program could not be started. `code` is an errno name, or "" when there is none. */
export class SpawnFailure extends Error {
  override readonly name = "SpawnFailure";
  readonly code: string;
  constructor(command: string, cause: unknown) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`cannot start ${command}: ${reason}`, { cause });
    this.code = code;
  }
}

/** Starts a child with three pipes. Rejects with `SpawnFailure` when there is no process to show for it. */
export async function spawnChild(
  program: Program,
  onOutput: (chunk: Buffer) => void,
  onErrorOutput: (chunk: Buffer) => void,
): Promise<Child> {
  const child = spawnWithPipes(program);
  child.stdout.on("data", onOutput);
  child.stderr.on("data", onErrorOutput);
  // EPIPE after the reader went away: the exit says all there is to say.
  child.stdin.on("error", () => child.stdin.destroy());
  const exited = new Promise<Exit>((settle) => {
    child.once("exit", (code, signal) => settle({ code, signal }));
  });
  const drained = new Promise<void>((settle) => child.once("close", () => settle()));
  const pid = await new Promise<number>((resolve, reject) => {
    child.on("error", (error) => reject(new SpawnFailure(program.command, error)));
    child.once("spawn", () => {
      if (child.pid !== undefined) resolve(child.pid);
    });
  });
  return {
    pid,
    exited,
    drained,
    write(text) {
      if (child.stdin.writable) child.stdin.write(text);
      return child.stdin.writable;
    },
    endInput: () => void child.stdin.end(),
    release() {
      for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
    },
  };
}

function spawnWithPipes(program: Program) {
  try {
    return spawn(program.command, [...program.args], {
      cwd: program.cwd,
      env: { ...program.environment },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      windowsHide: true,
    });
  } catch (error) {
    // A NUL in an argument or variable is refused before anything starts.
    throw new SpawnFailure(program.command, error);
  }
}

/** Starts a program that outlives us: own session, no pipes. Resolves with its pid; rejects with `SpawnFailure`. */
export async function spawnDetached(
  program: Program,
): Promise<{ readonly pid: number; readonly exited: Promise<Exit> }> {
  const child = spawnWithoutPipes(program);
  const exited = new Promise<Exit>((settle) => {
    child.once("exit", (code, signal) => settle({ code, signal }));
  });
  child.unref();
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new SpawnFailure(program.command, error)));
    child.once("spawn", () => {
      if (child.pid !== undefined) resolve({ pid: child.pid, exited });
    });
  });
}

function spawnWithoutPipes(program: Program) {
  try {
    return spawn(program.command, [...program.args], {
      cwd: program.cwd,
      env: { ...program.environment },
      stdio: "ignore",
      detached: true,
      windowsHide: true,
    });
  } catch (error) {
    throw new SpawnFailure(program.command, error);
  }
}

/** What a short program printed, trimmed; undefined when it failed, took longer than `timeoutMs` or printed over 1 MB. */
export function capture(program: Program, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = {
      cwd: program.cwd,
      env: { ...program.environment },
      timeout: timeoutMs,
      maxBuffer: 1 << 20,
    };
    execFile(program.command, [...program.args], options, (error, stdout) => {
      resolve(error ? undefined : stdout.trim());
    });
  });
}
