import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Answer, kill, type Lead, makeProject, type Project } from "../e2e/support/lead.ts";
import { type Json, removePlace } from "../support/host.ts";
import { Random } from "../support/random.ts";
import { type Deed, roundOf, type Standing } from "./deeds.ts";
import { type Call, jointAudit, type LastSeen, lostRecords, secondSuccessors } from "./joint-audit.ts";
import { isRecord, parse, readLedger } from "./ledger.ts";
import { ProcessTable, signal } from "./processes.ts";
import { isFinal, manifestOf } from "./run-status.ts";
import { type Story, storyOf } from "./story.ts";

/** What two sessions did to one project, and what was wrong afterwards. */
export interface TwoHostsReport {
  readonly rounds: number;
  /** By action: calls that were done, calls that were refused, and calls whose host was killed first. */
  readonly calls: Readonly<Record<string, Readonly<Record<Call["end"], number>>>>;
  readonly hostsKilled: number;
  readonly driversKilled: number;
  readonly runs: number;
  /** Runs that go on with others, answers that count, and runs that were rejected. */
  readonly successors: number;
  readonly answers: number;
  readonly rejected: number;
  readonly violations: readonly string[];
  readonly kept?: string;
}

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
  } catch (error) {
    isKept = true;
    throw error;
  } finally {
    await play.end();
    if (isKept) await rename(project.place.top, kept);
    else await removePlace(project.place);
  }
}

interface Player {
  readonly lead: Lead;
  readonly session: string;
}

class TwoHosts {
  readonly #project: Project;
  readonly #random: Random;
  readonly #patience: number;
  /** Of the first and the second host: who plays now. */
  readonly #players: Player[] = [];
  readonly #all: Player[] = [];
  readonly #calls: Call[] = [];
  readonly #deaths = new Map<string, number>();
  readonly #violations = new Set<string>();
  readonly #runs = new Map<string, LastSeen>();
  readonly #ends = new Map<string, string>();
  readonly #table: ProcessTable;
  #round = 0;
  #driversKilled = 0;

  constructor(project: Project, random: Random, patience: number) {
    this.#project = project;
    this.#random = random;
    this.#patience = patience;
    this.#table = new ProcessTable(project.place.agentDir);
  }

