import { describe, expect, it } from "vitest";
import { nextDeadline } from "../../src/core/deadline.ts";
import { dueMail, earlierMail, letterStatus, openQuestions } from "../../src/core/letters.ts";
import { noUsage } from "../../src/core/outcome.ts";
import { runView } from "../../src/core/run-view.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { liveAttemptOf, taskAt } from "../../src/core/state.ts";
import { isFinalTask } from "../../src/core/status.ts";
import { completed, plan, task } from "../support/plan.ts";
import { Random } from "../support/random.ts";
import { History } from "./history.ts";
import { walk } from "./walk.ts";

const owner = { sessionId: "s2" };
const question = { id: "q1", to: "lead", kind: "question", text: "left or right?" } as const;

function asking(change: object = {}, deadlineMs?: number): History {
  const history = History.started(plan(task("a"), task("b")), {
    settings: { ...defaultSettings, concurrency: 1 },
  });
  history.command({ kind: "tick" });
  const mail = { ...question, ...change };
  history.command({
    kind: "wrote",
    task: "a",
    attempt: 1,
    mail,
    ...(deadlineMs !== undefined && { deadlineMs }),
  });
  return history;
}

function answering(history: History, text: string, id = "r1") {
  return history.command({ kind: "respond", id, by: "me", question: "q1", text, owner });
}

describe("where nobody can be there", () => {
  const cases = ["wait", "default", "deny"].flatMap((headless) =>
    [true, false].flatMap((background) =>
      [true, false].flatMap((attended) =>
        [undefined, "left"].map((fallback) => ({ headless, background, attended, fallback })),
      ),
    ),
  );
  it.each(cases)("$headless, background $background, attended $attended, default $fallback", (one) => {
    const { headless, background, attended, fallback } = one;
    const history = History.started(plan(task("a")), {
      background,
      owner: { sessionId: "s1", ...(!attended && { attended }) },
      settings: { ...defaultSettings, headless: headless as "wait" },
    });
    history.command({ kind: "tick" });
    const mail = { ...question, ...(fallback !== undefined && { fallback }) };
    history.command({ kind: "wrote", task: "a", attempt: 1, mail });
    const answers = history
      .run()
      .letters.flatMap(({ mail: { kind, from, text } }) => (kind === "answer" ? [`${from}: ${text}`] : []));
    const isNobody = background && !attended;
    const word = headless === "default" ? fallback : headless === "deny" ? "Nobody is there" : undefined;
    expect(answers).toEqual(
      isNobody && word !== undefined ? [expect.stringContaining(`muster: ${word}`)] : [],
    );
    expect(history.task("a").status).toBe(answers.length > 0 ? "running" : "waiting");
  });

  it("an approval is rejected with the reason", () => {
    const history = History.started(plan(task("a")), {
      ...{ background: true, owner: { sessionId: "s1", attended: false } },
      settings: { ...defaultSettings, headless: "deny" },
    });
    history.command({ kind: "tick" });
    history.command({ kind: "wrote", task: "a", attempt: 1, mail: { ...question, kind: "approval" } });
    expect(history.run().letters.at(-1)?.mail).toMatchObject({
      text: "reject: nobody is there to approve it",
    });
  });
});

