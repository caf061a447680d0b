import { expect, test } from "vitest";
import type { RunEvent } from "../../src/core/events.ts";
import type { Mail } from "../../src/core/mail.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { meantBy } from "../../src/host/dialog.ts";
import type { Asked, FakePi } from "./fake-pi.ts";
import { callTool, finished, live, settle, World } from "./fake-world.ts";

const ids = ["run-00000001", "run-00000002"];
const [runId = ""] = ids;
const choose =
  (words: string) =>
  ({ options = [] }: Asked) =>
    options.find((option) => option.includes(words)) ?? `nothing like ${words}`;
const write = (words: string) => () => words;

const posted = (mail: Partial<Mail>): RunEvent => ({
  type: "mail.posted",
  mail: { id: "q1", from: "build", to: "lead", kind: "question", text: "Left?", ...mail },
});

/** A session with runs in the background, and what was done in it as a person. */
class Desk extends World {
  readonly done: string[] = [];

  async begin(...runIds: readonly string[]): Promise<FakePi> {
    const pi = await this.start();
    for (const id of runIds) {
      this.engine.append(id, ...live(id, this.session.id, true));
      this.perform = async (action) => ({
        ok: true,
        text: "",
        details: { action, ok: true, runId: id, status: "running" },
      });
      await callTool(pi, { action: "run" });
    }
    this.perform = async (action, line) => {
      this.done.push(`${action} ${line}`);
      return { ok: true, text: "done", details: { action, ok: true } };
    };
    await settle();
    return pi;
  }
}

async function type(pi: FakePi, name: string, line = ""): Promise<void> {
  await pi.commands.get(name)?.handler(line, pi.context());
  await settle();
}

test.each([
  ["a proposed answer", {}, [choose("right")], "right"],
  ["an answer of one's own", {}, [choose("Write"), write("straight on")], "straight on"],
  ["no answer", {}, [choose("Write"), write(" ")], undefined],
  ["Esc", {}, [() => undefined], undefined],
  ["Esc in the input", {}, [choose("Write"), () => undefined], undefined],
  ["an input at once", { options: undefined }, [write("left")], "left"],
  ["an approval", { kind: "approval", options: undefined }, [choose("approve")], "approve"],
  [
    "a wider one",
    { kind: "approval", options: ["approve", "approve for run", "reject: <reason>"] },
    [choose("for run")],
    "approve for run",
  ],
  [
    "a rejection",
    { kind: "approval", options: undefined },
    [choose("reject"), write("too dear")],
    "reject: too dear",
  ],
])("%s is chosen in the dialog", async (_, change, answers, message) => {
  const desk = new Desk();
  const pi = await desk.begin(runId);
  const { options, ...rest } = { options: ["left", "right"], ...change } as Partial<Mail>;
  desk.engine.append(runId, posted({ ...rest, ...(options && { options }) }));
  desk.session.answers.push(...(answers as ((asked: Asked) => string)[]));
  await type(pi, "team-respond");
  expect(desk.session.asked[0]?.title).toContain("Task build");
  expect(desk.session.asked[0]?.title).toContain("without a deadline");
  expect(desk.done).toEqual(message === undefined ? [] : [`respond --run ${runId} --name q1 -- ${message}`]);
});

test("of several, one is chosen first; a named one is asked at once; with words it is answered without a dialog", async () => {
  const desk = new Desk();
  const pi = await desk.begin(...ids);
  for (const id of ids) desk.engine.append(id, posted({ text: `of ${id}?` }));
  desk.session.answers.push(choose("run-00000002"), write("yes"));
  await type(pi, "team-respond");
  desk.session.answers.push(write("no"));
  await type(pi, "team", `respond --run ${runId} --name=q1`);
  await type(pi, "team-respond", `--run ${runId} of course`);
  expect(desk.done).toEqual([
    "respond --run run-00000002 --name q1 -- yes",
    `respond --run ${runId} --name q1 -- no`,
    `respond --run ${runId} of course`,
  ]);
  expect(desk.session.asked).toHaveLength(3);
});

