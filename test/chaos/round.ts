import { execFile } from "node:child_process";
import { appendFile, mkdir, rename } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { type Lead, makeProject, type Project } from "../e2e/support/lead.ts";
import { type Json, removePlace, served } from "../support/host.ts";
import { audit, collectFinished, type Finished } from "./audit.ts";
import { Census, type Look } from "./census.ts";
import { inflict } from "./faults.ts";
import { type ChaosPlan, type Fault, planOf } from "./plan.ts";
import { signal } from "./processes.ts";
import { isFinal } from "./run-status.ts";
import { prepareFlags, scriptOf } from "./script.ts";
import type { Violation } from "./violation.ts";

export interface RoundOptions {
  /** Multiplies every bound on time, for machines that others use, too. */
  readonly patience: number;
  /** Evidence stays also when nothing was violated. */
  readonly keep: boolean;
}

/** What came of one round. */
export interface RoundReport {
  readonly seed: number;
  readonly ms: number;
  readonly tasks: number;
  readonly attempts: number;
  readonly status: string;
  /** By kind, those that met something. */
  readonly faults: Readonly<Record<string, number>>;
  readonly missed: number;
  /** Drivers after the first. */
  readonly recoveries: number;
  /** How often a parked run was resumed. */
  readonly resumes: number;
  /** How often somebody approved, each time perhaps again after a kill. */
  readonly approvals: number;
  readonly slowestEndMs: number;
  readonly load: number;
  readonly violations: readonly Violation[];
  /** Where the evidence is. */
  readonly kept?: string;
}

const roundMaxMs = 90_000;
const endMaxMs = 5_000;
const beatMs = 60;
const diskSize = "3m";
/** A parked run waits for a person, who is fast here. One that lost its driver waits for nobody: sessions see to it. */
const parkedMaxMs = 300;
const undrivenMaxMs = 30_000;
const askAgainMs = 4_000;

/** Plays the round of a seed in the real host, and audits it. Everything that it starts is gone when it resolves. */
export async function playRound(seed: number, options: RoundOptions): Promise<RoundReport> {
  const plan = planOf(seed);
  const project = await makeProject();
  const round = new Round(plan, project, options);
  try {
    return await round.play();
  } finally {
    await round.end();
  }
}

class Round {
  readonly #plan: ChaosPlan;
  readonly #project: Project;
  readonly #options: RoundOptions;
  readonly #violations: Violation[] = [];
  readonly #finished: Finished = new Map();
  readonly #startedAt = performance.now();
  readonly #faults: Record<string, number> = {};
  readonly #killed = new Set<number>();
  readonly #pauses: number[];
  #missed = 0;
  #resumes = 0;
  #load = 0;
  #lead: Lead | undefined;
  #census: Census | undefined;
  #runId = "";
  #standsSince: number | undefined;
  #thinksSince: number | undefined;
  #approvals = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #isOver = false;

  constructor(plan: ChaosPlan, project: Project, options: RoundOptions) {
    this.#plan = plan;
    this.#project = project;
    this.#options = options;
    this.#pauses = [...plan.hostPausesMs];
  }

