import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { defaultSettings } from "../../src/core/settings.ts";
import { readEnvironment } from "../../src/lib/environment.ts";
import { describeWorkerBackend } from "../contract/worker-backend.ts";
import { collect, fixtureWorkers, makeWork, plainTask, stillAlive } from "../support/workers/work.ts";

describeWorkerBackend("piWorkers", {
  make: (behaviour) => fixtureWorkers(behaviour),
  makeWork,
  alive: stillAlive,
});

/** The final text of a worker, parsed. */
async function said(
  behaviour: string,
  ...[change, deps]: [Parameters<typeof makeWork>[0]?, Parameters<typeof fixtureWorkers>[1]?]
): Promise<unknown> {
  const outcome = await fixtureWorkers(behaviour, deps).start(await makeWork(change)).outcome;
  return JSON.parse(outcome.kind === "completed" ? outcome.result.text : "null");
}

it("a worker has marks of its own, the way to its provider, and nothing of the parent session", async () => {
  const settings = { ...defaultSettings, workerExtensions: "none", environmentDeny: ["AWS_*"] } as const;
  const environment = {
    ...readEnvironment(),
    MY_API_KEY: "k",
    AWS_SECRET: "s",
    PI_SESSION_ID: "p",
    PI_MUSTER_DEPTH: "0",
    PI_MUSTER_MAX_DEPTH: "1",
  };
  const seen = await said("shows its environment", { settings }, { environment });
  expect(seen).toMatchObject({
    MY_API_KEY: "k",
    PI_OFFLINE: "1",
    PI_MUSTER_DEPTH: "1",
    PI_MUSTER_MAX_DEPTH: "1",
  });
  expect(Object.keys(seen as object)).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/AWS_|PI_SESSION|ASSIGNMENT/)]),
  );
  const other = await said("shows its environment", { settings }, { environment });
  expect((seen as Record<string, string>).PI_MUSTER_WORKER).not.toBe(
    (other as Record<string, string>).PI_MUSTER_WORKER,
  );
});

it("a worker is given the user's extensions, but never this package", async () => {
  const work = await makeWork();
  const agentDir = join(work.cwd, "..", "agent");
  await mkdir(join(agentDir, "extensions", "pi-muster-link"), { recursive: true });
  await writeFile(join(agentDir, "extensions", "provider.ts"), "");
  await writeFile(join(agentDir, "extensions", "pi-muster-link", "index.ts"), "");
  await writeFile(join(agentDir, "extensions", "pi-muster-link", "package.json"), '{"name":"pi-muster"}');
  const environment = { ...readEnvironment(), PI_CODING_AGENT_DIR: agentDir };
  const given = await said("shows its arguments", { settings: defaultSettings }, { environment });
  const loaded = (given as string[]).filter((_, index, all) => all[index - 1] === "-e");
  expect(loaded).toEqual(["/nowhere/worker.mjs", join(agentDir, "extensions", "provider.ts")]);
});

it("extensions that could not be found are looked for again", async () => {
  const extraExtensions = new Proxy<string[]>([], {
    get(target, key) {
      if (failures-- > 0) throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
      return Reflect.get(target, key);
    },
  });
  let failures = 1;
  const workers = fixtureWorkers("good", { extraExtensions });
  const work = await makeWork();
  const kindOf = async () => (await workers.start({ ...(await makeWork()), cwd: work.cwd }).outcome).kind;
  expect([await kindOf(), await kindOf()]).toEqual(["failed", "completed"]);
});

it("what a worker hears and says is redacted before it is written", async () => {
  const work = await makeWork({ task: { ...plainTask, prompt: "the key is hunter2hunter2" } });
  await fixtureWorkers("good").start(work).outcome;
  const written = await Promise.all(
    ["prompt.md", "session.jsonl"].map((name) => readFile(join(work.directory, name), "utf8")),
  );
  expect(written.join()).not.toContain("hunter2hunter2");
  expect(written[0]).toContain("the key is [redacted]");
});

it("what could not be started, or written, is an outcome", async () => {
  const none = fixtureWorkers("good", { pi: { command: "/nonexistent/pi", args: [], dialect: "h1" } });
  expect(await none.start(await makeWork()).outcome).toMatchObject({
    kind: "failed",
    cause: "spawn_error",
    retryable: false,
  });
  const work = await makeWork();
  await writeFile(join(work.cwd, "file"), "");
  const nowhere = { ...work, directory: join(work.cwd, "file", "attempt") };
  expect(await fixtureWorkers("good").start(nowhere).outcome).toMatchObject({
    kind: "failed",
    cause: "spawn_error",
  });
});

it("a flood of progress reaches the driver as a trickle", async () => {
  const signals = await collect(fixtureWorkers("two turns").start(await makeWork()));
  expect(signals.filter((signal) => signal.kind === "progress").length).toBeLessThan(10);
});
