import type { Report } from "../core/commands.ts";
import { dueBatch } from "../core/dispatch.ts";
import { type Effect, effects } from "../core/effects.ts";
import { StorageError } from "../core/failure.ts";
import { invariant } from "../core/invariant.ts";
import { earlierMail, letterOf } from "../core/letters.ts";
import type { DatedMail, Letter } from "../core/mail.ts";
import { type AttemptOutcome, type Cause, noUsage, type Usage } from "../core/outcome.ts";
import type { Clock, RunStore } from "../core/ports.ts";
import type { Escalation } from "../core/process.ts";
import { liveAttemptOf, type RunState, type StartedRun, taskAt } from "../core/state.ts";
import type { Work, Worker, WorkerBackend, WorkInput } from "../core/worker.ts";
import { untilDiskTakes } from "../lib/patience.ts";

interface CrewParts {
  readonly runId: string;
  readonly store: RunStore;
  readonly backend: WorkerBackend;
  readonly clock: Clock;
}

/** One attempt this driver looks after, from the decision to its outcome. */
interface Member {
  readonly task: string;
  readonly attempt: number;
  worker?: Worker;
  /** Set when it is to stop, also before its worker exists. */
  stopping?: Cause;
  /** The step against its silence that its worker was told of. */
  step?: Escalation["step"];
  usage: Usage;
  /** Mail that it was given, */
  readonly given: Set<string>;
  /** and that it wrote and waits to hear of. */
  readonly written: Set<string>;
  /** Its outcome was told. It stays until the state knows, or the attempt would be begun again meanwhile. */
  isOver: boolean;
  /** Resolves when its outcome was told. */
  done: Promise<void>;
}

type WorkEffect = Extract<Effect, { kind: "work" }>;

/** The living workers of one run, kept equal to the effects of its state. */
export class Crew {
  readonly #parts: CrewParts;
  readonly #tell: (report: Report) => void;
  readonly #members = new Map<string, Member>();

  constructor(parts: CrewParts, tell: (report: Report) => void) {
    this.#parts = parts;
    this.#tell = tell;
  }

  /** Starts what is missing and stops what is surplus; idempotent. `at` is the instant of the newest decision. */
  become(state: RunState, at: number): void {
    if (state.status === "queued") return;
    const wanted = new Set<string>();
    for (const effect of effects(state)) {
      wanted.add(effect.key);
      const member = this.#members.get(effect.key);
      if (effect.kind === "work") {
        if (member === undefined) this.#begin(effect, state);
        else {
          escalate(member, effect);
          this.#correspond(member, state, at);
        }
      } else if (member !== undefined) {
        stop(member, effect.cause);
      } else {
        // Decided but never begun: there is no process whose end could be awaited.
        this.#tell({ kind: "ended", task: effect.task, attempt: effect.attempt, outcome: nothingDone });
      }
    }
    for (const [key, member] of this.#members) {
      if (wanted.has(key)) continue;
      if (member.isOver) this.#members.delete(key);
      else stop(member, "cancelled");
    }
  }

  /** Ends every worker and resolves when all are verified gone. */
  async stopAll(): Promise<void> {
    const members = [...this.#members.values()];
    for (const member of members) stop(member, "cancelled");
    await Promise.all(members.map((member) => member.done));
  }

  #begin(effect: WorkEffect, state: StartedRun): void {
    const { key, task, attempt } = effect;
    const member: Member = {
      ...{ task, attempt, usage: noUsage, isOver: false, done: Promise.resolve() },
      ...{ given: new Set(), written: new Set() },
    };
    this.#members.set(key, member);
    member.done = this.#perform(member, effect, state)
      .catch((error: unknown) => failedToStart(error))
      .then((outcome) => {
        member.isOver = true;
        this.#tell({ kind: "ended", task, attempt, outcome });
      });
  }

