import type { Request } from "./commands.ts";
import type { Draft } from "./draft.ts";
import { letterOf, planApproval } from "./letters.ts";
import type { Mail } from "./mail.ts";
import type { PlannedTask } from "./plan.ts";
import { planLines } from "./plan-text.ts";
import type { Done, StartedRun } from "./state.ts";
import { isFinalRun } from "./status.ts";

/** Tasks of a plan that whoever approves it is shown with the question. */
const tasksMax = 60;
/** Characters of a result that whoever approves it is shown with the question. */
const headMax = 600;

/** Asks for whatever waits for approval and was not asked for yet; false when there is nothing to ask for. */
export function requestApprovals(draft: Draft): boolean {
  const { state } = draft;
  if (state.status === "queued" || isFinalRun(state.status) || state.cancel !== undefined) return false;
  const { proposedAt, revision, plan, counts } = state;
  if (proposedAt === undefined && counts.waiting === 0) return false;
  const missing: Mail[] = [];
  const plans = planApproval(revision);
  if (proposedAt !== undefined && letterOf(state, plans) === undefined) missing.push(planMail(state, plans));
  for (const [index, planned] of plan.tasks.entries()) {
    const task = planned.gate === undefined ? undefined : state.tasks.get(index);
    if (task?.status !== "waiting" || task.done === undefined) continue;
    if (letterOf(state, task.question) !== undefined) continue;
    missing.push(stepMail(state, planned, index, task.question, task.done));
  }
  for (const mail of missing) draft.add({ type: "mail.posted", mail });
  return missing.length > 0;
}

/** Puts another plan in the place of the one that waits for approval, if it is still that one. */
export function revise(
  draft: Draft,
  state: StartedRun,
  { id: request, by, revision, plan }: Extract<Request, { kind: "revise" }>,
): void {
  if (state.requests.includes(request) || state.refusals.has(request)) return;
  const reason = staleRevision(state, revision) ?? reuseLost(state);
  draft.add(
    reason === undefined
      ? { type: "plan.revised", request, revision: revision + 1, plan, by }
      : { type: "request.refused", request, reason },
  );
}

/** Why this revision of the plan can be neither approved nor edited; undefined when it waits for that. */
export function staleRevision(state: StartedRun, revision: number): string | undefined {
  if (state.cancel !== undefined) return "the run is being cancelled";
  if (revision !== state.revision)
    return `that is about revision ${revision}, and the plan is at revision ${state.revision} now`;
  return state.proposedAt === undefined ? "the plan waits for no approval" : undefined;
}

function reuseLost({ counts, plan, continuedFrom }: StartedRun): string | undefined {
  if (counts.pending === plan.tasks.length) return undefined;
  return `the run keeps what run ${continuedFrom} has finished of this plan: cancel it, and run another one`;
}

function planMail({ plan, revision, terms }: StartedRun, id: string): Mail {
  const { goal, team, workflow, tasks } = plan;
  const named = [team && `team ${team}`, workflow && `workflow ${workflow}`].filter(Boolean).join(", ");
  const text = [
    `revision ${revision}${named && ` of ${named}`}, ${tasks.length} task${tasks.length === 1 ? "" : "s"}, at most ${terms.settings.concurrency} at once; nothing has started.`,
    `Goal: ${goal.slice(0, headMax).toWellFormed()}`,
    ...planLines(plan, terms.model, tasksMax),
  ].join("\n");
  return { id, from: "muster", to: "lead", kind: "approval", text, about: { kind: "plan", revision } };
}

function stepMail(
  state: StartedRun,
  { id }: PlannedTask,
  index: number,
  question: string,
  { result }: Done,
): Mail {
  const after = state.graph.dependents[index] ?? [];
  const waiting = after.flatMap((dependent) => state.plan.tasks[dependent]?.id ?? []);
  const wait = waiting.length === 1 ? "waits" : "wait";
  const then = waiting.length === 0 ? "" : `, and ${waiting.join(", ")} ${wait} for it`;
  const head = result.text.slice(0, headMax).toWellFormed();
  const more =
    head.length < result.text.length || result.truncated ? `… (the rest: team get task=${id})` : "";
  const text = `it is done${then}.\nIts result:\n${head}${more}`;
  return { id: question, from: id, to: "lead", kind: "approval", text, about: { kind: "step" } };
}
