import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { AttemptOutcome } from "../../src/core/outcome.ts";
import type { Work, WorkerBackend, WorkerSignal } from "../../src/core/worker.ts";
import { identityOf } from "../../src/lib/identity.ts";
import { collect, fixtureWorkers, makeWork, plainTask, stillAlive } from "../support/workers/work.ts";

const opened: WorkerBackend[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((backend) => backend.close()));
});

interface Ended {
  readonly outcome: AttemptOutcome;
  readonly signals: readonly WorkerSignal[];
  readonly work: Work;
}

/** Performs one attempt, checks what must hold for every one, and yields how it ended. */
async function perform(
  behaviour: string,
  change: Partial<Work> = {},
  stopOn?: WorkerSignal["kind"] | "tool",
): Promise<Ended> {
  const work = await makeWork(change);
  const backend = fixtureWorkers(behaviour);
  opened.push(backend);
  const worker = backend.start(work);
  const reading = collect(worker, (signal) => {
    if (signal.kind === stopOn || (stopOn === "tool" && "tool" in signal)) worker.stop("stuck");
  });
  const outcome = await worker.outcome;
  expect(await stillAlive(work.runId)).toEqual([]);
  const pids = await readFile(join(work.cwd, "pids"), "utf8").catch(() => "");
  for (const pid of pids.split("\n").filter((one) => one !== "")) {
    expect(await identityOf(Number(pid))).toBeUndefined();
  }
  const record = JSON.parse(await readFile(join(work.directory, "outcome.json"), "utf8"));
  expect(record).toMatchObject({
    v: 1,
    runId: work.runId,
    task: "t1",
    attempt: 1,
    outcome: { kind: outcome.kind },
  });
  return { outcome, signals: await reading, work };
}

describe("a worker that does its work", () => {
  it("completes with its final text, labelled as unstructured", async () => {
    const { outcome, signals, work } = await perform("good");
    expect(outcome).toMatchObject({
      kind: "completed",
      result: { text: "done", bytes: 4, truncated: false, form: "unstructured", artifacts: [] },
      usage: { input: 10, output: 5, cost: 0.001, turns: 0 },
    });
    const kinds = signals.map((signal) => signal.kind).filter((kind) => kind !== "progress");
    expect(kinds).toEqual(["spawned", "ready"]);
    expect((await readdir(work.directory)).sort()).toEqual(["outcome.json", "prompt.md", "session.jsonl"]);
  });

  it("completes with what it submitted, whatever it says afterwards", async () => {
    const { outcome } = await perform("submit");
    expect(outcome).toMatchObject({
      kind: "completed",
      result: { text: "the result", form: "submitted" },
      usage: { input: 10, output: 5, turns: 1 },
    });
  });

  it("has each model call counted once, and the turns that asked for a tool", async () => {
    const { outcome } = await perform("two turns");
    expect(outcome.usage).toMatchObject({ input: 20, output: 10, turns: 1 });
  });

  it("has its refused calls told one by one, and from some number on only counted", async () => {
    const { signals } = await perform("is refused 60 calls");
    const calls = signals.flatMap((signal) => (signal.kind === "denied" ? [signal.call] : []));
    expect(calls).toHaveLength(51);
    expect(calls.at(-1)).toEqual({ tool: "write", what: "/etc/60", reason: "no", by: "muster", times: 10 });
    expect(calls.reduce((sum, { times = 1 }) => sum + times, 0)).toBe(60);
  });

  it("may say garbage before a right answer", async () => {
    expect((await perform("bad line, then answer")).outcome).toMatchObject({
      result: { text: "right text" },
    });
  });

  it("may use line separators that are no line ends", async () => {
    expect((await perform("line separators")).outcome).toMatchObject({
      result: { text: "one\u2028two\u2029three" },
    });
  });

  it("is told that nobody answers when it asks a person", async () => {
    expect((await perform("dialog")).outcome).toMatchObject({ result: { text: "nobody answered" } });
  });

  it("is waited for while its host retries the provider", async () => {
    expect((await perform("retries")).outcome).toMatchObject({ result: { text: "at last" } });
  });

  it("completes when it exits with 0 right after a whole answer", async () => {
    expect((await perform("exit 0 with answer")).outcome).toMatchObject({ kind: "completed" });
  });

  it.each(["daemon", "grandchild holds stdout"])(
    "completes, and what it leaves behind is ended: %s",
    async (behaviour) => {
      expect((await perform(behaviour)).outcome).toMatchObject({
        kind: "completed",
        result: { text: "done" },
      });
    },
  );

  it("has its declared output kept as an artifact", async () => {
    const { outcome, work } = await perform("leaves its output", {
      task: { ...plainTask, output: "out/report.md" },
    });
    const kept = outcome.kind === "completed" ? outcome.result.artifacts : [];
    expect(kept).toMatchObject([{ name: "out/report.md", path: "t1-1/out/report.md", bytes: 5 }]);
    expect(await readFile(join(work.artifacts, "t1-1/out/report.md"), "utf8")).toBe("made\n");
  });

  it("can submit only once: the later of two is what stands, and one changed after the end is put back", async () => {
    expect((await perform("two submits")).outcome).toMatchObject({ result: { text: "second" } });
    const { outcome, work } = await perform("changes its outcome later");
    expect(outcome).toMatchObject({ result: { text: "first" } });
    expect(await readFile(join(work.directory, "outcome.json"), "utf8")).toContain("first");
  });
});