  async #perform(member: Member, effect: WorkEffect, state: StartedRun): Promise<AttemptOutcome> {
    const work = await untilDiskTakes(
      () => this.#prepare(effect, state),
      this.#parts.clock.sleep,
      () => member.stopping !== undefined,
    );
    if (member.stopping !== undefined) return nothingDone;
    const worker = this.#parts.backend.start(work);
    member.worker = worker;
    for await (const signal of worker.signals) this.#hear(member, signal);
    return worker.outcome;
  }

  /** Hands over what is due, each mail once; what was written is acknowledged once it is recorded. */
  #correspond({ task, attempt, worker, given, written }: Member, state: StartedRun, at: number): void {
    if (worker === undefined || state.letters.length + state.refusals.size === 0) return;
    for (const id of written) {
      const refusal = state.refusals.get(id);
      if (refusal === undefined && letterOf(state, id) === undefined) continue;
      written.delete(id);
      worker.acknowledge(id, refusal);
    }
    const batch = dueBatch(state, task, at).filter(({ mail }) => !given.has(mail.id));
    if (batch.length === 0) return;
    worker.deliver(batch.map(dated));
    for (const { mail } of batch) {
      given.add(mail.id);
      this.#tell({ kind: "offered", task, attempt, mail: mail.id });
    }
  }

  #hear(member: Member, signal: Parameters<typeof hearing>[0]): void {
    const { task, attempt } = member;
    if (signal.kind === "wrote") member.written.add(signal.mail.id);
    if (signal.kind === "progress") member.usage = signal.usage;
    this.#tell({ ...hearing(signal, member.usage), task, attempt });
  }

  async #prepare(effect: WorkEffect, state: StartedRun): Promise<Work> {
    const { runId, store } = this.#parts;
    const found = taskAt(state, effect.task);
    invariant(found !== undefined, `run ${runId} has no task ${effect.task}`);
    const { planned, task } = found;
    const attempt = liveAttemptOf(task);
    invariant(attempt !== undefined, `task ${effect.task} of run ${runId} has no living attempt`);
    const agent = state.plan.agents[planned.agent];
    invariant(agent !== undefined, `run ${runId} has no agent ${planned.agent}`);
    const files = store.attempts(runId);
    const inputs = await Promise.all(planned.dependsOn.map((id) => this.#input(state, id)));
    return {
      runId,
      epoch: state.epoch,
      goal: state.plan.goal,
      task: planned,
      agent,
      attempt: effect.attempt,
      ...(effect.model !== undefined && { model: effect.model }),
      cwd: state.terms.cwd,
      directory: await files.directory(effect.task, effect.attempt),
      artifacts: files.artifacts,
      inputs,
      mail: earlierMail(state, planned, attempt).map(dated),
      ...(task.last !== undefined && { previous: task.last }),
      trusted: state.terms.trusted,
      settings: state.terms.settings,
    };
  }

  /** A dependency's result: the whole of it from its outcome file, else the head that the journal kept. */
  async #input(state: StartedRun, id: string): Promise<WorkInput> {
    const dependency = taskAt(state, id)?.task;
    invariant(dependency?.status === "completed", `task ${id} has not completed`);
    const files = this.#parts.store.attempts(this.#parts.runId);
    const directory = await files.directory(id, dependency.attempt);
    const record = await files.readOutcome(id, dependency.attempt).catch((error: unknown) => {
      if (!(error instanceof StorageError)) throw error;
      return "unreadable" as const;
    });
    const isWhole = record !== undefined && record !== "unreadable" && record.outcome.kind === "completed";
    const { text, truncated } = isWhole ? record.outcome.result : dependency.result;
    return { task: id, text, truncated, path: `${directory}/outcome.json` };
  }
}

type Signal = Worker["signals"] extends AsyncIterable<infer S> ? S : never;

/** What a worker's signal tells the core. */
function hearing(signal: Signal, usage: Usage) {
  switch (signal.kind) {
    case "spawned":
    case "ready":
    case "progress":
    case "denied":
    case "wrote":
    case "consumed":
      return signal;
    case "survivors": {
      const pids = signal.processes.map((process) => process.pid).join(", ");
      return { kind: "progress", usage, activity: `still being ended: pid ${pids}` } as const;
    }
  }
}

const nothingDone: AttemptOutcome = { kind: "cancelled", usage: noUsage };

function dated({ mail, at }: Letter): DatedMail {
  return { ...mail, at };
}

function stop(member: Member, cause: Cause): void {
  member.stopping ??= cause;
  member.worker?.stop(member.stopping);
}

/** Each step is taken once: the state keeps showing the newest. */
function escalate(member: Member, { escalation }: WorkEffect): void {
  if (escalation === undefined || escalation.step === member.step || member.worker === undefined) return;
  member.step = escalation.step;
  member.worker.escalate(escalation);
}

function failedToStart(error: unknown): AttemptOutcome {
  const message = error instanceof Error ? error.message : String(error);
  const cause = error instanceof StorageError ? (error.failure.cause ?? "spawn_error") : "spawn_error";
  return { kind: "failed", cause, retryable: true, provider: false, message, usage: noUsage };
}
