import { canonicalJson } from "./canonical.ts";
import type { AttemptResult } from "./outcome.ts";
import type { Plan, PlannedTask, TaskId } from "./plan.ts";
import { type StartedRun, taskAt } from "./state.ts";

/** What content keys are made of. */
export interface KeyedWork {
  readonly plan: Plan;
  /** The lead's model, used where a task names none. */
  readonly model: string | undefined;
  /** What a finished task left; undefined for others. */
  readonly resultOf: (id: TaskId) => AttemptResult | undefined;
}

/** The work of a run as its journal tells it. */
export function recordedWork(state: StartedRun): KeyedWork {
  const resultOf = (id: TaskId): AttemptResult | undefined => {
    const task = taskAt(state, id)?.task;
    return task?.status === "completed" ? task.result : undefined;
  };
  return { plan: state.plan, model: state.terms.model, resultOf };
}

/**
 * The content key of every task whose inputs are known: hash(prompt, agent, model, keys and outputs of its dependencies).
 * Two finished tasks with one key did the same work, so a continued run need not do it again. `hash` maps text to a hex
 * digest. Tasks behind an unfinished dependency have no key yet and are absent.
 */
export function contentKeys(
  { plan, model, resultOf }: KeyedWork,
  hash: (text: string) => string,
): ReadonlyMap<TaskId, string> {
  const keys = new Map<TaskId, string>();
  const planned = new Map(plan.tasks.map((task) => [task.id, task]));
  const keyOf = (task: PlannedTask): string | undefined => {
    const known = keys.get(task.id);
    if (known !== undefined) return known;
    const inputs: unknown[] = [];
    for (const id of task.dependsOn) {
      const dependency = planned.get(id);
      const key = dependency && keyOf(dependency);
      const result = resultOf(id);
      if (key === undefined || result === undefined) return undefined;
      inputs.push([id, key, result.sha256]);
    }
    const {
      dependsOn: _dependsOn,
      retries: _retries,
      attemptMaxMs: _attemptMaxMs,
      roleMax: _roleMax,
      ...definition
    } = task;
    const agent = plan.agents[task.agent];
    const key = hash(canonicalJson({ goal: plan.goal, definition, agent, lead: model, inputs }));
    keys.set(task.id, key);
    return key;
  };
  for (const task of plan.tasks) keyOf(task);
  return keys;
}
