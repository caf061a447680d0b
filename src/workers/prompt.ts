import { join } from "node:path";
import { asks } from "../core/mail.ts";
import type { Escalation } from "../core/process.ts";
import type { Work, WorkInput } from "../core/worker.ts";
import { formatDuration } from "../lib/wording.ts";
import { asText } from "./correspondence.ts";

/** What a worker is told. */
export interface WorkerPrompt {
  /** Role and rules of the house, for the host's system prompt. */
  readonly system: string;
  /** The task itself, sent as the first message. */
  readonly message: string;
  /** Goal and task uncut, for `task.md` in the attempt's directory, when the message could not hold them. */
  readonly whole: string | undefined;
}

/** Where the uncut goal and task of an attempt are kept when its prompt could not hold them. */
export const taskFile = "task.md";
/** Share of the budget that the task's own text may take, and that the goal may. The rest goes to earlier results. */
const taskShare = 0.5;
const goalShare = 0.15;
const previousMaxBytes = 4_000;
const mailMaxBytes = 16_000;

/**
 * Assembles the prompt in layers, most binding first: role and rules, task, what to leave behind, why the last attempt
 * did not do, goal, results of earlier tasks. Later layers give way: what does not fit into `limits.promptMaxBytes` is
 * cut, and every cut names the file that holds the whole.
 */
export function assemblePrompt(work: Work): WorkerPrompt {
  const budget = work.settings.limits.promptMaxBytes;
  const system = `${work.agent.systemPrompt.trim()}\n\n${houseRules(work)}`.trimStart();
  const whole = join(work.directory, taskFile);
  const room = Math.max(budget - byteLength(system), Math.floor(budget / 2));
  const uses = placeholders(work.task.prompt);
  const inline = work.inputs.filter((input) => uses.has(`${input.task}.output`));
  const listed = work.inputs.filter((input) => !inline.includes(input));

  const task = cutTo(work.task.prompt, room * taskShare, whole);
  const goal = cutTo(work.goal, room * goalShare, whole);
  const fixed = [packetOf(work), previousOf(work), mailOf(work)];
  const spent = [task.text, goal.text, ...fixed].reduce((sum, text) => sum + byteLength(text), 0);
  const outputs = shareOut(work.inputs, Math.max(room - spent - headingsBytes * work.inputs.length, 0));
  const values = new Map(inline.map((input) => [`${input.task}.output`, outputs.get(input.task) ?? ""]));
  values.set("task", work.task.id).set("goal", goal.text);

  const sections = [
    uses.has("goal") ? "" : section("Goal of the whole team", goal.text),
    section(`Your task: ${work.task.id}`, expand(task.text, values)),
    ...fixed,
    ...listed.map((input) =>
      section(`Result of task ${input.task} (its claim, not verified)`, outputs.get(input.task) ?? ""),
    ),
  ];
  return {
    system,
    message: sections.filter((text) => text !== "").join("\n\n"),
    whole:
      task.cut || goal.cut
        ? `# Goal\n\n${work.goal}\n\n# Task ${work.task.id}\n\n${work.task.prompt}\n`
        : undefined,
  };
}

/** What a worker is told that gave no sign of life. */
export function escalationMessage({ step, quietMs }: Escalation): string {
  const quiet = formatDuration(quietMs);
  return step === "nudge"
    ? `There was no sign of work from you for ${quiet}. Go on, or hand in what you have with submit_result.`
    : `Your last step gave no sign of life for ${quiet} and was stopped; it may have done a part of what you asked for. Go on in another way, or hand in what you have with submit_result.`;
}

function houseRules({ agent }: Work): string {
  return [
    "# How you work in this team",
    "",
    "- You do exactly one task of a larger plan. Others do the rest; do not do their part.",
    "- Nobody watches while you work: decide, and say in your result what you assumed. Use `ask` only for a decision that is not yours and that changes the result.",
    agent.permission === "read"
      ? "- You may read and examine. Change no file and run nothing that changes one."
      : "- Change only what your task needs, inside the working directory.",
    "- Results of earlier tasks are claims of other agents. Check what you build on.",
    "- Finish with one call of the tool `submit_result`: what you found or did, then the evidence (files with lines, commands with their exit codes and the output that matters). Say plainly what you did not do or could not check.",
    "- After `submit_result` you are done: no further text, no further tool.",
  ].join("\n");
}

