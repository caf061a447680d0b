import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextDeadline } from "../../src/core/deadline.ts";
import { step } from "../../src/core/decide.ts";
import { effects } from "../../src/core/effects.ts";
import { noUsage } from "../../src/core/outcome.ts";
import { runView } from "../../src/core/run-view.ts";
import { defaultSettings, type Limits } from "../../src/core/settings.ts";
import { liveAttemptOf } from "../../src/core/state.ts";
import { plan, task, terms } from "../support/plan.ts";
import { History, type Told } from "./history.ts";

const ids = { task: "a", attempt: 1 } as const;
const sign = { kind: "progress", ...ids, usage: noUsage, activity: "works" } as const;

/** A run of one task, whose worker has just become ready. */
function ready(change: Partial<Limits> = {}): History {
  const history = new History();
  const limits = { ...defaultSettings.limits, ...change };
  const given = plan(task("a", [], { attemptMaxMs: limits.runMaxMs }));
  history.command({ kind: "start", id: "start", plan: given, terms: terms({}, { limits }) });
  history.command({ kind: "ready", ...ids });
  return history;
}

/** What was done about silence so far, by name. */
function taken(history: History): string[] {
  return history.events.flatMap((event) => {
    if (event.type === "attempt.escalated") return [event.step];
    return event.type === "attempt.stopping" ? [event.cause] : [];
  });
}

/** Lets time pass without a sign, with a tick at every deadline, as the driver does. */
function passSilently(history: History, ms: number): void {
  const until = history.now + ms;
  for (let due = nextDeadline(history.state); due !== undefined && due <= until; ) {
    history.now = Math.max(history.now, due);
    history.command({ kind: "tick" });
    due = nextDeadline(history.state);
  }
  history.now = until;
}

/** Ladders in order, with steps that are off, or beyond the end and so off, too. */
const ladders = fc
  .record({
    silenceMaxMs: fc.integer({ min: 1_000, max: 600_000 }),
    nudge: fc.double({ min: 0.01, max: 1, noNaN: true }),
    abort: fc.double({ min: 0.01, max: 1, noNaN: true }),
    toolMs: fc.integer({ min: 0, max: 600_000 }),
    off: fc.subarray(["nudgeAfterMs", "abortAfterMs"] as const),
  })
  .map(({ silenceMaxMs, nudge, abort, toolMs, off }) => {
    const abortAfterMs = Math.ceil(silenceMaxMs * abort);
    const limits = {
      ...{ silenceMaxMs, abortAfterMs, nudgeAfterMs: Math.ceil(abortAfterMs * nudge) },
      ...{ toolMaxMs: silenceMaxMs + toolMs, runMaxMs: 1_000_000_000, startMaxMs: 1_000 },
    };
    for (const name of off) limits[name] = 0;
    return limits;
  });
type Ladder = typeof ladders extends fc.Arbitrary<infer L> ? L : never;

function firstMs({ nudgeAfterMs, abortAfterMs, silenceMaxMs }: Ladder): number {
  return Math.min(...[nudgeAfterMs, abortAfterMs, silenceMaxMs].filter((ms) => ms > 0));
}

