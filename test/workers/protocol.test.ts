import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRedactor } from "../../src/lib/redact.ts";
import { isUnwanted, ProtocolReader } from "../../src/workers/protocol.ts";

const secret = "value-of-a-secret-4711";
const redactor = createRedactor({ SOME_TOKEN: secret });
const assistant = (more: object): string =>
  JSON.stringify({
    type: "message_end",
    message: { role: "assistant", provider: "p", model: "m", stopReason: "stop", content: [], ...more },
  });
const says = (text: string, more: object = {}): string =>
  assistant({ content: [{ type: "text", text }], ...more });
/** The head of a line that brings a part of an answer, as 0.73.1 writes it, or 1.5.2. */
const updates = (text: string): string => {
  const assistantMessageEvent = { type: "text_delta", contentIndex: 0, delta: text };
  const first = text.length % 2 === 0 ? {} : { usage: usage(1) };
  const line = JSON.stringify({ type: "message_update", ...first, assistantMessageEvent, message: {} });
  return Buffer.from(line).toString("latin1", 0, 1_024);
};
const usage = (input: number): object => ({
  input,
  output: 1,
  cacheRead: 2,
  cacheWrite: 3,
  cost: { total: 0.5 },
});

describe("the protocol of a worker", () => {
  it("survives whatever a worker says, and counts nothing that is no amount", () => {
    const types = [
      "message_end",
      "tool_execution_start",
      "tool_execution_end",
      "auto_retry_start",
      "response",
      "extension_ui_request",
    ];
    const event = fc.record({
      type: fc.constantFrom(...types),
      message: fc.jsonValue(),
      command: fc.jsonValue(),
      data: fc.jsonValue(),
      delayMs: fc.jsonValue(),
      method: fc.jsonValue(),
      args: fc.jsonValue(),
    });
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string(),
            event.map((one) => JSON.stringify(one)),
          ),
        ),
        (lines) => {
          const reader = new ProtocolReader(redactor);
          for (const line of lines) {
            reader.readLine(line, 0);
            reader.skim(line.slice(0, 1_024));
          }
          const { usage: sum } = reader.telemetry;
          for (const amount of Object.values(sum)) expect(amount >= 0 && Number.isFinite(amount)).toBe(true);
        },
      ),
    );
  });

  it("survives fields of a hostile form, however deep", () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const hostile = [deep, '{"toString":null,"valueOf":null}', "null", "5"];
    for (const value of hostile) {
      const reader = new ProtocolReader(redactor);
      const content = `"content":[{"type":"text","text":${value}},{"type":"toolCall","arguments":${value}}]`;
      for (const line of [
        `{"type":"message_end","message":{"role":"assistant","usage":${value},"stopReason":${value},${content}}}`,
        `{"type":"message_end","message":{"role":"assistant","stopReason":"error","errorMessage":${value}}}`,
        `{"type":"tool_execution_start","toolCallId":${value},"toolName":${value},"args":${value}}`,
        `{"type":"response","command":"prompt","success":false,"error":${value}}`,
        `{"type":"extension_ui_request","id":${value},"method":${value}}`,
        JSON.stringify({
          type: "extension_ui_request",
          method: "setStatus",
          statusKey: "pi-muster",
          statusText: `{"denied":{"tool":${value},"reason":${value}}}`,
        }),
      ]) {
        expect(() => reader.readLine(line, 0), line.slice(0, 80)).not.toThrow();
      }
    }
  });

  it("shows no part of a secret as its activity, wherever that is cut", () => {
    for (let before = 90; before < 125; before += 1) {
      const reader = new ProtocolReader(redactor);
      reader.readLine(says(`${"x".repeat(before)} ${secret}`), 0);
      expect(reader.telemetry.activity).not.toContain("value");
      expect(reader.telemetry.activity.length).toBeLessThanOrEqual(120);
    }
  });

  it("counts each call once, by id where there is one", () => {
    const reader = new ProtocolReader(redactor);
    const lines = [
      says("a", { id: "1", usage: usage(10) }),
      says("a, again", { id: "1", usage: usage(10) }),
      says("b", { timestamp: 5, responseId: "same", usage: usage(1) }),
      says("b", { timestamp: 5, responseId: "same", usage: usage(1) }),
      says("c", { timestamp: 6, responseId: "same", usage: usage(1) }),
      assistant({
        timestamp: 7,
        stopReason: "toolUse",
        content: [{ type: "toolCall", id: "x", name: "bash" }],
      }),
    ];
    for (const line of lines) reader.readLine(line, 0);
    expect(reader.telemetry.usage).toEqual({
      input: 12,
      output: 3,
      cacheRead: 6,
      cacheWrite: 9,
      cost: 1.5,
      turns: 1,
    });
  });

  it("takes only the last answer that asks for nothing more as final", () => {
    const reader = new ProtocolReader(redactor);
    const finalAfter = (line: string): string => {
      reader.readLine(line, 0);
      return reader.telemetry.finalText;
    };
    expect(finalAfter(says("first"))).toBe("first");
    expect(finalAfter(says("wait", { content: [{ type: "text", text: "x" }, { type: "toolCall" }] }))).toBe(
      "",
    );
    expect(finalAfter(says("last"))).toBe("last");
    expect(finalAfter(says("half", { stopReason: "aborted" }))).toBe("");
    expect(finalAfter(assistant({ stopReason: "error", errorMessage: "503" }))).toBe("");
    expect(reader.telemetry.error).toBe("503");
    expect(finalAfter(says("better"))).toBe("better");
    expect(reader.telemetry.error).toBeUndefined();
  });

  it("knows that a host which waits to ask again is not idle", () => {
    const reader = new ProtocolReader(redactor);
    const state = JSON.stringify({
      type: "response",
      command: "get_state",
      success: true,
      data: { isStreaming: false, isCompacting: false, pendingMessageCount: 0 },
    });
    const factOf = (line: string): unknown => reader.readLine(line, 1_000).at(-1)?.kind;
    expect(factOf(state)).toBe("settled");
    factOf(JSON.stringify({ type: "auto_retry_start", delayMs: 4_000 }));
    expect(reader.telemetry.waitsUntil).toBeGreaterThan(5_000);
    expect(factOf(state)).toBeUndefined();
    factOf(JSON.stringify({ type: "agent_start" }));
    expect(reader.telemetry.waitsUntil).toBeUndefined();
    expect(factOf(state)).toBe("settled");
    factOf(JSON.stringify({ type: "compaction_end", willRetry: true }));
    expect(factOf(state)).toBeUndefined();
    factOf(JSON.stringify({ type: "agent_start" }));
    const pending = state.replace('"pendingMessageCount":0', '"pendingMessageCount":1');
    expect(factOf(pending)).toBe("busy");
    // What came too late for its last turn does not keep an idle host busy for ever.
    const kinds = Array.from({ length: 20 }, () => factOf(pending));
    expect(kinds.slice(0, 5)).toEqual(Array(5).fill("busy"));
    expect(kinds.at(-1)).toBe("stalled");
  });

  it("tells the last words of what is being written, and never a part of a secret", () => {
    const passphrase = "correct horse battery staple ".repeat(20).trim();
    const clean = createRedactor({ MY_PASSPHRASE: passphrase });
    const key = (begin: string, indent: string): string =>
      `${indent}-----BEGIN ${begin}-----\n${`${indent}MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n`.repeat(9)}`;
    const hidden = [
      ...[passphrase, `sk-ant-${"abcdefgh1234".repeat(50)}`],
      ...[key("PRIVATE KEY", ""), key("PRIVATE KEY", "      "), key("PRIVATE KEY", "> ")],
      key("RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0\n", ""),
      key("PGP PRIVATE KEY BLOCK-----\nVersion: 2\n", ""),
    ];
    const prose = fc.lorem({ maxCount: 60 });
    const part = fc.oneof(fc.constantFrom(...hidden), fc.constantFrom(" ", "\n", "😀", 'é"\\'), prose, prose);
    const size = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.infiniteStream(size), (parts, sizes) => {
        const reader = new ProtocolReader(clean);
        const text = parts.join(" ");
        for (let at = 0; at < text.length; ) {
          const until = at + sizes.next().value;
          reader.skim(updates(text.slice(at, until)));
          at = until;
          const told = reader.activity;
          expect(told.length).toBeLessThanOrEqual(124);
          expect(told).toMatch(/^writes/);
          expect(told).not.toMatch(/horse|orrect|abcdefgh|MIIE|BEGIN/);
        }
        const sure = clean.redact(text).slice(0, -clean.longest);
        const last = /(\S{1,40})\s\S*$/.exec(sure)?.[1];
        if (last?.isWellFormed() && !text.includes("BEGIN")) expect(reader.activity).toContain(last);
        reader.readLine(says("done"), 0);
        expect(reader.activity).toBe("done");
      }),
    );
  });

  it("tells nothing of a text of which a part was not heard", () => {
    const reader = new ProtocolReader(redactor);
    const sentence = "these are words that anybody may read, so that some are told. ".repeat(5);
    reader.skim(updates(sentence));
    expect(reader.activity).toMatch(/^writes: .* words/);
    reader.skim(updates("x".repeat(2_000)));
    reader.skim(updates(sentence));
    expect(reader.activity).toBe("writes");
    reader.readLine(says("done"), 0);
    reader.skim(updates(sentence));
    expect(reader.activity).toMatch(/^writes: .* words/);
    // A thought, a call: another text begins.
    reader.skim(
      '{"type":"message_update","assistantMessageEvent":{"type":"toolcall_delta","contentIndex":1,"delta":"{"',
    );
    expect(reader.activity).toBe("writes");
  });

  it("takes for a sign of life only what the work itself says", () => {
    const reader = new ProtocolReader(redactor);
    const signs = (line: string): number => {
      const before = reader.telemetry.signs;
      if (isUnwanted(line)) reader.skim(line.slice(0, 1_024));
      else reader.readLine(line, 0);
      return reader.telemetry.signs - before;
    };
    const own = ["agent_start", "message_update", "tool_execution_start", "tool_execution_update"];
    const other = ["tool_execution_end", "auto_retry_start", "auto_retry_end", "compaction_start"];
    for (const type of [...own, ...other, "compaction_end"])
      expect([type, signs(`{"type":"${type}"}`)]).toEqual([type, 1]);
    expect(signs(says("an answer"))).toBe(1);
    const user = JSON.stringify({ type: "message_end", message: { role: "user", content: "go on" } });
    const status = {
      type: "extension_ui_request",
      method: "setStatus",
      statusKey: "clock",
      statusText: "12:00",
    };
    const answers = ["prompt", "abort", "get_state"].map((command) =>
      JSON.stringify({ id: "x", type: "response", command, success: true }),
    );
    const echoes = ["queue_update", "turn_start", "message_start", "agent_end"].map(
      (type) => `{"type":"${type}"}`,
    );
    for (const line of [...answers, ...echoes, user, JSON.stringify(status), "noise", "{}"])
      expect([line, signs(line)]).toEqual([line, 0]);
  });

  it("shows the tool that runs and what it is about", () => {
    const reader = new ProtocolReader(redactor);
    reader.readLine(
      JSON.stringify({
        type: "tool_execution_start",
        toolCallId: "1",
        toolName: "bash",
        args: { command: `npm test\n${"x".repeat(500)}` },
      }),
      0,
    );
    expect(reader.telemetry).toMatchObject({ tool: "bash", activity: "bash npm test" });
    reader.readLine(JSON.stringify({ type: "tool_execution_end", toolCallId: "1", toolName: "bash" }), 0);
    expect(reader.telemetry.tool).toBeUndefined();
  });

  it("is ready only by the worker-side extension's own word", () => {
    const request = (statusText: string, statusKey = "pi-muster"): unknown =>
      new ProtocolReader(redactor).readLine(
        JSON.stringify({ type: "extension_ui_request", method: "setStatus", statusKey, statusText }),
        0,
      );
    const word = JSON.stringify({ ready: true, tools: ["read", 5], model: "p/m" });
    expect(request(word)).toEqual([
      { kind: "ready", readiness: { ready: true, tools: ["read"], model: "p/m" } },
    ]);
    expect([request(word, "other"), request("{}"), request("ready")]).toEqual([[], [], []]);
  });

  it("shows a refused tool call in one line, and keeps it whole", () => {
    const reader = new ProtocolReader(redactor);
    const denied = { tool: "write", what: `a ${secret}`, reason: "this worker\nis read-only", by: "muster" };
    const statusText = JSON.stringify({ denied });
    const request = { type: "extension_ui_request", method: "setStatus", statusKey: "pi-muster", statusText };
    expect(reader.readLine(JSON.stringify(request), 0)).toEqual([
      { kind: "record", event: { type: "tool_refused", ...denied } },
      { kind: "denied", call: { ...denied, what: "a [redacted]" } },
    ]);
    expect(reader.telemetry.activity).toBe("write refused: this worker");
  });

  it("never parses what repeats every token", () => {
    expect(isUnwanted('{"type":"message_update","message":{"role":"assist')).toBe(true);
    expect(isUnwanted('{"type":"message_end","message":{}}')).toBe(false);
    expect(new ProtocolReader(redactor).skim('{"type":"agent_end","messages":[')).toEqual([
      { kind: "stopped" },
    ]);
  });
});
