import { mkdir, readdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { actions } from "../../src/actions/table.ts";
import { type Answer, type Lead, makeProject, type Project } from "../e2e/support/lead.ts";
import { type Json, removePlace } from "../support/host.ts";
import { Random } from "../support/random.ts";
import { isRecord, readLedger } from "./ledger.ts";
import { ProcessTable, signal } from "./processes.ts";
import { isFinal, manifestOf } from "./run-status.ts";

/** What two sessions did to one project, and what was wrong afterwards. */
export interface TwoHostsReport {
  readonly rounds: number;
  /** By action: calls that were done, and calls that were refused. */
  readonly calls: Readonly<Record<string, readonly [done: number, refused: number]>>;
  readonly driversKilled: number;
  readonly runs: number;
  readonly violations: readonly string[];
  readonly kept?: string;
}

/** One call of the tool. */
interface Call {
  readonly host: number;
  readonly action: string;
  /** The run that was meant; absent where it goes for all. */
  readonly runId?: string;
  readonly isForced: boolean;
  readonly isDone: boolean;
  readonly text: string;
  readonly startedRun?: string;
}

const known: ReadonlySet<string> = new Set(actions.map(({ name }) => name));
/** What the hosts do, by how often. */
const deeds = "run run run run run cancel cancel resume retry retry forget prune cleanup list status summary"
  .split(" ")
  .filter((action) => known.has(action));
const waits = [0, 100, 400, 1_500] as const;
const killShare = 0.1;
const quietMaxMs = 120_000;
const standIn = join(dirname(dirname(fileURLToPath(import.meta.url))), "e2e/support/counted.mjs");

/** Has two real hosts do to one project, at the same time, what the seed says; then looks for what went wrong. */
export async function playTwoHosts(
  seed: number,
  rounds: number,
  options: { readonly patience: number; readonly keep: boolean },
): Promise<TwoHostsReport> {
  const project = await makeProject();
  const play = new TwoHosts(project, new Random(seed), options.patience);
  let isKept = options.keep;
  const kept = `${project.place.top}-two-hosts-${seed}`;
  try {
    const report = await play.play(rounds);
    isKept ||= report.violations.length > 0;
    return { ...report, ...(isKept && { kept }) };
  } finally {
    await play.end();
    if (isKept) await rename(project.place.top, kept);
    else await removePlace(project.place);
  }
}

class TwoHosts {
  readonly #project: Project;
  readonly #random: Random;
  readonly #patience: number;
  readonly #hosts: Lead[] = [];
  readonly #sessions: string[] = [];
  readonly #calls: Call[] = [];
  readonly #violations: string[] = [];
  /** By run: which host's it was when it was last seen, and its end as first seen. */
  readonly #owners = new Map<string, number>();
  readonly #ends = new Map<string, string>();
  readonly #table: ProcessTable;
  #killed = 0;

  constructor(project: Project, random: Random, patience: number) {
    this.#project = project;
    this.#random = random;
    this.#patience = patience;
    this.#table = new ProcessTable(project.place.agentDir);
  }

  async play(rounds: number): Promise<Omit<TwoHostsReport, "kept">> {
    await this.#start();
    for (let round = 0; round < rounds; round += 1) {
      const kills = this.#random.chance(killShare);
      // What is done depends on the seed; to which run, on how far the others are.
      const runs = await this.#project.runs();
      const plans = this.#hosts.map((_, host) => this.#planOf(host, runs));
      await Promise.all([
        ...plans.map((plan, host) => this.#call(host, ...plan)),
        ...(kills ? [this.#killDriver()] : []),
      ]);
      await this.#observe();
    }
    await this.#quiet();
    await this.#observe();
    await this.#audit();
    const calls: Record<string, [number, number]> = {};
    for (const { action, isDone } of this.#calls) {
      calls[action] ??= [0, 0];
      calls[action][isDone ? 0 : 1] += 1;
    }
    const runs = this.#calls.filter(({ startedRun }) => startedRun !== undefined).length;
    return { rounds, calls, driversKilled: this.#killed, runs, violations: this.#violations };
  }

  async #start(): Promise<void> {
    const counted = join(this.#project.place.top, "counted");
    await mkdir(counted);
    const told = { name: "told", when: { prompt: "Team" }, turns: [[{ text: "Noted." }]] };
    await this.#project.script("2-told", [told]);
    const environment = { PI_MUSTER_PI_BIN: standIn, COUNTED_DIRECTORY: counted };
    for (const host of [0, 1]) {
      this.#hosts.push(await this.#project.lead({ environment }));
      const { startedRun = "" } = await this.#call(host, "run", {
        background: true,
        goal: "first",
        agent: "executor",
      });
      this.#sessions.push((await this.#project.manifest(startedRun)).owner.sessionId);
      this.#owners.set(startedRun, host);
    }
  }

  /** What a host does next: an action and its arguments. */
  #planOf(host: number, runs: readonly string[]): readonly [string, Json] {
    const random = this.#random;
    const action = deeds[random.integer(0, deeds.length - 1)] ?? "list";
    const wait = random.pick(waits);
    // Mostly among the newest: they are alive.
    const recent = runs.slice(-random.integer(1, 6));
    const run = recent[random.integer(0, Math.max(recent.length - 1, 0))] ?? "none";
    const force = random.chance(0.4) ? { force: true, reason: `host ${host} wants it so` } : {};
    switch (action) {
      case "run":
        return [action, { goal: `wait ${wait} ms`, agent: "executor", background: random.chance(0.7) }];
      case "cancel":
      case "status":
      case "summary":
        return [action, { run }];
      case "resume":
      case "retry":
        return [action, { run, background: true }];
      case "forget":
        return [action, { run, confirm: true, ...force }];
      case "prune":
        return [
          action,
          { value: random.pick(["0", "30"]), limit: random.integer(3, 12), confirm: true, ...force },
        ];
      case "cleanup":
        return [action, { confirm: true, ...force }];
      default:
        return [action, {}];
    }
  }

  async #call(host: number, action: string, args: Json): Promise<Call> {
    const answer = await this.#answer(host, { action, ...args });
    const { isError, text, details } = answer;
    const started = ["run", "retry"].includes(action) ? details.runId : undefined;
    const call = {
      ...{ host, action, isForced: args.force === true, isDone: !isError, text },
      ...(typeof args.run === "string" && { runId: args.run }),
      ...(started !== undefined && !isError && { startedRun: started }),
    };
    this.#calls.push(call);
    if (/internal|TypeError|undefined is not|ENOENT|invariant/i.test(text))
      this.#violations.push(`${action} ${JSON.stringify(args)} answered: ${text.slice(0, 300)}`);
    return call;
  }

  /** A host that is being told of a run's end takes no prompt; the next moment it does. */
  async #answer(host: number, args: Json): Promise<Answer> {
    const lead = this.#hosts[host];
    for (let tries = 1; ; tries += 1) {
      try {
        if (lead === undefined) throw new Error(`there is no host ${host}`);
        return await lead.call(args);
      } catch (error) {
        if (tries === 5 || !String(error).includes("already processing")) throw error;
        await pause(200);
      }
    }
  }

  async #killDriver(): Promise<void> {
    const drivers = (await this.#table.living()).filter(
      (one) => one.run !== undefined && one.worker === undefined,
    );
    const victims = drivers.filter(({ commandLine }) => !commandLine.includes("warden"));
    const victim = victims[this.#random.integer(0, Math.max(victims.length - 1, 0))];
    if (victim !== undefined && (await signal(victim, "SIGKILL"))) this.#killed += 1;
  }

  /** An end that was seen once is never seen otherwise. */
  async #observe(): Promise<void> {
    for (const runId of await this.#project.runs()) {
      const manifest = await manifestOf(this.#project.runDirectory(runId));
      const owner = isRecord(manifest?.owner) ? this.#sessions.indexOf(String(manifest.owner.sessionId)) : -1;
      if (owner !== -1) this.#owners.set(runId, owner);
      const status = String(manifest?.status);
      const end = this.#ends.get(runId);
      if (end !== undefined && end !== status) this.#violations.push(`${runId} was ${end} and is ${status}`);
      if (isFinal(status)) this.#ends.set(runId, status);
    }
  }

  /** Waits until every run is over; parked ones are resumed by whom they belong to, and the sessions see to the others. */
  async #quiet(): Promise<void> {
    const deadline = Date.now() + quietMaxMs * this.#patience;
    for (;;) {
      const open: string[] = [];
      for (const runId of await this.#project.runs()) {
        const { status } = await readLedger(this.#project.runDirectory(runId));
        if (isFinal(status)) continue;
        open.push(runId);
        if (status !== "blocked") continue;
        await this.#call(this.#owners.get(runId) ?? 0, "resume", { run: runId, background: true });
      }
      const living = (await this.#table.living()).filter(({ run }) => run !== undefined);
      if (open.length === 0 && living.length === 0) return;
      if (Date.now() > deadline) {
        this.#violations.push(
          `still open: ${open.join(", ")}; still alive: ${living.map(({ pid }) => pid).join(", ")}`,
        );
        return;
      }
      await pause(300);
    }
  }

  async #audit(): Promise<void> {
    const left = new Set(await this.#project.runs());
    const started = this.#calls.flatMap(({ startedRun }) => startedRun ?? []);
    for (const runId of new Set([...started, ...this.#owners.keys()]))
      if (!left.has(runId)) this.#auditVanished(runId);
    for (const runId of left) await this.#auditRun(runId);
    for (const { action, runId = "", isDone } of this.#calls)
      if (action === "forget" && isDone && left.has(runId))
        this.#violations.push(`${runId} was forgotten, and is there`);
    const strays = await readdir(join(this.#project.state, "runs"));
    for (const name of strays) if (name.endsWith(".tmp")) this.#violations.push(`${name} was left behind`);
    for (const [host, lead] of this.#hosts.entries())
      for (const event of lead.host.events)
        if (event.type === "extension_error")
          this.#violations.push(`host ${host}: ${JSON.stringify(event).slice(0, 300)}`);
  }

  /** Who removes a run must own it, or say that it is done by force. */
  #auditVanished(runId: string): void {
    const owner = this.#owners.get(runId);
    const removers = this.#calls.filter(
      ({ action, runId: meant, isDone }) =>
        isDone && (action === "prune" || (action === "forget" && meant === runId)),
    );
    if (!removers.some(({ host, isForced }) => host === owner || isForced))
      this.#violations.push(`${runId} of host ${owner} has vanished, and nobody who may removed it`);
  }

  async #auditRun(runId: string): Promise<void> {
    const ledger = await readLedger(this.#project.runDirectory(runId));
    const manifest = await manifestOf(this.#project.runDirectory(runId));
    const wrong = (text: string): void => void this.#violations.push(`${runId}: ${text}`);
    for (const problem of ledger.problems) wrong(problem);
    if (manifest?.status !== ledger.status)
      wrong(`${String(manifest?.status)} in its manifest, ${ledger.status} in its journal`);
    for (const [task, { completed }] of ledger.tasks)
      if (completed.length > 1) wrong(`${task} was completed by attempts ${completed.join(" and ")}`);
    const about = this.#calls.filter(({ runId: meant }) => meant === runId);
    for (const record of ledger.records) {
      const by = record.type === "run.cancel_requested" ? String(record.by) : undefined;
      const doers = about.filter(({ action }) => action === "cancel" || action === "forget");
      if (by !== undefined && !doers.some(({ host }) => this.#sessions[host] === by))
        wrong(`cancelled by ${by}, who did not ask`);
      if (record.type === "run.resumed" && !about.some(({ action }) => action === "resume"))
        wrong("resumed, and nobody asked");
    }
    const isTouched = about.some(({ action, isDone }) => isDone && ["cancel", "forget"].includes(action));
    if (!isTouched && ledger.status !== "completed")
      wrong(`${ledger.status} (${ledger.cause}), and nobody wanted that`);
    for (const { action, isDone, text } of about)
      if (action === "cancel" && isDone && /\bcancelled\b/.test(text) && ledger.status !== "cancelled")
        wrong(`${ledger.status}, although a cancel was answered: ${text.slice(0, 120)}`);
  }

  /** Ends both hosts, and whatever else of the project lives. */
  async end(): Promise<void> {
    for (const { host } of this.#hosts) await host.end();
    for (let left = await this.#table.living(); left.length > 0; left = await this.#table.living()) {
      for (const one of left) await signal(one, "SIGKILL");
      await pause(50);
    }
  }
}
