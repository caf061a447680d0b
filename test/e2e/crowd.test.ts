import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { served, until } from "../support/host.ts";
import { Random } from "../support/random.ts";
import { kill, type Lead, makeProject, manifestWhen, type Project } from "./support/lead.ts";
import { processesOf, workersOf } from "./support/marked.ts";
import { bash, submit } from "./support/rules.ts";

const seed = 20;
const messages = 20;
const workers = ["t0", "t1", "t2", "t3", "t4"];

let project: Project;
let senders: readonly Lead[];
beforeAll(async () => {
  project = await makeProject();
  await project.settings({
    retries: { max: 10, lostMax: 20, backoffMs: 100 },
    recovery: { max: 50 },
    concurrency: 5,
  });
  // Whatever it is told, it goes on with small steps until the file is there.
  const system = "# How you work in this team";
  const step = bash("sleep 0.3; [ ! -e enough ] || echo enough");
  const goOn = (when: object, part: object): object => {
    // biome-ignore lint/suspicious/noThenProperty: the script format's own word
    return { when: { system, ...when }, then: [part] };
  };
  await project.script("1-crowd", [
    goOn({ after: "bash", lastToolResult: "enough" }, submit("done")),
    goOn({ after: "any" }, step),
    goOn({}, step),
  ]);
  senders = await Promise.all([project.lead(), project.lead()]);
});
afterAll(() => project.end());

/** Everything of the user's side that the newest conversation of a task holds, in order. */
async function heard(runId: string, task: string, attempt: number): Promise<string> {
  const file = join(project.runDirectory(runId), "attempts", `${task}-${attempt}`, "session.jsonl");
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line.includes('"role":"user"'));
  return lines.join("\n");
}

interface Sent {
  readonly task: string;
  readonly text: string;
  readonly by: number;
}

/** The task's last conversation holds what was sent to it, once and in order, and its model was asked with it. */
async function expectHeard(
  runId: string,
  id: string,
  attempts: number,
  sent: readonly Sent[],
): Promise<void> {
  const spawned = (await project.journal(runId)).filter((event) => event.type === "attempt.spawned");
  const { worker } = spawned.findLast(({ task }) => task === id) ?? {};
  const log = await served(project.place);
  // What its last worker asked the model.
  const prompts = log.filter(({ pid }) => pid === worker?.pid).map(({ prompt }) => String(prompt));
  const found = [...(await heard(runId, id, attempts)).matchAll(/note-\d-\d-end/g)].map(([text]) => text);
  for (const by of [1, 2]) {
    const mine = sent.filter((one) => one.task === id && one.by === by).map(({ text }) => text);
    expect(
      found.filter((text) => text.startsWith(`note-${by}-`)),
      `to ${id}`,
    ).toEqual(mine);
  }
  for (const { text } of sent.filter(({ task }) => task === id))
    expect(
      prompts.some((prompt) => prompt.includes(text)),
      `${text} to ${id}`,
    ).toBe(true);
  // No conversation that was given up held one of them twice, either.
  for (let attempt = 1; attempt < attempts; attempt++) {
    const said = await heard(runId, id, attempt).catch(() => "");
    const before = [...said.matchAll(/note-\d-\d-end/g)].map(([text]) => text);
    expect(new Set(before).size).toBe(before.length);
  }
}

it(`${messages} messages to five workers under kills: each is in its task's conversation once, in order (seed ${seed})`, async () => {
  const random = new Random(seed);
  const [first, second] = senders;
  if (first === undefined || second === undefined) throw new Error("nobody is there");
  const tasks = workers.map((id) => ({ id, agent: "executor", task: "work", writes: "none" }));
  const { runId, answer } = await first.run({ tasks, background: true, concurrency: 5 });
  await answer();
  const isAtWork = async () =>
    (await workersOf(runId)).filter(({ commandLine }) => commandLine === "pi").length;
  await until("all are at work", async () => (await isAtWork()) === workers.length);
  const sent: Sent[] = [];
  const write = async (by: number, lead: Lead): Promise<void> => {
    for (let n = 0; n < messages / 2; n++) {
      const [task, text] = [random.pick(workers as [string]), `note-${by}-${n}-end`];
      sent.push({ task, text, by });
      const force = random.chance(0.2);
      const told = await lead.call({
        action: force ? "steer" : "send",
        run: runId,
        task,
        message: text,
        ...(force && { force }),
      });
      expect(told.isError, told.text).toBe(false);
    }
  };
  let isOver = false;
  let killed = 0;
  const strike = async (): Promise<void> => {
    for (; !isOver && killed < 12; killed++) {
      await new Promise((resolve) => setTimeout(resolve, random.integer(300, 1_500)));
      const all = await processesOf(runId);
      const isDriver = killed % 5 === 4;
      const prey = all.filter(({ commandLine }) =>
        isDriver ? commandLine.includes("runner.mjs") : commandLine === "pi",
      );
      const one = prey[random.integer(0, prey.length)];
      if (one !== undefined) kill(one.pid);
    }
  };
  const striking = strike();
  await Promise.all([write(1, first), write(2, second)]);
  isOver = true;
  await striking;
  expect(killed).toBeGreaterThan(3);
  await until("nothing is queued", async () => {
    const { text } = await first.call({ action: "inbox", run: runId });
    return text.match(/ consumed,/g)?.length === messages;
  });
  await writeFile(join(project.directory, "enough"), "");
  const manifest = await manifestWhen(project, runId, "the end", ({ status }) => status === "completed");
  expect(manifest.tasks.reduce((sum, { attempts }) => sum + attempts, 0)).toBeGreaterThan(workers.length + 3);
  for (const { id, attempts } of manifest.tasks) await expectHeard(runId, id, attempts, sent);
});
