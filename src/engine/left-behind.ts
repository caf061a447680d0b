import type { RunMarks, RunProcesses } from "../core/history.ts";
import type { Clock } from "../core/ports.ts";
import { driverMark } from "../lib/environment.ts";
import { ownIdentity } from "../lib/identity.ts";
import { readProcessEnvironment, readProcessTable } from "../lib/process-table.ts";
import {
  createProcessWatch,
  endTree,
  type ProcessTree,
  processTree,
  selfAndAncestors,
} from "../lib/process-tree.ts";

/** A runner whose run just ended goes by itself within this, ms; then it is asked, then killed. */
const graceMs = 5_000;
const killAfterMs = 1_500;
const endMaxMs = 15_000;

/** The processes of runs, told by their drivers: a copy of the run in another project has others. */
export function runProcesses(clock: Clock): RunProcesses {
  return {
    async living(marks) {
      const watch = createProcessWatch();
      const found = (await treesOf(marks)).map((tree) => watch.members(tree));
      const members = (await Promise.all(found)).flat();
      return [...new Map(members.map((one) => [one.pid, one])).values()];
    },
    async end(marks) {
      const watch = createProcessWatch();
      const patience = new AbortController();
      const over = new AbortController();
      void clock.sleep(endMaxMs, over.signal).then(() => patience.abort());
      const termAt = clock.now() + graceMs;
      const terms = { termAt, killAt: termAt + killAfterMs, signal: patience.signal };
      const ended = (await treesOf(marks)).map((tree) => endTree(watch, tree, clock, terms));
      const left = (await Promise.all(ended)).flat();
      over.abort();
      return left;
    },
    async marked() {
      const found = new Set<string>();
      for (const pid of (await readProcessTable()).keys()) {
        const line = (await readProcessEnvironment(pid))?.find((one) => one.startsWith("PI_MUSTER_RUN="));
        if (line !== undefined) found.add(line.slice("PI_MUSTER_RUN=".length));
      }
      return found;
    },
  };
}

/** One tree a driver; what belongs to another boot, or to us, is in none. */
async function treesOf({ runId, drivers, workers }: RunMarks): Promise<readonly ProcessTree[]> {
  const [{ bootId }, exempt] = await Promise.all([ownIdentity(), selfAndAncestors()]);
  const mark = `PI_MUSTER_RUN=${runId}`;
  const here = drivers.filter((driver) => driver.bootId === bootId && !exempt.includes(driver.pid));
  return await Promise.all(
    here.map(async (driver) => {
      // Sessions hold leases too, for a moment, to remove or repair a run: only a process of the run is one of its tree.
      const isRunner = (await readProcessEnvironment(driver.pid))?.includes(mark);
      const known = isRunner ? [driver, ...workers] : workers;
      return processTree([mark, `PI_MUSTER_DRIVER=${driverMark(driver)}`], known, exempt);
    }),
  );
}
