/**
 * runner <orders>
 *
 * Drives one run in a process of its own, so that the host's reload, crash or exit costs the run nothing. Ends when
 * the run does, when it is parked, or when another driver has it. SIGTERM ends its workers first.
 */
import { constants } from "node:fs";
import { appendFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { takeAndDrive } from "../engine/lease.ts";
import { machineSlots } from "../engine/machine-slots.ts";
import { systemClock } from "../lib/clock.ts";
import { readEnvironment } from "../lib/environment.ts";
import { ownIdentity, probe } from "../lib/identity.ts";
import { keepAlive } from "../lib/keep-alive.ts";
import { createRedactor } from "../lib/redact.ts";
import { openRunStore } from "../store/run-store.ts";
import { piWorkers } from "../workers/pi-workers.ts";
import { bootFile, entryFile, nodeArguments } from "./loading.ts";
import { type Orders, parseOrders } from "./orders.ts";

const release = keepAlive();
try {
  await drive(parseOrders(process.argv[2]));
} catch (error) {
  process.exitCode = 1;
  await leaveWord(error);
} finally {
  release();
}

async function drive(orders: Orders): Promise<void> {
  const environment = readEnvironment();
  const redactor = createRedactor(environment);
  const ending = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => ending.abort());
  // The terminal of the session that started us means nothing to a run.
  process.on("SIGHUP", () => undefined);
  const warden = entryFile("warden");
  const backend = piWorkers({
    pi: orders.pi,
    workerExtension: entryFile("worker").file,
    extraExtensions: orders.extensions,
    environment,
    redactor,
    clock: systemClock,
    boot: bootFile(),
    warden: { command: process.execPath, args: await nodeArguments(warden, orders.hostCli) },
  });
  const slots = machineSlots({
    directory: join(orders.agentDir, "muster"),
    workersMax: orders.workersPerMachine,
    clock: systemClock,
  });
  const store = openRunStore(orders.root);
  const isProject = basename(orders.root) === ".muster";
  const checkout = isProject ? { checkout: dirname(orders.root) } : {};
  const parts = { runId: orders.runId, store, backend, slots, clock: systemClock, probe, ...checkout };
  try {
    await takeAndDrive(parts, await ownIdentity(), ending.signal);
  } finally {
    await backend.close();
  }
}

/** Nobody reads a runner's output: what stopped it is left beside the run, for `doctor` and for people. */
async function leaveWord(error: unknown): Promise<void> {
  const { runId, root } = parseOrders(process.argv[2]);
  const { redact } = createRedactor(readEnvironment());
  const text = redact(error instanceof Error ? (error.stack ?? error.message) : String(error));
  await appendFile(
    join(root, "runs", runId, "runner.log"),
    `${new Date(systemClock.now()).toISOString()} ${text}\n`,
    // A link in its place is not followed: nobody knows where it leads.
    {
      mode: 0o600,
      flag: constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0),
    },
  );
}
