import type { RunTerms } from "../../src/core/events.ts";
import type { AttemptOutcome, AttemptResult } from "../../src/core/outcome.ts";
import { noUsage } from "../../src/core/outcome.ts";
import type { AgentSpec, Plan, PlannedTask } from "../../src/core/plan.ts";
import { defaultSettings, type Settings } from "../../src/core/settings.ts";

export const agent: AgentSpec = {
  name: "explorer",
  description: "looks around",
  source: "builtin",
  systemPrompt: "You look around.",
  systemPromptMode: "append",
  excludeTools: [],
  skills: [],
  extensions: [],
  permission: "read",
};

/** A task with every default filled in. */
export function task(
  id: string,
  dependsOn: readonly string[] = [],
  change: Partial<PlannedTask> = {},
): PlannedTask {
  return {
    id,
    agent: "explorer",
    prompt: `do ${id}`,
    dependsOn,
    models: [],
    writes: "none",
    reads: [],
    verify: false,
    retries: 1,
    attemptMaxMs: 7_200_000,
    ...change,
  };
}

/** A plan of these tasks, all done by one agent. */
export function plan(...tasks: readonly PlannedTask[]): Plan {
  return { goal: "the goal", agents: { explorer: agent }, tasks, hash: "0".repeat(64) };
}

/** Tasks in layers of `width`; each depends on two of the layer above. */
export function layeredPlan(layers: number, width: number): Plan {
  const tasks: PlannedTask[] = [];
  for (let layer = 0; layer < layers; layer++) {
    for (let at = 0; at < width; at++) {
      const above =
        layer === 0 ? [] : [...new Set([at, (at + 1) % width])].map((other) => `t${layer - 1}-${other}`);
      tasks.push(task(`t${layer}-${at}`, above));
    }
  }
  return plan(...tasks);
}

/** The terms of a session-bound run, trusted, with the default settings. */
export function terms(change: Partial<RunTerms> = {}, settings: Partial<Settings> = {}): RunTerms {
  return {
    runId: "20260101-000000-test",
    cwd: "/project",
    owner: { sessionId: "session-1" },
    origin: { kind: "user", id: "test" },
    background: false,
    trusted: true,
    settings: { ...defaultSettings, ...settings },
    ...change,
  };
}

/** What a worker submitted. */
export function result(text: string): AttemptResult {
  return {
    text,
    bytes: Buffer.byteLength(text),
    truncated: false,
    sha256: `sha-${text}`,
    form: "submitted",
    artifacts: [],
  };
}

/** A completed outcome with this text. */
export function completed(text = "done"): AttemptOutcome {
  return { kind: "completed", result: result(text), usage: noUsage };
}

/** A failure that another try could mend. */
export function failed(change: Partial<Extract<AttemptOutcome, { kind: "failed" }>> = {}): AttemptOutcome {
  return {
    kind: "failed",
    cause: "self_exit",
    retryable: true,
    provider: false,
    message: "exit 1",
    usage: noUsage,
    ...change,
  };
}
