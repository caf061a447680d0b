import { type Readiness, readinessKey } from "../core/assignment.ts";
import { noUsage, type Usage } from "../core/outcome.ts";

/** What follows from a line of a worker's output. Everything else only changes the reader's `telemetry`. */
export type ProtocolFact =
  | { readonly kind: "ready"; readonly readiness: Readiness }
  /** Somebody asked a person; nobody is there, so the request with this id is to be cancelled. */
  | { readonly kind: "dialog"; readonly id: string }
  /** The agent stopped; whether it goes on by itself, only its state tells (hosts without `agent_settled`). */
  | { readonly kind: "stopped" }
  /** Answer to `get_state`: nothing runs, nothing is queued. */
  | { readonly kind: "idle" }
  | { readonly kind: "busy" }
  | { readonly kind: "settled" }
  /** The prompt was not accepted. */
  | { readonly kind: "refused"; readonly message: string }
  /** The host confirmed that it stopped what ran. */
  | { readonly kind: "aborted" }
  /** Worth a line in the transcript. */
  | { readonly kind: "record"; readonly event: Record<string, unknown> };

/** What is known of a worker by its words so far. */
export interface Telemetry {
  readonly usage: Usage;
  readonly tool?: string;
  readonly activity: string;
  /** Ms since the epoch; present while the host waits before it asks the provider again. */
  readonly waitsUntil?: number;
  /** Text of the last answer that asked for no tool; "" when there is none. */
  readonly finalText: string;
  /** `errorMessage` of the last answer, when that failed. */
  readonly error?: string;
  /** `provider/id` that answered last. */
  readonly model?: string;
  /** Lines that were neither protocol nor empty. */
  readonly noise: number;
}

/** Reads one worker's protocol: feed it lines, in order. Nothing it is fed can make it throw. */
export interface ProtocolReader {
  /** `now` is ms since the epoch. */
  readLine(line: string, now: number): readonly ProtocolFact[];
  /** A line of which only the head was seen. */
  skim(head: string): readonly ProtocolFact[];
  telemetry(): Telemetry;
}

/** Heads of lines that are not worth parsing: each repeats what others bring, some of them twice per token. */
export function isUnwanted(head: string): boolean {
  return /^\{"type":"(message_update|tool_execution_update|message_start|turn_start|turn_end|agent_end|entry_appended|queue_update)"/.test(
    head,
  );
}

const dialogs = ["select", "confirm", "input", "editor"];
/** Slack for the host to ask again after its own backoff, ms. */
const retrySlackMs = 30_000;

type Json = Record<string, unknown>;

/** A reader in its first state. */
export function protocolReader(): ProtocolReader {
  return new Reader();
}

class Reader implements ProtocolReader {
  #now: Telemetry = { usage: noUsage, activity: "starting", finalText: "", noise: 0 };
  /** The host will go on by itself, although nothing runs at the moment. */
  #retrying = false;
  readonly #counted = new Set<string>();
  /** Names of the tools that run, by call. */
  readonly #tools = new Map<string, string>();

  telemetry(): Telemetry {
    return this.#now;
  }

  readLine(line: string, now: number): readonly ProtocolFact[] {
    const event = parseObject(line);
    if (event) return this.#readEvent(event, now);
    this.#patch({ noise: this.#now.noise + 1 });
    return [];
  }

  skim(head: string): readonly ProtocolFact[] {
    const is = (type: string): boolean => head.startsWith(`{"type":"${type}"`);
    if (is("agent_end")) return [{ kind: "stopped" }];
    // An answer too long to be kept is no answer.
    if (is("message_end")) this.#patch({ finalText: "" });
    if (is("message_update") && this.#now.tool === undefined) this.#patch({ activity: "writes" });
    if (!head.startsWith('{"type":')) this.#patch({ noise: this.#now.noise + 1 });
    return [];
  }

  #readEvent(event: Json, now: number): readonly ProtocolFact[] {
    const record: ProtocolFact = { kind: "record", event };
    switch (event.type) {
      case "message_end":
        if (isRecord(event.message) && event.message.role === "assistant") this.#readAnswer(event.message);
        return [record];
      case "tool_execution_start":
      case "tool_execution_end":
        this.#readTool(event);
        return [];
      case "agent_start":
        this.#wait(false);
        this.#patch({ activity: "thinks" });
        return [];
      case "agent_end":
        return [{ kind: "stopped" }];
      case "agent_settled":
        return [{ kind: "settled" }];
      case "auto_retry_start":
        this.#wait(true);
        this.#patch({
          activity: "waits for the provider",
          waitsUntil: now + amount(event.delayMs) + retrySlackMs,
        });
        return [record];
      case "auto_retry_end":
        this.#wait(false);
        return event.success === false ? [record, { kind: "stopped" }] : [record];
      case "compaction_end":
        this.#wait(event.willRetry === true);
        return [record];
      case "response":
        // A host that waits to go on by itself will tell of its next stop, too.
        return event.command === "get_state" && this.#retrying ? [] : readResponse(event);
      case "extension_ui_request":
        return readRequest(event);
      case "extension_error":
        return [record];
      default:
        return [];
    }
  }

  #readAnswer(message: Json): void {
    const id = messageId(message);
    const content = Array.isArray(message.content) ? message.content.filter(isRecord) : [];
    const asksForTool = content.some((part) => part.type === "toolCall");
    if (!this.#counted.has(id)) {
      this.#counted.add(id);
      this.#patch({ usage: plus(this.#now.usage, message.usage, asksForTool ? 1 : 0) });
    }
    const texts = content.map((part) =>
      part.type === "text" && typeof part.text === "string" ? part.text : "",
    );
    const text = texts.join("");
    const { provider, model, stopReason, errorMessage } = message;
    const whole = stopReason !== "aborted" && stopReason !== "error";
    this.#patch({ finalText: whole && !asksForTool ? text : "" }, "error");
    if (stopReason === "error")
      this.#patch({ error: typeof errorMessage === "string" ? errorMessage : "unknown error" });
    if (typeof provider === "string" && typeof model === "string")
      this.#patch({ model: `${provider}/${model}` });
    if (whole && firstLine(text) !== "") this.#patch({ activity: firstLine(text) });
  }

  #readTool({ type, toolCallId, toolName, args }: Json): void {
    const name = typeof toolName === "string" ? toolName : "tool";
    if (type === "tool_execution_start") {
      this.#tools.set(String(toolCallId), name);
      this.#patch({ activity: firstLine(`${name} ${argument(args)}`) });
    } else this.#tools.delete(String(toolCallId));
    const running = [...this.#tools.values()].at(-1);
    this.#patch(
      running === undefined ? {} : { tool: running },
      ...(running === undefined ? ["tool" as const] : []),
    );
  }

  #wait(retrying: boolean): void {
    this.#retrying = retrying;
    this.#patch({}, "waitsUntil");
  }

  #patch(change: Partial<Telemetry>, ...dropped: readonly ("tool" | "waitsUntil" | "error")[]): void {
    const next = { ...this.#now };
    for (const name of dropped) delete next[name];
    this.#now = { ...next, ...change };
  }
}