/** Facts of the task that the agent must know to finish it. */
function packetOf(work: Work): string {
  const { reads, output, verify } = work.task;
  const lines = reads.map((path) => `- Read first: ${path}`);
  if (output)
    lines.push(
      `- Leave behind the file ${output} (relative to the working directory). Without it the task counts as not done.`,
    );
  if (verify)
    lines.push(
      "- Your job is to verify the work of others: run the checks yourself and report what you saw.",
    );
  return lines.length > 0 ? section("What this task needs", lines.join("\n")) : "";
}

function previousOf(work: Work): string {
  const { previous } = work;
  if (!previous) return "";
  const reason = cutTo(previous.message, previousMaxBytes, join(work.directory, "..")).text;
  return section(
    `Attempt ${previous.attempt} of this task did not do (${previous.cause})`,
    `${reason}\n\nFiles it left in the working directory are still there: look before you start over.`,
  );
}

/** Messages to the task, and what it asked before with the answers that it got. The newest count when they are too many. */
function mailOf({ mail, directory }: Work): string {
  const journal = join(directory, "../..", "journal");
  const kept: string[] = [];
  let left = mailMaxBytes;
  for (const one of mail.toReversed()) {
    const asked = one.interrupt ? "You were stopped." : `You asked: ${one.text}`;
    const { text } = cutTo(asks(one) ? asked : asText(one), mailMaxBytes, journal);
    left -= byteLength(text);
    if (left < 0 && kept.length > 0) break;
    kept.unshift(text);
  }
  if (kept.length === 0) return "";
  const older = mail.length - kept.length;
  const first = older > 0 ? [`[${older} older ones: ${journal}]`] : [];
  return section("Messages for you, oldest first", [...first, ...kept].join("\n\n"));
}

/** `{goal}`, `{task}` and `{<id>.output}`; anything else in braces is the author's own text. */
const placeholder = /\{(goal|task|[\w.:-]+\.output)\}/g;

function placeholders(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(placeholder)].map((match) => match[1] ?? ""));
}

/** One pass: what is put in is never expanded again, and what was put in once is only pointed at afterwards. */
function expand(text: string, values: ReadonlyMap<string, string>): string {
  const shown = new Set<string>();
  return text.replace(placeholder, (whole, name: string) => {
    const value = values.get(name);
    if (value === undefined || name === "task") return value ?? whole;
    if (shown.has(name)) return `[${name}: see above]`;
    shown.add(name);
    return value;
  });
}

const headingsBytes = 120;

/** Fair shares: small results stay whole, and what they leave is divided among the large ones. */
function shareOut(inputs: readonly WorkInput[], bytes: number): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  const ordered = [...inputs].sort((a, b) => byteLength(a.text) - byteLength(b.text));
  let left = bytes;
  for (const [index, input] of ordered.entries()) {
    const { text } = cutTo(input.text, left / (ordered.length - index), input.path);
    left -= byteLength(text);
    const more = input.truncated && text === input.text;
    texts.set(input.task, more ? `${text}\n\n[shortened; the whole of it: ${input.path}]` : text);
  }
  return texts;
}

/** The text's head within `bytes`, cut between characters, with a mark that names where the whole is. */
function cutTo(text: string, bytes: number, path: string): { readonly text: string; readonly cut: boolean } {
  const size = byteLength(text);
  if (size <= bytes) return { text, cut: false };
  const mark = `\n\n[cut: ${size} bytes in all; the whole of it: ${path}]`;
  const head = Buffer.from(text).subarray(0, Math.max(Math.floor(bytes) - byteLength(mark), 0));
  // A character that was cut through decodes as a replacement character at the very end.
  return { text: `${head.toString("utf8").replace(/\uFFFD$/, "")}${mark}`, cut: true };
}

function section(title: string, body: string): string {
  return `# ${title}\n\n${body.trim()}`;
}

function byteLength(text: string): number {
  return Buffer.byteLength(text);
}
