import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { until } from "../support/host.ts";
import { Census } from "./census.ts";
import type { Violation } from "./violation.ts";

let place: string;
let child: ChildProcess;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "muster-census-"));
  await mkdir(join(place, "run/journal"), { recursive: true });
});
afterEach(async () => {
  child.kill("SIGKILL");
  await rm(place, { recursive: true });
});

/** A process with these marks, and what a census with no patience says of it until `enough`. */
async function saidOf(
  marks: Readonly<Record<string, string>>,
  records: readonly object[],
  enough: () => boolean,
) {
  const lines = records.map(
    (record, index) => `${JSON.stringify({ seq: index + 1, epoch: 1, ...record })}\n`,
  );
  await writeFile(join(place, "run/journal/0001.jsonl"), lines.join(""));
  child = spawn("sleep", ["60"], { env: { PI_CODING_AGENT_DIR: place, ...marks } });
  await once(child, "spawn");
  const said: Violation[] = [];
  const terms = { agentDir: place, runDirectory: join(place, "run"), limitMs: 300 };
  const census = new Census({ ...terms, violated: (violation) => said.push(violation) });
  census.start();
  await until("it was looked at long enough", () => said.length > 0 || enough());
  const looked = census.slowestEndMs;
  await census.stop();
  return { said, looked };
}
const started = { type: "run.started", plan: { tasks: [] }, terms: { background: true } };
const gone = { type: "lease.taken", pid: 1, startTime: "none", sealed: [] };

it.each([
  ["whose run is over", [gone, started, { type: "run.finished", status: "completed" }]],
  ["whose run is parked", [gone, started, { type: "run.parked", cause: "owner_gone" }]],
  ["whose driver is gone", [gone, started]],
  [
    "whose session is gone",
    [gone, { ...started, terms: { owner: { host: { pid: 1, startTime: "none" } } } }],
  ],
])("finds a process %s", async (_what, records) => {
  const { said } = await saidOf({ PI_MUSTER_RUN: "r", PI_MUSTER_WORKER: "w" }, records, () => false);
  expect(said).toEqual([{ kind: "alive", text: expect.stringContaining(`grandchild ${child.pid}`) }]);
});

it("finds nothing wrong with what belongs to no run", async () => {
  const since = performance.now();
  const records = [gone, started, { type: "run.finished", status: "completed" }];
  expect(await saidOf({}, records, () => performance.now() - since > 1_500)).toEqual({ said: [], looked: 0 });
});
