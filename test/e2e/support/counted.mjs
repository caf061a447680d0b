// Stands in for the host as a worker (PI_MUSTER_PI_BIN): does its task at once, and counts the workers that are alive with
// it by files in COUNTED_DIRECTORY: `alive/<pid>` while it lives, one line a life in `seen`, and its run and task in `lives`.
// A task that says "wait N ms" takes that long.
import { appendFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const directory = process.env.COUNTED_DIRECTORY ?? "";
const alive = join(directory, "alive");
mkdirSync(alive, { recursive: true });
writeFileSync(join(alive, String(process.pid)), "");
appendFileSync(join(directory, "seen"), `${readdirSync(alive).length}\n`);

const { runId, task } = JSON.parse(process.env.PI_MUSTER_ASSIGNMENT ?? "");
appendFileSync(join(directory, "lives"), `${runId} ${task}\n`);
/** @param {object} event */
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const statusText = JSON.stringify({
  ready: true,
  tools: ["submit_result", "ask", "send"],
  model: "test/model",
});
say({ type: "extension_ui_request", id: "r", method: "setStatus", statusKey: "pi-muster", statusText });

const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, cost: { total: 0 } };
const message = {
  ...{ role: "assistant", provider: "test", model: "model", timestamp: 1, stopReason: "stop", usage },
  content: [{ type: "text", text: `${task} is done` }],
};
let rest = "";
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) answer(JSON.parse(line));
});
process.stdin.on("end", () => {
  rmSync(join(alive, String(process.pid)));
  process.exit(0);
});

/** @param {{ id: string, type: string, message?: string }} command */
function answer({ id, type, message: prompt }) {
  const data = { isStreaming: false, isCompacting: false, pendingMessageCount: 0 };
  say({ id, type: "response", command: type, success: true, data });
  if (type !== "prompt") return;
  say({ type: "agent_start" });
  const waitMs = Number(/wait (\d+) ms/.exec(prompt ?? "")?.[1] ?? 0);
  setTimeout(finish, waitMs);
}

/** Only newer hosts are asked to approve, and only they announce that nothing will follow. */
const isNew = process.argv.some((argument) => /^--(no-)?approve$/.test(argument));

function finish() {
  say({ type: "message_end", message });
  say({ type: "agent_end", messages: [message] });
  if (isNew) say({ type: "agent_settled" });
}
