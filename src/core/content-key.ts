import { canonicalJson } from "./canonical.ts";
import type { AttemptResult } from "./outcome.ts";
import type { TaskId } from "./plan.ts";
import { type StartedRun, taskAt } from "./state.ts";

/**
 * The content key of every task whose inputs are known: hash(prompt, agent, model, keys and outputs of its dependencies).
 * Two finished tasks with one key did the same work, so a continued run need not do it again. `hash` maps text to a hex
 * digest. Tasks behind an unfinished dependency have no key yet and are absent.
 */
export function contentKeys(state: StartedRun, hash: (text: string) => string): ReadonlyMap<TaskId, string> {
  const keys = new Map<TaskId, string>();
  const keyOf = (id: TaskId): string | undefined => {
    const known = keys.get(id);
    if (known !== undefined) return known;
    const found = taskAt(state, id);
    if (found === undefined) return undefined;
    const inputs: unknown[] = [];
    for (const dependency of found.planned.dependsOn) {
      const key = keyOf(dependency);
      const result = resultOf(state, dependency);
      if (key === undefined || result === undefined) return undefined;
      inputs.push([dependency, key, result.sha256]);
    }
    const {
      dependsOn: _dependsOn,
      retries: _retries,
      attemptMaxMs: _attemptMaxMs,
      roleMax: _roleMax,
      ...definition
    } = found.planned;
    const agent = state.plan.agents[found.planned.agent];
    const key = hash(
      canonicalJson({ goal: state.plan.goal, definition, agent, lead: state.terms.model, inputs }),
    );
    keys.set(id, key);
    return key;
  };
  for (const task of state.plan.tasks) keyOf(task.id);
  return keys;
}

function resultOf(state: StartedRun, id: TaskId): AttemptResult | undefined {
  const task = taskAt(state, id)?.task;
  return task?.status === "completed" ? task.result : undefined;
}
