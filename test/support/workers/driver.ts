/** `driver.ts <Work> <pi's command line> <the warden's arguments> <boot.cjs>`, all as JSON: drives one attempt until it is killed. */
import type { Work } from "../../../src/core/worker.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { readEnvironment } from "../../../src/lib/environment.ts";
import { keepAlive } from "../../../src/lib/keep-alive.ts";
import { piWorkers } from "../../../src/workers/pi-workers.ts";

const [work, [command, ...args], warden, boot] = process.argv.slice(2).map((text) => JSON.parse(text));
keepAlive();
const backend = piWorkers({
  pi: { command, args, dialect: "h1" },
  workerExtension: "/nowhere/worker.mjs",
  extraExtensions: [],
  environment: readEnvironment(),
  redactor: { redact: (text) => text, redactValue: (value) => value },
  clock: systemClock,
  ...(boot && { boot }),
  warden: { command: process.execPath, args: warden },
});
const worker = backend.start(work satisfies Work);
for await (const signal of worker.signals) if (signal.kind === "ready") console.log("ready");
