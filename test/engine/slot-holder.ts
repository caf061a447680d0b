/**
 * slot-holder <directory> <log> <name> <limit>
 *
 * Takes and gives back machine tokens without end, and writes `+ name` behind each take and `- name` before each
 * release, so that the log never shows more than is really held. Made to be killed.
 */
import { appendFile } from "node:fs/promises";
import { machineSlots } from "../../src/engine/machine-slots.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { keepAlive } from "../../src/lib/keep-alive.ts";

const [directory = "", log = "", name = "", limit = ""] = process.argv.slice(2);
keepAlive();
const slots = machineSlots({ directory, workersMax: Number(limit), clock: systemClock });
const never = new AbortController().signal;
for (let round = 0; ; round += 1) {
  const tokens = [...(await slots.takeWorkers(1 + (round % 3)))];
  const writer = await slots.takeWriter("/some/checkout");
  for (const _ of tokens) await appendFile(log, `+ ${name}\n`);
  if (writer !== undefined) await appendFile(log, `w ${name}\n`);
  await systemClock.sleep(round % 4);
  if (writer !== undefined) {
    await appendFile(log, `v ${name}\n`);
    await writer.release();
  }
  for (const token of tokens) {
    await appendFile(log, `- ${name}\n`);
    await token.release();
  }
  if (tokens.length === 0) await slots.changed(never);
}
