import { type DeniedCall, type Readiness, readinessKey } from "../core/assignment.ts";
import { addUsage, noUsage, type Usage } from "../core/outcome.ts";
import { isRecord, type Json, parseObject } from "../lib/json.ts";
import type { Redactor } from "../lib/redact.ts";

/** What follows from a line of a worker's output. Everything else only changes the reader's `telemetry`. */
export type ProtocolFact =
  | { readonly kind: "ready"; readonly readiness: Readiness }
  /** Somebody asked a person; nobody is there, so the request with this id is to be cancelled. */
  | { readonly kind: "dialog"; readonly id: string; readonly title: string }
  /** A message of the user's side is in the conversation. */
  | { readonly kind: "told"; readonly text: string }
  /** The worker was kept from a tool call; redacted and cut. */
  | { readonly kind: "denied"; readonly call: DeniedCall }
  /** The worker's own question has its answer. */
  | { readonly kind: "answered" }
  /** Its result is on disk. */
  | { readonly kind: "submitted" }
  /** It stopped with messages in its queue, which only another prompt brings in. */
  | { readonly kind: "stalled" }
  /** The agent stopped; whether it goes on by itself, only its state tells (hosts without `agent_settled`). */
  | { readonly kind: "stopped" }
  /** Asked for its state, the host has something to do. */
  | { readonly kind: "busy" }
  /** Nothing runs and nothing will follow. */
  | { readonly kind: "settled" }
  /** The prompt was not accepted. */
  | { readonly kind: "refused"; readonly message: string }
  /** The host confirmed the abort of this id: nothing runs any more. */
  | { readonly kind: "aborted"; readonly id: string }
  /** It begins to work. */
  | { readonly kind: "begun" }
  /** Worth a line in the transcript. */
  | { readonly kind: "record"; readonly event: Json };

/** What is known of a worker by its words so far. */
export interface Telemetry {
  readonly usage: Usage;
  /** The tool that runs. */
  readonly tool: string | undefined;
  /** One short line, redacted. */
  readonly activity: string;
  /** Ms since the epoch; set while the host waits before it asks the provider again. */
  readonly waitsUntil: number | undefined;
  /** Text of the last answer that asked for no tool; "" when there is none. */
  readonly finalText: string;
  /** `errorMessage` of the last answer, when that failed. */
  readonly error: string | undefined;
  /** `provider/id` that answered last. */
  readonly model: string | undefined;
  /** Lines that were neither protocol nor empty. */
  readonly noise: number;
  /** How often the work itself said something, as opposed to what only answers or repeats the driver. */
  readonly signs: number;
}

