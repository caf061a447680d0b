import { join } from "node:path";
import type { Readiness } from "../core/assignment.ts";
import { invariant } from "../core/invariant.ts";
import type { Clock } from "../core/ports.ts";
import { type Child, type Exit, type Program, spawnChild } from "../lib/spawn.ts";
import { boundedFile } from "./bounded-file.ts";
import { ownTools } from "./launch.ts";
import type { Ending } from "./outcome.ts";
import { isUnwanted, type ProtocolFact, protocolReader, type Telemetry } from "./protocol.ts";
import { type LineReader, lineSplitter } from "./stream.ts";

/** One conversation with one child, from spawn to exit. */
export interface Session {
  readonly child: Child;
  /** Resolves with the first thing that ended the conversation; later ones change nothing. */
  readonly ended: Promise<Ending>;
  /** The host confirmed an abort. */
  readonly aborted: Promise<void>;
  /** Resolves when the child has ended and what it wrote before was read, however long others hold its pipes. */
  readonly gone: Promise<Exit>;
  telemetry(): Telemetry;
  /** Redacted end of what the child wrote to its error output. */
  errorTail(): string;
  /** Sends one command of the protocol. */
  send(command: Record<string, unknown>): void;
  /** Lets go of the child's pipes and finishes the files. Resolves with the disk's error, if there was one. */
  close(): Promise<unknown>;
}

/** What a session needs to know of its attempt. */
export interface SessionTerms {
  readonly program: Program;
  /** Where session.jsonl and stderr.log go. */
  readonly directory: string;
  readonly prompt: string;
  readonly transcriptMaxBytes: number;
  /** False where the host announces by `agent_settled` that nothing will follow. */
  readonly asksState: boolean;
  readonly redact: (text: string) => string;
  readonly redactValue: (value: unknown) => unknown;
  readonly clock: Clock;
  onReady(): void;
  /** A sign of life; what is known by now is there for the asking. */
  onLife(telemetry: () => Telemetry): void;
}

/** Longest line that is kept: a large answer with images fits, a flood does not. */
export const lineMaxBytes = 16_000_000;
const errorLogMaxBytes = 256_000;
const errorTailMaxBytes = 4_000;
const errorLineMaxBytes = 16_000;
/** How long to wait for the rest of a dead child's output while somebody else holds the pipe. */
const drainMaxMs = 500;
/** Pause before a host that was busy is asked again. */
const askAgainMs = 250;

/** Starts the child. Rejects with `SpawnFailure`. */
export async function openSession(terms: SessionTerms): Promise<Session> {
  const conversation = new Conversation(terms);
  await conversation.start();
  return conversation;
}

class Conversation implements Session {
  readonly #terms: SessionTerms;
  readonly #reader = protocolReader();
  readonly #files: ReturnType<typeof transcriptFiles>;
  readonly #ended = once<Ending>();
  readonly #aborted = once<void>();
  readonly #gone = once<Exit>();
  readonly ended = this.#ended.promise;
  readonly aborted = this.#aborted.promise;
  readonly gone = this.#gone.promise;
  #child: Child | undefined;
  #ready = false;

  constructor(terms: SessionTerms) {
    this.#terms = terms;
    this.#files = transcriptFiles(terms);
  }

  async start(): Promise<void> {
    const { program, clock } = this.#terms;
    const output = lineSplitter(this.#lines(), isUnwanted, lineMaxBytes);
    const { errors } = this.#files;
    this.#child = await spawnChild(program, output.push, errors.push);
    const { exited, drained } = this.#child;
    void exited.then(async (exit) => {
      await Promise.race([drained, clock.sleep(drainMaxMs)]);
      output.end();
      errors.end();
      this.#ended.resolve({ by: "exit", exit, wasReady: this.#ready });
      this.#gone.resolve(exit);
    });
  }

  get child(): Child {
    invariant(this.#child, "a session is only handed out once its child was started");
    return this.#child;
  }

  telemetry(): Telemetry {
    return this.#reader.telemetry();
  }

  errorTail(): string {
    return this.#files.errorTail();
  }

  send(command: Record<string, unknown>): void {
    this.#child?.write(`${JSON.stringify(command)}\n`);
  }

  close(): Promise<unknown> {
    this.child.release();
    return this.#files.close();
  }

  #lines(): LineReader {
    const reader = this.#reader;
    const live = (): void => this.#terms.onLife(() => reader.telemetry());
    return {
      onLine: (line) => {
        const before = reader.telemetry();
        for (const fact of reader.readLine(line, this.#terms.clock.now())) this.#act(fact);
        // An answer to our own question, or noise, is no sign that the work goes on.
        const isNoise = reader.telemetry().noise !== before.noise;
        if (!isNoise && !line.startsWith('{"id":"state"')) live();
      },
      onSkimmed: (head) => {
        for (const fact of reader.skim(head)) this.#act(fact);
        if (head.startsWith('{"type":"')) live();
      },
    };
  }

  #act(fact: ProtocolFact): void {
    const askState = (): void => this.send({ id: "state", type: "get_state" });
    switch (fact.kind) {
      case "ready":
        this.#greet(fact.readiness);
        return;
      case "dialog":
        this.send({ type: "extension_ui_response", id: fact.id, cancelled: true });
        return;
      case "stopped":
        if (this.#terms.asksState) askState();
        return;
      case "busy":
        void this.#terms.clock.sleep(askAgainMs).then(askState);
        return;
      case "idle":
      case "settled":
        if (this.#ready) this.#ended.resolve({ by: "settled" });
        return;
      case "refused":
        this.#ended.resolve({ by: "refused", message: fact.message });
        return;
      case "aborted":
        this.#aborted.resolve();
        return;
      case "record":
        this.#files.record(fact.event);
        return;
    }
  }

  #greet({ tools }: Readiness): void {
    if (this.#ready) return;
    const missing = ownTools.filter((tool) => !tools.includes(tool));
    if (missing.length > 0) {
      const message = `the worker has no tool ${missing.join(", ")}; another extension may have taken the name`;
      this.#ended.resolve({ by: "unfit", message });
      return;
    }
    this.#ready = true;
    this.#terms.onReady();
    this.send({ id: "prompt", type: "prompt", message: this.#terms.prompt });
  }
}

function transcriptFiles(terms: SessionTerms) {
  const dropNote = (what: string) => (dropped: number) => `{"type":"${what}_cut","dropped":${dropped}}\n`;
  const transcript = boundedFile(
    join(terms.directory, "session.jsonl"),
    terms.transcriptMaxBytes,
    dropNote("transcript"),
  );
  const errorLog = boundedFile(join(terms.directory, "stderr.log"), errorLogMaxBytes, dropNote("stderr"));
  let tail = "";
  const addError = (text: string): void => {
    const line = `${terms.redact(text)}\n`;
    tail = (tail + line).slice(-errorTailMaxBytes);
    errorLog.append(line);
  };
  const errors = lineSplitter(
    {
      onLine: addError,
      onSkimmed: (head, bytes) => addError(`${head}… [a line of ${bytes} bytes]`),
    },
    () => false,
    errorLineMaxBytes,
  );
  return {
    errors,
    errorTail: () => tail,
    record: (event: Record<string, unknown>) =>
      transcript.append(`${JSON.stringify(terms.redactValue(event))}\n`),
    async close(): Promise<unknown> {
      return (await transcript.close()) ?? (await errorLog.close());
    },
  };
}

function once<T>(): { readonly promise: Promise<T>; resolve(value: T): void } {
  let settle: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    settle = resolve;
  });
  return { promise, resolve: (value) => settle(value) };
}
