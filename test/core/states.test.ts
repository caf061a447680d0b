import { describe, expect, it } from "vitest";
import { nextDeadline } from "../../src/core/deadline.ts";
import { decide, step } from "../../src/core/decide.ts";
import { effects } from "../../src/core/effects.ts";
import { evolve, fold } from "../../src/core/evolve.ts";
import { manifestOf } from "../../src/core/manifest.ts";
import { runView } from "../../src/core/run-view.ts";
import { countsAsLoss, emptyState, type RunState } from "../../src/core/state.ts";
import { isFinalRun } from "../../src/core/status.ts";
import { Random } from "../support/random.ts";
import { statesOf, walk } from "./walk.ts";

const walks = Array.from({ length: 400 }, (_, seed) => walk(new Random(seed + 1)));
const noRoom = { workers: 0, writer: false };

/** All that a state shows, as text. */
function shown(state: RunState): string {
  return JSON.stringify([runView(state, state.updatedAt), effects(state), nextDeadline(state)]);
}

describe("every reachable state", () => {
  it("is what its journal folds to, also when the journal went through a file", () => {
    for (const { history } of walks) {
      const stored = JSON.parse(JSON.stringify(history.events));
      expect(shown(fold(stored))).toBe(shown(history.state));
    }
  });

  it("is the state that the decision foretold", () => {
    for (const { steps } of walks.slice(0, 100)) {
      for (const { before, at } of steps) {
        const command = { kind: "tick", at } as const;
        const foretold = step(before, command);
        let recorded = before;
        for (const event of foretold.events) {
          const place = {
            v: 1,
            seq: recorded.seq + 1,
            epoch: recorded.epoch,
            at: new Date(at).toISOString(),
          };
          recorded = evolve(recorded, { ...event, ...place });
        }
        expect(shown(foretold.state)).toBe(shown(recorded));
      }
    }
  });

  it("has a view and a manifest that add up and survive JSON", () => {
    for (const { history } of walks.slice(0, 100)) {
      for (const { after } of statesOf(history.events, evolve, emptyState)) {
        const view = runView(after, after.updatedAt);
        const manifest = manifestOf(after, true);
        if (view === undefined || manifest === undefined) {
          expect(after.status).toBe("queued");
          continue;
        }
        const counted = Object.values(view.counts).reduce((sum, count) => sum + count, 0);
        expect(counted).toBe(view.tasks.length);
        for (const [status, count] of Object.entries(view.counts))
          expect(view.tasks.filter((task) => task.status === status).length).toBe(count);
        const { running, stopping, waiting, blocked } = view.counts;
        expect(view.alive).toBeGreaterThanOrEqual(running + stopping);
        expect(view.alive).toBeLessThanOrEqual(running + stopping + waiting + blocked);
        expect(JSON.parse(JSON.stringify(view))).toEqual(view);
        expect(JSON.parse(JSON.stringify(manifest))).toEqual(manifest);
        expect(manifest.finishedAt !== undefined).toBe(isFinalRun(after.status));
      }
    }
  });
});

describe("the one timer", () => {
  it("is never late: before it, time alone changes nothing", () => {
    for (const { steps } of walks) {
      for (const { after, at, isCut } of steps) {
        const deadline = nextDeadline(after, at) ?? at + 10_000_000;
        if (deadline <= at || isCut) continue;
        expect(decide(after, { kind: "tick", at: deadline - 1 }, noRoom)).toEqual([]);
      }
    }
  });

  it("never spins: a tick at the deadline records something or moves the deadline", () => {
    let moved = 0;
    for (const { steps } of walks) {
      for (const { after, at } of steps) {
        const deadline = nextDeadline(after, at);
        if (deadline === undefined) continue;
        const now = Math.max(at, deadline);
        const ticked = step(after, { kind: "tick", at: now }, noRoom);
        if (ticked.events.length > 0) continue;
        moved++;
        expect(nextDeadline(ticked.state, now) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(now);
      }
    }
    expect(moved).toBeGreaterThan(0);
  });
});

describe("commands", () => {
  it("said twice at one instant do no more than said once", () => {
    for (const { steps } of walks.slice(0, 100)) {
      for (const { after, at } of steps) {
        if (after.status === "queued") continue;
        const cancel = { kind: "cancel", id: "twice", by: "me", reason: "", at } as const;
        const once = step(after, cancel, noRoom).state;
        expect(decide(once, cancel, noRoom)).toEqual([]);
        const gone = step(after, { kind: "owner_gone", at }, noRoom).state;
        expect(decide(gone, { kind: "owner_gone", at }, noRoom)).toEqual([]);
      }
    }
  });

  it("mean nothing to a final run", () => {
    const finals = walks.filter(({ history }) => isFinalRun(history.state.status));
    expect(finals.length).toBeGreaterThan(50);
    for (const { history } of finals) {
      const owner = { sessionId: "late" };
      history.now += 86_400_000;
      expect(history.decide({ kind: "tick" })).toEqual([]);
      expect(history.decide({ kind: "cancel", id: "late", by: "me", reason: "" })).toEqual([]);
      expect(history.decide({ kind: "resume", id: "late", owner, background: true })).toEqual([]);
      expect(history.decide({ kind: "take_over", salvaged: new Map() })).toEqual([]);
      expect(nextDeadline(history.state)).toBeUndefined();
      expect(effects(history.state)).toEqual([]);
    }
  });
});

it("attempts of a task are bounded by its retries, its losses, its models and how often the run was parked", () => {
  for (const { history } of walks) {
    if (history.state.status === "queued") continue;
    const { plan, terms } = history.run();
    for (const { id, retries, models } of plan.tasks) {
      const outcomes = history.events.flatMap((event) =>
        event.type === "attempt.ended" && event.task === id ? [event.outcome] : [],
      );
      const interrupted = outcomes.filter((outcome) => outcome.kind === "cancelled").length;
      const { lostMax } = terms.settings.retries;
      // One that was lost while it waited for an answer goes on with it, and costs nothing.
      const asked = history.run().letters.filter(({ mail }) => mail.kind === "question" && mail.from === id);
      expect(outcomes.filter(countsAsLoss).length).toBeLessThanOrEqual(lostMax + 1 + asked.length);
      expect(history.task(id).attempts).toBeLessThanOrEqual(
        1 + retries + lostMax + Math.max(0, models.length - 1) + interrupted + asked.length,
      );
    }
  }
});
