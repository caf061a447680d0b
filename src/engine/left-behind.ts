import type { RunMarks, RunProcesses } from "../core/history.ts";
import type { Clock } from "../core/ports.ts";
import { placeMark } from "../lib/environment.ts";
import { readProcessEnvironment, readProcessTable } from "../lib/process-table.ts";
import {
  createProcessWatch,
  endTree,
  type ProcessTree,
  processTree,
  selfAndAncestors,
} from "../lib/process-tree.ts";

/** A runner whose run just ended goes by itself within `graceMs`; then it is asked, then killed. */
const defaults = { graceMs: 5_000, killAfterMs: 1_500, endMaxMs: 15_000 };

/** The processes of the runs whose state lies in `root`: a copy of a run in another project has others. */
export function runProcesses(root: string, clock: Clock, terms: Partial<typeof defaults> = {}): RunProcesses {
  const { graceMs, killAfterMs, endMaxMs } = { ...defaults, ...terms };
  const place = `PI_MUSTER_PLACE=${placeMark(root)}`;
  const treeOf = async ({ runId, workers }: RunMarks): Promise<ProcessTree> =>
    processTree([`PI_MUSTER_RUN=${runId}`, place], workers, await selfAndAncestors());
  return {
    living: async (marks) => await createProcessWatch().members(await treeOf(marks)),
    async end(marks) {
      const over = new AbortController();
      const patience = new AbortController();
      void clock.sleep(endMaxMs, over.signal).then(() => patience.abort());
      const termAt = clock.now() + graceMs;
      const ending = { termAt, killAt: termAt + killAfterMs, signal: patience.signal };
      try {
        return await endTree(createProcessWatch(), await treeOf(marks), clock, ending);
      } finally {
        over.abort();
      }
    },
    async marked() {
      const found = new Set<string>();
      for (const pid of (await readProcessTable()).keys()) {
        const lines = (await readProcessEnvironment(pid)) ?? [];
        const run = lines.find((line) => line.startsWith("PI_MUSTER_RUN="));
        if (run !== undefined && lines.includes(place)) found.add(run.slice("PI_MUSTER_RUN=".length));
      }
      return found;
    },
  };
}
