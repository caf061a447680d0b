// @ts-nocheck: plain JavaScript, so that it starts at once.
// Stands in for `pi --mode rpc`: one program, one behaviour an argument. `node unruly.mjs <behaviour> [pi's arguments]`
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, closeSync, mkdirSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

const behaviour = process.argv[2];
const assignment = JSON.parse(process.env.PI_MUSTER_ASSIGNMENT);
delete process.env.PI_MUSTER_ASSIGNMENT;

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const ready = (tools = ["read", "submit_result", "ask", "send"]) =>
  say({
    type: "extension_ui_request",
    id: "r",
    method: "setStatus",
    statusKey: "pi-muster",
    statusText: JSON.stringify({ ready: true, tools, model: "test/model" }),
  });
const usage = { input: 10, output: 5, cacheRead: 0, cacheWrite: 0, cost: { total: 0.001 } };
const answer = (text, more = {}) =>
  say({
    type: "message_end",
    message: {
      role: "assistant",
      provider: "test",
      model: "model",
      timestamp: 1,
      stopReason: "stop",
      content: text === "" ? [] : [{ type: "text", text }],
      usage,
      ...more,
    },
  });
const call = (id, name) =>
  answer("", {
    timestamp: id,
    stopReason: "toolUse",
    content: [{ type: "toolCall", id, name, arguments: {} }],
  });
const finish = () => say({ type: "agent_end", messages: [] });
const idle = (id) =>
  say({
    id,
    type: "response",
    command: "get_state",
    success: true,
    data: { isStreaming: false, isCompacting: false, pendingMessageCount: 0 },
  });
const hash = (text) => createHash("sha256").update(text).digest("hex");
const record = (text, more = {}) => ({
  v: 1,
  runId: assignment.runId,
  task: assignment.task,
  attempt: assignment.attempt,
  at: "2026-01-01T00:00:00.000Z",
  outcome: {
    kind: "completed",
    result: {
      text,
      bytes: Buffer.byteLength(text),
      truncated: false,
      sha256: hash(text),
      form: "submitted",
      artifacts: [],
    },
    usage: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, cost: 0, turns: 1 },
  },
  ...more,
});
const submit = (content) =>
  writeFileSync(assignment.outcomePath, typeof content === "string" ? content : JSON.stringify(content));
/** A process that sleeps for a minute. */
const sleeper = (options = {}) => {
  const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"], {
    stdio: "ignore",
    ...options,
  });
  appendFileSync(join(assignment.workspace, "pids"), `${child.pid}\n`);
  return child;
};
/** Steps in order, where one expression is wanted. */
const all = (...steps) => steps;
const forever = () => setInterval(() => undefined, 1_000);
const ignoreSignals = () => {
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"]) process.on(signal, () => undefined);
};
const flood = (line, bytes) => {
  for (let sent = 0; sent < bytes; sent += line.length) {
    // The pipe is non-blocking: what does not fit now is tried again.
    for (let from = 0; from < line.length; ) {
      try {
        from += writeSync(1, line, from);
      } catch (error) {
        if (error.code !== "EAGAIN") throw error;
      }
    }
  }
};

