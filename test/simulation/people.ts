import type { Request } from "../../src/core/commands.ts";
import type { Owner } from "../../src/core/events.ts";
import { fold } from "../../src/core/evolve.ts";
import { AlreadyContinued } from "../../src/core/failure.ts";
import { openQuestions } from "../../src/core/letters.ts";
import { terms } from "../support/plan.ts";
import { planOf } from "./scenario.ts";
import type { Past, World } from "./world.ts";

/** Everyone who wants something of the run, and everything that befalls it from outside. */
export class People {
  readonly #world: World;
  readonly #sent: Request[] = [];
  #isBusy = true;
  /** Doings that are not done yet. */
  #underWay = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** True when everybody has what they wanted. */
  get isIdle(): boolean {
    return !this.#isBusy && this.#underWay === 0;
  }

  async live(): Promise<void> {
    const { engine, scenario, timeline, past } = this.#world;
    const { background, settings, plan } = scenario;
    const attended = scenario.isAttended ? {} : { attended: false };
    const owner = { sessionId: "session-1", host: this.#world.newHost(), ...attended };
    if (past === undefined) await engine.submit({ plan, terms: terms({ background, settings, owner }) });
    else await this.#retry(past, owner);
    this.#befall();
    for (;;) {
      const patience = this.#world.isUndecided && !this.#world.hasFaults ? 300_000 : 0;
      await timeline.sleep(patience + this.#world.random.integer(300, 3_000), undefined);
      await this.#lookAfter();
    }
  }

  /** All sessions retry the run in one moment: one of them starts another, and the others hear of that one. */
  async #retry({ runId }: Past, owner: Owner): Promise<void> {
    const { engines, scenario, tally } = this.#world;
    const origin = { kind: "user", id: "u" } as const;
    const change = { owner, origin, background: scenario.background, trusted: true };
    const told = await Promise.all(
      engines.map(async (engine) => {
        try {
          return `started ${(await engine.retry(runId, change)).runId}`;
        } catch (error) {
          if (!(error instanceof AlreadyContinued)) throw error;
          return error.by;
        }
      }),
    );
    const others = told.map((one) => one.replace("started ", ""));
    if (new Set(others).size !== 1 || told.filter((one) => one.startsWith("started ")).length !== 1)
      this.#world.violate(`retries of ${runId} at once: ${told.join(", ")}`);
    tally.retries++;
  }

  /** What sessions do while they watch: all of them recover, at once; one resumes what a person wants resumed. */
  async #lookAfter(): Promise<void> {
    const { engine, engines, random, scenario, hasFaults } = this.#world;
    await Promise.all(engines.map((session) => session.recover({ graceMs: random.pick([0, 2_000]) })));
    const listing = (await engine.list()).find((one) => one.runId === this.#world.runId);
    if (listing === undefined) return this.#world.violate("the run is not listed");
    if ("problem" in listing) return;
    const { manifest, driver } = listing;
    const isFinal = ["completed", "failed", "cancelled"].includes(manifest.status);
    const isParked = manifest.status === "blocked";
    if (!isFinal) await this.#answer();
    // Their own words, too, are to be taken by somebody.
    const isAsked = [...this.#world.disk.run(this.#world.runId).inbox.values()].some(
      ({ kind }) => kind !== "start",
    );
    this.#isBusy = hasFaults || !(isFinal || (isParked && !scenario.isResumed && !isAsked));
    if (isFinal || driver === "alive" || driver === "indeterminate") return;
    if (!isParked || isAsked || !scenario.isResumed) return;
    const owner = { sessionId: "session-2", host: this.#world.newHost() };
    await this.#send({ kind: "resume", id: this.#id(), owner, background: scenario.background });
  }

  /** Reads along: answers a question, sometimes twice, and sometimes has something to say. */
  async #answer(): Promise<void> {
    const { engine, random } = this.#world;
    const state = fold((await engine.read(this.#world.runId)).events);
    if (state.status === "queued") return;
    const [asked] = openQuestions(state);
    const by = "session-2";
    for (let left = asked === undefined ? 0 : random.integer(0, 2); left > 0; left--) {
      const owner = { sessionId: by, host: this.#world.newHost() };
      const question = asked?.mail.id ?? "";
      const isApproval = asked?.mail.kind === "approval";
      if (isApproval && this.#world.isUndecided) continue;
      const text = isApproval ? this.#verdict() : "this one";
      if (asked?.mail.about?.kind === "plan" && random.chance(0.2)) await this.#revise(state.revision);
      await this.#send({ kind: "respond", id: this.#id(), by, question, text, owner });
    }
    if (random.chance(0.03)) {
      const task = state.plan.tasks[random.integer(0, state.plan.tasks.length)]?.id ?? "nobody";
      await this.#send({ kind: "stop", id: this.#id(), by, task });
    }
    if (!random.chance(0.1)) return;
    const to = random.pick(["all", "nobody", ...state.plan.tasks.map(({ id }) => id)]);
    await this.#send({ kind: "post", id: this.#id(), by, to, text: "look here" });
  }

  #verdict(): string {
    const { random } = this.#world;
    return random.chance(0.8) ? "approve" : random.pick(["well", "well", "reject: not so"]);
  }

  /** Edits the plan that waits for approval, sometimes one that is not there any more. */
  #revise(current: number): Promise<void> {
    const { random } = this.#world;
    const revision = random.chance(0.8) ? current : random.integer(1, 4);
    return this.#send({ kind: "revise", id: this.#id(), by: "session-2", revision, plan: planOf(random) });
  }

  #id(): string {
    return `request-${this.#world.timeline.nextNumber()}`;
  }

  async #send(request: Request): Promise<void> {
    this.#sent.push(request);
    await this.#world.engine.send(this.#world.runId, request);
  }

  /** Has each kind of trouble that this world knows happen a few times. */
  #befall(): void {
    const world = this.#world;
    const { faults } = world.scenario;
    this.#sometimes(faults.isCancelled, 2, () =>
      this.#send({ kind: "cancel", id: this.#id(), by: "session-2", reason: "enough" }),
    );
    this.#sometimes(faults.hasDuplicates, 3, () => this.#repeat());
    this.#sometimes(faults.hasRivals, 3, () => world.launch(world.runId));
    this.#sometimes(faults.hasAborts, 2, () => world.driver?.stop.abort());
    this.#sometimes(faults.ownerDies, 2, () => {
      for (const host of world.hosts.values()) host.die();
    });
    this.#sometimes(faults.hasClockJumps, 3, () => {
      world.timeline.wallOffsetMs += world.random.pick([-60_000, -5_000, -100, 100, 5_000, 600_000]);
    });
    this.#sometimes(faults.hasLostManifests, 3, () => {
      const run = world.disk.run(world.runId);
      if (world.random.chance(0.5)) run.manifest = undefined;
      else if (run.manifest !== undefined) run.manifest = { ...run.manifest, content: "unreadable" };
    });
    this.#sometimes(faults.hasFullDisk, 2, () => {
      world.isDiskFull = true;
      world.timeline.schedule(world.random.integer(10, 8_000), undefined, () => {
        world.isDiskFull = false;
      });
    });
    this.#sometimes(world.scenario.faults.crash > 0, 2, () => world.driver?.process.die());
    this.#sometimes(world.scenario.faults.pause > 0, 2, () => {
      const process = world.driver?.process;
      if (process !== undefined) world.pause(process);
    });
    this.#sometimes(true, 4, () => this.#useMachine());
    world.timeline.schedule(faults.forMs, undefined, () => {
      world.machine.others = 0;
      world.machine.isCheckoutTaken = false;
      world.machine.changed();
    });
  }

  #useMachine(): void {
    const { machine, random } = this.#world;
    machine.others = random.integer(0, machine.capacity);
    machine.isCheckoutTaken = random.chance(0.3);
    machine.changed();
  }

  /** A request arrives once more, or the run is to start once more with another plan. */
  #repeat(): Promise<void> {
    const { random, engine, scenario } = this.#world;
    const old = this.#sent[random.integer(0, this.#sent.length)];
    const { plan, settings } = scenario;
    return engine.send(
      this.#world.runId,
      old ?? { kind: "start", id: "start", plan, terms: terms({ settings }) },
    );
  }

  #sometimes(isKnown: boolean, most: number, happens: () => void | Promise<void>): void {
    const { random, timeline, scenario } = this.#world;
    if (!isKnown) return;
    for (let left = random.integer(1, most); left > 0; left--) {
      this.#underWay++;
      timeline.schedule(random.integer(0, scenario.faults.forMs), undefined, async () => {
        await happens();
        this.#underWay--;
      });
    }
  }
}
