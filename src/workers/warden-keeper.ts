import type { Clock } from "../core/ports.ts";
import type { ProcessIdentity } from "../core/process.ts";
import type { Environment } from "../lib/environment.ts";
import { identityOf } from "../lib/identity.ts";
import { signalProcesses } from "../lib/process-tree.ts";
import { spawnDetached } from "../lib/spawn.ts";

/** How to start the warden: `src/entry/warden.ts`, or what was built from it, behind a JavaScript runtime. */
export interface WardenProgram {
  readonly command: string;
  readonly args: readonly string[];
}

/** What to give the warden's command to watch over this driver of a run. */
export function wardenArguments(
  { args }: WardenProgram,
  runId: string,
  { pid, startTime, bootId }: ProcessIdentity,
): readonly string[] {
  return [...args, runId, String(pid), startTime, bootId];
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
  environment: Environment,
  clock: Clock,
  driver: () => Promise<ProcessIdentity>,
  closing: AbortSignal,
): WardenKeeper {
  const kept = new Map<string, Promise<void>>();
  const living = new Set<number>();
  const isClosing = new Promise<void>((resolve) => {
    closing.addEventListener("abort", () => resolve(), { once: true });
  });

  const start = async (runId: string): Promise<void> => {
    const { pid, exited } = await spawnDetached({
      command: program.command,
      args: wardenArguments(program, runId, await driver()),
      cwd: "/",
      environment: { ...environment, PI_MUSTER_RUN: runId },
    });
    const identity = await identityOf(pid);
    living.add(pid);
    await Promise.race([exited, isClosing]);
    if (closing.aborted && identity) await signalProcesses([identity], "SIGTERM");
    living.delete(pid);
  };
  const keep = async (runId: string): Promise<void> => {
    const [first, longest] = restartAfterMs;
    for (let pause: number = first; !closing.aborted; pause = Math.min(pause * 2, longest)) {
      // Not to be started now: the next turn tries again.
      await start(runId).catch(() => undefined);
      await clock.sleep(pause, closing);
    }
  };
  return {
    guard(runId) {
      if (!kept.has(runId)) kept.set(runId, keep(runId));
    },
    pids: () => [...living],
    async ended() {
      await Promise.all(kept.values());
    },
  };
}
