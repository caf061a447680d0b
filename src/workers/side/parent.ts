import type { Clock } from "../../core/ports.ts";

/** How the guard sees and ends processes; handed in so that it can be tested without ending one. */
export interface ParentProbe {
  /** Pid of this process's parent, now. */
  parent(): number;
  /** False only when the kernel says that there is no such process. */
  exists(pid: number): boolean;
  /** Signals this process itself. */
  endSelf(signal: "SIGTERM" | "SIGKILL"): void;
}

const pollMs = 500;
const killAfterMs = 4_000;

/**
 * Ends this process once its driver is gone: SIGTERM, which lets the host end its tools, then SIGKILL 4 s later.
 * Resolves when the signal aborts. A process between driver and worker (a shell script as pi executable) is allowed:
 * then both that parent and the driver must live.
 */
export async function guardParent(
  driver: number,
  probe: ParentProbe,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): Promise<void> {
  const first = probe.parent();
  while (!signal.aborted) {
    if (probe.parent() !== first || (first !== driver && !probe.exists(driver))) {
      probe.endSelf("SIGTERM");
      // Not cut short by the signal: a shutdown that hangs is what the second one is for.
      await clock.sleep(killAfterMs);
      probe.endSelf("SIGKILL");
      return;
    }
    await clock.sleep(pollMs, signal);
  }
}
