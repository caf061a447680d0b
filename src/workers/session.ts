import { join } from "node:path";
import type { DeniedCall, Readiness } from "../core/assignment.ts";
import type { Escalation } from "../core/process.ts";
import type { Work } from "../core/worker.ts";
import { type Child, type Exit, spawnChild } from "../lib/spawn.ts";
import { boundedFile } from "./bounded-file.ts";
import type { Correspondence } from "./correspondence.ts";
import { errorLines } from "./error-lines.ts";
import type { Means } from "./means.ts";
import type { Ending, Evidence } from "./outcome.ts";
import type { Prepared } from "./preparation.ts";
import { escalationMessage } from "./prompt.ts";
import { isUnwanted, type ProtocolFact, ProtocolReader, promptId } from "./protocol.ts";
import { ownTools } from "./side/permission.ts";
import type { SignalQueue } from "./signals.ts";
import { lineSplitter } from "./stream.ts";

/** Longest line that is kept: a large answer with images fits, a flood does not. */
const lineMaxBytes = 16_000_000;
const errorLogMaxBytes = 256_000;
const errorTailMaxBytes = 4_000;
/** How long to wait for the rest of a dead child's output while somebody else holds the pipe. */
const drainMaxMs = 500;
/** Pause before a host that was busy is asked again. */
const askAgainMs = 250;
/** Refused calls that are told one by one; what follows is only counted. */
const deniedMax = 50;
/** Brings in messages that arrived as the worker stopped. */
const afresh = { id: "mail", type: "prompt", streamingBehavior: "steer" };
const readOn = "Read the messages that have come in, and go on with your task.";

/** One conversation with one child, from spawn to exit. `open` it first. */
export class Session {
  readonly #prepared: Prepared;
  readonly #means: Means;
  readonly #signals: SignalQueue;
  readonly #mail: Correspondence;
  readonly #reader: ProtocolReader;
  readonly #transcript;
  readonly #errorLog;
  #errorTail = "";
  #isReady = false;
  /**
   * What runs is being aborted: until it goes on, nothing it says is its own. Messages that its host had not shown it
   * by then are brought in first (`reading`), so that the order stays. With nothing to say to it, it rests.
   */
  #pause: { stage: "aborting" | "reading" | "starting" | "resting"; readonly message: string } | undefined;
  #hasSubmitted = false;
  #hasBegun = false;
  #isEnding = false;
  #denied = 0;
  #deniedLast: DeniedCall | undefined;
  #child: Child | undefined;
  readonly #ended = once<Ending>();
  readonly #aborted = once<void>();
  readonly #gone = once<Exit>();
  /** Resolves with the first thing that ended the conversation; later ones change nothing. */
  readonly ended = this.#ended.promise;
  /** The host confirmed an abort. */
  readonly aborted = this.#aborted.promise;
  /** Resolves when the child has ended and what it wrote before was read, however long others hold its pipes. */
  readonly gone = this.#gone.promise;

  constructor(work: Work, prepared: Prepared, means: Means, signals: SignalQueue, mail: Correspondence) {
    this.#prepared = prepared;
    this.#mail = mail;
    this.#means = means;
    this.#signals = signals;
    this.#reader = new ProtocolReader(means.redactor);
    const { transcriptMaxBytes } = work.settings.limits;
    const log = (name: string, maxBytes: number) =>
      boundedFile(join(work.directory, name), maxBytes, (dropped) => `{"type":"cut","dropped":${dropped}}\n`);
    this.#transcript = log("session.jsonl", transcriptMaxBytes);
    this.#errorLog = log("stderr.log", errorLogMaxBytes);
  }