  get #directory(): string {
    return this.#project.runDirectory(this.#runId);
  }

  async play(): Promise<RoundReport> {
    await this.#prepare();
    await this.#begin();
    const { agentDir } = this.#project.place;
    const census = new Census({
      agentDir,
      runDirectory: this.#directory,
      limitMs: endMaxMs * this.#options.patience,
      violated: (violation) => this.#violated(violation),
    });
    this.#census = census;
    census.start();
    await Promise.all([this.#inflictAll(census), this.#cancel(census), this.#keepGoing(census)]);
    return this.#report(census);
  }

  async #prepare(): Promise<void> {
    const project = this.#project;
    const flags = join(project.place.top, "flags");
    await prepareFlags(flags);
    if (this.#plan.hasSmallDisk) {
      await mkdir(project.state);
      await promisify(execFile)("mount", ["-t", "tmpfs", "-o", `size=${diskSize}`, "tmpfs", project.state]);
    }
    await project.settings({
      retries: { max: 10, backoffMs: 50, backoffMaxMs: 400, lostMax: 20 },
      requireApproval: this.#plan.isProposed,
    });
    await project.script("1-tasks", scriptOf(this.#plan.tasks, flags));
    const told = { name: "told", when: { prompt: "Team run " }, turns: [[{ text: "Noted." }]] };
    await project.script("2-told", [told]);
  }

  /** Has the lead's model start the run; resolves when the run exists for good. */
  async #begin(): Promise<void> {
    const lead = await this.#newLead();
    const tasks = this.#plan.tasks.map(({ id, agent, dependsOn, isWriter, isGated }) => ({
      ...{ id, agent, dependsOn, task: `Do your part, ${id}.` },
      ...(!isWriter && { writes: "none" }),
      ...(isGated && { gate: "approval" }),
    }));
    const { background } = this.#plan;
    const { runId, answer } = await lead.run({ goal: "Live through it.", tasks, background });
    this.#runId = runId;
    this.#note(`run ${runId}, ${JSON.stringify(this.#plan)}`);
    // Its host may be killed before it answers.
    answer().catch((error: unknown) => this.#note(`no answer: ${String(error).slice(0, 80)}`));
  }

  async #newLead(): Promise<Lead> {
    const lead = await this.#project.lead();
    this.#lead = lead;
    this.#note(`host ${lead.host.pid} starts`);
    void lead.host.exit.then((exit) => {
      if (this.#lead === lead) this.#lead = undefined;
      if (this.#killed.has(lead.host.pid) || this.#isOver) return;
      this.#violated({
        kind: "crash",
        text: `host ${lead.host.pid} ended with ${exit}\n${lead.host.story()}`,
      });
    });
    return lead;
  }

  async #inflictAll(census: Census): Promise<void> {
    await Promise.all(this.#plan.faults.map((fault) => this.#inflict(fault, census)));
  }

  async #inflict(fault: Fault, census: Census): Promise<void> {
    const scene = {
      ...{ census, state: this.#project.state },
      host: () => this.#lead?.host,
      killsHost: () => {
        if (this.#lead !== undefined) this.#killed.add(this.#lead.host.pid);
      },
      note: (text: string) => this.#note(text),
    };
    const hits = (await this.#reached(fault.records, census)) && (await this.#hits(fault, scene));
    if (hits) this.#faults[fault.kind] = (this.#faults[fault.kind] ?? 0) + 1;
    else this.#missed += 1;
  }

  async #hits(fault: Fault, scene: Parameters<typeof inflict>[1]): Promise<boolean> {
    await pause(fault.delayMs);
    return inflict(fault, scene);
  }

  /** Resolves when the journal holds that many records: false when the run was over before. */
  async #reached(records: number, census: Census): Promise<boolean> {
    for (;;) {
      if (this.#isOver) return false;
      const { ledger } = await census.newest();
      if (ledger.records.length >= records) return !isFinal(ledger.status);
      if (isFinal(ledger.status)) return false;
      await pause(beatMs / 2);
    }
  }

  async #cancel(census: Census): Promise<void> {
    const { cancelAt } = this.#plan;
    if (cancelAt === undefined || !(await this.#reached(cancelAt, census))) return;
    while (!this.#isOver && !(await this.#command(`/team-cancel ${this.#runId}`))) await pause(beatMs);
  }

  /** True when a host took the command. */
  async #command(line: string): Promise<boolean> {
    const lead = this.#lead;
    if (lead === undefined) return false;
    this.#note(line);
    try {
      await lead.host.request({ type: "prompt", message: line });
      return true;
    } catch (error) {
      this.#note(`not taken: ${String(error).slice(0, 80)}`);
      return false;
    }
  }

  /** Does what people would do: starts a new host where one died, and resumes a run that is parked. */
  async #keepGoing(census: Census): Promise<void> {
    const deadline = performance.now() + roundMaxMs * this.#options.patience;
    let hostGoneAt: number | undefined;
    while (performance.now() < deadline) {
      await collectFinished(this.#directory, this.#finished);
      this.#load = Math.max(this.#load, loadavg()[0] ?? 0);
      const look = await census.newest();
      if (isFinal(look.ledger.status) && look.processes.every(({ run }) => run === undefined)) break;
      if (this.#lead === undefined) {
        hostGoneAt ??= performance.now();
        if (performance.now() - hostGoneAt >= (this.#pauses[0] ?? 0)) {
          this.#pauses.shift();
          hostGoneAt = undefined;
          await this.#newLead();
        }
      } else await this.#ask(look);
      await pause(beatMs);
    }
    this.#isOver = true;
    const { ledger } = await census.look();
    if (!isFinal(ledger.status))
      this.#violated({
        kind: "state",
        text: `the run is still ${ledger.status} (${ledger.cause}) in the end`,
      });
  }

  /** Approves what waits for it, after some thought; true while something does. */
  async #approve({ status, isEnding, approvals }: Look["ledger"]): Promise<boolean> {
    const open = [...approvals].find(([, answer]) => answer === undefined)?.[0];
    if (open === undefined || isFinal(status) || isEnding) {
      this.#thinksSince = undefined;
      return false;
    }
    const now = performance.now();
    this.#thinksSince ??= now;
    if (now - this.#thinksSince < this.#plan.thinkMs || now - this.#askedAt < askAgainMs) return true;
    this.#askedAt = now;
    if (await this.#command(`/team-respond approve --run ${this.#runId} --name ${open}`))
      this.#approvals += 1;
    return true;
  }

  async #ask({ ledger, isDriven }: Look): Promise<void> {
    if (await this.#approve(ledger)) return;
    const isParked = ledger.status === "blocked";
    // One that is ending and driven needs nobody; to resume it when it has ended would begin another run.
    const stands = !isFinal(ledger.status) && ((isParked && !ledger.isEnding) || !isDriven);
    if (!stands) {
      this.#standsSince = undefined;
      return;
    }
    const now = performance.now();
    this.#standsSince ??= now;
    const maxMs = isParked ? parkedMaxMs : undrivenMaxMs * this.#options.patience;
    if (now - this.#standsSince < maxMs || now - this.#askedAt < askAgainMs) return;
    this.#askedAt = now;
    if (!isParked)
      this.#violated({ kind: "state", text: `nobody drives the run, and no session sees to it` });
    const background = this.#plan.background ? " --background" : "";
    if (await this.#command(`/team-resume ${this.#runId}${background}`)) this.#resumes += 1;
  }

  async #report(census: Census): Promise<RoundReport> {
    await this.#lead?.host.end();
    await pause(100);
    await census.stop();
    const { ledger } = await census.look();
    const { place } = this.#project;
    const remains = { plan: this.#plan, runDirectory: this.#directory, finished: this.#finished };
    for (const violation of await audit({ ...remains, served: await served(place) }))
      this.#violated(violation);
    const attempts = [...ledger.tasks.values()].map((task) => task.attempts.size);
    return {
      seed: this.#plan.seed,
      ms: performance.now() - this.#startedAt,
      tasks: this.#plan.tasks.length,
      attempts: attempts.reduce((sum, count) => sum + count, 0),
      status: ledger.status,
      faults: this.#faults,
      missed: this.#missed,
      recoveries: Math.max(ledger.leases - 1, 0),
      resumes: this.#resumes,
      approvals: this.#approvals,
      slowestEndMs: census.slowestEndMs,
      load: this.#load,
      violations: this.#violations,
      ...(this.#isKept && { kept: this.#keptAt }),
    };
  }

  get #isKept(): boolean {
    return this.#options.keep || this.#violations.length > 0;
  }
  get #keptAt(): string {
    return `${this.#project.place.top}-seed-${this.#plan.seed}`;
  }

  /** Ends by pid whatever is left, and keeps or removes the evidence. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#census?.stop();
    const { place, state } = this.#project;
    const left = new Census({
      agentDir: place.agentDir,
      runDirectory: "",
      limitMs: 0,
      violated: () => undefined,
    });
    for (let look = await left.look(); look.processes.length > 0; look = await left.look()) {
      for (const one of look.processes) await signal(one, "SIGKILL");
      await pause(beatMs);
    }
    if (this.#isKept && this.#plan.hasSmallDisk) await this.#copyDisk(state);
    if (this.#plan.hasSmallDisk) await promisify(execFile)("umount", [state]);
    if (this.#isKept) await rename(place.top, this.#keptAt);
    else await removePlace(place);
  }

  async #copyDisk(state: string): Promise<void> {
    await promisify(execFile)("cp", ["-a", state, `${state}-of-small-disk`]);
  }

  #violated(violation: Violation): void {
    this.#violations.push(violation);
    this.#note(`VIOLATION ${violation.kind}: ${violation.text}`);
  }

  #note(text: string): void {
    const line: Json = {
      at: new Date().toISOString(),
      ms: Math.round(performance.now() - this.#startedAt),
      text,
    };
    void appendFile(join(this.#project.place.top, "chaos.jsonl"), `${JSON.stringify(line)}\n`).catch(
      () => undefined,
    );
  }
}
