import { effects } from "../../src/core/effects.ts";
import type { StoredEvent } from "../../src/core/events.ts";
import { evolve, fold } from "../../src/core/evolve.ts";
import type { Mail } from "../../src/core/mail.ts";
import type { Plan } from "../../src/core/plan.ts";
import type { Limits } from "../../src/core/settings.ts";
import { countsAsLoss, emptyState, type RunState } from "../../src/core/state.ts";
import { isFinalRun, isFinalTask } from "../../src/core/status.ts";
import { Decisions } from "./decisions.ts";
import { newRecord, type TaskRecord } from "./task-record.ts";
import type { Witness } from "./witness.ts";

/**
 * Judges a journal while it is written, by a model of its own: counters and sets that follow from the records and from
 * the promises alone. Beside it folds the same journal through the core, one event at a time, and compares.
 */
export class Oracle {
  state: RunState = emptyState;
  readonly tasks = new Map<string, TaskRecord>();
  plan: Plan | undefined;
  #concurrency = 0;
  #lostMax = 0;
  #limits: Limits | undefined;
  #isCancelled = false;
  #isParked = false;
  #recoveryMax = 0;
  /** Drivers in a row that took over without a task that finished since. */
  #recoveries = 0;
  #owner = "";
  finished: string | undefined;
  /** Attempts (`task/2`) that have asked something. */
  readonly askers = new Set<string>();
  /** Tasks whose question has no answer yet. */
  readonly #waiting = new Set<string>();
  /** Questions of each task: a loss while one waits costs nothing. */
  readonly #asked = new Map<string, number>();
  readonly #mail = new Set<string>();
  readonly #decisions = new Decisions((holds, message) => this.#expect(holds, message));
  readonly #answered = new Set<string>();
  readonly #consumed = new Set<string>();
  readonly #witness: Witness;

  constructor(witness: Witness) {
    this.#witness = witness;
  }

  /** Telemetry at the end of the journal was lost with its writer. */
  rewind(events: readonly StoredEvent[]): void {
    this.state = fold(events);
  }

  event(event: StoredEvent): void {
    const before = this.state;
    this.#envelope(before, event);
    this.#judge(event);
    this.state = evolve(before, event);
    this.#compare(event);
  }

