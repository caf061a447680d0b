import type { Command, Room } from "../../src/core/commands.ts";
import { decide } from "../../src/core/decide.ts";
import { type RunEvent, type RunTerms, type StoredEvent, schemaVersion } from "../../src/core/events.ts";
import { evolve } from "../../src/core/evolve.ts";
import { openQuestions } from "../../src/core/letters.ts";
import type { Plan } from "../../src/core/plan.ts";
import { emptyState, type RunState, type StartedRun, type TaskState, taskAt } from "../../src/core/state.ts";
import { terms } from "../support/plan.ts";

type WithoutTime<C> = C extends unknown ? Omit<C, "at"> : never;
/** A command whose time is the history's. */
export type Told = WithoutTime<Command>;

/** A run in memory: commands in, events out, everything that was ever recorded kept. */
export class History {
  readonly events: StoredEvent[] = [];
  state: RunState = emptyState;
  now = 1_000_000;
  epoch = 0;

  constructor() {
    this.takeLease();
  }

  static started(plan: Plan, change: Partial<RunTerms> = {}): History {
    const history = new History();
    history.command({ kind: "start", id: "start", plan, terms: terms(change) });
    return history;
  }

  takeLease(): void {
    this.epoch++;
    this.record({ type: "lease.taken", pid: 1, startTime: "1", bootId: "b", sealed: [] });
  }

  record(event: RunEvent): void {
    const at = new Date(this.now).toISOString();
    const stored: StoredEvent = {
      ...event,
      v: schemaVersion,
      seq: this.events.length + 1,
      epoch: this.epoch,
      at,
    };
    this.events.push(stored);
    this.state = evolve(this.state, stored);
  }

  /** Decides and records; returns what was recorded. */
  command(command: Told, room?: Room): RunEvent[] {
    const events = this.decide(command, room);
    for (const event of events) this.record(event);
    return events;
  }

  decide(command: Told, room?: Room): RunEvent[] {
    return [...decide(this.state, { ...command, at: this.now }, room)];
  }

  /** Approves whatever waits for approval. */
  approveAll(): void {
    for (const { mail } of openQuestions(this.run()).filter((letter) => letter.mail.kind === "approval")) {
      const owner = { sessionId: "s2" };
      this.command({
        kind: "respond",
        id: `yes-${mail.id}`,
        by: "me",
        question: mail.id,
        text: "approve",
        owner,
      });
    }
  }

  run(): StartedRun {
    if (this.state.status === "queued") throw new Error("not started");
    return this.state;
  }

  task(id: string): TaskState {
    const found = taskAt(this.run(), id);
    if (found === undefined) throw new Error(`no task ${id}`);
    return found.task;
  }

  /** Tasks that have a live attempt, in order of their start. */
  alive(): string[] {
    const run = this.run();
    return run.active.map((index) => run.plan.tasks[index]?.id ?? "?");
  }
}
