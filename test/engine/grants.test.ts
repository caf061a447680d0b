import { expect, it } from "vitest";
import type { WorkerBackend } from "../../src/core/worker.ts";
import { takeAndDrive } from "../../src/engine/lease.ts";
import { localEngine } from "../../src/engine/local-engine.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { boundlessSlots, instantWorkers } from "../support/instant-workers.ts";
import { goodIo, MemoryDisk, memoryStore } from "../support/memory-store.ts";
import { completed, plan, task, terms } from "../support/plan.ts";

const about = { kind: "tool", tool: "bash", input: "ls", rule: "bash(*)" } as const;
const options = ["approve", "approve for run"];

it("a worker whose call was granted before keeps its token", async () => {
  let held = 0;
  const heldAtWork = new Map<string, number>();
  const slots = boundlessSlots();
  const counted = { ...slots, takeWorkers };
  async function takeWorkers(wanted: number) {
    held += wanted;
    return Array.from({ length: wanted }, () => ({ release: async () => void held-- }));
  }
  const instant = instantWorkers();
  const backend: WorkerBackend = {
    ...instant,
    start(work) {
      const id = work.task.id;
      const answered = once();
      const over = once();
      async function* signals() {
        yield { kind: "ready" } as const;
        const mail = {
          id: `${id}-1-q1`,
          kind: "approval",
          to: "lead",
          text: "may I?",
          options,
          about,
        } as const;
        yield { kind: "wrote", mail } as const;
        await answered.promise;
        await systemClock.sleep(50);
        heldAtWork.set(id, held);
        over.resolve();
      }
      const outcome = over.promise.then(() => completed());
      return { ...instant.start(work), signals: signals(), outcome, deliver: () => answered.resolve() };
    },
  };
  const me = { pid: 2, startTime: "2", bootId: "b" };
  const store = memoryStore(
    new MemoryDisk(
      () => undefined,
      () => "alive",
    ),
    goodIo,
    me,
  );
  const parts = {
    store,
    clock: systemClock,
    newRunId: () => "20260101-000001",
    launch: async () => undefined,
  };
  const engine = localEngine(parts);
  const { runId: _runId, ...submitted } = terms({ background: true });
  const runId = await engine.submit({ plan: plan(task("a"), task("b", ["a"])), terms: submitted });
  const probe = async () => "alive" as const;
  const driven = takeAndDrive(
    { ...parts, runId, backend, slots: counted, probe },
    me,
    new AbortController().signal,
  );
  while (!(await engine.read(runId)).events.some(({ type }) => type === "mail.posted"))
    await systemClock.sleep(10);
  const owner = { sessionId: "s" };
  const answer = { kind: "respond", by: "me", question: "a-1-q1", text: "approve for run", owner } as const;
  await engine.send(runId, { id: "r", ...answer });
  expect(await driven).toMatchObject({ status: "completed" });
  expect(heldAtWork.get("b")).toBe(1);
});

function once() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve: () => resolve() };
}