/** Heads of lines that are not worth parsing: each repeats what others bring, some of them twice per token. */
export function isUnwanted(head: string): boolean {
  return /^\{"type":"(message_update|tool_execution_update|message_start|turn_start|turn_end|agent_end|entry_appended|queue_update)"/.test(
    head,
  );
}

/** Id of the commands that ask for the work itself: when one is refused, there is none. */
export const promptId = "prompt";
/** How often an idle host may still have messages pending: it may be about to take them up. */
const idleLooksMax = 8;
const dialogs = ["select", "confirm", "input", "editor"];
/** Slack for the host to ask again after its own backoff, ms. */
const retrySlackMs = 30_000;
const activityMax = 120;
/** Of a text that is being written, so much is kept, and its end held back: what is half written is known by no redactor. */
const writing = { keptMax: 4_096, heldBackMin: 256 };
const textDelta =
  /"assistantMessageEvent":\{"type":"text_delta","contentIndex":\d+,"delta":("(?:[^"\\]|\\.)*")/;
/** What a refused call says of itself: longer than what the extension sends. */
const deniedMaxLength = 2_000;

/** Reads one worker's protocol: feed it lines, in order. Nothing it is fed can make it throw. */
export class ProtocolReader {
  #now: Telemetry = {
    usage: noUsage,
    tool: undefined,
    activity: "starting",
    waitsUntil: undefined,
    finalText: "",
    error: undefined,
    model: undefined,
    noise: 0,
    signs: 0,
  };
  /** The host will go on by itself, although nothing runs at the moment. */
  #isRetrying = false;
  #idleLooks = 0;
  readonly #counted = new Set<string>();
  /** Names of the tools that run, by call. */
  readonly #tools = new Map<string, string>();
  readonly #redact: Redactor["redact"];
  readonly #heldBack: number;
  /** The end of the text that it writes at the moment; undefined: part of it was not heard. */
  #written: string | undefined = "";

  constructor({ redact, longest }: Pick<Redactor, "redact" | "longest">) {
    this.#redact = redact;
    this.#heldBack = Math.max(longest, writing.heldBackMin);
  }

  get telemetry(): Telemetry {
    return this.#now;
  }

  /** What it does at the moment, as one short line, redacted; of a text that it writes, the last words. */
  get activity(): string {
    const { activity } = this.#now;
    const known = this.#redact(this.#written ?? "").slice(0, -this.#heldBack);
    const words = known
      .slice(0, Math.max(known.lastIndexOf(" "), known.lastIndexOf("\n")) + 1)
      .trim()
      .replace(/\s+/g, " ");
    const room = activityMax - activity.length - 3;
    if (words.length <= room) return words === "" ? activity : `${activity}: ${words}`;
    return `${activity}: …${[...words.slice(-2 * room)].slice(-room).join("")}`;
  }

  /** `now` is ms since the epoch. */
  readLine(line: string, now: number): readonly ProtocolFact[] {
    const event = parseObject(line);
    if (event) return this.#readEvent(event, now);
    this.#patch({ noise: this.#now.noise + 1 });
    return [];
  }

  /** A line of which only the head was seen. */
  skim(head: string): readonly ProtocolFact[] {
    const is = (type: string): boolean => head.startsWith(`{"type":"${type}"`);
    if (is("agent_end")) return [{ kind: "stopped" }];
    // An answer too long to be kept is no answer.
    if (is("message_end")) this.#patch({ finalText: "" });
    if (is("message_update") || is("tool_execution_update")) this.#sign();
    if (is("message_update") && this.#now.tool === undefined) this.#readDelta(head);
    if (!head.startsWith('{"type":')) this.#patch({ noise: this.#now.noise + 1 });
    return [];
  }

  #readEvent(event: Json, now: number): readonly ProtocolFact[] {
    const record: ProtocolFact = { kind: "record", event };
    switch (event.type) {
      case "message_end":
        if (!isRecord(event.message)) return [record];
        if (event.message.role === "user") return [record, { kind: "told", text: textOf(event.message) }];
        if (event.message.role === "assistant") this.#readAnswer(event.message);
        return [record];
      case "tool_execution_start":
      case "tool_execution_end":
        this.#readTool(event);
        if (event.type !== "tool_execution_end") return [];
        if (event.toolName === "ask") return [{ kind: "answered" }];
        return event.toolName === "submit_result" && event.isError === false ? [{ kind: "submitted" }] : [];
      case "agent_start":
        this.#isRetrying = false;
        this.#sign({ activity: "thinks", waitsUntil: undefined });
        return [{ kind: "begun" }];
      case "agent_end":
        return [{ kind: "stopped" }];
      case "agent_settled":
        return [{ kind: "settled" }];
      case "auto_retry_start": {
        this.#isRetrying = true;
        const waitsUntil = now + amountOf(event.delayMs) + retrySlackMs;
        this.#sign({ activity: "waits for the provider", waitsUntil });
        return [record];
      }
      case "auto_retry_end":
        this.#isRetrying = false;
        this.#sign({ waitsUntil: undefined });
        return event.success === false ? [record, { kind: "stopped" }] : [record];
      case "compaction_start":
        this.#sign({ activity: "makes room in its context" });
        return [];
      case "compaction_end":
        this.#isRetrying = event.willRetry === true;
        this.#sign();
        return [record];
      case "extension_error":
        return [record];
      case "response":
        return this.#readResponse(event);
      case "extension_ui_request":
        return this.#readRequest(event);
      default:
        return [];
    }
  }

  /** Of a text that is torn by a delta too long to be heard, or in which a key block begins, nothing more is told. */
  #readDelta(head: string): void {
    const more = textDelta.exec(head)?.[1];
    const before = more === undefined && this.#written !== undefined ? "" : this.#written;
    const isTorn = more === undefined && head.includes('"text_delta"');
    const { text } = parseObject(`{"text":${Buffer.from(more ?? '""', "latin1").toString()}}`) ?? {};
    const written = before === undefined || isTorn ? undefined : before + word(text);
    this.#patch({ activity: "writes" });
    this.#written = written?.includes("-----BEGIN ")
      ? undefined
      : written?.slice(-writing.keptMax - this.#heldBack);
  }

  #readAnswer(message: Json): void {
    const id = messageId(message);
    const content = Array.isArray(message.content) ? message.content.filter(isRecord) : [];
    const asksForTool = content.some((part) => part.type === "toolCall");
    if (!this.#counted.has(id)) {
      this.#counted.add(id);
      this.#patch({ usage: addUsage(this.#now.usage, usageOf(message.usage, asksForTool ? 1 : 0)) });
    }
    const text = content
      .map((part) => (part.type === "text" && typeof part.text === "string" ? part.text : ""))
      .join("");
    const { provider, model, stopReason, errorMessage } = message;
    const isWhole = stopReason !== "aborted" && stopReason !== "error";
    this.#sign({
      finalText: isWhole && !asksForTool ? text : "",
      error: stopReason === "error" ? word(errorMessage) || "unknown error" : undefined,
      ...(typeof provider === "string" && typeof model === "string" ? { model: `${provider}/${model}` } : {}),
      ...(isWhole && text.trim() !== "" ? { activity: this.#firstLine(text) } : {}),
    });
  }

  #readTool({ type, toolCallId, toolName, args }: Json): void {
    if (type === "tool_execution_start") {
      this.#tools.set(word(toolCallId), word(toolName));
      this.#patch({ activity: this.#firstLine(`${word(toolName)} ${argument(args)}`) });
    } else this.#tools.delete(word(toolCallId));
    this.#sign({ tool: [...this.#tools.values()].at(-1) });
  }

  #readResponse({ id, command, success, error, data }: Json): readonly ProtocolFact[] {
    if (id === promptId && success === false) return [{ kind: "refused", message: word(error) }];
    if (command === "abort") return [{ kind: "aborted", id: word(id) }];
    // A host that waits to go on by itself will tell of its next stop, too.
    if (command !== "get_state" || !isRecord(data) || this.#isRetrying) return [];
    const { isStreaming, isCompacting, pendingMessageCount } = data;
    const isIdle = isStreaming !== true && isCompacting !== true;
    this.#idleLooks = isIdle ? this.#idleLooks + 1 : 0;
    if (!isIdle) return [{ kind: "busy" }];
    if (amountOf(pendingMessageCount) === 0) return [{ kind: "settled" }];
    // What came too late for the last turn waits for another prompt.
    return [{ kind: this.#idleLooks > idleLooksMax ? "stalled" : "busy" }];
  }

  #readRequest({ id, method, title, statusKey, statusText }: Json): readonly ProtocolFact[] {
    if (dialogs.includes(word(method)))
      return typeof id === "string" ? [{ kind: "dialog", id, title: word(title) }] : [];
    if (method !== "setStatus" || statusKey !== readinessKey || typeof statusText !== "string") return [];
    const { denied, heard, ready, tools, model } = parseObject(statusText) ?? {};
    if (heard === true) return [{ kind: "answered" }];
    if (isRecord(denied)) {
      const said = (value: unknown): string => this.#redact(word(value)).slice(0, deniedMaxLength);
      const [tool, what, reason] = [said(denied.tool), said(denied.what), said(denied.reason)];
      this.#sign({ activity: this.#firstLine(`${tool} refused: ${reason}`) });
      const call = { tool, what, reason, by: said(denied.by) };
      return [
        { kind: "record", event: { type: "tool_refused", ...denied } },
        { kind: "denied", call },
      ];
    }
    if (ready !== true || !Array.isArray(tools)) return [];
    const names = tools.filter((tool) => typeof tool === "string");
    const readiness: Readiness = { ready, tools: names, ...(typeof model === "string" ? { model } : {}) };
    return [{ kind: "ready", readiness }];
  }

  /** Redacted before it is cut: half a secret is not recognised. */
  #firstLine(text: string): string {
    const line = this.#redact(text.trimStart().split("\n", 1)[0]?.trim() ?? "");
    return line.length > activityMax ? `${line.slice(0, activityMax - 1)}…` : line;
  }

  #sign(change: Partial<Telemetry> = {}): void {
    this.#patch({ ...change, signs: this.#now.signs + 1 });
  }

  #patch(change: Partial<Telemetry>): void {
    if (change.activity !== undefined) this.#written = "";
    this.#now = { ...this.#now, ...change };
  }
}