  async play(rounds: number): Promise<Omit<TwoHostsReport, "kept">> {
    const told = { name: "told", when: { prompt: "Team" }, turns: [[{ text: "Noted." }]] };
    await this.#project.script("2-told", [told]);
    await mkdir(this.#counted);
    for (const host of [0, 1]) await this.#enter(host);
    for (this.#round = 1; this.#round <= rounds; this.#round += 1) {
      const { deeds, fault } = roundOf(this.#random, this.#round, this.#standings());
      await Promise.all([
        ...deeds.map((deed, host) => (fault === host ? this.#loseHost(host, deed) : this.#call(host, deed))),
        ...(fault === "driver" ? [this.#killDriver()] : []),
      ]);
      await this.#observe();
    }
    await this.#quiet();
    await this.#observe();
    await this.#audit();
    return { rounds, ...this.#counts(), violations: [...this.#violations] };
  }

  #counts(): Omit<TwoHostsReport, "rounds" | "kept" | "violations"> {
    const calls: Record<string, Record<Call["end"], number>> = {};
    for (const { action, end } of this.#calls) {
      calls[action] ??= { done: 0, refused: 0, lost: 0 };
      calls[action][end] += 1;
    }
    const stories = [...this.#runs.values()].map(({ story }) => story);
    return {
      calls,
      hostsKilled: this.#deaths.size,
      driversKilled: this.#driversKilled,
      runs: stories.length,
      successors: stories.filter(({ from }) => from !== undefined).length,
      answers: stories.flatMap(({ questions }) => questions.flatMap(({ answers }) => answers)).length,
      rejected: stories.filter(({ cause }) => cause === "rejected").length,
    };
  }

  get #counted(): string {
    return join(this.#project.place.top, "counted");
  }

  /** A new session takes the place of this host. */
  async #enter(host: number): Promise<void> {
    const environment = { PI_MUSTER_PI_BIN: standIn, COUNTED_DIRECTORY: this.#counted };
    const lead = await this.#project.lead({ environment });
    const { data } = await lead.host.request({ type: "get_state" });
    if (!isRecord(data) || typeof data.sessionId !== "string") throw new Error("the host names no session");
    const player = { lead, session: data.sessionId };
    this.#players[host] = player;
    this.#all.push(player);
  }

  #player(host: number): Player {
    const player = this.#players[host];
    if (player === undefined) throw new Error(`there is no host ${host}`);
    return player;
  }

  async #call(host: number, [action, args]: Deed): Promise<void> {
    const { session } = this.#player(host);
    const answer = await (await this.#begin(host, { action, ...args }))();
    const { isError, text, details } = answer;
    const isOwn =
      ["run", "plan", "retry", "resume"].includes(action) && !text.startsWith("Nothing was started");
    const started = isOwn && details.runId !== args.run ? details.runId : undefined;
    const isStopped = ["cancelled", "failed", "blocked"].includes(details.status ?? "");
    const end = isError && !(started !== undefined && isStopped) ? "refused" : "done";
    this.#calls.push({
      ...{ round: this.#round, session, action, args, end, text },
      ...(started !== undefined && { startedRun: started }),
    });
    if (/internal|TypeError|undefined is not|ENOENT|invariant|broke off/i.test(text))
      this.#violations.add(`${action} ${JSON.stringify(args)} answered: ${text.slice(0, 300)}`);
  }

  /** A host that is being told of a run's end takes no prompt; the next moment it does. */
  async #begin(host: number, args: Json): Promise<() => Promise<Answer>> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#player(host).lead.begin(args);
      } catch (error) {
        if (tries === 20 || !String(error).includes("already processing")) throw error;
        await pause(200);
      }
    }
  }

  /** Kills a host some time after it has begun what it does; a new one takes its place. */
  async #loseHost(host: number, [action, args]: Deed): Promise<void> {
    const { lead, session } = this.#player(host);
    const delayMs = this.#random.integer(0, 1_500);
    const answer = await this.#begin(host, { action, ...args });
    answer().catch((error: unknown) => {
      if (!String(error).includes("it ended"))
        this.#violations.add(`host ${host}: ${String(error).slice(0, 300)}`);
    });
    await pause(delayMs);
    this.#calls.push({ round: this.#round, session, action, args, end: "lost", text: "" });
    this.#deaths.set(session, Date.now());
    kill(lead.host.pid);
    await lead.host.exit;
    await this.#enter(host);
  }

  async #killDriver(): Promise<void> {
    const drivers = (await this.#table.living()).filter(
      (one) => one.run !== undefined && one.worker === undefined,
    );
    const victims = drivers.filter(({ commandLine }) => !commandLine.includes("warden"));
    const victim = victims[this.#random.integer(0, Math.max(victims.length - 1, 0))];
    if (victim !== undefined && (await signal(victim, "SIGKILL"))) this.#driversKilled += 1;
  }

  /** What was seen once stays so: the records, a run's end, and that no two runs go on with one. */
  async #observe(): Promise<void> {
    const present = new Map<string, Story>();
    for (const runId of await this.#project.runs()) {
      const directory = this.#project.runDirectory(runId);
      const manifest = await manifestOf(directory);
      // The other order would find a shorter journal than the manifest tells of.
      const story = storyOf(await readLedger(directory), manifest);
      present.set(runId, story);
      const status = String(manifest?.status);
      const end = this.#ends.get(runId);
      if (end !== undefined && end !== status) this.#violations.add(`${runId} was ${end} and is ${status}`);
      if (isFinal(status)) this.#ends.set(runId, status);
      const before = this.#runs.get(runId);
      for (const text of before === undefined ? [] : lostRecords(before.story, story))
        this.#violations.add(`${runId}: ${text}`);
      this.#runs.set(runId, { story });
    }
    for (const text of secondSuccessors(present)) this.#violations.add(text);
    const started = this.#calls.flatMap(({ round, startedRun = "" }) =>
      round === this.#round && startedRun !== "" ? [startedRun] : [],
    );
    const nothing: LastSeen = { story: storyOf(await readLedger(this.#project.runDirectory("none"))) };
    for (const runId of new Set([...this.#runs.keys(), ...started])) {
      const seen = this.#runs.get(runId) ?? nothing;
      if (present.has(runId) || seen.goneIn !== undefined) continue;
      const tombstone = await this.#tombstone(runId);
      this.#runs.set(runId, { ...seen, goneIn: this.#round, ...(tombstone && { tombstone }) });
    }
  }

  async #tombstone(runId: string): Promise<{ readonly by: string } | undefined> {
    const path = join(this.#project.state, "forgotten", `${runId}.json`);
    const stone = parse(await readFile(path, "utf8").catch(() => ""));
    return stone === undefined ? undefined : { by: String(stone.by) };
  }

  #standings(): readonly Standing[] {
    const present = [...this.#runs].filter(([, { goneIn }]) => goneIn === undefined).sort();
    const continued = new Set(present.map(([, { story }]) => story.from));
    return present.map(([runId, { story }]) => {
      const { status, open } = story;
      return { runId, status, open, isContinued: continued.has(runId) };
    });
  }

  /** Waits until every run is over: what stands still is resumed, what is asked is approved, and the sessions see to the rest. */
  async #quiet(): Promise<void> {
    const deadline = Date.now() + quietMaxMs * this.#patience;
    for (;;) {
      await this.#observe();
      const open = this.#standings().filter(({ status }) => !isFinal(status));
      for (const { runId: run, status, open: asked } of open) {
        // Its owner goes on with it; where that one is gone, anybody may.
        const owner = this.#runs.get(run)?.story.owners.at(-1)?.session;
        const host = this.#players.findIndex(({ session }) => session === owner);
        const [name] = asked;
        if (name !== undefined)
          await this.#call(Math.max(host, 0), ["respond", { run, name, message: "approve" }]);
        else if (status === "blocked")
          await this.#call(Math.max(host, 0), ["resume", { run, background: true }]);
      }
      const living = (await this.#table.living()).filter(({ run }) => run !== undefined);
      if (open.length === 0 && living.length === 0) return;
      if (Date.now() > deadline) {
        const runs = open.map(({ runId, status }) => `${runId} (${status})`);
        const pids = living.map(({ pid }) => pid);
        this.#violations.add(`still open: ${runs.join(", ")}; still alive: ${pids.join(", ")}`);
        return;
      }
      await pause(300);
    }
  }

  async #audit(): Promise<void> {
    const text = await readFile(join(this.#counted, "lives"), "utf8").catch(() => "");
    const [calls, deaths, runs, lives] = [this.#calls, this.#deaths, this.#runs, text.split("\n")];
    for (const wrong of jointAudit({ calls, deaths, runs, lives })) this.#violations.add(wrong);
    for (const runId of await this.#project.runs()) await this.#auditJournal(runId);
    const strays = await readdir(join(this.#project.state, "runs"));
    for (const name of strays) if (name.endsWith(".tmp")) this.#violations.add(`${name} was left behind`);
    for (const { lead, session } of this.#all)
      for (const event of lead.host.events)
        if (event.type === "extension_error")
          this.#violations.add(`session ${session}: ${JSON.stringify(event).slice(0, 300)}`);
  }

  async #auditJournal(runId: string): Promise<void> {
    const ledger = await readLedger(this.#project.runDirectory(runId));
    const manifest = await manifestOf(this.#project.runDirectory(runId));
    const wrong = (text: string): void => void this.#violations.add(`${runId}: ${text}`);
    for (const problem of ledger.problems) wrong(problem);
    if (manifest?.status !== ledger.status)
      wrong(`${String(manifest?.status)} in its manifest, ${ledger.status} in its journal`);
    for (const [task, { completed }] of ledger.tasks)
      if (completed.length > 1) wrong(`${task} was completed by attempts ${completed.join(" and ")}`);
  }

  /** Ends both hosts, and whatever else of the project lives. */
  async end(): Promise<void> {
    for (const { lead } of this.#all) await lead.host.end();
    for (let left = await this.#table.living(); left.length > 0; left = await this.#table.living()) {
      for (const one of left) await signal(one, "SIGKILL");
      await pause(50);
    }
  }
}
