/**
 * contender <root> <runId> <name>
 *
 * Takes the lease as soon as nobody holds it and appends without end; tells every acknowledged record on stdout before
 * it goes on. Made to be killed.
 */
import { writeSync } from "node:fs";
import type { RunEvent } from "../../src/core/events.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { ownIdentity } from "../../src/lib/identity.ts";
import { keepAlive } from "../../src/lib/keep-alive.ts";
import { openRunStore } from "../../src/store/run-store.ts";

const [root = "", runId = "", name = ""] = process.argv.slice(2);
keepAlive();
const store = openRunStore(root);
const self = await ownIdentity();
let lease = await store.acquire(runId, self, Date.now());
while (!("append" in lease)) {
  await systemClock.sleep(5);
  lease = await store.acquire(runId, self, Date.now());
}
writeSync(1, `lease ${lease.epoch}\n`);
const writer = lease;
for (let number = 1; ; number += 1) {
  const task = `${name}-${number}`;
  const events: RunEvent[] = [
    { type: "attempt.ready", task, attempt: 1 },
    { type: "task.skipped", task, because: "x".repeat((number * 7919) % 20_000) },
  ];
  const batches = [writer.append(events, Date.now()), writer.append(events.slice(0, 1), Date.now())];
  for (const record of (await Promise.all(batches)).flat()) writeSync(1, `ack ${record.seq} ${task}\n`);
}
