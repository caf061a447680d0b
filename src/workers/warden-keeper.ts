import type { Clock } from "../core/ports.ts";
import type { ProcessIdentity } from "../core/process.ts";
import type { Environment } from "../lib/environment.ts";
import { identityOf, ownIdentity } from "../lib/identity.ts";
import { signalProcesses } from "../lib/process-tree.ts";
import { spawnDetached } from "../lib/spawn.ts";

/** How to start the warden: `src/entry/warden.ts`, or what was built from it, behind a JavaScript runtime. */
export interface WardenProgram {
  readonly command: string;
  readonly args: readonly string[];
}

/** Keeps one warden alive for each guarded run. */
export interface WardenKeeper {
  /** From now on the run has a warden; a dead one is replaced. */
  guard(runId: string): void;
  /** Pids of the living wardens. */
  pids(): readonly number[];
  /** Resolves when the wardens were told to go, after `closing` was aborted. */
  ended(): Promise<void>;
}

/** Pause before a dead warden is replaced, ms: doubles up to the second number for one that does not stay. */
const restartAfterMs = [500, 30_000] as const;

/**
 * Wardens are siblings of the driver's workers, in a session of their own: they outlive the driver. One that cannot
 * be started is tried again later; until then a worker's own guard, and the next driver, still end what is left.
 */
export function wardenKeeper(
  program: WardenProgram,
  means: {
    readonly environment: Environment;
    readonly clock: Clock;
    readonly closing: AbortSignal;
  },
): WardenKeeper {
  const { environment, clock, closing } = means;
  const kept = new Map<string, Promise<void>>();
  const living = new Map<number, ProcessIdentity>();

  const once = async (runId: string, driver: ProcessIdentity): Promise<void> => {
    const { pid, exited } = await spawnDetached({
      command: program.command,
      args: [...program.args, runId, String(driver.pid), driver.startTime, driver.bootId],
      cwd: "/",
      environment: { ...environment, PI_MUSTER_RUN: runId },
    });
    const identity = await identityOf(pid);
    if (identity) living.set(pid, identity);
    await Promise.race([exited, aborted(closing)]);
    if (closing.aborted && identity) await signalProcesses([identity], "SIGTERM");
    living.delete(pid);
  };
  const keep = async (runId: string): Promise<void> => {
    for (
      let pause: number = restartAfterMs[0];
      !closing.aborted;
      pause = Math.min(pause * 2, restartAfterMs[1])
    ) {
      const driver = await ownIdentity();
      // Not to be started now: the next turn tries again.
      await once(runId, driver).catch(() => undefined);
      await clock.sleep(pause, closing);
    }
  };
  return {
    guard(runId) {
      if (!kept.has(runId)) kept.set(runId, keep(runId));
    },
    pids: () => [...living.keys()],
    async ended() {
      await Promise.all(kept.values());
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
