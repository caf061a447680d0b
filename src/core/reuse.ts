import { contentKeys, recordedWork } from "./content-key.ts";
import type { Continuation, ReusedTask } from "./events.ts";
import { graphOf } from "./graph.ts";
import type { AttemptResult } from "./outcome.ts";
import type { Plan, TaskId } from "./plan.ts";
import { type StartedRun, type TaskState, taskAt } from "./state.ts";

/** What a new run of this plan under this lead's model takes over from an old one. */
export interface ReuseTerms {
  readonly plan: Plan;
  readonly model: string | undefined;
  /** Maps text to a hex digest. */
  readonly hash: (text: string) => string;
  /** Takes a task's files over; false where they are not what the journal says. Asked only for what is to be reused. */
  readonly adopt: (task: TaskId, attempt: number, result: AttemptResult) => Promise<boolean>;
}

/** Reuses every finished task whose content key is unchanged and whose files are whole; says why of each other task. */
export async function reuse(old: StartedRun, terms: ReuseTerms): Promise<Continuation> {
  const { plan, model, hash, adopt } = terms;
  const recorded = recordedWork(old);
  const before = contentKeys(recorded, hash);
  // A task counts only where all that it builds on is reused: then it would be given these very results.
  const now = contentKeys({ ...recorded, plan, model }, hash);
  const reused = new Map<TaskId, ReusedTask>();
  const again: { task: TaskId; why: string }[] = [];
  const why = async (id: TaskId, dependsOn: readonly TaskId[]): Promise<string | undefined> => {
    const task = taskAt(old, id)?.task;
    if (task?.status !== "completed") return task === undefined ? "it is new" : unfinished(task);
    const upstream = dependsOn.find((dependency) => !reused.has(dependency));
    if (upstream !== undefined) return `${upstream}, which it builds on, is done again`;
    if (now.get(id) !== before.get(id)) return "it is another task now";
    if (!(await adopt(id, task.attempt, task.result))) return "what it left behind is not there any more";
    const { result, reusedFrom: run = old.terms.runId, model: used } = task;
    reused.set(id, { task: id, run, result, ...(used !== undefined && { model: used }) });
    return undefined;
  };
  for (const { id, dependsOn } of inOrder(plan)) {
    const reason = await why(id, dependsOn);
    if (reason !== undefined) again.push({ task: id, why: reason });
  }
  const isApproved = old.proposedAt === undefined && old.plan.hash === plan.hash;
  return { from: old.terms.runId, ...(isApproved && { isApproved }), reused: [...reused.values()], again };
}

function unfinished(task: TaskState): string {
  if (task.status === "failed") return `it failed (${task.cause})`;
  return task.attempts > 0 ? `it was ${task.status}` : "it was never done";
}

/** Dependencies before dependents. */
function inOrder({ tasks }: Plan): Plan["tasks"] {
  const { height } = graphOf(tasks);
  return tasks
    .map((task, index) => ({ task, height: height[index] ?? 0 }))
    .sort((a, b) => b.height - a.height)
    .map(({ task }) => task);
}