describe("a question", () => {
  it("makes its task wait and frees its slot for others", () => {
    const history = asking();
    expect(history.task("a").status).toBe("waiting");
    expect(history.alive()).toEqual(["a", "b"]);
  });

  it("makes the run wait once nothing else can go on, however long that takes", () => {
    const history = asking();
    expect(runView(history.state, history.now)?.status).toBe("running");
    history.command({ kind: "ended", task: "b", attempt: 1, outcome: completed() });
    expect(runView(history.state, history.now)).toMatchObject({
      status: "waiting",
      reason: "task a asks: left or right?",
      questions: [{ id: "q1", from: "a", status: "produced" }],
    });
    expect(nextDeadline(history.state)).toBeUndefined();
    history.now += 30 * 86_400_000;
    expect(history.command({ kind: "tick" })).toEqual([]);
    answering(history, "left");
    expect(history.task("a").status).toBe("running");
    expect(history.command({ kind: "tick" })).toEqual([]);
  });

  it("takes the first answer; the second is refused and told whose counted", () => {
    const history = asking();
    answering(history, "left");
    expect(answering(history, "right", "r2")).toEqual([
      { type: "request.refused", request: "r2", reason: "it was answered already, by me: left" },
    ]);
    expect(answering(history, "left")).toEqual([]);
    const { planned, task: state } = taskAt(history.run(), "a") ?? {};
    const living = liveAttemptOf(state);
    if (planned === undefined || living === undefined) throw new Error("a is not alive");
    expect(dueMail(history.run(), planned, living).map(({ mail }) => mail.text)).toEqual(["left"]);
    history.command({ kind: "consumed", task: "a", attempt: 1, mail: "r1" });
    expect(dueMail(history.run(), planned, living)).toEqual([]);
  });

  it("outlives its worker: no other try before the answer, which then begins the next one", () => {
    const history = asking();
    const lost = { kind: "lost", cause: "lost", message: "gone", usage: noUsage } as const;
    history.command({ kind: "ended", task: "a", attempt: 1, outcome: lost });
    history.now += 3_600_000;
    history.command({ kind: "ended", task: "b", attempt: 1, outcome: completed() });
    expect(history.task("a")).toMatchObject({ status: "waiting", losses: 0 });
    answering(history, "left");
    expect(history.task("a").status).toBe("running");
    const { planned, task: state } = taskAt(history.run(), "a") ?? {};
    const living = liveAttemptOf(state);
    if (planned === undefined || living === undefined) throw new Error("a is not alive");
    expect(earlierMail(history.run(), planned, living).map(({ mail }) => mail.text)).toEqual([
      "left or right?",
      "left",
    ]);
    expect(dueMail(history.run(), planned, living)).toEqual([]);
  });

  it("falls back to its default at the deadline, and is blocked without one, still to be answered", () => {
    const history = asking({ fallback: "right" }, 5_000);
    expect(nextDeadline(history.state)).toBe(history.now + 5_000);
    history.now += 5_000;
    history.command({ kind: "tick" });
    expect(history.task("a").status).toBe("running");
    expect(history.run().letters.at(-1)?.mail).toMatchObject({
      from: "muster",
      text: "right",
      replyTo: "q1",
    });

    const blocked = asking({}, 5_000);
    blocked.now += 5_000;
    blocked.command({ kind: "tick" });
    expect(blocked.task("a").status).toBe("blocked");
    answering(blocked, "left");
    expect(blocked.task("a").status).toBe("running");
  });

  it("goes on waiting when its owner is gone; the answer resumes the run for who gave it", () => {
    const history = asking();
    history.command({ kind: "ended", task: "b", attempt: 1, outcome: completed() });
    history.command({ kind: "owner_gone" });
    history.command({ kind: "ended", task: "a", attempt: 1, outcome: { kind: "cancelled", usage: noUsage } });
    expect(history.alive()).toEqual([]);
    expect(runView(history.state, history.now)?.status).toBe("waiting");
    answering(history, "left");
    expect(history.run()).toMatchObject({ status: "running", terms: { owner } });
    expect(history.task("a").status).toBe("running");
  });

  it("dies with its run", () => {
    const history = asking();
    history.command({ kind: "cancel", id: "c", by: "me", reason: "" });
    history.command({ kind: "ended", task: "a", attempt: 1, outcome: { kind: "cancelled", usage: noUsage } });
    history.command({ kind: "ended", task: "b", attempt: 1, outcome: { kind: "cancelled", usage: noUsage } });
    expect(history.run().status).toBe("cancelled");
    expect(openQuestions(history.run())).toEqual([]);
  });
});

