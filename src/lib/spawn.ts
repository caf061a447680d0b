import { type ChildProcess, execFile, spawn } from "node:child_process";
import type { Environment } from "./environment.ts";
import { errnoOf } from "./files.ts";

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
    super(`cannot start ${command}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.code = errnoOf(cause) ?? "";
  }
}

/** Starts a child with three pipes. Rejects with `SpawnFailure` when there is no process to show for it. */
export async function spawnChild(
  program: Program,
  onOutput: (chunk: Buffer) => void,
  onErrorOutput: (chunk: Buffer) => void,
): Promise<Child> {
  const child = begin(program, () =>
    spawn(program.command, program.args, { ...optionsOf(program), stdio: ["pipe", "pipe", "pipe"] }),
  );
  child.stdout.on("data", onOutput);
  child.stderr.on("data", onErrorOutput);
  // EPIPE after the reader went away: the exit says all there is to say.
  child.stdin.on("error", () => child.stdin.destroy());
  const drained = new Promise<void>((settle) => child.once("close", () => settle()));
  return {
    ...(await started(program, child)),
    drained,
    write(text) {
      if (child.stdin.writable) child.stdin.write(text);
      return child.stdin.writable;
    },
    endInput: () => void child.stdin.end(),
    release() {
      for (const pipe of child.stdio) pipe?.destroy();
    },
  };
}

/** Starts a program that outlives us: own session, no pipes. Rejects with `SpawnFailure`. */
export async function spawnDetached(program: Program): Promise<Pick<Child, "pid" | "exited">> {
  const child = begin(program, () =>
    spawn(program.command, program.args, { ...optionsOf(program), stdio: "ignore" }),
  );
  child.unref();
  return await started(program, child);
}

function optionsOf({ cwd, environment }: Program) {
  return { cwd, env: environment, detached: true, windowsHide: true };
}

function begin<C extends ChildProcess>({ command }: Program, start: () => C): C {
  try {
    return start();
  } catch (error) {
    // A NUL in an argument or variable is refused before anything starts.
    throw new SpawnFailure(command, error);
  }
}

async function started({ command }: Program, child: ChildProcess): Promise<Pick<Child, "pid" | "exited">> {
  const exited = new Promise<Exit>((settle) => {
    child.once("exit", (code, signal) => settle({ code, signal }));
  });
  return await new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new SpawnFailure(command, error)));
    child.once("spawn", () => {
      if (child.pid !== undefined) resolve({ pid: child.pid, exited });
    });
  });
}

/** What a short program printed, trimmed; undefined when it failed, took longer than `timeoutMs` or printed over 1 MB. */
export function capture(program: Program, timeoutMs: number): Promise<string | undefined> {
  const { command, args, cwd, environment } = program;
  return new Promise((resolve) => {
    const options = { cwd, env: environment, timeout: timeoutMs, maxBuffer: 1 << 20 };
    execFile(command, args, options, (error, stdout) => resolve(error ? undefined : stdout.trim()));
  });
}