describe("a worker that misbehaves never completes", () => {
  it.each([
    ["exit 3", "self_exit", /code 3.*it broke/s],
    ["exit 3 with answer", "self_exit", /code 3/],
    ["exit 143", "forced_exit", /143/],
    ["killed", "forced_exit", /SIGKILL/],
    ["exit 0", "hollow", /code 0/],
    ["stderr only", "hollow", /only words/],
    ["empty answer", "hollow", /final text/],
    ["invalid JSON only", "hollow", /5 lines were no protocol/],
    ["floods stdout", "hollow", /lines were no protocol/],
    ["one line of 50 MB", "hollow", /1 lines were no protocol/],
    ["one answer of 50 MB", "hollow", /final text/],
    ["exits before ready", "aborted_before_session", /bad flag/],
    ["unfit", "aborted_before_session", /no tool submit_result/],
    ["unknown model", "spawn_error", /not found/],
    ["rate limited", "rate_limited", /429/],
    ["refuses", "self_exit", /No API key/],
    ["hostile outcome: nonsense", "hollow", /final text.*not a JSON object/s],
    ["hostile outcome: other attempt", "hollow", /another attempt/],
    ["hostile outcome: cancelled", "hollow", /usage|kind "cancelled"/],
    ["hostile outcome: huge", "hollow", /EFBIG/],
    ["hostile outcome: link", "hollow", /ELOOP/],
    ["hostile outcome: artifact", "hollow", /artifact "p"/],
  ])("%s: %s", async (behaviour, cause, message) => {
    const { outcome, work } = await perform(behaviour);
    expect(outcome).toMatchObject({ kind: "failed", cause, message: expect.stringMatching(message) });
    const files = await readdir(work.directory);
    expect(files.includes("outcome.json.bad")).toBe(behaviour.startsWith("hostile"));
  });

  it.each([
    ["silent", "ready"],
    ["closes stdout", "ready"],
    ["ignores TERM", "ready"],
    ["grandchild in its own session", "ready"],
    ["scrubbed grandchild", "ready"],
    ["tool that hides a process", "tool"],
    ["never ready", "spawned"],
  ] as const)("%s: ended by the driver, with everything it started", async (behaviour, stopOn) => {
    const { outcome } = await perform(behaviour, {}, stopOn);
    expect(outcome).toMatchObject({ kind: "failed", cause: "stuck", retryable: true });
  });

  it.each([
    ["good", "does not exist"],
    ["output leads out", "leads out of the working directory"],
  ])("without its declared output: %s", async (behaviour, why) => {
    const { outcome, work } = await perform(behaviour, { task: { ...plainTask, output: "out/x" } });
    expect(outcome).toMatchObject({ kind: "failed", cause: "hollow", message: expect.stringContaining(why) });
    expect(await readdir(dirname(work.artifacts))).not.toContain("artifacts");
  });

  it("provider failures are told apart from failed work", async () => {
    expect((await perform("rate limited")).outcome).toMatchObject({ provider: true, retryable: true });
    expect((await perform("refuses")).outcome).toMatchObject({ provider: true, retryable: false });
    expect((await perform("unknown model")).outcome).toMatchObject({ provider: true, retryable: false });
    expect((await perform("exit 3")).outcome).toMatchObject({ provider: false, retryable: true });
  });
});