  /** Starts the child. Rejects with `SpawnFailure`. */
  async open(): Promise<Child> {
    const output = lineSplitter(
      { onLine: (line) => this.#hear(line), onSkimmed: (head) => this.#skim(head) },
      isUnwanted,
      lineMaxBytes,
    );
    const errors = errorLines((text) => this.#keepError(text));
    const child = await spawnChild(this.#prepared.program, output.push, errors.push);
    this.#child = child;
    void child.exited.then(async (exit) => {
      await Promise.race([child.drained, this.#means.clock.sleep(drainMaxMs)]);
      output.end();
      errors.end();
      this.#ended.resolve({ by: "exit", exit, wasReady: this.#isReady });
      this.#gone.resolve(exit);
    });
    return child;
  }

  /** All that is known by now, to conclude from. */
  evidence(ending: Ending): Evidence {
    return { ending, telemetry: this.#reader.telemetry, stderr: this.#errorTail };
  }

  /** The tool that runs. */
  get tool(): string | undefined {
    return this.#reader.telemetry.tool;
  }

  /** Sends one command of the protocol. */
  send(command: Readonly<Record<string, unknown>>): void {
    this.#child?.write(`${JSON.stringify(command)}\n`);
  }

  /** Asks the worker to go on: at once, or after what it does was aborted. Nothing happens while it cannot be asked. */
  escalate(escalation: Escalation): void {
    if (!this.#isReady || this.#isEnding || this.#pause !== undefined) return;
    const message = escalationMessage(escalation);
    if (escalation.step === "nudge") this.send({ ...afresh, id: "nudge", message });
    else this.#interrupt(message);
  }

  /** Has what runs aborted, for good: `aborted` tells when. */
  abort(): void {
    this.#isEnding = true;
    this.send({ id: "abort", type: "abort" });
  }

  /** Lets go of the child's pipes and finishes the files. */
  async close(): Promise<void> {
    this.#child?.release();
    const times = this.#denied - deniedMax;
    if (this.#deniedLast !== undefined)
      this.#signals.push({ kind: "denied", call: { ...this.#deniedLast, times } });
    await Promise.all([this.#transcript.close(), this.#errorLog.close()]);
  }

  #hear(line: string): void {
    this.#take(() => this.#reader.readLine(line, this.#means.clock.now()));
  }

  #skim(head: string): void {
    this.#take(() => this.#reader.skim(head));
  }

  #take(read: () => readonly ProtocolFact[]): void {
    const { signs } = this.#reader.telemetry;
    // What is being aborted only tells of that.
    const isOwn = this.#pause === undefined && !this.#isEnding;
    for (const fact of read()) this.#act(fact);
    if (isOwn && this.#reader.telemetry.signs > signs) this.#tell();
  }

  #tell(): void {
    this.#signals.moved(() => {
      const { usage, tool, waitsUntil } = this.#reader.telemetry;
      const { activity } = this.#reader;
      return {
        kind: "progress",
        usage,
        activity,
        ...(tool !== undefined ? { tool } : {}),
        ...(waitsUntil !== undefined ? { waitsUntil } : {}),
      };
    });
  }

  #act(fact: ProtocolFact): void {
    const askState = (): void => this.send({ id: "state", type: "get_state" });
    switch (fact.kind) {
      case "ready":
        this.#greet(fact.readiness);
        return;
      case "dialog":
        if (!this.#mail.take(fact.id, fact.title))
          this.send({ type: "extension_ui_response", id: fact.id, cancelled: true });
        return;
      case "told":
        this.#mail.sawMessage(fact.text);
        if (this.#pause?.stage === "reading" && !this.#mail.isUnread) this.#interrupt(this.#pause.message);
        return;
      case "denied":
        this.#denied += 1;
        if (this.#denied > deniedMax) this.#deniedLast = fact.call;
        else this.#signals.push(fact);
        return;
      case "answered":
        this.#mail.sawAnswer();
        return;
      case "submitted":
        this.#hasSubmitted = true;
        return;
      case "stalled":
        if (this.#mail.isUnread) this.send({ ...afresh, message: readOn });
        else this.#settle();
        return;
      case "begun":
        this.#begin();
        return;
      case "stopped":
        // Newer hosts announce by `agent_settled` that nothing will follow.
        if (this.#means.pi.dialect === "h1") askState();
        return;
      case "busy":
        void this.#means.clock.sleep(askAgainMs).then(askState);
        return;
      case "settled":
        this.#settle();
        return;
      case "refused":
        this.#ended.resolve({ by: "refused", message: fact.message });
        return;
      case "aborted":
        if (fact.id === "abort") this.#aborted.resolve();
        else if (this.#pause?.stage === "aborting" && !this.#isEnding) this.#goOn(this.#pause);
        return;
      case "record":
        this.#transcript.append(`${JSON.stringify(this.#means.redactor.redactValue(fact.event))}\n`);
        return;
    }
  }

  /** Only now: before, the host would refuse a second prompt. */
  #begin(): void {
    const { stage } = this.#pause ?? {};
    if (stage === "starting") this.#pause = undefined;
    if (this.#hasBegun) this.#mail.deliver([]);
    else this.#mail.open({ send: (command) => this.send(command), admits: (urgent) => this.#admits(urgent) });
    this.#hasBegun = true;
  }

  #admits(interrupts: boolean): boolean {
    if (this.#pause === undefined && interrupts) this.#interrupt("");
    else if (this.#pause?.stage === "resting") this.#start(this.#pause.message);
    return this.#pause === undefined;
  }

  #interrupt(message: string): void {
    this.#pause = { stage: "aborting", message };
    this.send({ id: "restart", type: "abort" });
  }

  /** What ran has ended. */
  #goOn({ message }: { readonly message: string }): void {
    if (this.#hasSubmitted) {
      this.#pause = undefined;
      this.#settle();
    } else if (this.#mail.isUnread) {
      this.#pause = { stage: "reading", message };
      this.send({ ...afresh, message: readOn });
    } else {
      this.#mail.closeDialogs();
      this.#start(message);
    }
  }

  #start(first: string): void {
    const message = [first, this.#mail.draw()].filter((text) => text !== "").join("\n\n");
    this.#pause = { stage: message === "" ? "resting" : "starting", message: "" };
    if (message !== "") this.send({ ...afresh, id: promptId, message });
  }

  #settle(): void {
    if (!this.#isReady || this.#pause !== undefined) return;
    this.#isEnding = true;
    this.#ended.resolve({ by: "settled" });
  }

  #greet({ tools }: Readiness): void {
    if (this.#isReady) return;
    const missing = ownTools.filter((tool) => !tools.includes(tool));
    if (missing.length > 0) {
      const message = `the worker has no tool ${missing.join(", ")}; another extension may have taken the name`;
      this.#ended.resolve({ by: "unfit", message });
      return;
    }
    this.#isReady = true;
    this.#signals.push({ kind: "ready" });
    void this.#prepared.discard();
    this.send({ id: promptId, type: "prompt", message: this.#prepared.prompt });
  }

  #keepError(text: string): void {
    const line = `${this.#means.redactor.redact(text)}\n`;
    this.#errorTail = (this.#errorTail + line).slice(-errorTailMaxBytes);
    this.#errorLog.append(line);
  }
}

function once<T>(): { readonly promise: Promise<T>; resolve(value: T): void } {
  let settle: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return { promise, resolve: (value) => settle(value) };
}