test("what somebody else answers closes the dialog, and the person is told who; so does the end of the session", async () => {
  const desk = new Desk();
  const pi = await desk.begin(runId);
  desk.engine.append(runId, posted({}));
  pi.shortcuts.get("alt+a")?.(pi.context());
  await settle();
  await type(pi, "team-respond");
  expect(desk.session.notes.at(-1)?.text).toContain("open already");
  const answer = {
    id: "a1",
    from: "lead",
    to: "build",
    kind: "answer",
    text: "left",
    replyTo: "q1",
    by: "s2",
  } as const;
  desk.engine.append(runId, posted(answer));
  await settle();
  expect(desk.session.notes.at(-1)?.text).toContain("lead answered: left");
  expect(desk.done).toEqual([]);
  desk.engine.append(runId, posted({ id: "q2" }));
  await type(pi, "team-respond");
  const following = desk.engine.following;
  await pi.end("quit");
  await settle();
  expect([following, desk.engine.following, desk.clock.sleeping]).toEqual([2, 0, 0]);
});

test("where nobody asks, and where nobody is, that is said", async () => {
  const desk = new Desk();
  const pi = await desk.begin(runId);
  await type(pi, "team-respond");
  await type(pi, "team-mailbox", "run-9");
  await type(pi, "team-mailbox", "--what");
  expect(desk.session.notes.map(({ text }) => text)).toEqual([
    expect.stringContaining("nobody waits"),
    expect.stringContaining("no run here"),
    expect.stringContaining("takes a run's id"),
  ]);
});

test("the mailbox shows letters newest first and page by page, answers questions, and writes", async () => {
  const desk = new Desk();
  const pi = await desk.begin(runId);
  for (let count = 1; count <= 15; count++)
    desk.engine.append(runId, posted({ id: `m${count}`, kind: "message", to: "all", text: `word ${count}` }));
  desk.engine.append(runId, posted({}));
  desk.session.answers.push(
    ...[choose("Left?"), write("yes")],
    ...[choose("more"), choose("word 1"), choose("Write to build"), write("thanks")],
    ...[choose("Write a message"), choose("all"), write("hello")],
    () => undefined,
  );
  await type(pi, "team-mailbox", runId);
  expect(desk.session.asked[0]?.options?.slice(0, 3)).toEqual([
    expect.stringContaining("Write a message"),
    expect.stringContaining("Left?"),
    expect.stringContaining("word 15"),
  ]);
  expect(desk.done).toEqual([
    `respond --run ${runId} --name q1 -- yes`,
    `send --run ${runId} --task build -- thanks`,
    `send --run ${runId} --task all -- hello`,
  ]);
  desk.engine.append(runId, ...finished("completed"));
  desk.session.asked.splice(0);
  desk.session.answers.push(() => undefined);
  await type(pi, "team-mailbox");
  expect(desk.session.asked[0]?.options?.[0]).toContain("Left?");
});

test.each([
  [true, "", true, 1],
  [true, "half a sen", true, 0],
  [true, "", false, 0],
  [false, "", true, 0],
])(
  "notify.opensDialog %s: with %j in the editor and an idle agent (%s) %i dialogs open",
  async (opensDialog, typed, isIdle, count) => {
    const desk = new Desk();
    desk.settings = { ...defaultSettings, notify: { ...defaultSettings.notify, opensDialog } };
    await desk.begin(runId);
    Object.assign(desk.session, { typed, isIdle });
    desk.engine.append(runId, posted({}));
    await settle();
    expect(desk.session.asked).toHaveLength(count);
    expect(desk.session.notes.map(({ text }) => text)).toEqual([
      expect.stringContaining(`/team-respond --run ${runId} --name q1`),
    ]);
  },
);

test("a command's words mean a run and a letter only when they say nothing else", () => {
  const both = { run: "r", name: "q" };
  expect(["", "--run r --name q", " --name=q --run=r "].map((line) => meantBy(line))).toEqual([
    {},
    both,
    both,
  ]);
  expect(["yes", "--run r yes", "--force"].map((line) => meantBy(line))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(["r", "--run r", "r s"].map((line) => meantBy(line, true))).toEqual([
    { run: "r" },
    { run: "r" },
    undefined,
  ]);
});
