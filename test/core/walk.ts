import type { Room } from "../../src/core/commands.ts";
import type { RunEvent, StoredEvent } from "../../src/core/events.ts";
import { openQuestions } from "../../src/core/letters.ts";
import { type AttemptOutcome, type Cause, noUsage } from "../../src/core/outcome.ts";
import type { RunState } from "../../src/core/state.ts";
import { isFinalRun } from "../../src/core/status.ts";
import { planOf, scenarioOf } from "../simulation/scenario.ts";
import { completed, failed, terms } from "../support/plan.ts";
import type { Random } from "../support/random.ts";
import { History, type Told } from "./history.ts";

/** One decision of a random walk through the life of a run. */
export interface Step {
  readonly before: RunState;
  readonly events: readonly RunEvent[];
  readonly after: RunState;
  /** The instant of the decision, ms since the epoch. */
  readonly at: number;
  /** The process died before all of the decision was recorded. */
  readonly isCut: boolean;
}

const stepsMax = 120;

/** A run that is told things at random until it ends, or until it has been told enough; every record is kept. */
export function walk(random: Random): { readonly history: History; readonly steps: readonly Step[] } {
  const { plan, settings, background } = scenarioOf(random);
  const history = new History();
  const steps: Step[] = [];
  const tell = (command: Told): void => {
    const before = history.state;
    const room: Room = { workers: random.integer(0, 4), writer: random.chance(0.8) };
    // A crash in the middle of an append leaves the first records of a decision.
    const isCut = random.chance(0.05);
    const events = isCut ? cut(history, command, room, random) : history.command(command, room);
    steps.push({ before, events, after: history.state, at: history.now, isCut });
  };
  tell({ kind: "start", id: "start", plan, terms: terms({ settings, background }) });
  for (let step = 0; step < stepsMax && !isFinalRun(history.state.status); step++) {
    if (random.chance(0.6)) history.now += random.pick([1, 100, 2_000, 9_000]);
    if (random.chance(0.02)) history.now -= random.integer(1, 5_000);
    tell(commandFor(history, random));
  }
  return { history, steps };
}

function cut(history: History, command: Told, room: Room, random: Random): RunEvent[] {
  const events = history.decide(command, room);
  const kept = events.slice(0, random.integer(0, events.length));
  for (const event of kept) history.record(event);
  return kept;
}

function commandFor(history: History, random: Random): Told {
  const { state } = history;
  const id = `r${random.integer(1, 30)}`;
  if (state.status === "queued") {
    const { plan, settings } = scenarioOf(random);
    return { kind: "start", id, plan, terms: terms({ settings }) };
  }
  const kind = random.next();
  if (kind < 0.02) return { kind: "cancel", id, by: "me", reason: "" };
  if (kind < 0.06) return { kind: "owner_gone" };
  // A run that nobody approves would do nothing else.
  if (state.proposedAt !== undefined && random.chance(0.2)) {
    const question = `plan-${state.revision}`;
    if (random.chance(0.8))
      return { kind: "respond", id, by: "me", question, text: "approve", owner: { sessionId: "s3" } };
    return { kind: "revise", id, by: "me", revision: state.revision, plan: planOf(random) };
  }
  if (kind < 0.15) return { kind: "resume", id, owner: { sessionId: "s2" }, background: false };
  if (kind < 0.19) {
    history.takeLease();
    const ids = history.alive().filter(() => random.chance(0.5));
    const salvaged = ids.map((task) => [`${task}/${attemptOf(history, task)}`, outcomeFor(random)] as const);
    return { kind: "take_over", salvaged: new Map(salvaged) };
  }
  if (kind >= 0.92) return mailFor(history, id, random);
  const alive = history.alive();
  const task = alive[random.integer(0, alive.length)] ?? "t0";
  const attempt = random.chance(0.95) ? attemptOf(history, task) : random.integer(0, 3);
  if (kind < 0.25) return { kind: "ready", task, attempt };
  if (kind < 0.27) {
    const call = { tool: "bash", what: "git push", reason: "no", by: "muster" };
    return { kind: "denied", task, attempt, call };
  }
  if (kind < 0.35) {
    const usage = { ...noUsage, turns: random.integer(0, 7), cost: random.next() };
    return { kind: "progress", task, attempt, usage, activity: "works", ...pickTool(history, random) };
  }
  if (kind < 0.65) return { kind: "ended", task, attempt, outcome: outcomeFor(random) };
  return { kind: "tick" };
}

/** Something is written, answered, offered or read; ids repeat, as they do when a message is sent twice. */
function mailFor(history: History, id: string, random: Random): Told {
  const task = random.pick(["t0", ...history.alive()]);
  const attempt = attemptOf(history, task);
  const mail = `m${random.integer(0, 12)}`;
  const by = "me";
  switch (random.integer(0, 8)) {
    case 0:
    case 1: {
      const rest = { ...(random.chance(0.3) && { fallback: "as you like" }) };
      const limit = random.chance(0.7) ? { deadlineMs: random.integer(1, 9_000) } : {};
      return {
        ...{ kind: "wrote", task, attempt, ...limit },
        mail: { id: mail, to: "lead", kind: "question", text: "which?", ...rest },
      };
    }
    case 2:
      return { kind: "wrote", task, attempt, mail: { id: mail, to: "t1", kind: "message", text: "look" } };
    case 3:
    case 4:
    case 5: {
      const [asked] = random.chance(0.8) ? openQuestions(history.run()) : [];
      const owner = { sessionId: "s3" };
      const text = random.pick(["this", "approve", "approve", "approve", "reject: not so"]);
      return { kind: "respond", id, by, question: asked?.mail.id ?? mail, text, owner };
    }
    case 6:
      return random.chance(0.3)
        ? { kind: "stop", id, by, task }
        : {
            ...{ kind: "post", id, by, to: random.pick(["all", "role:r", task, "nobody"]), text: "go left" },
            ...(random.chance(0.3) && { interrupt: true }),
          };
    default:
      return { kind: random.pick(["offered", "consumed"] as const), task, attempt, mail };
  }
}

function pickTool(history: History, random: Random): { tool?: string; waitsUntil?: number } {
  return {
    ...(random.chance(0.4) && { tool: "bash" }),
    ...(random.chance(0.1) && { waitsUntil: history.now + random.integer(0, 20_000) }),
  };
}

function attemptOf(history: History, task: string): number {
  return history.run().graph.indexOf.has(task) ? history.task(task).attempts : 1;
}

function outcomeFor(random: Random): AttemptOutcome {
  const cause: Cause = random.pick(["self_exit", "rate_limited", "hollow", "spawn_error"]);
  switch (random.integer(0, 5)) {
    case 0:
      return failed({ cause, retryable: random.chance(0.7), provider: random.chance(0.4) });
    case 1:
      return { kind: "lost", cause: "lost", message: "gone", usage: noUsage };
    case 2:
      return { kind: "cancelled", usage: noUsage };
    default:
      return completed();
  }
}

/** The states that a journal leads through, each with the event that led there. */
export function statesOf(
  events: readonly StoredEvent[],
  evolve: (state: RunState, event: StoredEvent) => RunState,
  first: RunState,
): readonly { readonly event: StoredEvent; readonly before: RunState; readonly after: RunState }[] {
  let before = first;
  return events.map((event) => {
    const after = evolve(before, event);
    const moment = { event, before, after };
    before = after;
    return moment;
  });
}
