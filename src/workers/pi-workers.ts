import { homedir } from "node:os";
import type { Clock } from "../core/ports.ts";
import type { Work, WorkerBackend } from "../core/worker.ts";
import { agentDirectory } from "../lib/environment.ts";
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
import { startAttempt } from "./attempt.ts";
import { configuredExtensions, namedExtensions } from "./extensions.ts";
import type { Means, PiWorkersDeps } from "./means.ts";
import { wardenKeeper } from "./warden-keeper.ts";

const npmTimeoutMs = 10_000;
/** Pause between looks for processes that will hide later; short enough that a look costs little (`unchangedMs`). */
const observeEveryMs = 500;
/** Leftovers of an earlier driver are asked first and killed after this, ms. */
const reapKillAfterMs = 1_500;
/** An uninterruptible process must not keep a new driver from starting for ever. */
const reapMaxMs = 10_000;

/** Attempts as children in RPC mode. `close` when the driver is done. */
export function piWorkers(deps: PiWorkersDeps): WorkerBackend {
  const { clock, environment } = deps;
  const watch = createProcessWatch(clock.now);
  const closing = new AbortController();
  let self: Promise<Identity> | undefined;
  const driver = (): Promise<Identity> => {
    self ??= ownIdentity();
    return self;
  };
  const warden = deps.warden && wardenKeeper(deps.warden, environment, clock, driver, closing.signal);
  const observe = treeObserver(watch, clock, closing.signal);
  const means: Means = { ...deps, watch, driver, observe, extensions: extensionFinder(deps) };
  let started = 0;
  return {
    start(work) {
      started += 1;
      warden?.guard(work.runId);
      return startAttempt(work, `${process.pid}-${clock.now().toString(36)}-${started}`, means);
    },
    async reap(runId, recorded) {
      const exempt = [...(await selfAndAncestors()), ...(warden?.pids() ?? [])];
      const patience = new AbortController();
      void clock.sleep(reapMaxMs, closing.signal).then(() => patience.abort());
      const { PI_MUSTER_PLACE: place } = environment;
      const marks = [`PI_MUSTER_RUN=${runId}`, ...(place === undefined ? [] : [`PI_MUSTER_PLACE=${place}`])];
      const tree = processTree(marks, recorded, exempt);
      const termAt = clock.now();
      const terms = { termAt, killAt: termAt + reapKillAfterMs, signal: patience.signal };
      return await endTree(createProcessWatch(), tree, clock, terms);
    },
    async close() {
      closing.abort();
      await warden?.ended();
    },
  };
}

/** What each project's workers load, found out once. */
function extensionFinder(deps: PiWorkersDeps): Means["extensions"] {
  const found = new Map<string, Promise<readonly string[]>>();
  return (work) => {
    const { cwd, trusted, settings, agent } = work;
    const key = JSON.stringify([cwd, trusted, settings.workerExtensions, agent.extensions]);
    const known = found.get(key);
    if (known) return known;
    const finding = extensionsOf(work, deps);
    found.set(key, finding);
    // Whoever asked hears of the failure; whoever asks next gets a new try.
    finding.catch(() => found.delete(key));
    return finding;
  };
}

async function extensionsOf(
  { cwd, trusted, settings: { workerExtensions }, agent }: Work,
  { environment, extraExtensions }: PiWorkersDeps,
): Promise<readonly string[]> {
  const places = {
    agentDir: agentDirectory(environment, homedir()),
    home: homedir(),
    project: cwd,
    trusted,
    npmRoot: ([command = "npm", ...args]: readonly string[]) =>
      capture({ command, args: [...args, "root", "-g"], cwd, environment }, npmTimeoutMs),
  };
  const wanted =
    workerExtensions === "configured"
      ? await configuredExtensions(places)
      : workerExtensions === "none"
        ? []
        : workerExtensions;
  return await namedExtensions([...extraExtensions, ...wanted, ...agent.extensions]);
}

/** Looks at the observed trees from time to time, while tools run in them: only a tool starts what could hide. */
function treeObserver(watch: ProcessWatch, clock: Clock, closing: AbortSignal): Means["observe"] {
  const observed = new Map<ProcessTree, () => boolean>();
  let isLooking = false;
  const look = async (): Promise<void> => {
    isLooking = true;
    while (observed.size > 0 && !closing.aborted) {
      await clock.sleep(observeEveryMs, closing);
      // A look that fails teaches nothing; the marks still tell, and the next look may succeed.
      const busy = [...observed].filter(([, runsTool]) => runsTool());
      await Promise.all(busy.map(([tree]) => watch.members(tree).catch(() => [])));
    }
    isLooking = false;
  };
  return (tree, runsTool) => {
    observed.set(tree, runsTool);
    if (!isLooking) void look();
    return () => void observed.delete(tree);
  };
}
