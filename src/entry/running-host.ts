import { readFile, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Environment } from "../lib/environment.ts";
import { findPi } from "../workers/executable.ts";
import type { Orders } from "./orders.ts";

/** How this host was started, as far as runners and workers need to know. */
export interface RunningHost {
  /** A node executable for our own processes. */
  readonly runtime: string;
  readonly forRunner: Pick<Orders, "pi" | "extensions" | "hostCli">;
}

/** Tells the running host from its process: `argv` is `process.argv`. */
export async function runningHost(
  execPath: string,
  argv: readonly string[],
  environment: Environment,
): Promise<RunningHost> {
  const script = argv[1];
  const version = script === undefined ? "0" : await versionAbove(script);
  const pi = findPi({ execPath, script, version, override: environment.PI_MUSTER_PI_BIN });
  const isNode = /(^|[\\/])node(\.exe)?$/i.test(execPath);
  return {
    runtime: isNode ? execPath : "node",
    forRunner: { pi, extensions: namedExtensions(argv.slice(2)), hostCli: script ?? execPath },
  };
}

/** Paths behind `-e` and `--extension`, absolute; package names (`npm:x`) are left to the user's settings. */
export function namedExtensions(args: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (const [index, arg] of args.entries()) {
    const value = arg === "-e" || arg === "--extension" ? args[index + 1] : undefined;
    if (value !== undefined && !/^(npm|git|https?|ssh):/.test(value)) found.push(resolve(value));
  }
  return found;
}

/** Version of the package that a script belongs to; "0" when none is near. */
async function versionAbove(script: string): Promise<string> {
  let at = dirname(await realpath(script).catch(() => script));
  for (; at !== dirname(at); at = dirname(at)) {
    const text = await readFile(join(at, "package.json"), "utf8").catch(() => undefined);
    if (text === undefined) continue;
    const manifest: unknown = JSON.parse(text);
    if (typeof manifest === "object" && manifest !== null && "version" in manifest)
      return String(manifest.version);
  }
  return "0";
}