/** Assistant messages carry no id on every host; what would tell two calls apart stands in for it. */
function messageId({ id, responseId, timestamp, usage, stopReason, content }: Json): string {
  if (typeof id === "string") return id;
  const parts = Array.isArray(content) ? content.filter(isRecord) : [];
  const said = parts.map((part) => [word(part.text), word(part.thinking), word(part.id)]);
  return JSON.stringify([word(responseId), word(timestamp), usageOf(usage, 0), word(stopReason), said]);
}

/** "" for what is neither text nor number: to spell a deep list, or an object with a `toString` of its own, throws. */
function word(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? `${value}` : "";
}

function textOf({ content }: Json): string {
  if (typeof content === "string") return content;
  return Array.isArray(content)
    ? content.map((part) => (isRecord(part) ? word(part.text) : "")).join("\n")
    : "";
}

function usageOf(raw: unknown, turns: number): Usage {
  const usage = isRecord(raw) ? raw : {};
  return {
    input: amountOf(usage.input),
    output: amountOf(usage.output),
    cacheRead: amountOf(usage.cacheRead),
    cacheWrite: amountOf(usage.cacheWrite),
    cost: amountOf(isRecord(usage.cost) ? usage.cost.total : 0),
    turns,
  };
}

function argument(args: unknown): string {
  const known = isRecord(args) ? [args.command, args.path, args.file_path, args.pattern, args.query] : [];
  return known.find((one): one is string => typeof one === "string") ?? "";
}

/** Negative, infinite and non-numbers count as nothing: usage is what a hostile worker may lie about, not break. */
function amountOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0;
}
