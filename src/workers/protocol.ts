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
const recorded = ["message_end", "extension_error", "auto_retry_start", "auto_retry_end", "compaction_end"];
/** Slack for the host to ask again after its own backoff, ms. */
const retrySlackMs = 30_000;

type Json = Record<string, unknown>;

/** A reader in its first state. */
export function protocolReader(): ProtocolReader {
  const counted = new Set<string>();
  let now: Telemetry = { usage: noUsage, activity: "starting", finalText: "", noise: 0 };
  let retrying = false;
  const tools = new Map<string, string>();

  const patch = (change: Partial<Telemetry>, ...drop: readonly (keyof Telemetry)[]): void => {
    const next = { ...now, ...change };
    for (const name of drop) delete next[name as "tool" | "waitsUntil" | "error"];
    now = next;
  };
  const readMessage = (message: Json): void => {
    if (message.role !== "assistant") return;
    const id = messageId(message);
    const content = Array.isArray(message.content) ? message.content.filter(isRecord) : [];
    const asksForTool = content.some((part) => part.type === "toolCall");
    if (!counted.has(id)) {
      counted.add(id);
      patch({ usage: plus(now.usage, message.usage, asksForTool ? 1 : 0) });
    }
    const text = content
      .map((part) => (part.type === "text" && typeof part.text === "string" ? part.text : ""))
      .join("");
    const failed = message.stopReason === "error";
    const whole = message.stopReason !== "aborted" && !failed;
    patch({ finalText: whole && !asksForTool ? text : "" }, "error");
    if (failed)
      patch({ error: typeof message.errorMessage === "string" ? message.errorMessage : "unknown error" });
    if (typeof message.provider === "string" && typeof message.model === "string")
      patch({ model: `${message.provider}/${message.model}` });
    if (whole && firstLine(text)) patch({ activity: firstLine(text) });
  };
  const toolChanged = (event: Json, begins: boolean): void => {
    const id = String(event.toolCallId);
    const name = typeof event.toolName === "string" ? event.toolName : "tool";
    if (begins) tools.set(id, name);
    else tools.delete(id);
    const running = [...tools.values()].at(-1);
    if (running === undefined) patch({}, "tool");
    else patch({ tool: running });
    if (begins) patch({ activity: firstLine(`${name} ${argument(event.args)}`) });
  };
  const readEvent = (event: Json, at: number): readonly ProtocolFact[] => {
    switch (event.type) {
      case "message_end":
        if (isRecord(event.message)) readMessage(event.message);
        return [{ kind: "record", event }];
      case "tool_execution_start":
      case "tool_execution_end":
        toolChanged(event, event.type === "tool_execution_start");
        return [];
      case "agent_start":
        retrying = false;
        patch({}, "waitsUntil");
        return [];
      case "agent_end":
        return [{ kind: "stopped" }];
      case "agent_settled":
        return [{ kind: "settled" }];
      case "auto_retry_start":
        retrying = true;
        patch({
          activity: "waits for the provider",
          waitsUntil: at + numberOf(event.delayMs) + retrySlackMs,
        });
        return [{ kind: "record", event }];
      case "auto_retry_end":
        retrying = false;
        patch({}, "waitsUntil");
        return [
          { kind: "record", event },
          ...(event.success === false ? [{ kind: "stopped" } as const] : []),
        ];
      case "compaction_end":
        retrying = event.willRetry === true;
        return [{ kind: "record", event }];
      case "response":
        return readResponse(event, retrying);
      case "extension_ui_request":
        return readRequest(event);
      default:
        return recorded.includes(String(event.type)) ? [{ kind: "record", event }] : [];
    }
  };
  return {
    readLine(line, at) {
      const event = parseObject(line);
      if (event) return readEvent(event, at);
      patch({ noise: now.noise + 1 });
      return [];
    },
    skim(head) {
      if (head.startsWith('{"type":"agent_end"')) return [{ kind: "stopped" }];
      // An answer too long to be kept is no answer.
      if (head.startsWith('{"type":"message_end"')) patch({ finalText: "" });
      if (!head.startsWith('{"type":')) patch({ noise: now.noise + 1 });
      if (head.startsWith('{"type":"message_update"') && now.tool === undefined)
        patch({ activity: "writes" });
      return [];
    },
    telemetry: () => now,
  };
}

function readResponse(event: Json, retrying: boolean): readonly ProtocolFact[] {
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
  const busy = isStreaming === true || isCompacting === true || numberOf(pendingMessageCount) > 0 || retrying;
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
    input: sum.input + numberOf(usage.input),
    output: sum.output + numberOf(usage.output),
    cacheRead: sum.cacheRead + numberOf(usage.cacheRead),
    cacheWrite: sum.cacheWrite + numberOf(usage.cacheWrite),
    cost: sum.cost + numberOf(isRecord(usage.cost) ? usage.cost.total : 0),
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

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Negative, infinite and non-numbers count as nothing: usage is what a hostile worker may lie about, not break. */
function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0;
}
