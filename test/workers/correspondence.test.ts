import { expect, it } from "vitest";
import { mailDialog } from "../../src/core/assignment.ts";
import type { DatedMail } from "../../src/core/mail.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import type { WorkerSignal } from "../../src/core/worker.ts";
import type { Json } from "../../src/lib/json.ts";
import { createRedactor } from "../../src/lib/redact.ts";
import { Correspondence } from "../../src/workers/correspondence.ts";
import { makeWork } from "../support/workers/work.ts";

const secret = "value-of-a-secret-4711";
const redactor = createRedactor({ SOME_TOKEN: secret });
const question = { kind: "question", to: "lead", text: "which?" };
const answer = (id: string): DatedMail => ({
  ...{ id, from: "lead", to: "t1", kind: "answer", text: "this one", replyTo: "t1-1-q1", at: 0 },
});

async function correspondence(mailMax = 50) {
  const limits = { ...defaultSettings.limits, mailMax };
  const work = await makeWork({ settings: { ...defaultSettings, limits } });
  const signals: WorkerSignal[] = [];
  const sent: Json[] = [];
  const queue = { push: (signal: WorkerSignal) => void signals.push(signal) };
  const mail = new Correspondence(work, queue, redactor);
  mail.open({ send: (command) => void sent.push(command), admits: () => true });
  const write = (dialog: string, letter: object) => mail.take(dialog, mailDialog + JSON.stringify(letter));
  return { mail, signals, sent, write };
}

it("lets no secret through, neither in what is asked nor in what is proposed", async () => {
  const { signals, write } = await correspondence();
  write("d1", { ...question, text: `is it ${secret}?`, options: [secret, "no"], fallback: secret });
  expect(signals).toHaveLength(1);
  expect(JSON.stringify(signals)).not.toContain(secret);
});

it("holds the dialog of an approval until its answer, and knows only those of tools", async () => {
  const { mail, signals, sent, write } = await correspondence();
  const approval = { kind: "approval", to: "lead", text: "may I?" };
  const tool = { kind: "tool", tool: "bash", input: `curl ${secret}`, rule: "bash curl*" };
  write("d1", { ...approval, about: { kind: "plan", revision: 1 } });
  expect(sent.splice(0)).toMatchObject([{ id: "d1", value: expect.stringContaining("refusal") }]);
  write("d2", { ...approval, about: tool });
  expect(signals).toMatchObject([
    { mail: { kind: "approval", about: { tool: "bash", rule: "bash curl*" } } },
  ]);
  expect(JSON.stringify(signals)).not.toContain(secret);
  mail.acknowledge("t1-1-q1");
  expect(sent).toEqual([]);
  mail.deliver([answer("r1")]);
  expect(sent).toMatchObject([{ id: "d2", value: JSON.stringify({ answer: "this one", by: "lead" }) }]);
});

it("leaves the dialogs of others alone, and refuses what is no mail, too long or too much", async () => {
  const { mail, signals, sent, write } = await correspondence(2);
  expect(mail.take("d0", "Really?")).toBe(false);
  write("d1", { ...question, kind: "order" });
  write("d2", { ...question, text: "x".repeat(100_000) });
  for (const dialog of ["d3", "d4", "d5"]) write(dialog, question);
  expect(signals).toHaveLength(2);
  const refused = sent.filter(({ value }) => String(value).includes("refusal")).map(({ id }) => id);
  expect(refused).toEqual(["d1", "d2", "d5"]);
});

it("gives an answer that found its dialog closed as a message", async () => {
  const { mail, signals, sent, write } = await correspondence();
  write("d1", question);
  mail.deliver([answer("r1")]);
  expect(sent.at(-1)).toMatchObject({ type: "extension_ui_response", id: "d1" });
  mail.closeDialogs();
  expect(sent.at(-1)).toMatchObject({
    type: "prompt",
    message: "Answer from lead at 1970-01-01T00:00:00Z [mail r1]:\nthis one",
  });
  mail.sawMessage("Answer from lead at 1970-01-01T00:00:00Z [mail r1]:\nthis one");
  mail.sawMessage("Answer from lead at 1970-01-01T00:00:00Z [mail r1]:\nthis one");
  expect(signals.filter(({ kind }) => kind === "consumed")).toHaveLength(1);
});

it("puts what comes together into one message, each with its sender and time; what interrupts waits for the end of the turn", async () => {
  const { mail, signals, sent } = await correspondence();
  const admitted: boolean[] = [];
  let isFree = true;
  mail.open({
    send: (command) => void sent.push(command),
    admits: (interrupts) => {
      admitted.push(interrupts);
      return isFree;
    },
  });
  const message = (id: string, by: string, rest = {}): DatedMail => ({
    ...{ id, by, from: "lead", to: "t1", kind: "message", text: `do ${id}`, at: 60_000 },
    ...rest,
  });
  const [one, two] = ["s1", "s2"].map(
    (by, n) => `Message from lead (${by}) at 1970-01-01T00:01:00Z [mail m${n}]:`,
  );
  mail.deliver([message("m0", "s1"), message("m1", "s2")]);
  expect(sent).toMatchObject([{ streamingBehavior: "steer", message: `${one}\ndo m0\n\n${two}\ndo m1` }]);
  isFree = false;
  const stop: DatedMail = {
    ...message("q", "s1"),
    from: "t1",
    to: "lead",
    kind: "question",
    interrupt: true,
  };
  mail.deliver([message("m2", "s1", { interrupt: true }), stop]);
  expect(admitted).toEqual([false, true]);
  expect(sent).toHaveLength(1);
  expect(mail.draw()).toContain("do m2");
  expect(signals).toEqual([{ kind: "consumed", mail: "q" }]);
  expect(mail.draw()).toBe("");
});
