import { execFile, spawn } from "node:child_process";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const node = process.env.MUSTER_TEST_NODE || process.execPath;
const hostCli =
  process.env.MUSTER_TEST_PI || join(repository, "node_modules/@mariozechner/pi-coding-agent/dist/cli.js");

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

/** What a host knew after its start, and what its loader said. */
export interface Started {
  readonly tools: readonly string[];
  readonly commands: readonly string[];
  readonly stderr: string;
}

/** The environment of a host that knows nothing of this machine's user. */
export function privateHome(home: string): NodeJS.ProcessEnv {
  return { HOME: home, PI_CODING_AGENT_DIR: join(home, "agent"), PI_OFFLINE: "1", TMPDIR: home };
}

/** Starts the real host with these packages in a home of its own, asks what is there, and ends it. */
export async function started(home: string, packages: readonly string[]): Promise<Started> {
  const probe = join(home, "probe.mjs");
  const found = join(home, "tools.json");
  await mkdir(join(home, "work"), { recursive: true });
  await writeFile(probe, probeSource(found));
  const extensions = [...packages, probe].flatMap((path) => ["-e", path]);
  const child = spawn(node, [hostCli, "--mode", "rpc", "--no-session", ...extensions], {
    cwd: join(home, "work"),
    env: { ...process.env, ...privateHome(home), JITI_DEBUG: "1" },
  });
  let stdout = "";
  let stderr = "";
  const commands = new Promise<readonly string[]>((resolve, reject) => {
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
      const answer = answerIn(stdout);
      if (answer) resolve(answer);
    });
    child.once("close", (code) =>
      reject(new Error(`the host ended with ${code} before it answered:\n${stderr}`)),
    );
  });
  const gone = new Promise((resolve) => child.once("close", resolve));
  child.stdin.on("error", () => child.kill());
  child.stdin.write('{"id":"1","type":"get_commands"}\n');
  try {
    return { commands: await commands, tools: JSON.parse(await readFile(found, "utf8")), stderr };
  } finally {
    child.stdin.end();
    await gone;
  }
}

/** Runs a subcommand of the host, such as `install`. */
export function hostCommand(home: string, args: readonly string[]): Promise<string> {
  return output(join(home, "work"), node, [hostCli, ...args], privateHome(home));
}

/** An extension that notes which tools there are once all are registered. */
function probeSource(found: string): string {
  return `import { writeFileSync } from "node:fs";
export default (pi) => pi.on("session_start", () => writeFileSync(${JSON.stringify(found)}, JSON.stringify(pi.getAllTools().map((tool) => tool.name))));
`;
}

function answerIn(stdout: string): readonly string[] | undefined {
  const line = stdout.split("\n").find((one) => one.startsWith("{") && one.includes('"get_commands"'));
  if (line === undefined || !line.endsWith("}")) return undefined;
  const { data } = JSON.parse(line);
  return data.commands.map((command: { name: string }) => command.name);
}
