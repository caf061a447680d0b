import { homedir } from "node:os";
import type { Clock, Work, Worker, WorkerBackend } from "../core/ports.ts";
import type { ProcessIdentity } from "../core/process.ts";
import { agentDirectory, type Environment } from "../lib/environment.ts";
import {
  createProcessWatch,
  endTree,
  type ProcessTree,
  processTree,
  selfAndAncestors,
} from "../lib/process-tree.ts";
import { capture } from "../lib/spawn.ts";
import { type AttemptMeans, startAttempt } from "./attempt.ts";
import type { PiCommand } from "./executable.ts";
import { configuredExtensions, namedExtensions } from "./extensions.ts";
import type { Preparation } from "./preparation.ts";
import { type WardenProgram, wardenKeeper } from "./warden-keeper.ts";

/** What a driver hands over to have its attempts performed by child processes of the host. */
export interface PiWorkersDeps {
  readonly pi: PiCommand;
  /** Absolute path of the worker-side extension, a file that the host can load. */
  readonly workerExtension: string;
  /** Extensions from the parent host's own command line (`-e`), absolute: they may bring the model's provider. */
  readonly extraExtensions: readonly string[];
  /** The driver's environment, of which workers inherit what is theirs to have. */
  readonly environment: Environment;
  readonly redactor: { redact(text: string): string; redactValue(value: unknown): unknown };
  readonly clock: Clock;
  /** The program that ends the workers when this driver is gone; absent in tests that need none. */
  readonly warden?: WardenProgram;
}

const npmTimeoutMs = 10_000;
/** Pause between looks for processes that will hide later. */
const observeEveryMs = 2_000;
/** Leftovers of an earlier driver are asked first and killed after this, ms. */
const reapKillAfterMs = 1_500;
/** An uninterruptible process must not keep a new driver from starting for ever. */
const reapMaxMs = 10_000;

/** Attempts as children in RPC mode. `close` when the driver is done. */
export function piWorkers(deps: PiWorkersDeps): WorkerBackend {
  const { clock, environment } = deps;
  const watch = createProcessWatch();
  const closing = new AbortController();
  const observed = new Set<ProcessTree>();
  const found = new Map<string, Promise<readonly string[]>>();
  const warden =
    deps.warden && wardenKeeper(deps.warden, { environment, clock, watch, closing: closing.signal });
  let observing = false;
  let started = 0;
  let self: Promise<ProcessIdentity> | undefined;

  const ownIdentity = async (): Promise<ProcessIdentity> => {
    const identity = await watch.identify(process.pid);
    if (!identity)
      throw new Error("this process cannot find itself in the process table; is /proc readable?");
    return identity;
  };
  const preparation = async (): Promise<Preparation> => {
    self ??= ownIdentity();
    return {
      pi: deps.pi,
      workerExtension: deps.workerExtension,
      environment,
      driver: await self,
      redact: deps.redactor.redact,
      extensions: (work) => {
        const key = JSON.stringify([
          work.cwd,
          work.trusted,
          work.settings.workerExtensions,
          work.agent.extensions,
        ]);
        const known = found.get(key) ?? extensionsOf(work, deps);
        found.set(key, known);
        return known;
      },
    };
  };
  const observe = (tree: ProcessTree): (() => void) => {
    observed.add(tree);
    if (!observing) void look();
    return () => void observed.delete(tree);
  };
  const look = async (): Promise<void> => {
    observing = true;
    while (observed.size > 0 && !closing.signal.aborted) {
      await clock.sleep(observeEveryMs, closing.signal);
      // A look that fails teaches nothing; the marks still tell, and the next look may succeed.
      await Promise.all([...observed].map((tree) => watch.members(tree).catch(() => [])));
    }
    observing = false;
  };
  const means: AttemptMeans = {
    clock,
    watch,
    observe,
    preparation,
    redact: deps.redactor.redact,
    redactValue: deps.redactor.redactValue,
  };
  return {
    start(work: Work): Worker {
      started += 1;
      warden?.guard(work.runId);
      return startAttempt(work, `${process.pid}-${clock.now().toString(36)}-${started}`, means);
    },
    async reap(runId, recorded) {
      const exempt = [...(await selfAndAncestors()), ...(warden?.pids() ?? [])];
      const tree = processTree([`PI_MUSTER_RUN=${runId}`], recorded, exempt);
      const patience = new AbortController();
      void clock.sleep(reapMaxMs, closing.signal).then(() => patience.abort());
      const now = clock.now();
      return await endTree(createProcessWatch(), tree, clock, {
        termAt: now,
        killAt: now + reapKillAfterMs,
        signal: patience.signal,
      });
    },
    async close() {
      closing.abort();
      await warden?.ended();
    },
  };
}

async function extensionsOf(work: Work, deps: PiWorkersDeps): Promise<readonly string[]> {
  const { workerExtensions } = work.settings;
  const configured =
    workerExtensions === "configured"
      ? await configuredExtensions({
          agentDir: agentDirectory(deps.environment, homedir()),
          home: homedir(),
          project: work.cwd,
          trusted: work.trusted,
          npmRoot: ([command = "npm", ...args]) =>
            capture(
              { command, args: [...args, "root", "-g"], cwd: work.cwd, environment: deps.environment },
              npmTimeoutMs,
            ),
        })
      : workerExtensions === "none"
        ? []
        : workerExtensions;
  return await namedExtensions([...deps.extraExtensions, ...configured, ...work.agent.extensions]);
}
