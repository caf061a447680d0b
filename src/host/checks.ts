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
  readonly projectRoot: string | undefined;
  /** Our state directory; need not exist. */
  readonly directory: string;
  readonly trusted: boolean;
  /** Owner of our tool's name, when it is not we. */
  readonly clash: string | undefined;
  readonly model: string | undefined;
  readonly isModelReady: boolean;
  /** Runs a program in `cwd` to its end; code is not 0 when it could not be started. */
  exec(
    command: string,
    args: readonly string[],
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
}

const freeMinBytes = 200 * 1024 * 1024;

/** What a check found. A check that throws is not in order either: with the error's message. */
type Finding = readonly [ok: DoctorCheck["ok"], found: string];

/** What this machine can get wrong, from the machine itself. Never rejects. */
export async function hostChecks(machine: Machine, facts: SessionFacts): Promise<readonly DoctorCheck[]> {
  const { depth, depthMax } = machine;
  const { trusted, clash, model, isModelReady, projectRoot } = facts;
  const existing = await nearestExisting(facts.directory);
  const check = async (
    name: string,
    remedy: string,
    look: () => Finding | Promise<Finding>,
  ): Promise<DoctorCheck> => {
    try {
      const [ok, found] = await look();
      return { name, ok, found, remedy };
    } catch (error) {
      return { name, ok: false, found: error instanceof Error ? error.message : String(error), remedy };
    }
  };
  return Promise.all([
    check("node", "install Node 20.6 or newer", nodeFinding),
    check("pi for workers", "set PI_MUSTER_PI_BIN to the pi that workers are to use", async () => {
      const [command = "", ...args] = await machine.piCommand();
      const { code, stdout, stderr } = await facts.exec(command, [...args, "--version"]);
      const said = `${stdout}${stderr}`.trim().slice(0, 200);
      return [code === 0, `${said || `exit code ${code}`} (${[command, ...args].join(" ")})`];
    }),
    check("pi-muster", "npm run build, then /reload", () => {
      const from = { dist: "prebuilt", src: "from its sources", stale: "from its sources; dist/ is older" };
      return [machine.build === "stale" ? "warning" : true, `${machine.version}, ${from[machine.build]}`];
    }),
    check(
      "git",
      "install git, and git init with a first commit: without it changes cannot be told apart",
      () => gitFinding(facts),
    ),
    check("git identity", "git config --global user.email you@example.org (and user.name)", async () => {
      const email = await git(facts, "config", "user.email");
      return [email ? true : "warning", email || "none"];
    }),
    check("project", "trust the project in the host if you know who wrote it", () => {
      const doubt = trusted ? "" : "; not trusted, its own definitions and settings are not used";
      return [trusted || "warning", `${projectRoot ?? "none"}${doubt}`];
    }),
    check("state directory", `make ${existing} writable`, async () => {
      await access(existing, constants.W_OK | constants.X_OK);
      return [true, facts.directory];
    }),
    check("disk", `free some space on the disk of ${existing}`, async () => {
      const { bavail, bsize } = await statfs(existing);
      const free = bavail * bsize;
      return [free >= freeMinBytes || "warning", `${Math.round(free / 1_048_576)} MiB free`];
    }),
    check("model", "choose one with /model, and log in or set its key (/login)", () =>
      model === undefined
        ? [false, "none is chosen"]
        : [isModelReady, `${model}${isModelReady ? "" : " has no key or login"}`],
    ),
    check(
      "process table",
      "without /proc no worker can be verified gone: look for them after a crash",
      procFinding,
    ),
    check("tool name", "remove one of the two packages (pi remove <package>) and /reload", () => [
      clash === undefined,
      clash === undefined ? "team is ours" : `team belongs to ${clash}`,
    ]),
    check("depth", "runs cannot be nested deeper; raise depthMax if that is wanted", () => [
      depth < depthMax || "warning",
      `${depth} of ${depthMax}`,
    ]),
  ]);
}

function nodeFinding(): Finding {
  const { node } = process.versions;
  const [major = 0, minor = 0] = node.split(".").map(Number);
  return [major > 20 || (major === 20 && minor >= 6), node];
}

async function gitFinding(facts: SessionFacts): Promise<Finding> {
  const [version, head, status] = await Promise.all([
    git(facts, "--version"),
    git(facts, "rev-parse", "--short", "HEAD"),
    git(facts, "status", "--porcelain"),
  ]);
  if (version === undefined) return ["warning", "not found"];
  if (status === undefined) return ["warning", `${version}; no repository here`];
  const changes = status.split("\n").filter(Boolean).length;
  const at = head === undefined ? "no commit yet" : `HEAD ${head}`;
  return [head === undefined ? "warning" : true, `${version}; ${at}, ${changes} uncommitted changes`];
}

/** What git says; undefined when it says no, or cannot be started. */
async function git({ exec }: SessionFacts, ...args: readonly string[]): Promise<string | undefined> {
  const { code, stdout } = await exec("git", args).catch(() => ({ code: -1, stdout: "" }));
  return code === 0 ? stdout.trim() : undefined;
}

/** Processes are recognised, and verified to be gone, through /proc. */
async function procFinding(): Promise<Finding> {
  if (process.platform !== "linux")
    return [
      "warning",
      `${process.platform}: processes that leave their group are found as far as the system lets us`,
    ];
  const files = ["/proc/self/stat", "/proc/self/environ", "/proc/sys/kernel/random/boot_id"];
  await Promise.all(files.map((file) => readFile(file)));
  return [true, "/proc can be read"];
}

async function nearestExisting(directory: string): Promise<string> {
  const error = await access(directory).then(
    () => undefined,
    (reason: NodeJS.ErrnoException) => reason.code,
  );
  const above = dirname(directory);
  return error === "ENOENT" && above !== directory ? nearestExisting(above) : directory;
}
