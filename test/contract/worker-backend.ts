import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { AttemptOutcome, Cause } from "../../src/core/outcome.ts";
import type { ProcessIdentity } from "../../src/core/process.ts";
import type { Work, WorkerBackend, WorkerSignal } from "../../src/core/worker.ts";
import { collect } from "../support/workers/work.ts";

/** What a backend brings to be held to the contract. */
export interface BackendUnderTest {
  /**
   * A backend whose workers behave as the word says: finish with the text "done", stay silent until ended, exit with 3, or
   * stay silent until they are nudged, or aborted, and then finish with the text "done".
   */
  make(behaviour: "good" | "silent" | "exit 3" | "wakes by nudge" | "wakes by abort"): WorkerBackend;
  makeWork(change?: Partial<Work>): Promise<Work>;
  /** What is still alive of a run. */
  alive(runId: string): Promise<readonly ProcessIdentity[]>;
}

/** What every `WorkerBackend` promises, as `core/ports.ts` says it. */
export function describeWorkerBackend(name: string, { make, makeWork, alive }: BackendUnderTest): void {
  describe(`worker backend ${name}`, () => {
    const opened: WorkerBackend[] = [];
    const open = (behaviour: Parameters<typeof make>[0]): WorkerBackend => {
      const backend = make(behaviour);
      opened.push(backend);
      return backend;
    };
    afterAll(() => Promise.all(opened.map((backend) => backend.close())));

    /** Stops with the causes in order as soon as the worker is ready. */
    const stopped = async (...causes: readonly Cause[]): Promise<AttemptOutcome> => {
      const work = await makeWork();
      const worker = open("silent").start(work);
      await collect(worker, (signal) => {
        if (signal.kind === "ready") for (const cause of causes) worker.stop(cause);
      });
      const outcome = await worker.outcome;
      expect(await alive(work.runId)).toEqual([]);
      return outcome;
    };

    it("tells who works before that it is ready, and both before the outcome", async () => {
      const work = await makeWork();
      const worker = open("good").start(work);
      const kinds = (await collect(worker))
        .map((signal) => signal.kind)
        .filter((kind) => kind !== "progress");
      expect(kinds).toEqual(["spawned", "ready"]);
      expect(await worker.outcome).toMatchObject({ kind: "completed", result: { text: "done" } });
    });

    it("has the outcome on disk, and nothing alive, when it tells the outcome", async () => {
      const work = await makeWork();
      const outcome = await open("good").start(work).outcome;
      expect(await alive(work.runId)).toEqual([]);
      const record = JSON.parse(await readFile(join(work.directory, "outcome.json"), "utf8"));
      expect(record).toMatchObject({
        runId: work.runId,
        task: work.task.id,
        attempt: 1,
        outcome: { kind: outcome.kind },
      });
    });

    it("ends as cancelled, as lost, or as failed with the cause it was stopped for", async () => {
      expect(await stopped("cancelled")).toMatchObject({ kind: "cancelled" });
      expect(await stopped("lost")).toMatchObject({ kind: "lost", cause: "lost" });
      expect(await stopped("timeout")).toMatchObject({ kind: "failed", cause: "timeout" });
    });

    it("takes the first of several causes", async () => {
      expect(await stopped("turn_limit", "cancelled")).toMatchObject({ kind: "failed", cause: "turn_limit" });
    });

    it("may be stopped before anything was started, and after everything ended", async () => {
      const work = await makeWork();
      const worker = open("silent").start(work);
      worker.stop("cancelled");
      expect(await worker.outcome).toMatchObject({ kind: "cancelled" });
      worker.stop("stuck");
      expect(await worker.outcome).toMatchObject({ kind: "cancelled" });
      expect(await alive(work.runId)).toEqual([]);
    });

    it.each(["nudge", "abort"] as const)(
      "goes on in the same session after a step of the ladder: %s",
      async (step) => {
        const work = await makeWork();
        const worker = open(`wakes by ${step}`).start(work);
        worker.escalate({ step, quietMs: 60_000 });
        const signals = await collect(worker, (signal) => {
          if (signal.kind === "ready") worker.escalate({ step, quietMs: 60_000 });
        });
        expect(await worker.outcome).toMatchObject({ kind: "completed", result: { text: "done" } });
        expect(signals.filter((signal) => signal.kind === "spawned").length).toBe(1);
        worker.escalate({ step, quietMs: 60_000 });
      },
    );

    it("is not taken for alive because it was spoken to, and can be stopped on every step", async () => {
      const work = await makeWork();
      const worker = open("silent").start(work);
      let signs = 0;
      await collect(worker, (signal) => {
        if (signal.kind === "progress") signs++;
        if (signal.kind !== "ready") return;
        worker.escalate({ step: "nudge", quietMs: 60_000 });
        worker.escalate({ step: "abort", quietMs: 90_000 });
        worker.stop("stuck");
      });
      expect(await worker.outcome).toMatchObject({ kind: "failed", cause: "stuck" });
      expect(signs).toBeLessThanOrEqual(1);
      expect(await alive(work.runId)).toEqual([]);
    });

    it("calls a failure a failure", async () => {
      expect(await open("exit 3").start(await makeWork()).outcome).toMatchObject({
        kind: "failed",
        cause: "self_exit",
      });
    });

    it("tells the outcome even when nobody reads the signals", async () => {
      expect(await open("good").start(await makeWork()).outcome).toMatchObject({ kind: "completed" });
    });

    it("reaps what carries the run, and what is recorded, but nobody else's", async () => {
      const [work, other] = [await makeWork(), await makeWork()];
      const backend = open("silent");
      const workers = [backend.start(work), backend.start(other)];
      const spawned = workers.map(
        (worker) =>
          new Promise<WorkerSignal>(
            (resolve) => void collect(worker, (signal) => signal.kind === "ready" && resolve(signal)),
          ),
      );
      await Promise.all(spawned);
      expect(await backend.reap(work.runId, [])).toEqual([]);
      expect(await alive(work.runId)).toEqual([]);
      expect(await alive(other.runId)).not.toEqual([]);
      expect(await workers[0]?.outcome).toMatchObject({ kind: "failed", cause: "forced_exit" });
      expect(await backend.reap("20260101-no-such-run", await alive(other.runId))).toEqual([]);
      expect(await workers[1]?.outcome).toMatchObject({ kind: "failed" });
    });
  });
}
