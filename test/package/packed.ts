import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { hostCli, node } from "../support/host.ts";

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Runs a program to its end; rejects, with what it said, when it fails. Resolves with its stdout. */
export async function output(
  cwd: string,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
) {
  const { stdout } = await promisify(execFile)(program, args, {
    cwd,
    env: { ...process.env, ...env },
    maxBuffer: 1e8,
  });
  return stdout;
}

/** A copy of the checkout as it is now, with the installed packages linked in: packing it disturbs nobody. */
export async function copyOfCheckout(to: string): Promise<void> {
  const listed = await output(repository, "git", [
    "ls-files",
    "-z",
    "--cached",
    "--others",
    "--exclude-standard",
  ]);
  for (const file of listed.split("\0").filter((name) => name !== "")) {
    await mkdir(dirname(join(to, file)), { recursive: true });
    await cp(join(repository, file), join(to, file));
  }
  await symlink(join(repository, "node_modules"), join(to, "node_modules"));
}

/** Packs a checkout into `into`; yields the tarball's path and the paths of what is in it. */
export async function pack(
  checkout: string,
  into: string,
): Promise<{ file: string; contents: readonly string[] }> {
  const told = await output(checkout, "npm", ["pack", "--json", "--silent", "--pack-destination", into]);
  const [packed]: readonly [{ filename: string; files: readonly { path: string }[] }] = JSON.parse(told);
  return { file: join(into, packed.filename), contents: packed.files.map((file) => file.path) };
}

/** Installs a tarball into a new project; yields where the package lies. */
export async function install(tarball: string, project: string): Promise<string> {
  await mkdir(project);
  await writeFile(join(project, "package.json"), '{"name":"project","private":true}');
  await output(project, "npm", ["install", "--prefer-offline", "--silent", tarball]);
  return join(project, "node_modules/pi-muster");
}

/** Packs, installs, hands over the installed package and a maker of fresh homes, and leaves nothing behind. */
export async function withPacked<T>(
  use: (packed: string, home: (name: string) => Promise<string>) => Promise<T>,
): Promise<T> {
  const scratch = await mkdtemp(join(tmpdir(), "muster-packed-"));
  try {
    await copyOfCheckout(join(scratch, "checkout"));
    const { file } = await pack(join(scratch, "checkout"), scratch);
    const packed = await install(file, join(scratch, "project"));
    return await use(packed, async (name) => {
      const home = join(scratch, "homes", name);
      await mkdir(join(home, "work"), { recursive: true });
      return home;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What a host knew after its start, and what its loader said. */
export interface Started {
  readonly tools: readonly {
    readonly name: string;
    readonly description: string;
    readonly parameters: unknown;
  }[];
  readonly systemPrompt: string;
  readonly commands: readonly string[];
  readonly stderr: string;
}

/** The environment of a host that knows nothing of this machine's user. */
export function privateHome(home: string): NodeJS.ProcessEnv {
  return { HOME: home, PI_CODING_AGENT_DIR: join(home, "agent"), PI_OFFLINE: "1", TMPDIR: home };
}

/** Runs a subcommand of the host, such as `install`. */
export function hostCommand(home: string, args: readonly string[]): Promise<string> {
  return output(join(home, "work"), node, [hostCli, ...args], privateHome(home));
}

/** Starts the real host with these packages in a home of its own, asks what is there, and ends it. */
export async function started(home: string, packages: readonly string[]): Promise<Started> {
  const probe = join(home, "probe.mjs");
  const found = join(home, "found.json");
  await writeFile(probe, probeSource(found));
  const host = await startUntilAnswer(home, [...packages, probe], { JITI_DEBUG: "1" });
  const { tools, systemPrompt } = JSON.parse(await readFile(found, "utf8"));
  return { tools, systemPrompt, commands: host.commands, stderr: host.stderr };
}

/** An extension that notes what a model would be told once all are registered. */
function probeSource(found: string): string {
  return `import { writeFileSync } from "node:fs";
export default (pi) => pi.on("session_start", (_, ctx) => writeFileSync(${JSON.stringify(found)},
  JSON.stringify({ tools: pi.getAllTools(), systemPrompt: ctx.getSystemPrompt() })));
`;
}

export interface Answered {
  readonly commands: readonly string[];
  readonly stderr: string;
  /** From spawn to the answer. */
  readonly wallMs: number;
  /** Used by then, all threads; undefined where the kernel does not tell. */
  readonly cpuMs: number | undefined;
}

/**
 * Starts the host in `home` (its directory for temporary files too) with these extensions, asks for its commands, and ends
 * it once it has answered. Rejects with what it said when it ends before.
 */
export async function startUntilAnswer(
  home: string,
  extensions: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Answered> {
  const work = join(home, "work");
  await mkdir(work, { recursive: true });
  const args = [hostCli, "--mode", "rpc", "--no-session", ...extensions.flatMap((path) => ["-e", path])];
  const startedAt = performance.now();
  const child = spawn(node, args, { cwd: work, env: { ...process.env, ...privateHome(home), ...env } });
  const gone = new Promise((resolve) => child.once("close", resolve));
  let stdout = "";
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  child.stdin.on("error", () => child.kill());
  child.stdin.write('{"id":"1","type":"get_commands"}\n');
  try {
    const commands = await new Promise<readonly string[]>((resolve, reject) => {
      child.stdout.on("data", (chunk) => {
        stdout += chunk;
        const answer = answerIn(stdout);
        if (answer) resolve(answer);
      });
      child.once("close", (code) => reject(new Error(`the host ended with ${code} unanswered:\n${stderr}`)));
    });
    const wallMs = performance.now() - startedAt;
    return { commands, wallMs, cpuMs: await cpuOf(child.pid), stderr };
  } finally {
    child.stdin.end();
    await gone;
  }
}

function answerIn(stdout: string): readonly string[] | undefined {
  const lines = stdout.split("\n").slice(0, -1);
  const line = lines.find((one) => one.startsWith("{") && one.includes('"get_commands"'));
  if (line === undefined) return undefined;
  const { data } = JSON.parse(line);
  return data.commands.map((command: { name: string }) => command.name);
}

/** User and system time of a living process; Linux counts it in hundredths of a second. */
async function cpuOf(pid: number | undefined): Promise<number | undefined> {
  if (process.platform !== "linux") return undefined;
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
