import { constants } from "node:fs";
import { access, readFile, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { DoctorCheck } from "../actions/context.ts";
import { type Check, words } from "../ui/strings.ts";

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
    [name, remedy]: Check,
    look: () => Finding | Promise<Finding>,
  ): Promise<DoctorCheck> => {
    try {
      const [ok, found] = await look();
      return { name, ok, found, remedy };
    } catch (error) {
      return { name, ok: false, found: error instanceof Error ? error.message : String(error), remedy };
    }
  };
  const { doctor } = words;
  return Promise.all([
    check(doctor.node, nodeFinding),
    check(doctor.pi, async () => {
      const [command = "", ...args] = await machine.piCommand();
      const { code, stdout, stderr } = await facts.exec(command, [...args, "--version"]);
      const said = `${stdout}${stderr}`.trim().slice(0, 200);
      return [code === 0, `${said || doctor.exitCode(code)} (${[command, ...args].join(" ")})`];
    }),
    check(doctor.build, () => [
      machine.build === "stale" ? "warning" : true,
      `${machine.version}, ${doctor.from[machine.build]}`,
    ]),
    check(doctor.git, () => gitFinding(facts)),
    check(doctor.identity, async () => {
      const email = await git(facts, "config", "user.email");
      return [email ? true : "warning", email || doctor.none];
    }),
    check(doctor.project, () => {
      const root = projectRoot ?? doctor.none;
      return [trusted || "warning", trusted ? root : doctor.notTrusted(root)];
    }),
    check(doctor.directory(existing), async () => {
      await access(existing, constants.W_OK | constants.X_OK);
      return [true, facts.directory];
    }),
    check(doctor.disk(existing), async () => {
      const { bavail, bsize } = await statfs(existing);
      const free = bavail * bsize;
      return [free >= freeMinBytes || "warning", doctor.free(Math.round(free / 1_048_576))];
    }),
    check(doctor.model, () =>
      model === undefined
        ? [false, doctor.noModel]
        : [isModelReady, isModelReady ? model : doctor.noKey(model)],
    ),
    check(doctor.processes, procFinding),
    check(doctor.tool, () => [clash === undefined, doctor.owner(clash)]),
    check(doctor.depth, () => [depth < depthMax || "warning", doctor.of(depth, depthMax)]),
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
  if (version === undefined) return ["warning", words.doctor.notFound];
  if (status === undefined) return ["warning", words.doctor.noRepository(version)];
  const changes = status.split("\n").filter(Boolean).length;
  return [head === undefined ? "warning" : true, words.doctor.repository(version, head, changes)];
}

/** What git says; undefined when it says no, or cannot be started. */
async function git({ exec }: SessionFacts, ...args: readonly string[]): Promise<string | undefined> {
  const { code, stdout } = await exec("git", args).catch(() => ({ code: -1, stdout: "" }));
  return code === 0 ? stdout.trim() : undefined;
}

/** Processes are recognised, and verified to be gone, through /proc. */
async function procFinding(): Promise<Finding> {
  if (process.platform !== "linux") return ["warning", words.doctor.noProc(process.platform)];
  const files = ["/proc/self/stat", "/proc/self/environ", "/proc/sys/kernel/random/boot_id"];
  await Promise.all(files.map((file) => readFile(file)));
  return [true, words.doctor.procRead];
}

async function nearestExisting(directory: string): Promise<string> {
  const error = await access(directory).then(
    () => undefined,
    (reason: NodeJS.ErrnoException) => reason.code,
  );
  const above = dirname(directory);
  return error === "ENOENT" && above !== directory ? nearestExisting(above) : directory;
}
