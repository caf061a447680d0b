import { homedir } from "node:os";
import type { Clock, Work, Worker, WorkerBackend } from "../core/ports.ts";
import { agentDirectory, type Environment } from "../lib/environment.ts";
import { type Identity, ownIdentity } from "../lib/identity.ts";
import {
  createProcessWatch,
  endTree,
  type ProcessTree,
  type ProcessWatch,
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
  const watch = createProcessWatch(clock.now);
  const closing = new AbortController();
  const warden = deps.warden && wardenKeeper(deps.warden, { environment, clock, closing: closing.signal });
  const means: AttemptMeans = {
    clock,
    watch,
    observe: treeObserver(watch, clock, closing.signal),
    preparation: preparations(deps),
    redact: deps.redactor.redact,
    redactValue: deps.redactor.redactValue,
  };
  let started = 0;
  return {
    start(work: Work): Worker {
      started += 1;
      warden?.guard(work.runId);
      return startAttempt(work, `${process.pid}-${clock.now().toString(36)}-${started}`, means);
    },
    async reap(runId, recorded) {
      const exempt = [...(await selfAndAncestors()), ...(warden?.pids() ?? [])];
      const patience = new AbortController();
      void clock.sleep(reapMaxMs, closing.signal).then(() => patience.abort());
      const now = clock.now();
      return await endTree(
        createProcessWatch(),
        processTree([`PI_MUSTER_RUN=${runId}`], recorded, exempt),
        clock,
        {
          termAt: now,
          killAt: now + reapKillAfterMs,
          signal: patience.signal,
        },
      );
    },
    async close() {
      closing.abort();
      await warden?.ended();
    },
  };
}

/** What attempts have in common, found out once: who we are, and what each project's workers load. */
function preparations(deps: PiWorkersDeps): () => Promise<Preparation> {
  const found = new Map<string, Promise<readonly string[]>>();
  let self: Promise<Identity> | undefined;
  return async () => {
    self ??= ownIdentity();
    return {
      pi: deps.pi,
      workerExtension: deps.workerExtension,
      environment: deps.environment,
      driver: await self,
      redact: deps.redactor.redact,
      extensions(work) {
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
}

/** Looks at the observed trees from time to time, while tools run in them: only a tool starts what could hide. */
function treeObserver(watch: ProcessWatch, clock: Clock, closing: AbortSignal): AttemptMeans["observe"] {
  const observed = new Map<ProcessTree, () => boolean>();
  let looking = false;
  const look = async (): Promise<void> => {
    looking = true;
    while (observed.size > 0 && !closing.aborted) {
      await clock.sleep(observeEveryMs, closing);
      // A look that fails teaches nothing; the marks still tell, and the next look may succeed.
      const busy = [...observed].filter(([, runsTool]) => runsTool());
      await Promise.all(busy.map(([tree]) => watch.members(tree).catch(() => [])));
    }
    looking = false;
  };
  return (tree, runsTool) => {
    observed.set(tree, runsTool);
    if (!looking) void look();
    return () => void observed.delete(tree);
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