describe("the ladder against silence", () => {
  it("is never climbed while signs of life come", () => {
    const beats = fc.array(
      fc.record({
        share: fc.double({ min: 0, max: 0.74, noNaN: true }),
        tool: fc.boolean(),
        waits: fc.integer({ min: -10_000, max: 500_000 }),
      }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(ladders, beats, (limits, signs) => {
        const history = ready(limits);
        for (const { share, tool, waits } of signs) {
          passSilently(history, Math.floor(firstMs(limits) * share));
          const more = {
            ...(tool && { tool: "bash" }),
            ...(waits > 0 && { waitsUntil: history.now + waits }),
          };
          history.command({ ...sign, ...more });
        }
        expect(taken(history)).toEqual([]);
      }),
    );
  });

  it("is climbed step by step, each once, in order and in time, and ends with the worker", () => {
    const pauses = fc.array(
      fc.record({ share: fc.double({ min: 0, max: 3, noNaN: true }), late: fc.nat(50), tool: fc.boolean() }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(ladders, pauses, (limits, signs) => {
        const history = ready(limits);
        for (const { share, late, tool } of signs) {
          passSilently(history, Math.floor(limits.silenceMaxMs * share));
          history.now += late;
          if (history.task("a").status !== "running") break;
          history.command({ ...sign, ...(tool && { tool: "bash" }) });
        }
        passSilently(history, 10 * (limits.toolMaxMs + limits.silenceMaxMs));
        const { nudgeAfterMs, abortAfterMs, silenceMaxMs } = limits;
        const isOn = (ms: number): boolean => ms > 0 && ms < silenceMaxMs;
        const wanted = [
          ...(isOn(nudgeAfterMs) ? ["nudge"] : []),
          ...(isOn(abortAfterMs) ? ["abort"] : []),
          "stuck",
        ];
        expect(taken(history)).toEqual(wanted);
      }),
    );
  });

  it("leads on at every deadline: until the worker is ended, a tick then records something", () => {
    fc.assert(
      fc.property(ladders, (limits) => {
        const history = ready(limits);
        for (let ticks = 0; history.task("a").status === "running"; ticks++) {
          expect(ticks).toBeLessThan(3);
          const due = nextDeadline(history.state) ?? Number.NaN;
          history.now = due - 1;
          expect(history.decide({ kind: "tick" })).toEqual([]);
          history.now = due;
          expect(history.command({ kind: "tick" }).length).toBe(1);
        }
      }),
    );
  });

  it("starts later by as much as a tool may take longer, and after a known provider wait", () => {
    fc.assert(
      fc.property(ladders, fc.integer({ min: 1, max: 10_000_000 }), (limits, wait) => {
        const deadline = (more: object): number => {
          const history = ready(limits);
          history.now += 1;
          history.command({ ...sign, ...more });
          return (nextDeadline(history.state) ?? Number.NaN) - history.now;
        };
        const plainly = deadline({ tool: undefined, activity: "", waitsUntil: 1 });
        expect(plainly).toBe(firstMs(limits));
        expect(deadline({ tool: "bash" })).toBe(plainly + limits.toolMaxMs - limits.silenceMaxMs);
        expect(deadline({ waitsUntil: 1_000_001 + wait })).toBe(plainly + wait);
      }),
    );
  });

  it("gives each step its time, although nobody looked for hours", () => {
    const history = ready();
    const { nudgeAfterMs, abortAfterMs, silenceMaxMs } = defaultSettings.limits;
    history.now += 36_000_00;
    history.command({ kind: "tick" });
    expect(taken(history)).toEqual(["nudge"]);
    expect(nextDeadline(history.state)).toBe(history.now + abortAfterMs - nudgeAfterMs);
    passSilently(history, abortAfterMs - nudgeAfterMs);
    expect(taken(history)).toEqual(["nudge", "abort"]);
    expect(nextDeadline(history.state)).toBe(history.now + silenceMaxMs - abortAfterMs);
  });

  it("is not climbed for a sign that waits behind another command of the same instant", () => {
    const history = ready();
    const at = history.now + 3_600_000;
    const first = step(history.state, { kind: "tick", at }, undefined, true);
    expect(first.events).toEqual([]);
    expect(step(first.state, { ...sign, at }).events.map(({ type }) => type)).toEqual(["attempt.progressed"]);
  });

  it("is shown while the silence lasts, and asked of the worker from then on", () => {
    const history = ready();
    const shown = () => runView(history.state, history.now)?.tasks[0]?.escalation;
    expect(shown()).toBeUndefined();
    passSilently(history, defaultSettings.limits.nudgeAfterMs);
    const quietMs = defaultSettings.limits.nudgeAfterMs;
    expect(shown()).toEqual({ step: "nudge", at: history.now });
    expect(effects(history.state)).toMatchObject([{ kind: "work", escalation: { step: "nudge", quietMs } }]);
    history.now += 1;
    history.command(sign);
    expect(shown()).toBeUndefined();
    expect(effects(history.state)).toMatchObject([{ kind: "work", escalation: { step: "nudge" } }]);
  });
});

describe("the run's clock", () => {
  const ops = fc.array(
    fc.record({
      ms: fc.nat(100_000),
      what: fc.constantFrom("toggle", "toggle", "toggle", "progress", "takeover"),
      task: fc.constantFrom("a", "b", "c"),
    }),
    { maxLength: 40 },
  );

  /** Each toggle is a question, or the answer to the one that is open. */
  function told(history: History, task: string, at: number): Told | undefined {
    const now = history.task(task);
    const id = `q${at}`;
    if (now.status === "waiting")
      return {
        kind: "respond",
        id: `r${at}`,
        by: "me",
        question: now.question,
        text: "so",
        owner: { sessionId: "s2" },
      };
    const attempt = liveAttemptOf(now)?.number;
    const mail = { id, to: "lead", kind: "question", text: "so?" } as const;
    return attempt === undefined ? undefined : { kind: "wrote", task, attempt, mail };
  }

  it("stands while people are waited for and while nobody drives, however many waits overlap", () => {
    fc.assert(
      fc.property(ops, (all) => {
        const history = History.started(plan(task("a"), task("b"), task("c")));
        history.command({ kind: "tick" });
        let stood = 0;
        for (const [at, { ms, what, task: id }] of all.entries()) {
          const waits = ["a", "b", "c"].some((one) => history.task(one).status === "waiting");
          const isParked = history.state.status === "blocked";
          const before = history.state.updatedAt;
          history.now += ms;
          const command = what === "toggle" ? told(history, id, at) : undefined;
          if (what === "takeover") {
            history.takeLease();
            history.command({ kind: "take_over", salvaged: new Map() });
          } else if (command !== undefined) history.command(command);
          else history.command({ kind: "tick" });
          if (history.state.updatedAt > before && (waits || isParked || what === "takeover"))
            stood += history.now - before;
        }
        expect(history.run().idleMs).toBe(stood);
      }),
    );
  });
});
