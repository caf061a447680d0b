import { type MailReceipt, mailDialog, type WorkerLetter } from "../../core/assignment.ts";
import { asks, mailKinds } from "../../core/mail.ts";
import { isRecord, parseObject } from "../../lib/json.ts";

/** Kinds of mail that `send` knows; what waits for an answer is asked. */
export const sendKinds = mailKinds.filter((kind) => !asks({ kind }) && kind !== "answer");

const optionsMax = 12;

/** What a model passed to `ask`, made regular. Throws with what to mend. */
export function readQuestion(raw: unknown): WorkerLetter {
  const fields = isRecord(raw) ? raw : { question: raw };
  const text = words(fields.question);
  if (text === "") throw new Error('"question" is empty; say what you need to know, and why');
  const options = listOf(fields.options).slice(0, optionsMax);
  const fallback = words(fields.default);
  const minutes = Number(words(fields.deadlineMinutes) || Number.NaN);
  return {
    kind: "question",
    to: "lead",
    text,
    ...(options.length > 0 && { options }),
    ...(fallback !== "" && { fallback }),
    ...(minutes > 0 && { deadlineMs: Math.round(minutes * 60_000) }),
  };
}

/** What a model passed to `send`, made regular. Throws with what to mend. */
export function readMessage(raw: unknown): WorkerLetter {
  const fields = isRecord(raw) ? raw : { message: raw };
  const text = words(fields.message);
  if (text === "") throw new Error('"message" is empty; say what is to be known');
  const wanted = words(fields.kind);
  return {
    kind: sendKinds.find((kind) => kind === wanted) ?? "message",
    to: words(fields.to) || "lead",
    text,
  };
}

/**
 * Hands a mail to the driver and waits until it is recorded, or answered. Throws when it is refused, and when nobody
 * listens any more.
 */
export async function handOver(
  letter: WorkerLetter,
  input: (title: string) => Promise<string | undefined>,
): Promise<MailReceipt> {
  const said = await input(mailDialog + JSON.stringify(letter));
  const receipt = parseObject(said ?? "");
  if (receipt === undefined)
    throw new Error("nobody listens: the run is ending, or this is no worker of one");
  if (typeof receipt.refusal === "string") throw new Error(`Not sent: ${receipt.refusal}.`);
  const { answer, by } = receipt;
  return { ...(typeof answer === "string" && { answer }), ...(typeof by === "string" && { by }) };
}

/** Text of whatever stands for text; "" for "not given". */
function words(value: unknown): string {
  if (value === null || value === undefined || value === "null") return "";
  return typeof value === "string"
    ? value.trim()
    : typeof value === "object"
      ? JSON.stringify(value)
      : `${value}`;
}

function listOf(value: unknown): readonly string[] {
  const parsed = typeof value === "string" && value.trim().startsWith("[") ? tryList(value) : value;
  const items = Array.isArray(parsed) ? parsed : typeof parsed === "string" ? parsed.split(",") : [];
  return items.map(words).filter((item) => item !== "");
}

function tryList(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No JSON after all: words with commas.
    return text;
  }
}
