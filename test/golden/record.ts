import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoredEvent } from "../../src/core/events.ts";
import { fold } from "../../src/core/evolve.ts";
import type { AttemptOutcome } from "../../src/core/outcome.ts";
import type { Plan } from "../../src/core/plan.ts";
import type { Clock, RunStore } from "../../src/core/ports.ts";
import { runView } from "../../src/core/run-view.ts";
import type { Worker, WorkerBackend } from "../../src/core/worker.ts";
import { takeAndDrive } from "../../src/engine/lease.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { boundlessSlots, instantWorkers } from "../support/instant-workers.ts";
import { completed, failed, plan, task, terms } from "../support/plan.ts";

/** What a journal says in the end, in the words of the contract. */
export interface Summary {
  readonly status: string;
  readonly cause?: string;
  readonly epoch: number;
  readonly events: number;
  readonly tasks: Readonly<
    Record<string, { status: string; cause?: string; attempts: number; result?: string }>
  >;
}

/** The summary of a whole journal; throws when it does not hold a started run. */
export function summaryOf(events: readonly StoredEvent[]): Summary {
  const state = fold(events);
  const view = runView(state, state.updatedAt);
  if (view === undefined) throw new Error("the run was never started");
  const tasks = view.tasks.map(({ id, status, cause, attempts, result }) => {
    const told = {
      status,
      attempts,
      ...(cause !== undefined && { cause }),
      ...(result !== undefined && { result: result.text }),
    };
    return [id, told] as const;
  });
  return {
    status: view.status,
    ...(view.cause !== undefined && { cause: view.cause }),
    epoch: state.epoch,
    events: events.length,
    tasks: Object.fromEntries(tasks),
  };
}

interface Story {
  readonly plan: Plan;
  /** Outcomes of a task's attempts in turn; `hang` works until it is stopped. Tasks without any complete. */
  readonly outcomes: Readonly<Record<string, readonly (AttemptOutcome | "hang")[]>>;
  /** What happens, one driver after another, once the driver has something that hangs or has ended. */
  readonly acts: readonly ("drive" | "cancel" | "abort" | "owner dies" | "resume")[];
}

const diamond = plan(
  task("a"),
  task("b", ["a"]),
  task("c", ["a"], { writes: ["src/**"] }),
  task("d", ["b", "c"]),
);

/** Runs as they typically go, each in the fewest records that show it. What hangs hangs alone, so that nothing races with it. */
export const stories: Readonly<Record<string, Story>> = {
  diamond: { plan: diamond, outcomes: {}, acts: ["drive"] },
  "retry-and-skip": {
    plan: diamond,
    outcomes: { b: [failed()], c: [failed({ cause: "hollow" }), failed({ cause: "hollow" })] },
    acts: ["drive"],
  },
  cancelled: { plan: diamond, outcomes: { a: ["hang"] }, acts: ["cancel"] },
  "taken-over": { plan: diamond, outcomes: { d: ["hang"] }, acts: ["abort", "drive"] },
  "parked-and-resumed": { plan: diamond, outcomes: { a: ["hang"] }, acts: ["owner dies", "resume"] },
};

/** Lets the real driver write the story's journal through the real store, and leaves it in `directory` with its summary. */
export async function record(name: string, story: Story, directory: string): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "muster-golden-"));
  try {
    const runId = `20260101-000000-${name}`;
    let at = Date.UTC(2026, 0, 1);
    const clock: Clock = {
      now: () => {
        at += 7;
        return at;
      },
      sleep: systemClock.sleep,
    };
    const store = openRunStore(join(root, ".muster"), { clock, probe: () => Promise.resolve("gone") });
    await store.create(runId);
    const retries = { max: 1, backoffMs: 10, backoffMaxMs: 10, lostMax: 3 };
    const host = { pid: 7, startTime: "7", bootId: "golden" };
    await store.inbox(runId).post({
      id: "start",
      kind: "start",
      plan: story.plan,
      terms: terms({ runId, owner: { sessionId: "session-1", host } }, { retries }),
    });
    const turns = new Map<string, number>();
    for (const [index, act] of story.acts.entries())
      await play({ act, index, runId, store, clock, story, turns });
    const { events } = await store.read(runId);
    await mkdir(directory, { recursive: true });
    await cp(join(root, ".muster", "runs", runId, "journal"), directory, {
      recursive: true,
      filter: (path) => !path.includes("released"),
    });
    await writeFile(join(directory, "summary.json"), `${JSON.stringify(summaryOf(events), null, 2)}\n`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

interface Scene {
  readonly act: Story["acts"][number];
  readonly index: number;
  readonly runId: string;
  readonly store: RunStore;
  readonly clock: Clock;
  readonly story: Story;
  readonly turns: Map<string, number>;
}

async function play({ act, index, runId, store, clock, story, turns }: Scene): Promise<void> {
  const stop = new AbortController();
  let isOwnerGone = false;
  const inbox = store.inbox(runId);
  const onHang = async (): Promise<void> => {
    if (act === "abort") stop.abort();
    if (act === "owner dies") isOwnerGone = true;
    if (act === "cancel")
      await inbox.post({ id: "cancel", kind: "cancel", by: "session-2", reason: "enough" });
  };
  if (act === "resume") {
    await inbox.post({ id: "resume", kind: "resume", owner: { sessionId: "session-2" }, background: true });
  }
  const parts = {
    runId,
    store,
    clock,
    slots: boundlessSlots(),
    backend: scripted(story, turns, onHang),
    probe: () => Promise.resolve(isOwnerGone ? ("gone" as const) : ("alive" as const)),
  };
  await takeAndDrive(parts, { pid: 10 + index, startTime: "1", bootId: "golden" }, stop.signal);
}

function scripted(story: Story, turns: Map<string, number>, onHang: () => Promise<void>): WorkerBackend {
  const instant = instantWorkers();
  return {
    ...instant,
    start(work): Worker {
      const turn = turns.get(work.task.id) ?? 0;
      turns.set(work.task.id, turn + 1);
      const outcome = story.outcomes[work.task.id]?.[turn] ?? completed(`${work.task.id} is done`);
      if (outcome !== "hang") return { ...instant.start(work), outcome: Promise.resolve(outcome) };
      let settle: (outcome: AttemptOutcome) => void = () => undefined;
      const ended = new Promise<AttemptOutcome>((resolve) => {
        settle = resolve;
      });
      void onHang();
      const { usage } = completed();
      return { ...instant.start(work), outcome: ended, stop: () => settle({ kind: "cancelled", usage }) };
    },
  };
}