/** What is done with the prompt, once ready. */
const onPrompt = {
  good: () => all(answer("done"), finish()),
  "is refused 60 calls": () => {
    for (let n = 1; n <= 60; n++) {
      const denied = { tool: "write", what: `/etc/${n}`, reason: "no", by: "muster" };
      const statusText = JSON.stringify({ denied });
      const id = `r${n}`;
      say({ type: "extension_ui_request", id, method: "setStatus", statusKey: "pi-muster", statusText });
    }
    all(answer("done"), finish());
  },
  "two turns": () => {
    call(1, "bash");
    say({ type: "tool_execution_start", toolCallId: "1", toolName: "bash", args: { command: "npm test" } });
    say({ type: "tool_execution_end", toolCallId: "1", toolName: "bash", result: {}, isError: false });
    answer("looked", { timestamp: 2 });
    answer("looked", { timestamp: 2 });
    finish();
  },
  submit: () => all(submit(record("the result")), call(1, "submit_result"), finish()),
  "two submits": () => all(submit(record("first")), submit(record("second")), finish()),
  "changes its outcome later": () => {
    submit(record("first"));
    finish();
    process.stdin.on("end", () => all(submit(record("second")), process.exit(0)));
  },
  "exit 3": () => all(process.stderr.write("it broke\n"), process.exit(3)),
  "exit 143": () => process.exit(143),
  "exit 0": () => process.exit(0),
  "exit 0 with answer": () =>
    all(
      answer("all is well"),
      setTimeout(() => process.exit(0), 50),
    ),
  "exit 3 with answer": () =>
    all(
      answer("all is well"),
      setTimeout(() => process.exit(3), 50),
    ),
  killed: () => process.kill(process.pid, "SIGKILL"),
  "stderr only": () =>
    all(
      process.stderr.write("only words\n"),
      setTimeout(() => process.exit(0), 50),
    ),
  "empty answer": () => all(answer("  \n"), finish()),
  silent: forever,
  "wakes by nudge": () => {
    commands.prompt = (command) =>
      all(
        say({
          id: command.id,
          type: "response",
          command: "prompt",
          success: command.streamingBehavior === "steer",
        }),
        say({ type: "queue_update", steering: [command.message] }),
        answer("done"),
        finish(),
      );
    forever();
  },
  // Like host 0.73.1: the end of what was aborted is told before the abort is confirmed, and counts for nothing.
  "wakes by abort": () => {
    commands.abort = (command) => {
      answer("half", { stopReason: "aborted" });
      finish();
      say({ id: command.id, type: "response", command: "abort", success: true });
    };
    commands.prompt = (command) => {
      setTimeout(() => {
        say({ id: command.id, type: "response", command: "prompt", success: true });
        say({ type: "agent_start" });
        answer("done", { timestamp: 2 });
        finish();
      }, 100);
    };
    forever();
  },
  "floods stdout": () => all(flood(Buffer.from(`${"x".repeat(1023)}\n`), 50_000_000), process.exit(0)),
  "one line of 50 MB": () => all(flood(Buffer.alloc(1_000_000, "y"), 50_000_000), process.exit(0)),
  "one answer of 50 MB": () => all(answer("z".repeat(50_000_000)), finish()),
  "invalid JSON only": () => {
    process.stdout.write('{"type":\nnot json\n\0\0\n[1,2]\n"text"\n');
    setTimeout(() => process.exit(0), 50);
  },
  "bad line, then answer": () => all(process.stdout.write("garbage\0{\n"), answer("right text"), finish()),
  "line separators": () => all(answer("one\u2028two\u2029three"), finish()),
  "closes stdout": () => all(closeSync(1), forever()),
  "ignores TERM": () => all(ignoreSignals(), forever()),
  "grandchild in its own session": () => all(sleeper({ detached: true }), sleeper(), forever()),
  "scrubbed grandchild": () => all(sleeper({ detached: true, env: {} }), forever()),
  "tool that hides a process": () => {
    const hidden = `spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"], { detached: true, env: {}, stdio: "ignore" })`;
    const source = `const { spawn } = require("child_process"); console.log(${hidden}.pid); setInterval(() => {}, 1000)`;
    const tool = spawn(process.execPath, ["-e", source], {
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
    });
    tool.stdout.once("data", (pid) => {
      appendFileSync(join(assignment.workspace, "pids"), pid);
      say({ type: "tool_execution_start", toolCallId: "1", toolName: "bash", args: {} });
    });
    commands.abort = (command) =>
      all(tool.kill("SIGKILL"), say({ id: command.id, type: "response", command: "abort", success: true }));
    forever();
  },
  // One process of each kind that outlives its worker, and a worker that listens to nothing. A line in `pids` each.
  "leaves orphans": () => {
    const pids = JSON.stringify(join(assignment.workspace, "pids"));
    const deaf = `for (const s of ["SIGTERM", "SIGHUP"]) process.on(s, () => {}); setTimeout(() => {}, 60000)`;
    const source = (options, then) => `
      const child = require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(deaf)}], ${options});
      require("fs").appendFileSync(${pids}, child.pid + "\\n");
      ${then}`;
    const start = (program, options) => {
      const child = spawn(process.execPath, ["-e", program], { stdio: "ignore", detached: true, ...options });
      appendFileSync(join(assignment.workspace, "pids"), `${child.pid}\n`);
    };
    start(deaf, {});
    start(deaf, { env: {} });
    start(deaf, { stdio: ["ignore", "inherit", "inherit"] });
    // Daemons: one leaves at once and keeps its marks, the other hides them but is seen before it leaves.
    start(source('{ detached: true, stdio: "ignore" }', "process.exit()"), {});
    start(source('{ detached: true, stdio: "ignore", env: {} }', "setTimeout(process.exit, 3000)"), {
      env: {},
    });
    say({ type: "tool_execution_start", toolCallId: "1", toolName: "bash", args: {} });
    ignoreSignals();
    forever();
  },
  daemon: () => {
    sleeper({ detached: true }).unref();
    answer("done");
    finish();
  },
  "grandchild holds stdout": () => {
    sleeper({ detached: true, stdio: ["ignore", "inherit", "inherit"] }).unref();
    answer("done");
    process.stdout.write("", () => process.exit(0));
  },
  "hostile outcome: nonsense": () => all(submit("{{{"), finish()),
  "hostile outcome: other attempt": () => all(submit({ ...record("x"), attempt: 99 }), finish()),
  "hostile outcome: cancelled": () =>
    all(submit(record("x", { outcome: { kind: "cancelled", usage } })), finish()),
  "hostile outcome: huge": () => all(submit("9".repeat(8_000_000)), finish()),
  "hostile outcome: link": () => all(symlinkSync("/etc/passwd", assignment.outcomePath), finish()),
  "hostile outcome: artifact": () => {
    const forged = record("x");
    forged.outcome.result.artifacts = [{ name: "p", path: "../../../p", bytes: 1, sha256: hash("p") }];
    submit(forged);
    finish();
  },
  dialog: () =>
    say({ type: "extension_ui_request", id: "d1", method: "confirm", title: "sure?", message: "?" }),
  "rate limited": () => all(answer("", { stopReason: "error", errorMessage: "429 rate limit" }), finish()),
  refuses: () =>
    say({
      id: "prompt",
      type: "response",
      command: "prompt",
      success: false,
      error: "No API key found for x.",
    }),
  "leaves its output": () => {
    mkdirSync(join(assignment.workspace, "out"), { recursive: true });
    writeFileSync(join(assignment.workspace, assignment.output), "made\n");
    answer("see the file");
    finish();
  },
  "output leads out": () => {
    mkdirSync(dirname(join(assignment.workspace, assignment.output)), { recursive: true });
    symlinkSync("/etc/hostname", join(assignment.workspace, assignment.output));
    answer("see the file");
    finish();
  },
  retries: () => {
    say({ type: "agent_end", messages: [] });
    say({ type: "auto_retry_start", attempt: 1, maxAttempts: 3, delayMs: 100, errorMessage: "503" });
    setTimeout(() => all(say({ type: "agent_start" }), answer("at last"), finish()), 100);
  },
  "shows its environment": () => all(answer(JSON.stringify(process.env)), finish()),
  "shows its arguments": () => all(answer(JSON.stringify(process.argv.slice(3))), finish()),
};

