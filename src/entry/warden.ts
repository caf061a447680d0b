/**
 * warden <runId> <pid> <startTime> <bootId>
 *
 * Watches one driver of a run, told by its identity, and ends everything that this driver started for the run once it
 * is gone. Exits then, or when it gets SIGTERM: the driver sends it when the run has ended. A closed input or a lost
 * terminal means nothing to it: the driver may have been killed.
 */
import { systemClock } from "../lib/clock.ts";
import { driverMark } from "../lib/environment.ts";
import { type Identity, probe } from "../lib/identity.ts";
import { keepAlive } from "../lib/keep-alive.ts";
import { createProcessWatch, endTree, processTree } from "../lib/process-tree.ts";

const pollMs = 500;
/** Pause between looks while no worker lives. */
const idleLookMs = 2_000;
const killAfterMs = 1_500;

const [runId, pid, startTime, bootId] = process.argv.slice(2);
if (!runId || !/^\d+$/.test(pid ?? "") || !startTime || !bootId) {
  console.error("usage: warden <runId> <driver pid> <driver startTime> <driver bootId>");
  process.exitCode = 2;
} else {
  await guard(runId, { pid: Number(pid), startTime, bootId });
}

async function guard(run: string, driver: Identity): Promise<void> {
  const release = keepAlive();
  for (const signal of ["SIGHUP", "SIGINT"] as const) process.on(signal, () => undefined);
  const tree = processTree([`PI_MUSTER_RUN=${run}`, `PI_MUSTER_DRIVER=${driverMark(driver)}`]);
  const watch = createProcessWatch(systemClock.now);
  for (let lookAt = 0; (await probe(driver)) !== "gone"; ) {
    if (systemClock.now() >= lookAt) {
      // Who was seen once stays known, whatever it hides later. A look that fails teaches nothing.
      const members = await watch.members(tree).catch(() => undefined);
      lookAt = members?.length === 0 ? systemClock.now() + idleLookMs : 0;
    }
    await systemClock.sleep(pollMs);
  }
  const now = systemClock.now();
  await endTree(createProcessWatch(), tree, systemClock, { termAt: now, killAt: now + killAfterMs });
  release();
}
