import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AttemptOutcome } from "../../src/core/outcome.ts";
import type { Work, WorkerBackend } from "../../src/core/worker.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { identityOf } from "../../src/lib/identity.ts";
import { createRedactor } from "../../src/lib/redact.ts";
import { piWorkers } from "../../src/workers/pi-workers.ts";
import {
  bundleInto,
  type Extensions,
  filesBelow,
  hostCli,
  makePlace,
  node,
  type Place,
  removePlace,
  served,
  until,
} from "../support/host.ts";
import { makeWork, stillAlive } from "../support/workers/work.ts";

let place: Place;
let bundles: Place;
let bundled: Extensions;
let backend: WorkerBackend | undefined;

beforeAll(async () => {
  bundles = await makePlace();
  bundled = await bundleInto(bundles.top);
});
afterAll(() => removePlace(bundles));
beforeEach(async () => {
  place = await makePlace();
  // The host would ask a busy provider three more times, for 14 seconds.
  await writeFile(join(place.agentDir, "settings.json"), JSON.stringify({ retry: { enabled: false } }));
});
afterEach(async () => {
  await backend?.close();
  backend = undefined;
  await removePlace(place);
});

/** The real backend over the real host, with the scripted model as a provider of the user's. */
async function backendWith(rules: readonly object[]): Promise<WorkerBackend> {
  const script = join(place.top, "script.json");
  await writeFile(script, JSON.stringify(rules));
  const environment = {
    PATH: process.env.PATH ?? "",
    TMPDIR: tmpdir(),
    HOME: place.home,
    PI_CODING_AGENT_DIR: place.agentDir,
    PI_MUSTER_SCRIPT: script,
    PI_MUSTER_SCRIPT_LOG: join(place.top, "served.jsonl"),
    DEMO_API_KEY: "s3cret-s3cret-42",
  };
  backend = piWorkers({
    pi: { command: node, args: [hostCli], dialect: process.env.MUSTER_TEST_PI ? "h2" : "h1" },
    workerExtension: bundled.worker,
    extraExtensions: [bundled.scriptedModel],
    environment,
    redactor: createRedactor(environment),
    clock: systemClock,
  });
  return backend;
}
function workHere(change: Partial<Work> = {}): Promise<Work> {
  return makeWork({
    model: "scripted/demo",
    cwd: place.workspace,
    directory: join(place.run, "attempts/t1-1"),
    artifacts: join(place.run, "artifacts"),
    ...change,
  });
}
/** Performs the work and checks that nothing of it lives on. */
async function perform(rules: readonly object[], change: Partial<Work> = {}): Promise<AttemptOutcome> {
  const work = await workHere(change);
  const worker = (await backendWith(rules)).start(work);
  const outcome = await worker.outcome;
  expect(await stillAlive(work.runId)).toEqual([]);
  return outcome;
}
const bash = (command: string): object => ({ tool: "bash", arguments: { command } });
const submit = (result: string, rest: object = {}): object => ({
  tool: "submit_result",
  arguments: { result, ...rest },
});
const usage = { input: 100, output: 10, cacheRead: 5, cacheWrite: 1, cost: 0.25 };

describe("an attempt in the real host", () => {
  it("completes with what it submitted, and every model call is counted once", async () => {
    const turns = [
      [bash("echo $DEMO_API_KEY > key.txt; cat key.txt")],
      [submit("key: {lastToolResult}", { artifacts: ["key.txt"] })],
    ];
    const outcome = await perform([{ name: "work", turns, usage }]);
    expect(outcome).toMatchObject({
      kind: "completed",
      result: { form: "submitted", artifacts: [{ name: "key.txt", path: "t1-1/key.txt" }] },
      usage: { input: 200, output: 20, cacheRead: 10, cacheWrite: 2, cost: 0.5, turns: 2 },
    });
    expect(await served(place)).toHaveLength(2);
    for (const file of await filesBelow(place.run))
      expect(await readFile(join(place.run, file), "utf8"), file).not.toContain("s3cret-s3cret");
    expect(await filesBelow(place.workspace)).toEqual(["key.txt"]);
  });

  it("completes with its final text when it submits nothing, labelled so", async () => {
    const outcome = await perform([{ name: "work", turns: [[{ text: "It is 42." }]], usage }]);
    expect(outcome).toMatchObject({
      kind: "completed",
      result: { form: "unstructured", text: "It is 42." },
      usage: { input: 100, turns: 0 },
    });
  });

  it("fails as the provider's failure when that is busy, so that the next model is tried", async () => {
    const rules = [
      { name: "busy", when: { model: "demo" }, turns: [[{ error: { status: 429, message: "rate limit" } }]] },
      { name: "free", when: { model: "second" }, turns: [[submit("done by the second")]] },
    ];
    const first = await perform(rules);
    expect(first).toMatchObject({ kind: "failed", cause: "rate_limited", provider: true, retryable: true });
    const second = await perform(rules, {
      model: "scripted/second",
      directory: join(place.run, "attempts/t1-2"),
      attempt: 2,
    });
    expect(second).toMatchObject({ kind: "completed", model: "scripted/second" });
  });

  it("ends with everything it started when it is cancelled, daemons of its shell included", async () => {
    const script =
      "setsid sleep 600 & echo $! >> pids; (setsid sh -c 'trap \"\" TERM; echo $$ >> pids; sleep 600; sleep 600' &) ; echo $$ >> pids; sleep 600";
    const work = await workHere();
    const worker = (await backendWith([{ name: "work", turns: [[bash(script)]] }])).start(work);
    const pids = async (): Promise<readonly number[]> =>
      (await readFile(join(place.workspace, "pids"), "utf8").catch(() => ""))
        .split("\n")
        .filter(Boolean)
        .map(Number);
    await until("three processes run", async () => (await pids()).length === 3);
    worker.stop("cancelled");
    expect(await worker.outcome).toMatchObject({ kind: "cancelled" });
    // A zombie that waits for init is gone: it has no identity.
    for (const pid of await pids()) expect(await identityOf(pid)).toBeUndefined();
    expect(await stillAlive(work.runId)).toEqual([]);
  });
});
