import { constants } from "node:fs";
import { access, readFile, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { DoctorCheck } from "../actions/context.ts";

/** What the composition root knows of this installation. */
export interface Machine {
  /** Our own version. */
  readonly version: string;
  /** What was loaded; `stale`: a build that does not match its sources lies beside them. */
  readonly build: "dist" | "src" | "stale";
  /** How deep this process is nested in runs, and how deep it may be. */
  readonly depth: number;
  readonly depthMax: number;
  /** The command line that starts a worker's pi; rejects with the reason and the remedy when there is none. */
  piCommand(): Promise<readonly string[]>;
}

/** What the session knows. */
export interface SessionFacts {
  readonly cwd: string;
  readonly projectRoot: string | undefined;
  /** Our state directory; need not exist. */
  readonly directory: string;
  readonly trusted: boolean;
  /** Owner of our tool's name, when it is not we. */
  readonly clash: string | undefined;
  readonly model: string | undefined;
  readonly isModelReady: boolean;
  /** Runs a program to its end; code is not 0 when it could not be started. */
  exec(
    command: string,
    args: readonly string[],
    cwd: string,
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
}

const freeMinBytes = 200 * 1024 * 1024;

/** What this machine can get wrong, from the machine itself. Never rejects. */
export async function hostChecks(machine: Machine, facts: SessionFacts): Promise<readonly DoctorCheck[]> {
  const groups = await Promise.all([
    nodeCheck(),
    piCheck(machine, facts),
    buildCheck(machine),
    gitChecks(facts),
    directoryChecks(facts),
    modelCheck(facts),
    processCheck(),
    nameCheck(facts),
    depthCheck(machine),
  ]);
  return groups.flat();
}

function nodeCheck(): DoctorCheck {
  const { node } = process.versions;
  const [major = 0, minor = 0] = node.split(".").map(Number);
  const ok = major > 20 || (major === 20 && minor >= 6);
  return { name: "node", ok, found: node, remedy: "install Node 20.6 or newer" };
}

async function piCheck(machine: Machine, { exec, cwd }: SessionFacts): Promise<DoctorCheck> {
  const remedy = "set PI_MUSTER_PI_BIN to the pi executable that workers are to use";
  try {
    const [command = "", ...args] = await machine.piCommand();
    const { code, stdout, stderr } = await exec(command, [...args, "--version"], cwd);
    const said = `${stdout}${stderr}`.trim().slice(0, 200);
    return {
      name: "pi for workers",
      ok: code === 0,
      found: `${said || `exit code ${code}`} (${[command, ...args].join(" ")})`,
      remedy,
    };
  } catch (error) {
    return { name: "pi for workers", ok: false, found: messageOf(error), remedy };
  }
}

function buildCheck({ version, build }: Machine): DoctorCheck {
  const found =
    build === "dist" ? "prebuilt" : build === "src" ? "from its sources" : "from its sources; dist/ is older";
  return {
    name: "pi-muster",
    ok: build === "stale" ? "warning" : true,
    found: `${version}, ${found}`,
    remedy: "npm run build, then /reload",
  };
}

async function gitChecks({ exec, cwd, projectRoot }: SessionFacts): Promise<DoctorCheck[]> {
  const git = async (...args: string[]): Promise<string | undefined> => {
    try {
      const { code, stdout } = await exec("git", args, cwd);
      return code === 0 ? stdout.trim() : undefined;
    } catch (error) {
      // No program, no session: either way git gave no answer, and the check says so.
      return error instanceof Error ? undefined : String(error);
    }
  };
  const version = await git("--version");
  if (version === undefined) {
    return [
      {
        name: "git",
        ok: "warning",
        found: "not found",
        remedy: "install git: without it there is no project root and no history",
      },
    ];
  }
  if (projectRoot === undefined || (await git("rev-parse", "--show-toplevel")) === undefined) {
    return [
      {
        name: "git",
        ok: "warning",
        found: `${version}; no repository here`,
        remedy: "git init, so that changes can be told apart",
      },
    ];
  }
  const [head, status, email] = await Promise.all([
    git("rev-parse", "--short", "HEAD"),
    git("status", "--porcelain"),
    git("config", "user.email"),
  ]);
  const changes = status === undefined || status === "" ? 0 : status.split("\n").length;
  return [
    {
      name: "git",
      ok: head === undefined ? "warning" : true,
      found: `${version}; ${head === undefined ? "no commit yet" : `HEAD ${head}`}, ${changes} uncommitted changes`,
      remedy: "make a first commit",
    },
    {
      name: "git identity",
      ok: email ? true : "warning",
      found: email || "none",
      remedy: "git config --global user.email you@example.org (and user.name)",
    },
  ];
}

async function directoryChecks({ directory, projectRoot, trusted }: SessionFacts): Promise<DoctorCheck[]> {
  const existing = await nearestExisting(directory);
  const checks: DoctorCheck[] = [
    {
      name: "project",
      ok: trusted ? true : "warning",
      found: `${projectRoot ?? "none"}${trusted ? "" : "; not trusted, its own definitions and settings are not used"}`,
      remedy: "trust the project in the host if you know who wrote it",
    },
  ];
  try {
    await access(existing, constants.W_OK | constants.X_OK);
    checks.push({ name: "state directory", ok: true, found: directory });
  } catch (error) {
    checks.push({
      name: "state directory",
      ok: false,
      found: messageOf(error),
      remedy: `make ${existing} writable`,
    });
  }
  try {
    const { bavail, bsize } = await statfs(existing);
    const free = bavail * bsize;
    checks.push({
      name: "disk",
      ok: free >= freeMinBytes ? true : "warning",
      found: `${Math.round(free / 1_048_576)} MiB free`,
      remedy: `free some space on the disk of ${existing}`,
    });
  } catch (error) {
    checks.push({
      name: "disk",
      ok: "warning",
      found: messageOf(error),
      remedy: `look at the disk of ${existing}`,
    });
  }
  return checks;
}

function modelCheck({ model, isModelReady }: SessionFacts): DoctorCheck {
  const remedy = "choose one with /model, and log in or set its key (/login)";
  if (model === undefined) return { name: "model", ok: false, found: "none is chosen", remedy };
  return {
    name: "model",
    ok: isModelReady,
    found: isModelReady ? model : `${model} has no key or login`,
    remedy,
  };
}

/** Processes are recognised, and verified to be gone, through /proc. */
async function processCheck(): Promise<DoctorCheck[]> {
  if (process.platform !== "linux") {
    const found = `${process.platform}: processes that leave their group are found only as far as the system lets us`;
    return [
      { name: "process table", ok: "warning", found, remedy: "look for left-over workers after a crash" },
    ];
  }
  try {
    await Promise.all([
      readFile("/proc/self/stat"),
      readFile("/proc/self/environ"),
      readFile("/proc/sys/kernel/random/boot_id"),
    ]);
    return [{ name: "process table", ok: true, found: "/proc can be read" }];
  } catch (error) {
    return [
      {
        name: "process table",
        ok: false,
        found: messageOf(error),
        remedy: "mount /proc: without it no worker can be verified gone",
      },
    ];
  }
}

function nameCheck({ clash }: SessionFacts): DoctorCheck {
  const remedy = "remove one of the two packages (pi remove <package>) and /reload";
  return {
    name: "tool name",
    ok: clash === undefined,
    found: clash === undefined ? "team is ours" : `team belongs to ${clash}`,
    remedy,
  };
}

function depthCheck({ depth, depthMax }: Machine): DoctorCheck {
  const remedy = "runs cannot be nested deeper; raise depthMax if that is wanted";
  return { name: "depth", ok: depth < depthMax ? true : "warning", found: `${depth} of ${depthMax}`, remedy };
}

async function nearestExisting(directory: string): Promise<string> {
  for (let at = directory; ; at = dirname(at)) {
    if (at === dirname(at)) return at;
    try {
      await access(at, constants.F_OK);
      return at;
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error) || error.code !== "ENOENT") return at;
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
