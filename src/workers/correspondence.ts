import { type MailReceipt, mailDialog, type WorkerLetter } from "../core/assignment.ts";
import { asks, type DatedMail, type Matter, mailKinds } from "../core/mail.ts";
import type { Work } from "../core/worker.ts";
import { count, type Json, list, oneOf, optional, parseObject, record, text } from "../lib/json.ts";
import type { Redactor } from "../lib/redact.ts";
import type { SignalQueue } from "./signals.ts";

/** The conversation that the mail is for. */
export interface Conversation {
  /** Sends one command of the host's protocol. */
  send(command: Json): void;
  /** Whether messages may go in now; else they are taken when they may. What interrupts has the turn aborted first. */
  admits(interrupts: boolean): boolean;
}

const letterMaxBytes = 32_000;

/** Plans and steps are nothing that a worker asks about. */
const toolShape = record<Extract<Matter, { kind: "tool" }>>({
  kind: oneOf("tool"),
  tool: text,
  input: text,
  rule: text,
});
const letterShape = record<WorkerLetter>({
  kind: oneOf(...mailKinds),
  to: text,
  text,
  options: optional(list(text)),
  fallback: optional(text),
  deadlineMs: optional(count),
  about: optional(toolShape),
});

/**
 * The mail of one attempt, both ways. What the worker writes comes as a dialog of its extension; what it gets goes in as
 * a steering message, or as the dialog's answer. A mail is consumed once the host shows it in the conversation.
 */
export class Correspondence {
  readonly #work: Work;
  readonly #signals: Pick<SignalQueue, "push">;
  readonly #redactor: Redactor;
  #conversation: Conversation | undefined;
  #due: DatedMail[] = [];
  #written = 0;
  /** Dialogs that wait, by the mail they brought. */
  readonly #dialogs = new Map<string, { readonly id: string; readonly isQuestion: boolean }>();
  /** Given to the host, not seen in the conversation yet: ids of messages, and answers in the order of their questions. */
  #steered: readonly string[] = [];
  #answered: readonly DatedMail[] = [];

  constructor(work: Work, signals: Pick<SignalQueue, "push">, redactor: Redactor) {
    this.#work = work;
    this.#signals = signals;
    this.#redactor = redactor;
  }

  /** Messages were given to the host and are not in the conversation yet. */
  get isUnread(): boolean {
    return this.#steered.length > 0;
  }

  /** From now on the host takes messages. */
  open(conversation: Conversation): void {
    this.#conversation = conversation;
    this.deliver([]);
  }

  deliver(mail: readonly DatedMail[]): void {
    this.#due.push(...mail);
    if (this.#conversation === undefined || this.#due.length === 0) return;
    // Who waits for an answer does nothing that could be interrupted.
    const interrupts =
      this.#due.some(({ interrupt }) => interrupt) && this.#due.every(({ kind }) => kind !== "answer");
    if (!this.#conversation.admits(interrupts)) return;
    const message = this.draw();
    // Also where the worker has just stopped: then it is a prompt of its own.
    if (message !== "")
      this.#conversation.send({ id: "mail", type: "prompt", streamingBehavior: "steer", message });
  }

  /** What is to be said now, as one text; "" when that is nothing. Stops are done with it: nothing runs any more. */
  draw(): string {
    const messages: DatedMail[] = [];
    for (const one of this.#due.splice(0)) {
      if (one.kind === "question") this.#signals.push({ kind: "consumed", mail: one.id });
      const dialog = one.kind === "answer" ? this.#dialogs.get(one.replyTo ?? "") : undefined;
      if (dialog === undefined && one.kind !== "question") messages.push(one);
      if (dialog !== undefined) {
        this.#dialogs.delete(one.replyTo ?? "");
        this.#answered = [...this.#answered, one];
        this.#respond(dialog.id, { answer: one.text, by: one.by ?? one.from });
      }
    }
    this.#steered = [...this.#steered, ...messages.map(({ id }) => id)];
    return messages.map(asText).join("\n\n");
  }

  /** What the worker wrote is recorded; a question goes on waiting, for its answer. */
  acknowledge(mail: string, refusal?: string): void {
    const dialog = this.#dialogs.get(mail);
    if (dialog === undefined || (refusal === undefined && dialog.isQuestion)) return;
    this.#dialogs.delete(mail);
    this.#respond(dialog.id, refusal === undefined ? {} : { refusal });
  }

  /** True when the dialog is a mail; then it is answered by us, sooner or later. */
  take(dialog: string, title: string): boolean {
    if (!title.startsWith(mailDialog)) return false;
    const letter = parseObject(title.slice(mailDialog.length));
    const problems: string[] = [];
    if (!letterShape(letter, "the mail", problems)) {
      this.#respond(dialog, { refusal: problems.join("; ") });
      return true;
    }
    const refusal = this.#refusalOf(title);
    if (refusal !== undefined) {
      this.#respond(dialog, { refusal });
      return true;
    }
    const { deadlineMs, kind, to, ...said } = letter;
    const isQuestion = asks(letter);
    this.#written += 1;
    const id = `${this.#work.task.id}-${this.#work.attempt}-${isQuestion ? "q" : "m"}${this.#written}`;
    this.#dialogs.set(id, { id: dialog, isQuestion });
    const mail = { id, kind, to, ...this.#redactor.redactValue(said) };
    this.#signals.push({ kind: "wrote", mail, ...(deadlineMs !== undefined && { deadlineMs }) });
    return true;
  }

  /** A message of the user's side is in the conversation. */
  sawMessage(said: string): void {
    const seen = this.#steered.filter((id) => said.includes(`[mail ${id}]`));
    this.#steered = this.#steered.filter((id) => !seen.includes(id));
    for (const mail of seen) this.#signals.push({ kind: "consumed", mail });
  }

  /** A question's tool has given its answer to the model, or was ended without one. */
  sawAnswer(): void {
    const [mail, ...rest] = this.#answered;
    this.#answered = rest;
    if (mail === undefined) this.closeDialogs();
    else this.#signals.push({ kind: "consumed", mail: mail.id });
  }

  /** The host closed what was open: answers that did not get through go in as messages. */
  closeDialogs(): void {
    this.#dialogs.clear();
    const unseen = this.#answered;
    this.#answered = [];
    this.deliver(unseen);
  }

  /** Bounds what one worker can write, here already: what the driver records, refusals too, is there for good. */
  #refusalOf(title: string): string | undefined {
    const { mailMax } = this.#work.settings.limits;
    if (this.#written >= mailMax) return `this attempt has written ${mailMax} messages, which is all it may`;
    if (Buffer.byteLength(title) <= letterMaxBytes) return undefined;
    return `a message may have ${letterMaxBytes} bytes; write the rest to a file and name it`;
  }

  #respond(dialog: string, receipt: MailReceipt): void {
    this.#conversation?.send({ type: "extension_ui_response", id: dialog, value: JSON.stringify(receipt) });
  }
}

/** A mail as a model reads it, with sender and time; its id tells when it was read. */
export function asText({ id, from, by, kind, text: said, at }: DatedMail): string {
  const word = kind === "answer" ? "Answer" : "Message";
  const who = by === undefined ? from : `${from} (${by})`;
  return `${word} from ${who} at ${new Date(at).toISOString().slice(0, 19)}Z [mail ${id}]:\n${said}`;
}
