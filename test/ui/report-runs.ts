import fc from "fast-check";
import type { Usage } from "../../src/core/outcome.ts";
import type { PlannedTask } from "../../src/core/plan.ts";
import type { ReportMaterial } from "../../src/core/report.ts";
import { runView } from "../../src/core/run-view.ts";
import { History } from "../core/history.ts";
import { walk } from "../core/walk.ts";
import { agent, type completed, failed, plan, result, task, terms } from "../support/plan.ts";
import { Random } from "../support/random.ts";
import { anyText, anyView } from "./arbitrary.ts";
import { worked } from "./worked.ts";

const start = Date.parse("2026-11-21T09:00:00Z");
const room = { workers: 9, writer: true };

/** What a report of this history is made of. */
export function materialOf(history: History, change: Partial<ReportMaterial> = {}): ReportMaterial {
  const view = runView(history.state, history.now);
  if (view === undefined) throw new Error("not started");
  return {
    ...{ view, events: history.events, transcripts: new Map(), results: new Map() },
    ...{ driver: "none", problems: [], directory: "/project/.muster/runs/r", now: history.now },
    ...change,
  };
}

function spent(input: number, output: number, cost: number): Usage {
  return { input, output, cacheRead: input * 4, cacheWrite: output * 2, cost, turns: 5 };
}

/** A conversation with a tool call, a diff and a refusal in it. */
export function conversation(words: string): string {
  const tool = {
    type: "toolCall",
    id: "1",
    name: "edit",
    arguments: { path: "src/cart.js", edits: [words] },
  };
  const details = { diff: `  7 total(items) {\n- 8   return 0\n+ 8   return sum(items) // ${words}` };
  const records = [
    { type: "message_end", message: { role: "user", content: [{ type: "text", text: `Do it. ${words}` }] } },
    { type: "message_end", message: { role: "assistant", content: [{ type: "text", text: words }, tool] } },
    {
      type: "message_end",
      message: {
        ...{ role: "toolResult", toolName: "edit", toolCallId: "1" },
        ...{ content: [{ type: "text", text: words }], details },
      },
    },
    { type: "tool_refused", tool: "bash", reason: words },
    { type: "cut", dropped: 3 },
  ];
  return records.map((record) => JSON.stringify(record)).join("\n");
}

/** A run with everything in it: parallel work, a retry, a question, a stop, a failure, what was skipped, usage, files. */
export function busyRun(words = "the voucher takes too little off the cart"): ReportMaterial {
  const of = (id: string, role: string, before: readonly string[], change: Partial<PlannedTask> = {}) =>
    task(id, before, { role, agent: role, prompt: `As ${role}: ${words}`, ...change });
  const tasks = [
    ...["explore-cart", "explore-tests", "explore-history"].map((id) => of(id, "explorer", [])),
    of("plan", "planner", ["explore-cart", "explore-tests", "explore-history"]),
    of("execute", "executor", ["plan"], { writes: ["src/**"] }),
    of("docs", "writer", ["plan"], { writes: ["docs/**"] }),
    of("review", "reviewer", ["execute"]),
    of("security-review", "security-reviewer", ["execute"], { retries: 0 }),
    of("verify", "verifier", ["review", "security-review", "docs"]),
  ];
  const names = [...new Set(tasks.map((each) => each.agent))];
  const agents = Object.fromEntries(names.map((name) => [name, { ...agent, name }]));
  const draft = { ...plan(...tasks), goal: `Make the shop right: ${words}`, team: "implementation", agents };
  const history = new History();
  history.now = start;
  const begin = terms({ runId: "20261121-090000-000-abcde" });
  history.command({ kind: "start", id: "start", plan: draft, terms: begin }, room);
  const after = (seconds: number, command: Parameters<History["command"]>[0]): void => {
    history.now += seconds * 1_000;
    history.command(command, room);
  };
  const end = (seconds: number, id: string, attempt: number, outcome: ReturnType<typeof completed>): void =>
    after(seconds, { kind: "ended", task: id, attempt, outcome });
  const done = (text: string, usage: Usage, model = "acme/large") =>
    ({ kind: "completed", model, usage, result: { ...result(text), artifacts: files } }) as const;
  const files = [
    { name: "notes.md", path: "explore-cart-1/notes.md", bytes: 1_234, sha256: "ab".repeat(32) },
  ];
  end(42, "explore-cart", 1, done(`Found: ${words}`, spent(12_000, 900, 0.04), "acme/small"));
  end(9, "explore-tests", 1, failed({ cause: "timeout", message: words, usage: spent(2_000, 80, 0.01) }));
  end(20, "explore-history", 1, done("Nothing odd.", spent(8_000, 400, 0.03), "acme/small"));
  after(4, { kind: "tick" });
  end(38, "explore-tests", 2, done("Two tests cover it.", spent(9_000, 700, 0.03), "acme/small"));
  end(55, "plan", 1, done("1. Fix total\n2. Test", spent(15_000, 2_100, 0.12)));
  const asked = { id: "q1", to: "lead", kind: "question", text: `May I? ${words}` } as const;
  after(60, { kind: "wrote", task: "execute", attempt: 1, mail: { ...asked, options: ["yes", "no"] } });
  const owner = { sessionId: "session-1" };
  after(75, { kind: "respond", id: "r1", by: "session-1", question: "q1", text: `Yes: ${words}`, owner });
  end(90, "execute", 1, done(`Changed src/cart.js: ${words}`, spent(64_000, 8_200, 0.61)));
  end(45, "docs", 1, done("Described it.", spent(9_000, 1_400, 0.08)));
  const message = `it says: ${words}`;
  end(
    30,
    "security-review",
    1,
    failed({ cause: "stuck", retryable: false, message, usage: spent(7_000, 300, 0.05) }),
  );
  end(20, "review", 1, done("Looks right.", spent(20_000, 1_000, 0.1)));
  after(1, { kind: "tick" });
  const transcripts = new Map([
    ["execute/1", [conversation(words), ...worked(words)].join("\n")],
    ["explore-cart/1", conversation(words)],
  ]);
  return materialOf(history, { transcripts, results: new Map([["plan", `The whole plan. ${words}`]]) });
}

/** Runs of every shape, with texts of every kind in every place. */
export const anyMaterial: fc.Arbitrary<ReportMaterial> = fc.oneof(
  fc.record({ view: anyView, text: anyText }).map(({ view, text }) => ({
    ...busyRun(text),
    view: { ...view, reason: text },
    problems: [{ where: text, message: text, remedy: text }],
    directory: text,
  })),
  anyText.map((text) => busyRun(text)),
  fc.integer({ min: 1, max: 300 }).map((seed) => {
    const { history } = walk(new Random(seed));
    return history.state.status === "queued" ? busyRun() : materialOf(history);
  }),
);
