/** Which dialect of flags and events a host speaks: `h1` is 0.73 and its kin, `h2` is 0.87 and everything after. */
export type Dialect = "h1" | "h2";

/** The host to run workers with. */
export interface PiCommand {
  readonly command: string;
  /** What stands before our own arguments: the script, when the command is a JavaScript runtime. */
  readonly args: readonly string[];
  readonly dialect: Dialect;
}

/** The running host as it sees itself. */
export interface RunningHost {
  /** `process.execPath`. */
  readonly execPath: string;
  /** `process.argv[1]`. */
  readonly script: string | undefined;
  /** Version of the host package, as in "0.73.1". */
  readonly version: string;
  /** PI_MUSTER_PI_BIN: an executable, or a script to run with this runtime. */
  readonly override: string | undefined;
}

/**
 * How to start another process of the running host: the override when set; else the same runtime with the same
 * script; a compiled host (no script of its own, or one inside the binary) runs itself; an embedder's runtime without
 * a script falls back to `pi` on the PATH.
 */
export function findPi(host: RunningHost): PiCommand {
  const dialect = dialectOf(host.version);
  const isScript = (path: string): boolean => /\.[cm]?[jt]s$/.test(path);
  if (host.override) {
    return isScript(host.override)
      ? { command: host.execPath, args: [host.override], dialect }
      : { command: host.override, args: [], dialect };
  }
  const runtime = /(^|[\\/])(node|bun)(\.exe)?$/i.test(host.execPath);
  if (!runtime) return { command: host.execPath, args: [], dialect };
  const inBinary = host.script?.startsWith("/$bunfs/") || host.script?.startsWith("B:\\~BUN");
  if (host.script && !inBinary) return { command: host.execPath, args: [host.script], dialect };
  return { command: "pi", args: [], dialect };
}

/** Versions between the two (0.74 to 0.86) understand the older flags. An unreadable version counts as the older. */
export function dialectOf(version: string): Dialect {
  const match = /^v?(\d+)\.(\d+)/.exec(version);
  if (!match) return "h1";
  return Number(match[1]) >= 1 || Number(match[2]) >= 87 ? "h2" : "h1";
}
