import type { Cause } from "./outcome.ts";
import type { TaskId } from "./plan.ts";
import type { Escalation } from "./process.ts";
import type { RunState } from "./state.ts";
import { attemptKey, liveAttemptOf } from "./state.ts";

/** Work that ought to be in progress. Derived from the state, so nothing is forgotten when a process dies between deciding and doing. */
export type Effect =
  | {
      readonly kind: "work";
      readonly key: string;
      readonly task: TaskId;
      readonly attempt: number;
      readonly model?: string;
      /** The step against its silence that the worker is to have been told of. */
      readonly escalation?: Escalation;
    }
  | {
      readonly kind: "stop";
      readonly key: string;
      readonly task: TaskId;
      readonly attempt: number;
      readonly cause: Cause;
    };

/** One effect for each attempt that lives: to be worked on, or to be stopped. */
export function effects(state: RunState): readonly Effect[] {
  if (state.status === "queued") return [];
  return state.active.flatMap((index): Effect[] => {
    const task = state.tasks.get(index);
    const planned = state.plan.tasks[index];
    const attempt = liveAttemptOf(task);
    if (planned === undefined || attempt === undefined) return [];
    const { number, model, escalation } = attempt;
    const key = attemptKey(planned.id, number);
    if (task?.status === "stopping")
      return [{ kind: "stop", key, task: planned.id, attempt: number, cause: task.cause }];
    const options = {
      ...(model !== undefined && { model }),
      ...(escalation !== undefined && { escalation }),
    };
    return [{ kind: "work", key, task: planned.id, attempt: number, ...options }];
  });
}