  #expect(holds: boolean, message: string): void {
    if (!holds) this.#witness.violate(message);
  }

  /** A worker was told of a step: after it was recorded, and once. */
  escalated(id: string, attempt: number, step: string): void {
    const task = this.tasks.get(id);
    if (task?.live !== attempt) return;
    task.told.push(step);
    this.#expect(
      task.steps.slice(0, task.told.length).join() === task.told.join(),
      `${id}/${attempt} was told ${task.told}, recorded is ${task.steps}`,
    );
  }

  #envelope(before: RunState, event: StoredEvent): void {
    const isNewLease = event.type === "lease.taken";
    this.#expect(event.seq === before.seq + 1, `seq ${event.seq} after ${before.seq}`);
    this.#expect(
      event.epoch === before.epoch + (isNewLease ? 1 : 0),
      `epoch ${event.epoch} after ${before.epoch} at ${event.type}`,
    );
    this.#expect(this.finished === undefined || isNewLease, `${event.type} after run.finished`);
  }

  #judge(event: StoredEvent): void {
    switch (event.type) {
      case "lease.taken":
        if (this.plan !== undefined && !this.#isParked && !this.#onlyWaits()) this.#recoveries++;
        return;
      case "journal.repaired":
        this.#expect(false, "repaired, but nobody asked for it");
        return;
      case "run.started":
        this.#started(event);
        return;
      case "run.cancel_requested":
        this.#expect(!this.#isCancelled, "cancelled twice");
        this.#isCancelled = true;
        return;
      case "run.parked":
        this.#expect(!this.#isParked, "parked twice");
        this.#expect(
          event.cause !== "recovery_limit" || this.#recoveries > this.#recoveryMax,
          `parked after only ${this.#recoveries} recoveries`,
        );
        this.#isParked = true;
        return;
      case "run.resumed": {
        const isTakenOver = JSON.stringify(event.owner) !== this.#owner;
        this.#expect(this.#isParked || this.#recoveries > 0 || isTakenOver, "resumed, but never interrupted");
        this.#owner = JSON.stringify(event.owner);
        this.#isParked = false;
        this.#recoveries = 0;
        return;
      }
      case "run.imported":
        this.#expect(false, "imported, but nobody did that");
        return;
      case "run.finished":
        this.#decisions.finished(event);
        this.#finish(event.status);
        return;
      case "plan.revised":
        this.#decisions.revised(event);
        this.#plan(event.plan);
        return;
      case "mail.posted":
        this.#judgeMail(event.mail, Date.parse(event.at));
        return;
      case "mail.consumed": {
        const key = `${event.mail} by ${event.task}/${event.attempt}`;
        this.#expect(!this.#consumed.has(key), `${key} is consumed twice`);
        this.#consumed.add(key);
        return;
      }
      case "mail.offered":
      case "mail.expired":
      case "mail.withdrawn":
      case "request.refused":
        return;
      default:
        this.#judgeTask(event);
        return;
    }
  }

  /** Nobody's work dies with a driver of a run that only waits for people. */
  #onlyWaits(): boolean {
    const { proposed, done } = this.#decisions;
    const begun = [...this.tasks].flatMap(([id, task]) => (task.final || task.attempts === 0 ? [] : id));
    // Whose worker is being ended waits for that, whatever was asked.
    const waits = (id: string): boolean =>
      done.has(id) || (this.#waiting.has(id) && this.tasks.get(id)?.isStopping !== true);
    return proposed !== undefined || (begun.length > 0 && begun.every(waits));
  }

  #judgeMail(mail: Mail, at: number): void {
    const stopped = mail.interrupt === true ? this.tasks.get(mail.from) : undefined;
    if (stopped !== undefined) stopped.stoppedAt = at;
    const { id, kind, from, to, replyTo = "" } = mail;
    this.#expect(!this.#mail.has(id), `mail ${id} is posted twice`);
    this.#mail.add(id);
    if (kind === "question") {
      this.askers.add(`${from}/${this.tasks.get(from)?.attempts}`);
      this.#waiting.add(from);
      this.#asked.set(from, (this.#asked.get(from) ?? 0) + 1);
    }
    const approved = this.tasks.get(this.#decisions.posted(mail) ?? "");
    if (approved !== undefined) approved.final = "completed";
    if (this.#decisions.isRejected) this.#isCancelled = true;
    if (kind !== "answer") return;
    this.#waiting.delete(to);
    const asker = this.tasks.get(to);
    if (asker !== undefined) {
      // What it waited for was the answer.
      asker.retryAt = undefined;
      // Its silence is measured anew, by a clock that may have been set back meanwhile.
      asker.lastSignAt = at;
    }
    this.#expect(this.#mail.has(replyTo), `${id} answers no question`);
    this.#expect(!this.#answered.has(replyTo), `${replyTo} is answered twice`);
    this.#answered.add(replyTo);
  }

  #started(event: Extract<StoredEvent, { type: "run.started" }>): void {
    this.#expect(this.plan === undefined, "started twice");
    const { settings } = event.terms;
    if (settings.requireApproval && event.continued?.isApproved !== true) this.#decisions.proposed = 1;
    this.#plan(event.plan);
    for (const { task: id, result } of event.continued?.reused ?? []) {
      const task = this.tasks.get(id);
      this.#expect(task !== undefined && this.#witness.hasResult(id, 1), `${id} is reused, but not there`);
      if (task !== undefined) Object.assign(task, { attempts: 1, final: "completed", reused: result.text });
    }
    this.#concurrency = event.terms.settings.concurrency;
    this.#recoveryMax = event.terms.settings.recovery.max;
    this.#lostMax = event.terms.settings.retries.lostMax;
    this.#limits = event.terms.settings.limits;
    this.#owner = JSON.stringify(event.terms.owner);
  }

  #plan(plan: Plan): void {
    this.plan = plan;
    this.tasks.clear();
    for (const planned of plan.tasks) this.tasks.set(planned.id, newRecord(planned));
  }

  #judgeTask(event: Exclude<Extract<StoredEvent, { task: string }>, { type: "mail.withdrawn" }>): void {
    const task = this.tasks.get(event.task);
    if (task === undefined) {
      this.#witness.violate(`${event.type} of unknown task ${event.task}`);
      return;
    }
    this.#expect(task.final === undefined, `${event.type} of ${event.task}, which is ${task.final}`);
    switch (event.type) {
      case "attempt.started":
        this.#attemptStarted(event, task);
        return;
      case "attempt.ended":
        this.#attemptEnded(event, task);
        return;
      case "task.skipped": {
        const because = this.tasks.get(event.because)?.final;
        this.#expect(
          task.planned.dependsOn.includes(event.because) && because !== undefined && because !== "completed",
          `${event.task} skipped because of ${event.because}, which is ${because}`,
        );
        this.#expect(task.live === undefined, `${event.task} skipped while it is alive`);
        task.final = "skipped";
        return;
      }
      case "task.cancelled":
        this.#expect(this.#isCancelled, `${event.task} cancelled, but nobody asked`);
        this.#expect(task.live === undefined, `${event.task} cancelled while it is alive`);
        task.final = "cancelled";
        return;
      case "attempt.stopping":
        this.#expect(!task.isStopping, `${event.task} stopped twice`);
        task.isStopping = true;
        if (event.cause === "stuck") this.#judgeSilence(event, task);
        break;
      case "attempt.escalated": {
        const isInOrder =
          task.steps.length === 0 || (task.steps.join() === "nudge" && event.step === "abort");
        this.#expect(isInOrder && !task.isStopping, `${event.task}: ${event.step} after ${task.steps}`);
        const quietMs = Date.parse(event.at) - task.lastSignAt;
        const least = this.#limits?.[`${event.step}AfterMs`] ?? 0;
        this.#expect(
          least > 0 && quietMs >= least,
          `${event.task}: ${event.step} after ${quietMs} ms of silence`,
        );
        task.steps.push(event.step);
        break;
      }
      case "attempt.spawned":
      case "attempt.ready":
      case "attempt.progressed":
        task.lastSignAt = Date.parse(event.at);
        break;
    }
    this.#expect(
      task.live === event.attempt,
      `${event.type} of ${event.task}/${event.attempt}, which is not alive`,
    );
  }

  /** It was silent for long enough, and every step that is on was taken before. */
  #judgeSilence(event: { readonly task: string; readonly at: string }, task: TaskRecord): void {
    const { silenceMaxMs = 0, nudgeAfterMs = 0, abortAfterMs = 0, killAfterMs = 0 } = this.#limits ?? {};
    // Who does not confirm that it was stopped is ended, however lively it was.
    if (task.stoppedAt !== undefined && Date.parse(event.at) - task.stoppedAt >= killAfterMs) return;
    const quietMs = Date.parse(event.at) - task.lastSignAt;
    this.#expect(quietMs >= silenceMaxMs, `${event.task} is stuck after ${quietMs} ms`);
    const isOn = (ms: number): boolean => ms > 0 && ms < silenceMaxMs;
    const steps = [...(isOn(nudgeAfterMs) ? ["nudge"] : []), ...(isOn(abortAfterMs) ? ["abort"] : [])];
    this.#expect(
      task.steps.join() === steps.join(),
      `${event.task} is stuck after ${task.steps}, not ${steps}`,
    );
  }

  #attemptStarted(event: Extract<StoredEvent, { type: "attempt.started" }>, task: TaskRecord): void {
    const name = `${event.task}/${event.attempt}`;
    this.#expect(!this.#isCancelled, `${name} starts after a cancel`);
    this.#decisions.starts(event.task, name);
    this.#expect(!this.#isParked, `${name} starts while the run is parked`);
    this.#expect(
      this.#recoveries <= this.#recoveryMax,
      `${name} starts after ${this.#recoveries} recoveries in a row`,
    );
    this.#expect(task.live === undefined, `${name} starts beside ${task.live}`);
    this.#expect(event.attempt === task.attempts + 1, `${name} follows ${task.attempts}`);
    for (const id of task.planned.dependsOn)
      this.#expect(this.tasks.get(id)?.final === "completed", `${name} starts before ${id} completed`);
    this.#expect(
      task.retryAt === undefined || Date.parse(event.at) >= task.retryAt,
      `${name} starts before its backoff is over`,
    );
    this.#expect(
      !this.#witness.hasResult(event.task, task.attempts) ||
        this.#witness.isObscure(event.task, task.attempts),
      `${name} repeats finished work`,
    );
    task.attempts++;
    task.live = event.attempt;
    task.isStopping = false;
    task.steps = [];
    task.told = [];
    task.lastSignAt = Date.parse(event.at);
    task.stoppedAt = undefined;
    const alive = [...this.tasks.values()].filter((other) => other.live !== undefined);
    const atWork = alive.filter(({ planned }) => !this.#waiting.has(planned.id));
    this.#expect(atWork.length <= this.#concurrency, `${atWork.length} attempts at work`);
    this.#expect(!this.#waiting.has(event.task), `${name} starts before its question is answered`);
    const writers = alive.filter((other) => other.planned.writes !== "none");
    this.#expect(writers.length <= 1, `${writers.length} writers alive`);
    const { role, roleMax } = task.planned;
    const ofRole = alive.filter((other) => other.planned.role === role).length;
    this.#expect(roleMax === undefined || ofRole <= roleMax, `${ofRole} of role ${role} alive`);
    const { models, retries } = task.planned;
    const resumed = task.endings.filter((outcome) => outcome.kind === "cancelled").length;
    const most =
      1 +
      retries +
      this.#lostMax +
      Math.max(0, models.length - 1) +
      resumed +
      (this.#asked.get(task.planned.id) ?? 0);
    this.#expect(task.attempts <= most, `${name}: more than ${most} attempts`);
  }

  #attemptEnded(event: Extract<StoredEvent, { type: "attempt.ended" }>, task: TaskRecord): void {
    const name = `${event.task}/${event.attempt}`;
    const { outcome, retryAt } = event;
    this.#expect(task.live === event.attempt, `${name} ends, but is not alive`);
    this.#expect(this.#witness.workersOf(event.task, event.attempt) === 0, `${name} ended, its worker lives`);
    this.#expect(
      (outcome.kind === "completed") === this.#witness.hasResult(event.task, event.attempt) ||
        this.#witness.isObscure(event.task, event.attempt),
      `${name} ended ${outcome.kind}, its result is ${outcome.kind === "completed" ? "missing" : "durable"}`,
    );
    task.live = undefined;
    task.isStopping = false;
    task.retryAt = retryAt;
    task.endings.push(outcome);
    if (outcome.kind === "completed") {
      if (task.planned.gate === undefined) task.final = "completed";
      else this.#decisions.done.add(event.task);
      this.#recoveries = 0;
    } else if (retryAt === undefined) task.final = outcome.kind === "cancelled" ? "cancelled" : "failed";
    this.#expect(retryAt === undefined || !this.#isCancelled, `${name} is to be retried after a cancel`);
    const losses = task.endings.filter(countsAsLoss).length;
    const free = this.#asked.get(event.task) ?? 0;
    this.#expect(losses <= this.#lostMax + 1 + free, `${event.task} was lost ${losses} times`);
  }

  #finish(status: string): void {
    this.finished = status;
    const open = [...this.tasks.values()].filter((task) => task.final === undefined);
    this.#expect(open.length === 0, `finished with ${open.length} open tasks`);
    this.#expect(this.#witness.workers() === 0, "finished while a worker lives");
    const isAllDone = [...this.tasks.values()].every((task) => task.final === "completed");
    this.#expect(
      status !== "completed" || (isAllDone && !this.#isCancelled),
      "completed, but not everything was",
    );
  }

  /** The core's own state must say the same. */
  #compare(event: StoredEvent): void {
    const state = this.state;
    if (state.status === "queued") return;
    const running = effects(state).length;
    let live = 0;
    let index = 0;
    for (const task of this.tasks.values()) {
      const theirs = state.tasks.get(index++);
      if (task.live !== undefined) live++;
      const isFinal = theirs !== undefined && isFinalTask(theirs.status);
      if ((isFinal ? theirs.status : undefined) !== task.final)
        this.#witness.violate(`${event.type}: ${task.planned.id} is ${theirs?.status}, not ${task.final}`);
    }
    this.#expect(live === running, `${running} effects for ${live} living attempts`);
    this.#expect(
      isFinalRun(state.status) ? state.status === this.finished : this.finished === undefined,
      `the run is ${state.status}, not ${this.finished}`,
    );
  }
}
