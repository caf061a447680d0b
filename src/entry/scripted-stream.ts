import type {
  AssistantMessage,
  AssistantMessageEvent,
  AssistantMessageEventStream,
  Model,
} from "@mariozechner/pi-ai";
import type { Clock } from "../core/ports.ts";
import { filled, type Moment, type Part, type ScriptedUsage } from "./script.ts";

/** One answer about to be given. */
export interface Answer {
  readonly model: Pick<Model<string>, "api" | "provider" | "id">;
  readonly moment: Moment;
  /** Characters of everything the model was sent; the source of estimated usage. */
  readonly sent: number;
  readonly signal: AbortSignal | undefined;
  /** The wait must keep the process alive: nothing else does in the host's print mode. */
  readonly clock: Pick<Clock, "now"> & { stay(ms: number, signal?: AbortSignal): Promise<void> };
  /** Resolves with what to say; rejects when the script cannot be used. */
  decide(): Promise<{ readonly parts: readonly Part[]; readonly usage: ScriptedUsage }>;
}

const foreverMs = 2_000_000_000;

/**
 * Gives a scripted answer as the host's event stream, built by hand so that no host module is needed: hosts 0.73.1 and
 * 1.5.2 iterate it and call `result()`, in either order or alone. It starts at once and never rejects: failures and
 * aborts are its last event.
 */
export function streamAnswer(answer: Answer): AssistantMessageEventStream {
  const events = new EventQueue();
  const result = new Telling(answer, events).tell();
  const stream: object = {
    push: (event: AssistantMessageEvent) => events.push(event),
    end: () => events.close(),
    result: () => result,
    [Symbol.asyncIterator]: () => events.read(),
  };
  return asHostStream(stream);
}

function asHostStream(stream: object): AssistantMessageEventStream {
  if (!isHostStream(stream)) throw new TypeError("the event stream lacks what hosts call");
  return stream;
}

/** The host's class has private fields that nobody outside it reads; what it is used for is checked here. */
function isHostStream(stream: object): stream is AssistantMessageEventStream {
  return ["push", "end", "result", Symbol.asyncIterator].every((name) => name in stream);
}

class EventQueue {
  readonly #events: AssistantMessageEvent[] = [];
  #closed = false;
  #wake: () => void = () => undefined;

  push(event: AssistantMessageEvent): void {
    this.#events.push(event);
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async *read(): AsyncGenerator<AssistantMessageEvent, void, undefined> {
    for (let at = 0; ; ) {
      const event = this.#events[at];
      if (event !== undefined) {
        at += 1;
        yield event;
      } else if (this.#closed) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

/** An answer while it is being given: the message so far, and what was told of it. */
class Telling {
  readonly #answer: Answer;
  readonly #events: EventQueue;
  readonly #message: AssistantMessage;

  constructor(answer: Answer, events: EventQueue) {
    this.#answer = answer;
    this.#events = events;
    const { api, provider, id } = answer.model;
    this.#message = {
      role: "assistant",
      content: [],
      api,
      provider,
      model: id,
      usage: usageOf({}, 0, 0),
      stopReason: "stop",
      timestamp: answer.clock.now(),
    };
  }

  async tell(): Promise<AssistantMessage> {
    try {
      const { parts, usage } = await this.#answer.decide();
      this.#push({ type: "start", partial: this.#partial() });
      for (const part of parts) {
        const failure = await this.#part(part);
        if (this.#answer.signal?.aborted) return this.#fail("aborted", "the request was aborted");
        if (failure !== undefined) return this.#fail("error", failure);
      }
      return this.#done(usage);
    } catch (error) {
      return this.#fail("error", error instanceof Error ? error.message : String(error));
    }
  }

  /** Tells one part; resolves with the failure it stands for, if it is one. */
  async #part(part: Part): Promise<string | undefined> {
    const { clock, signal, moment } = this.#answer;
    if (part.kind === "error") return `${part.status} ${part.message}`;
    if (part.kind === "delay") await clock.stay(part.ms, signal);
    else if (part.kind === "hang") await clock.stay(foreverMs, signal);
    else if (part.kind === "text") await this.#text([filled(part.text, moment)], 0);
    else if (part.kind === "tokens")
      await this.#text(
        Array.from({ length: part.count }, (_, i) => `token${i + 1} `),
        part.everyMs,
      );
    else this.#toolCall(part);
    return undefined;
  }

  async #text(deltas: readonly string[], everyMs: number): Promise<void> {
    const contentIndex = this.#message.content.length;
    const block = { type: "text" as const, text: "" };
    this.#message.content.push(block);
    this.#push({ type: "text_start", contentIndex, partial: this.#partial() });
    for (const delta of deltas) {
      if (everyMs > 0) await this.#answer.clock.stay(everyMs, this.#answer.signal);
      if (this.#answer.signal?.aborted) return;
      block.text += delta;
      this.#push({ type: "text_delta", contentIndex, delta, partial: this.#partial() });
    }
    this.#push({ type: "text_end", contentIndex, content: block.text, partial: this.#partial() });
  }

  #toolCall(part: Extract<Part, { kind: "tool" }>): void {
    const contentIndex = this.#message.content.length;
    const { moment } = this.#answer;
    // Deterministic, and different for every call of a conversation.
    const id = `scripted_${moment.answers}_${moment.tools.length}_${contentIndex}`;
    const toolCall = {
      type: "toolCall" as const,
      id,
      name: part.tool,
      arguments: Object.fromEntries(
        Object.entries(part.arguments).map(([name, value]) => [
          name,
          typeof value === "string" ? filled(value, moment) : value,
        ]),
      ),
    };
    this.#message.content.push(toolCall);
    this.#push({ type: "toolcall_start", contentIndex, partial: this.#partial() });
    const delta = JSON.stringify(toolCall.arguments);
    this.#push({ type: "toolcall_delta", contentIndex, delta, partial: this.#partial() });
    this.#push({ type: "toolcall_end", contentIndex, toolCall, partial: this.#partial() });
  }

  #done(usage: ScriptedUsage): AssistantMessage {
    const usesTool = this.#message.content.some((block) => block.type === "toolCall");
    const reason = usesTool ? ("toolUse" as const) : ("stop" as const);
    const said = JSON.stringify(this.#message.content).length;
    const message = {
      ...this.#partial(),
      stopReason: reason,
      usage: usageOf(usage, this.#answer.sent, said),
    };
    this.#push({ type: "done", reason, message });
    this.#events.close();
    return message;
  }

  #fail(reason: "error" | "aborted", errorMessage: string): AssistantMessage {
    const error = { ...this.#partial(), stopReason: reason, errorMessage };
    this.#push({ type: "error", reason, error });
    this.#events.close();
    return error;
  }

  #push(event: AssistantMessageEvent): void {
    this.#events.push(event);
  }

  /** A copy: the host keeps what it is given. */
  #partial(): AssistantMessage {
    return { ...this.#message, content: this.#message.content.map((block) => ({ ...block })) };
  }
}

function usageOf(given: ScriptedUsage, sent: number, said: number): AssistantMessage["usage"] {
  const input = given.input ?? Math.ceil(sent / 4);
  const output = given.output ?? Math.ceil(said / 4);
  const cacheRead = given.cacheRead ?? 0;
  const cacheWrite = given.cacheWrite ?? 0;
  return {
    input,
    output,
    cacheRead,
    cacheWrite,
    totalTokens: input + output + cacheRead + cacheWrite,
    cost: { input: 0, output: given.cost ?? 0, cacheRead: 0, cacheWrite: 0, total: given.cost ?? 0 },
  };
}