const early = {
  "never ready": forever,
  "exits before ready": () => all(process.stderr.write("bad flag\n"), process.exit(1)),
  "boots for ever": () => {
    const seen = JSON.stringify(join(assignment.workspace, "environment"));
    const source = `require("fs").writeFileSync(${seen}, JSON.stringify(process.env)); setInterval(() => {}, 1000)`;
    const child = spawn(process.execPath, ["-e", source], { stdio: "ignore", detached: true });
    appendFileSync(join(assignment.workspace, "pids"), `${process.pid}\n${child.pid}\n`);
    // Deaf by its own will, and because nothing but this line runs any more.
    ignoreSignals();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
  "unknown model": () => all(process.stderr.write('Error: Model "x/y" not found.\n'), process.exit(1)),
  unfit: () => all(ready(["read"]), forever()),
};

const commands = {
  prompt: () => {
    if (behaviour !== "refuses") say({ id: "prompt", type: "response", command: "prompt", success: true });
    say({ type: "agent_start" });
    onPrompt[behaviour]();
  },
  get_state: (command) => idle(command.id),
  abort: (command) => say({ id: command.id, type: "response", command: "abort", success: true }),
  extension_ui_response: (command) => all(answer(command.cancelled ? "nobody answered" : "odd"), finish()),
};

if (early[behaviour]) early[behaviour]();
else {
  ready();
  let rest = "";
  process.stdin.on("data", (chunk) => {
    rest += chunk;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      const command = JSON.parse(rest.slice(0, end));
      rest = rest.slice(end + 1);
      commands[command.type](command);
    }
  });
  if (!["ignores TERM", "leaves orphans"].includes(behaviour))
    process.stdin.on("end", () => setTimeout(() => process.exit(0), 10));
}