describe("a message", () => {
  it.each([
    ["nobody", "the run has no task nobody"],
    ["role:nobody", "the run has no role nobody"],
    ["a", "task a is completed and reads no more mail"],
  ])("to %s is refused: %s", (to, reason) => {
    const history = History.started(plan(task("a"), task("b", ["a"])));
    history.command({ kind: "tick" });
    history.command({ kind: "ended", task: "a", attempt: 1, outcome: completed() });
    expect(history.command({ kind: "post", id: "p", by: "me", to, text: "x" })).toEqual([
      { type: "request.refused", request: "p", reason },
    ]);
    expect(history.command({ kind: "post", id: "p", by: "me", to, text: "x" })).toEqual([]);
  });

  it("of a talkative task is refused beyond its budget", () => {
    const history = History.started(plan(task("a")));
    history.command({ kind: "tick" });
    const { mailMax } = history.run().terms.settings.limits;
    for (let n = 0; n <= mailMax; n++) {
      const mail = { id: `m${n}`, to: "all", kind: "message", text: "hello" } as const;
      const [event] = history.command({ kind: "wrote", task: "a", attempt: 1, mail });
      expect(event?.type).toBe(n < mailMax ? "mail.posted" : "request.refused");
    }
  });
});

describe("in every walk", () => {
  const walks = Array.from({ length: 300 }, (_, seed) => walk(new Random(seed + 1)));

  it("a mail is in the prompt of an attempt or due to it, never both, and due only until it was read", () => {
    let delivered = 0;
    for (const { after } of walks.flatMap(({ steps }) => steps)) {
      if (after.status === "queued" || after.letters.length === 0) continue;
      for (const [index, planned] of after.plan.tasks.entries()) {
        const living = liveAttemptOf(after.tasks.get(index));
        if (living === undefined) continue;
        const [before, due] = [earlierMail(after, planned, living), dueMail(after, planned, living)];
        expect(before.filter((letter) => due.includes(letter))).toEqual([]);
        expect(due.filter(({ consumed }) => consumed.includes(`${planned.id}/${living.number}`))).toEqual([]);
        delivered += before.length + due.length;
      }
    }
    expect(delivered).toBeGreaterThan(100);
  });

  it("a question has one answer, and none is left open by a task that is over", () => {
    let asked = 0;
    for (const { history } of walks) {
      if (history.state.status === "queued") continue;
      const run = history.run();
      for (const letter of run.letters) {
        expect(new Set(letter.consumed).size).toBe(letter.consumed.length);
        const answers = run.letters.filter(({ mail }) => mail.replyTo === letter.mail.id);
        expect(answers.length).toBeLessThanOrEqual(1);
        if (letter.mail.kind !== "question") continue;
        asked++;
        const asker = taskAt(run, letter.mail.from)?.task.status ?? "skipped";
        if (isFinalTask(asker)) expect(["answered", "withdrawn"]).toContain(letterStatus(run, letter));
      }
    }
    expect(asked).toBeGreaterThan(50);
  });
});

it("what is open is found by one look at each letter, and answered is what has an answer", () => {
  const matter = { kind: "tool", tool: "bash", input: "x", rule: "r" } as const;
  const history = asking({ kind: "approval", options: ["approve for run"], about: matter });
  answering(history, "approve for run");
  for (let number = 2; number <= 40; number++)
    history.command({
      kind: "wrote",
      task: "a",
      attempt: 1,
      mail: { ...question, kind: "approval", id: `q${number}`, about: matter },
    });
  const state = history.run();
  expect(state.letters.filter(({ isAnswered }) => isAnswered)).toHaveLength(40);
  expect(openQuestions(state)).toEqual([]);
  let looks = 0;
  const letters = state.letters.map(
    (letter) =>
      new Proxy(letter, {
        get(target, key, receiver) {
          looks += key === "mail" ? 1 : 0;
          return Reflect.get(target, key, receiver);
        },
      }),
  );
  expect(openQuestions({ ...state, letters })).toEqual([]);
  expect(looks).toBeLessThanOrEqual(letters.length);
});

it("a run that an older version imported goes on under what was added to the settings since", () => {
  const { mail: _mail, permissions: _permissions, headless: _headless, ...older } = defaultSettings;
  const history = History.started(plan(task("a")));
  history.command({ kind: "tick" });
  const imported = {
    ...{ type: "run.imported", bundle: "0", reason: "", owner, cwd: "/there", trusted: true },
    settings: older,
  };
  history.record(JSON.parse(JSON.stringify(imported)));
  expect(history.run().terms.settings).toEqual(defaultSettings);
});
