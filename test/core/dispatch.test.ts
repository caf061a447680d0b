import { describe, expect, it } from "vitest";
import { nextDeadline } from "../../src/core/deadline.ts";
import { dueBatch } from "../../src/core/dispatch.ts";
import { earlierMail, letterStatus } from "../../src/core/letters.ts";
import { noUsage } from "../../src/core/outcome.ts";
import { runView } from "../../src/core/run-view.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { liveAttemptOf, taskAt } from "../../src/core/state.ts";
import { plan, task } from "../support/plan.ts";
import { Random } from "../support/random.ts";
import { History } from "./history.ts";

const { windowMs, holdMaxMs } = defaultSettings.mail;

/** Workers that read what they are given, each conversation kept from its first word. */
class Team {
  readonly history: History;
  /** What each attempt was told, by `task/attempt`, in order. */
  readonly conversations = new Map<string, string[]>();
  /** Given, not read yet. */
  readonly unread = new Map<string, string[]>();
  batches = 0;

  constructor(...tasks: readonly string[]) {
    this.history = History.started(plan(...tasks.map((id) => task(id))), {
      settings: {
        ...defaultSettings,
        concurrency: tasks.length,
        retries: lenient,
        recovery: { auto: true, max: 100 },
      },
    });
    this.history.command({ kind: "tick" });
    this.work();
  }

  say(to: string, text: string, rest: { by?: string; interrupt?: true } = {}): void {
    this.history.command({ kind: "post", id: text, by: "me", to, text, ...rest });
    this.work();
  }

  stop(id: string): void {
    this.history.command({ kind: "stop", id, by: "me", task: "a" });
    this.work();
  }

  wait(ms: number): void {
    this.history.now += ms;
    this.history.command({ kind: "tick" });
    this.work();
  }

  /** The worker's next model call: it reads what it was given. */
  read(id: string): void {
    const { attempt = 0 } = this.living(id) ?? {};
    for (const mail of this.unread.get(`${id}/${attempt}`)?.splice(0) ?? []) {
      this.conversations.get(`${id}/${attempt}`)?.push(mail);
      this.history.command({ kind: "consumed", task: id, attempt, mail });
    }
    this.work();
  }

  lose(id: string): void {
    const living = this.living(id);
    if (living === undefined) return;
    const outcome = { kind: "lost", cause: "lost", message: "gone", usage: noUsage } as const;
    this.history.command({ kind: "ended", task: id, attempt: living.attempt, outcome });
    this.wait(lenient.backoffMaxMs);
  }

  living(id: string) {
    const { planned, task: state } = taskAt(this.history.run(), id) ?? {};
    const attempt = liveAttemptOf(state);
    return planned && attempt && { planned, attempt: attempt.number, live: attempt };
  }

  /** What a driver does after each decision. */
  work(): void {
    const { history } = this;
    for (const id of history.alive()) {
      const living = this.living(id);
      if (living === undefined) continue;
      const { attempt, planned, live } = living;
      const key = `${id}/${attempt}`;
      if (!this.conversations.has(key)) {
        this.conversations.set(
          key,
          earlierMail(history.run(), planned, live).map(({ mail }) => mail.id),
        );
        this.unread.set(key, []);
        history.command({ kind: "ready", task: id, attempt });
      }
      const batch = dueBatch(history.run(), id, history.now);
      if (batch.length > 0) this.batches++;
      for (const { mail } of batch) {
        this.unread.get(key)?.push(mail.id);
        history.command({ kind: "offered", task: id, attempt, mail: mail.id });
      }
    }
  }

  heard(id = "a"): readonly string[] | undefined {
    return this.conversations.get(`${id}/${this.living(id)?.attempt}`);
  }
}

const lenient = { ...defaultSettings.retries, lostMax: 100, backoffMaxMs: 5 };

describe("instructions", () => {
  it("go in at once when they come alone, and one batch at a time", () => {
    const team = new Team("a");
    team.say("a", "one");
    expect(team.unread.get("a/1")).toEqual(["one"]);
    for (const text of ["two", "three"]) team.say("a", text);
    team.wait(holdMaxMs);
    expect(team.unread.get("a/1")).toEqual(["one"]);
    team.read("a");
    expect(team.unread.get("a/1")).toEqual(["two", "three"]);
    expect(team.batches).toBe(2);
  });

  it("that follow one that was read wait for more, each for the window and none for longer than the bound", () => {
    const team = new Team("a");
    team.say("a", "0");
    team.read("a");
    const since = team.history.now;
    for (let n = 1; team.unread.get("a/1")?.length === 0; n++) {
      team.say("a", `${n}`);
      team.wait(windowMs - 1);
    }
    expect(team.history.now - since).toBeGreaterThanOrEqual(holdMaxMs);
    expect(team.history.now - since).toBeLessThan(holdMaxMs + windowMs);
    team.read("a");
    team.say("a", "last");
    expect(nextDeadline(team.history.state, team.history.now)).toBe(team.history.now + windowMs);
    expect(team.batches).toBe(2);
    team.wait(windowMs);
    expect(team.unread.get("a/1")).toEqual(["last"]);
  });

  it("go in at once with an interrupt, whatever is unread, and never wait for a clock that was set back", () => {
    const team = new Team("a");
    for (const text of ["one", "two"]) team.say("a", text);
    team.say("a", "now", { interrupt: true });
    expect(team.unread.get("a/1")).toEqual(["one", "two", "now"]);
    team.read("a");
    team.say("a", "later");
    team.wait(-3_600_000);
    expect(team.unread.get("a/1")).toEqual(["later"]);
  });

  it("to a task that asks something wait for its answer", () => {
    const team = new Team("a");
    const mail = { id: "q", to: "lead", kind: "question", text: "which?" } as const;
    team.history.command({ kind: "wrote", task: "a", attempt: 1, mail });
    team.say("a", "hint", { interrupt: true });
    expect(team.unread.get("a/1")).toEqual([]);
    expect(runView(team.history.state, 0)?.tasks[0]?.queued).toEqual({ count: 1, since: team.history.now });
    const owner = { sessionId: "s" };
    team.history.command({ kind: "respond", id: "r", by: "me", question: "q", text: "this", owner });
    team.work();
    expect(team.unread.get("a/1")).toEqual(["hint", "r"]);
  });
});

