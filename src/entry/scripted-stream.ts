import { Readable } from "node:stream";
import type {
  AssistantMessage,
  AssistantMessageEvent,
  AssistantMessageEventStream,
  Model,
} from "@mariozechner/pi-ai";
import type { Clock } from "../core/ports.ts";
import type { Json } from "../lib/json.ts";
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
  decide(): Promise<{ readonly parts: readonly Part[]; readonly usage: ScriptedUsage | undefined }>;
}

const foreverMs = 2_000_000_000;

/**
 * Gives a scripted answer as the host's event stream, built by hand so that no host module is needed: hosts 0.73.1 and
 * 1.5.2 iterate it and call `result()`, in either order or alone. It starts at once and never rejects: failures and
 * aborts are its last event.
 */
export function streamAnswer(answer: Answer): AssistantMessageEventStream {
  const events = new Readable({ objectMode: true, read: () => undefined });
  const result = new Telling(answer, events).tell();
  const stream: object = {
    result: () => result,
    [Symbol.asyncIterator]: () => events[Symbol.asyncIterator](),
  };
  if (isHostStream(stream)) return stream;
  throw new TypeError("the event stream lacks what hosts call");
}

/** The host's class has more, for who fills it; what readers use is checked here. */
function isHostStream(stream: object): stream is AssistantMessageEventStream {
  return "result" in stream && Symbol.asyncIterator in stream;
}

/** An answer while it is being given: the message so far, and what was told of it. */
class Telling {
  readonly #answer: Answer;
  readonly #events: Readable;
  readonly #message: AssistantMessage;

  constructor(answer: Answer, events: Readable) {
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
      const { parts, usage = {} } = await this.#answer.decide();
      this.#push({ type: "start", partial: this.#partial() });
      for (const part of parts) {
        if ("error" in part) return this.#fail("error", `${part.error.status} ${part.error.message}`);
        await this.#part(part);
        if (this.#answer.signal?.aborted) return this.#fail("aborted", "the request was aborted");
      }
      return this.#done(usage);
    } catch (error) {
      return this.#fail("error", error instanceof Error ? error.message : String(error));
    } finally {
      this.#events.push(null);
    }
  }

  async #part(part: Exclude<Part, { error: unknown }>): Promise<void> {
    const { clock, signal, moment } = this.#answer;
    if ("text" in part) await this.#text([filled(part.text, moment)], 0);
    else if ("tool" in part) this.#toolCall(part.tool, part.arguments ?? {});
    else if ("delayMs" in part) await clock.stay(part.delayMs, signal);
    else if ("hang" in part) await clock.stay(foreverMs, signal);
    else {
      const words = Array.from({ length: part.tokens }, (_, at) => `token${at + 1} `);
      await this.#text(words, part.everyMs ?? 0);
    }
  }

  async #text(deltas: readonly string[], everyMs: number): Promise<void> {
    const { clock, signal } = this.#answer;
    const contentIndex = this.#message.content.length;
    const block = { type: "text" as const, text: "" };
    this.#message.content.push(block);
    this.#push({ type: "text_start", contentIndex, partial: this.#partial() });
    for (const delta of deltas) {
      if (everyMs > 0) await clock.stay(everyMs, signal);
      if (signal?.aborted) return;
      block.text += delta;
      this.#push({ type: "text_delta", contentIndex, delta, partial: this.#partial() });
    }
    this.#push({ type: "text_end", contentIndex, content: block.text, partial: this.#partial() });
  }

  #toolCall(name: string, given: Json): void {
    const contentIndex = this.#message.content.length;
    const { moment } = this.#answer;
    const values = Object.entries(given).map(([key, value]) => [
      key,
      typeof value === "string" ? filled(value, moment) : value,
    ]);
    const toolCall = {
      type: "toolCall" as const,
      // Deterministic, and different for every call of a conversation.
      id: `scripted_${moment.messages}_${contentIndex}`,
      name,
      arguments: Object.fromEntries(values),
    };
    this.#message.content.push(toolCall);
    this.#push({ type: "toolcall_start", contentIndex, partial: this.#partial() });
    const delta = JSON.stringify(toolCall.arguments);
    this.#push({ type: "toolcall_delta", contentIndex, delta, partial: this.#partial() });
    this.#push({ type: "toolcall_end", contentIndex, toolCall, partial: this.#partial() });
  }

  #done(given: ScriptedUsage): AssistantMessage {
    const usesTool = this.#message.content.some((block) => block.type === "toolCall");
    const reason = usesTool ? "toolUse" : "stop";
    const usage = usageOf(given, this.#answer.sent, JSON.stringify(this.#message.content).length);
    const message = { ...this.#partial(), stopReason: reason, usage } as const;
    this.#push({ type: "done", reason, message });
    return message;
  }

  #fail(reason: "error" | "aborted", errorMessage: string): AssistantMessage {
    const error = { ...this.#partial(), stopReason: reason, errorMessage };
    this.#push({ type: "error", reason, error });
    return error;
  }

  #push(event: AssistantMessageEvent): void {
    this.#events.push(event);
  }

  /** A copy: the host keeps what it is given. */
  #partial(): AssistantMessage {
    return structuredClone(this.#message);
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
