import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fold } from "../../src/core/evolve.ts";
import type { AttemptOutcome } from "../../src/core/outcome.ts";
import type { Clock, RunStore } from "../../src/core/ports.ts";
import type { Liveness } from "../../src/core/process.ts";
import type { WorkerBackend } from "../../src/core/worker.ts";
import { takeAndDrive } from "../../src/engine/lease.ts";
import { localEngine } from "../../src/engine/local-engine.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openRunStore } from "../../src/store/run-store.ts";
import { boundlessSlots, instantWorkers } from "../support/instant-workers.ts";
import { completed, failed, plan, task, terms } from "../support/plan.ts";

const runId = "20261121-damaged";
const asked = { ...terms({}, { retries: { max: 2, backoffMs: 1, backoffMaxMs: 1, lostMax: 9 } }) };
const graph = plan(task("a"), task("b", ["a"]), task("c", ["a"]), task("d", ["b", "c"]), task("e"));

const hasty: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 3), signal),
};

/** One run on a real disk whose workers leave outcome files, as real ones do. */
class World {
  readonly store: RunStore;
  readonly executions: string[] = [];
  liveness: Liveness = "gone";
  readonly root: string;
  #pid = 100;

  constructor(root: string) {
    this.root = root;
    this.store = openRunStore(join(root, ".muster"), { probe: async () => this.liveness });
  }

  get journal(): string {
    return join(this.store.root, "runs", runId, "journal");
  }

  engine(clock: Clock = systemClock) {
    return localEngine({ store: this.store, clock, newRunId: () => runId, launch: async () => undefined });
  }

  /** Drives until the end, or until so many attempts have begun. */
  async drive(attemptsMax = Number.POSITIVE_INFINITY): Promise<string> {
    const stop = new AbortController();
    let begun = 0;
    const instant = instantWorkers();
    const backend: WorkerBackend = {
      ...instant,
      start: (work) => {
        const key = `${work.task.id}/${work.attempt}`;
        begun += 1;
        if (begun > attemptsMax) stop.abort();
        const outcome: AttemptOutcome = key === "c/1" ? failed() : completed(`${key} is done`);
        const written = async (): Promise<AttemptOutcome> => {
          if (begun > attemptsMax) return { kind: "cancelled", usage: outcome.usage };
          this.executions.push(`${key} ${outcome.kind}`);
          const record = { v: 1, runId, task: work.task.id, attempt: work.attempt, at: "", outcome };
          await writeFile(join(work.directory, "outcome.json"), JSON.stringify(record));
          return outcome;
        };
        return { ...instant.start(work), outcome: written() };
      },
    };
    this.#pid += 1;
    const self = { pid: this.#pid, startTime: "1", bootId: "b" };
    const parts = { runId, store: this.store, backend, slots: boundlessSlots(), clock: hasty };
    const state = await takeAndDrive({ ...parts, probe: async () => "alive" }, self, stop.signal);
    return "status" in state ? state.status : "held";
  }

  async files(): Promise<Readonly<Record<string, string>>> {
    const found: Record<string, string> = {};
    for (const entry of await readdir(this.store.root, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) found[path] = await readFile(path, "latin1");
    }
    return found;
  }
}

async function inWorld(play: (world: World) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "muster-repair-"));
  try {
    const world = new World(root);
    await world.engine().submit({ plan: graph, terms: asked });
    await play(world);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

type Damage =
  | { readonly kind: "flip"; readonly at: number }
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "remove" };

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant("flip" as const), at: fc.double({ min: 0, max: 0.999, noNaN: true }) }),
  fc.record({ kind: fc.constant("cut" as const), at: fc.double({ min: 0, max: 0.999, noNaN: true }) }),
  fc.constant({ kind: "remove" as const }),
);

async function harm(path: string, how: Damage): Promise<void> {
  const bytes = await readFile(path);
  if (how.kind === "remove") return rm(path);
  const at = Math.floor(bytes.length * how.at);
  if (how.kind === "cut") return truncate(path, at);
  bytes[at] = (bytes[at] ?? 0) ^ 0x15;
  return writeFile(path, bytes);
}

describe("a damaged journal", () => {
  it("is repaired without running a finished task again, its damaged bytes kept, and the repair recorded", async () => {
    let repaired = 0;
    const scenes = fc.record({
      drives: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
      ends: fc.boolean(),
      segment: fc.nat(3),
      damage,
    });
    await fc.assert(
      fc.asyncProperty(scenes, (scene) =>
        inWorld(async (world) => {
          for (const attempts of scene.drives) await world.drive(attempts);
          if (scene.ends || scene.drives.length === 0) await world.drive();
          const before = [...world.executions];
          const segments = (await readdir(world.journal)).filter((name) => name.endsWith(".jsonl"));
          const victim = join(world.journal, segments[scene.segment % segments.length] ?? "");
          await harm(victim, scene.damage);
          const engine = world.engine();
          const harmed = await world.files();
          const { findings, owner } = await engine.examine(runId);
          expect(await world.files()).toEqual(harmed);
          const plans = findings.flatMap(({ repair }) => repair ?? []);
          if (owner === undefined) {
            expect(plans).toEqual([]);
            return;
          }
          const done = await engine.repair(runId, "me", "the disk");
          expect(done).toEqual(plans);
          const after = await world.files();
          for (const [path, text] of Object.entries(harmed))
            if (path.startsWith(world.journal)) expect(after[path]).toBe(text);
          expect((await engine.examine(runId)).findings).toEqual([]);
          const { events } = await world.store.read(runId);
          const records = events.filter((event) => event.type === "journal.repaired");
          expect(records.length).toBeLessThanOrEqual(1);
          repaired += records.length;
          expect(fold(events).status).toMatch(/completed|running/);
          expect(await world.drive()).toBe("completed");
          // What had an outcome file was never done again; attempt numbers never repeat.
          expect(world.executions.slice(0, before.length)).toEqual(before);
          expect(new Set(world.executions).size).toBe(world.executions.length);
          const completions = world.executions.filter((one) => one.endsWith("completed"));
          expect(completions.map((one) => one[0]).sort()).toEqual(["a", "b", "c", "d", "e"]);
        }),
      ),
      { numRuns: 40 },
    );
    expect(repaired).toBeGreaterThan(5);
  });

  it("is left alone while a driver may live, and when a newer version wrote it", async () => {
    await inWorld(async (world) => {
      await world.drive(3);
      const first = join(world.journal, "0001.jsonl");
      const sound = await readFile(first, "utf8");
      const lines = sound.trimEnd().split("\n");
      await writeFile(first, sound.replace(lines[3] ?? "", `${lines[3]} `));
      await rm(join(world.journal, "0001.released"));
      for (const liveness of ["alive", "indeterminate"] as const) {
        world.liveness = liveness;
        const { findings } = await world.engine().examine(runId);
        expect(findings).toMatchObject([{ where: `${first}:4`, remedy: expect.stringContaining("driver") }]);
        expect(await world.engine().repair(runId, "me", "")).toEqual([]);
      }
      world.liveness = "gone";
      await writeFile(first, sound.replace(lines[3] ?? "", '{"v":2,"seq":4}'));
      const { findings } = await world.engine().examine(runId);
      expect(findings).toMatchObject([{ isNewer: true, remedy: "update pi-muster" }]);
      expect(await world.engine().repair(runId, "me", "")).toEqual([]);
    });
  });
});