describe("stop", () => {
  it("takes back what was not given, and the task waits until it is told what to do", () => {
    const team = new Team("a");
    for (const text of ["one", "two"]) team.say("a", text);
    team.stop("s");
    expect(team.history.task("a").status).toBe("waiting");
    expect(team.unread.get("a/1")).toEqual(["one", "s"]);
    const statuses = team.history.run().letters.map((letter) => letterStatus(team.history.run(), letter));
    expect(statuses).toEqual(["offered", "withdrawn", "produced"]);
    team.read("a");
    team.wait(86_400_000);
    expect(team.history.task("a").status).toBe("waiting");
    const owner = { sessionId: "s" };
    team.history.command({ kind: "respond", id: "r", by: "me", question: "s", text: "go on", owner });
    team.work();
    team.read("a");
    expect(team.heard()).toEqual(["one", "s", "r"]);
    expect(team.history.task("a").status).toBe("running");
  });

  it("has a worker ended that does not confirm it; the task still waits", () => {
    const team = new Team("a");
    team.stop("s");
    const { killAfterMs } = defaultSettings.limits;
    expect(nextDeadline(team.history.state)).toBe(team.history.now + killAfterMs);
    team.wait(killAfterMs);
    expect(team.history.task("a")).toMatchObject({ status: "stopping", cause: "stuck" });
    team.lose("a");
    expect(team.history.task("a")).toMatchObject({ status: "waiting", question: "s", losses: 0 });
    expect(team.history.alive()).toEqual([]);
  });

  it("keeps a task from being tried again, leaves alone one that has not begun, and is refused by one that is over", () => {
    const history = History.started(plan(task("a"), task("b", ["a"])));
    history.command({ kind: "tick" });
    const outcome = { kind: "lost", cause: "lost", message: "gone", usage: noUsage } as const;
    history.command({ kind: "ended", task: "a", attempt: 1, outcome });
    expect(history.task("a").status).toBe("retrying");
    history.command({ kind: "post", id: "p", by: "me", to: "b", text: "x" });
    history.command({ kind: "stop", id: "s1", by: "me", task: "a" });
    expect(history.command({ kind: "stop", id: "s2", by: "me", task: "b" })).toEqual([
      { type: "mail.withdrawn", request: "s2", task: "b", mail: ["p"] },
    ]);
    expect(history.command({ kind: "stop", id: "s2", by: "me", task: "b" })).toEqual([]);
    history.now += 3_600_000;
    expect(history.command({ kind: "tick" })).toEqual([]);
    expect(history.task("a").status).toBe("waiting");
    history.command({ kind: "cancel", id: "c", by: "me", reason: "" });
    history.command({ kind: "stop", id: "s3", by: "me", task: "a" });
    expect(history.run().refusals.size + (history.run().status === "cancelled" ? 1 : 0)).toBe(1);
  });
});

it("twenty messages to five workers, under losses and new drivers: each conversation holds each once, in order", () => {
  const tasks = ["a", "b", "c", "d", "e"] as const;
  let lost = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed);
    const team = new Team(...tasks);
    const sent = new Map<string, string[]>(tasks.map((id) => [id, []]));
    for (let n = 0; n < 20; ) {
      const id = random.pick(tasks);
      const what = random.next();
      if (what < 0.3) {
        const by = random.pick(["s1", "s2"]);
        const text = `${by}-${String(n++).padStart(2, "0")}`;
        sent.get(id)?.push(text);
        team.say(id, text, { by, ...(random.chance(0.2) && { interrupt: true }) });
      } else if (what < 0.6) team.wait(random.pick([1, 20, 400, windowMs, holdMaxMs]));
      else if (what < 0.85) team.read(id);
      else if (what < 0.95) {
        lost++;
        team.lose(id);
      } else {
        team.history.takeLease();
        team.history.command({ kind: "take_over", salvaged: new Map() });
        team.wait(lenient.backoffMaxMs);
      }
    }
    for (let round = 0; round < 4; round++) {
      team.wait(holdMaxMs);
      for (const id of tasks) team.read(id);
    }
    for (const id of tasks) expect(team.heard(id), `seed ${seed}`).toEqual(sent.get(id));
    for (const said of team.conversations.values()) expect(new Set(said).size).toBe(said.length);
  }
  expect(lost).toBeGreaterThan(100);
});