function readResponse(event: Json): readonly ProtocolFact[] {
  if (event.command === "prompt" && event.success === false) {
    return [
      {
        kind: "refused",
        message: typeof event.error === "string" ? event.error : "the host refused the prompt",
      },
    ];
  }
  if (event.command === "abort") return [{ kind: "aborted" }];
  if (event.command !== "get_state" || !isRecord(event.data)) return [];
  const { isStreaming, isCompacting, pendingMessageCount } = event.data;
  const busy = isStreaming === true || isCompacting === true || amount(pendingMessageCount) > 0;
  return [{ kind: busy ? "busy" : "idle" }];
}

function readRequest(event: Json): readonly ProtocolFact[] {
  if (dialogs.includes(String(event.method)))
    return typeof event.id === "string" ? [{ kind: "dialog", id: event.id }] : [];
  if (
    event.method !== "setStatus" ||
    event.statusKey !== readinessKey ||
    typeof event.statusText !== "string"
  )
    return [];
  const said = parseObject(event.statusText);
  if (said && isRecord(said.denied))
    return [{ kind: "record", event: { type: "tool_refused", ...said.denied } }];
  if (said?.ready !== true || !Array.isArray(said.tools)) return [];
  const tools = said.tools.filter((tool) => typeof tool === "string");
  return [
    {
      kind: "ready",
      readiness: { ready: true, tools, ...(typeof said.model === "string" ? { model: said.model } : {}) },
    },
  ];
}

/** Assistant messages carry no id on every host; what would tell two calls apart stands in for it. */
function messageId(message: Json): string {
  if (typeof message.id === "string") return message.id;
  return JSON.stringify([
    message.responseId,
    message.timestamp,
    message.usage,
    message.stopReason,
    message.content,
  ]);
}

function plus(sum: Usage, raw: unknown, turns: number): Usage {
  const usage = isRecord(raw) ? raw : {};
  return {
    input: sum.input + amount(usage.input),
    output: sum.output + amount(usage.output),
    cacheRead: sum.cacheRead + amount(usage.cacheRead),
    cacheWrite: sum.cacheWrite + amount(usage.cacheWrite),
    cost: sum.cost + amount(isRecord(usage.cost) ? usage.cost.total : 0),
    turns: sum.turns + turns,
  };
}

const activityMax = 120;

function firstLine(text: string): string {
  const line =
    text
      .split("\n", 20)
      .find((one) => one.trim() !== "")
      ?.trim() ?? "";
  return line.length > activityMax ? `${line.slice(0, activityMax - 1)}…` : line;
}

function argument(args: unknown): string {
  const known = isRecord(args) ? [args.command, args.path, args.file_path, args.pattern, args.query] : [];
  return known.find((one): one is string => typeof one === "string") ?? "";
}

/** A JSON object, or undefined for anything else. */
export function parseObject(text: string): Json | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    // A worker may print anything; what is no JSON is noise and is counted as such.
    return undefined;
  }
}

/** True for an object that is no list. */
export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Negative, infinite and non-numbers count as nothing: usage is what a hostile worker may lie about, not break. */
function amount(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0;
}
