import { join } from "node:path";
import type { Clock } from "../core/ports.ts";
import { type Child, type Exit, type Program, spawnChild } from "../lib/spawn.ts";
import { boundedFile } from "./bounded-file.ts";
import { ownTools } from "./launch.ts";
import type { Ending } from "./outcome.ts";
import { isUnwanted, type ProtocolFact, protocolReader, type Telemetry } from "./protocol.ts";
import { lineSplitter } from "./stream.ts";

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
  const reader = protocolReader();
  const files = transcriptFiles(terms);
  const ended = once<Ending>();
  const aborted = once<void>();
  let ready = false;
  let child: Child | undefined;

  const send = (command: Record<string, unknown>): void => {
    child?.write(`${JSON.stringify(command)}\n`);
  };
  const act = (fact: ProtocolFact): void => {
    switch (fact.kind) {
      case "ready": {
        if (ready) return;
        const missing = ownTools.filter((tool) => !fact.readiness.tools.includes(tool));
        if (missing.length > 0) {
          ended.resolve({
            by: "unfit",
            message: `the worker has no tool ${missing.join(", ")}; another extension may have taken the name`,
          });
          return;
        }
        ready = true;
        terms.onReady();
        send({ id: "prompt", type: "prompt", message: terms.prompt });
        return;
      }
      case "dialog":
        send({ type: "extension_ui_response", id: fact.id, cancelled: true });
        return;
      case "stopped":
        if (terms.asksState) send({ id: "state", type: "get_state" });
        return;
      case "busy":
        void terms.clock.sleep(askAgainMs).then(() => send({ id: "state", type: "get_state" }));
        return;
      case "idle":
      case "settled":
        if (ready) ended.resolve({ by: "settled" });
        return;
      case "refused":
        ended.resolve({ by: "refused", message: terms.redact(fact.message) });
        return;
      case "aborted":
        aborted.resolve();
        return;
      case "record":
        files.record(fact.event);
        return;
    }
  };
  const output = lineSplitter(
    {
      onLine(line) {
        const { noise } = reader.telemetry();
        for (const fact of reader.readLine(line, terms.clock.now())) act(fact);
        if (reader.telemetry().noise === noise) terms.onLife(reader.telemetry);
      },
      onSkimmed(head) {
        for (const fact of reader.skim(head)) act(fact);
        if (head.startsWith('{"type":"')) terms.onLife(reader.telemetry);
      },
    },
    isUnwanted,
    lineMaxBytes,
  );
  child = await spawnChild(
    terms.program,
    (chunk) => output.push(chunk),
    (chunk) => files.errors.push(chunk),
  );
  const { exited, drained } = child;
  const gone = exited.then(async (exit) => {
    await Promise.race([drained, terms.clock.sleep(drainMaxMs)]);
    output.end();
    files.errors.end();
    ended.resolve({ by: "exit", exit, wasReady: ready });
    return exit;
  });
  return {
    child,
    ended: ended.promise,
    aborted: aborted.promise,
    gone,
    telemetry: reader.telemetry,
    errorTail: files.errorTail,
    send,
    close() {
      child.release();
      return files.close();
    },
  };
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
