import { nextDeadline } from "../../src/core/deadline.ts";
import { decide } from "../../src/core/decide.ts";
import { effects } from "../../src/core/effects.ts";
import type { StoredEvent } from "../../src/core/events.ts";
import { fold } from "../../src/core/evolve.ts";
import { manifestOf } from "../../src/core/manifest.ts";
import type { Manifest } from "../../src/core/ports.ts";
import { runView } from "../../src/core/run-view.ts";
import type { RunState } from "../../src/core/state.ts";
import { completed } from "../support/plan.ts";
import { Random } from "../support/random.ts";
import { People } from "./people.ts";
import { type Scenario, scenarioOf } from "./scenario.ts";
import { type Past, type Tally, World } from "./world.ts";

/** A run and those that go on with it. */
const worldsMax = 3;
const virtualMaxMs = 40 * 60_000;
const stepsMax = 100_000;
const eventsMax = 3_000;
const stepsPerInstantMax = 5_000;

/** How one world went. It went well when there are no violations. */
export interface WorldReport {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly journal: readonly StoredEvent[];
  readonly steps: number;
  readonly tally: Tally;
}

/**
 * Lives through the world of this seed, and through those in which what failed or was cancelled there is tried again. The
 * same seed gives the same worlds, to the last step.
 */
export async function simulate(seed: number): Promise<WorldReport> {
  const random = new Random(seed);
  const first = scenarioOf(random);
  let world = await lived(random, first);
  const worlds = [world];
  while (world.violations.length === 0 && worlds.length < worldsMax) {
    if (!["failed", "cancelled"].includes(world.oracle.state.status) || random.chance(0.5)) break;
    const { plan, settings } = first;
    world = await lived(random, { ...scenarioOf(random), plan, settings }, world.asPast());
    worlds.push(world);
  }
  const tally = { ...world.tally };
  for (const earlier of worlds.slice(0, -1))
    for (const [name, count] of Object.entries(earlier.tally))
      Reflect.set(tally, name, Reflect.get(tally, name) + count);
  return {
    seed,
    tally,
    violations: world.violations,
    journal: worlds.flatMap(({ disk, runId }) => disk.runs.get(runId)?.events ?? []),
    steps: worlds.reduce((sum, { timeline }) => sum + timeline.steps, 0),
  };
}

async function lived(random: Random, scenario: Scenario, past?: Past): Promise<World> {
  const world = new World(random, scenario, past);
  const people = new People(world);
  const { timeline, violations } = world;
  const startedAt = timeline.now;
  people.live().catch((error: unknown) => world.violate(`a client failed: ${text(error)}`));
  await timeline.run(() => {
    if (violations.length > 0) return true;
    if (timeline.stepsAtThisInstant > stepsPerInstantMax) world.violate("busy without time going on");
    const { seq } = world.oracle.state;
    const most = virtualMaxMs + world.scenario.undecidedMs;
    if (timeline.now - startedAt > most || timeline.steps > stepsMax || seq > eventsMax)
      world.violate(`no end after ${timeline.steps} steps and ${timeline.now - startedAt} ms`);
    return people.isIdle && world.hasEnded;
  });
  const journal = world.disk.runs.get(world.runId)?.events ?? [];
  if (violations.length === 0) judgeTheEnd(world, journal);
  return world;
}

function judgeTheEnd(world: World, journal: readonly StoredEvent[]): void {
  const { state } = world.oracle;
  const folded = fold(journal);
  if (shownBy(folded) !== shownBy(state)) world.violate("the whole journal folds to something else");
  const run = world.disk.run(world.runId);
  const wrong = differences(run.manifest?.content, manifestOf(state, false));
  // A driver that nobody could end may have written after its successor.
  if (wrong.length > 0 && run.manifest?.writer.pid === world.holder?.pid)
    world.violate(`the manifest is wrong: ${wrong.join("; ")}`);
  const ignored = [...run.inbox.values()].filter((request) => request.kind !== "start");
  if (state.status === "blocked" && ignored.length > 0)
    world.violate(`parked, and nobody takes ${ignored.map((request) => request.kind)}`);
  if (world.oracle.finished !== undefined) judgeFinal(world, state);
}

/**
 * Where a manifest says something else than the journal. How new it is does not count, as a lease that was taken in vain
 * changes nothing else. One that names a driver is believed by nobody once that driver is dead.
 */
function differences(
  content: Manifest | "unreadable" | undefined,
  expected: Manifest | undefined,
): readonly string[] {
  if (content === undefined || content === "unreadable" || expected === undefined) return [];
  if (content.driver !== undefined) return [];
  const given = new Map(Object.entries(content));
  return Object.entries(expected)
    .filter(([key]) => !["seq", "updatedAt"].includes(key))
    .map(([key, value]) => [key, JSON.stringify(given.get(key)), JSON.stringify(value)])
    .flatMap(([key, is, should]) => (is === should ? [] : [`${key} ${is}, not ${should}`]));
}

/** A final state answers nothing more. */
function judgeFinal(world: World, state: RunState): void {
  const at = world.timeline.now + 86_400_000;
  const owner = { sessionId: "late" };
  const commands = [
    { kind: "tick", at },
    { kind: "cancel", id: "late", by: "late", reason: "", at },
    { kind: "resume", id: "late", owner, background: true, at },
    { kind: "owner_gone", at },
    { kind: "take_over", salvaged: new Map(), at },
    { kind: "ended", task: "t0", attempt: 1, outcome: completed(), at },
  ] as const;
  for (const command of commands) {
    if (decide(state, command).length > 0) world.violate(`a final run answers ${command.kind}`);
  }
  if (nextDeadline(state) !== undefined) world.violate("a final run has a deadline");
}

function shownBy(state: RunState): string {
  return JSON.stringify([runView(state, 0), effects(state), nextDeadline(state), state.seq, state.epoch]);
}

function text(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
