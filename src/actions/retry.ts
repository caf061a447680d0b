import type { Continuation } from "../core/events.ts";
import { AlreadyContinued } from "../core/failure.ts";
import type { PlanProblem } from "../core/plan.ts";
import { countOf, oneLine } from "../lib/wording.ts";
import type { ActionContext, Perform, Performed } from "./context.ts";
import { ownerOf } from "./foreign.ts";
import { tooDeep } from "./nesting.ts";
import { type Observed, observe, onRun } from "./observe.ts";
import { aboutRun, refusal } from "./result.ts";
import { awaitRun } from "./wait.ts";

/** Tasks that are named with their reasons. */
const namedMax = 30;

/** Does a failed or cancelled run once more, as a new run of the session that asks, without what finished in the old one. */
export const retry: Perform = async ({ run, background }, context) => {
  const deep = tooDeep(context.requester);
  if (deep !== undefined) return refusal([deep], "nothing was retried");
  const observed = await observe({ run: run ?? "last" }, context);
  if ("message" in observed) return refusal([observed]);
  const { problem = whyNot(observed) } = observed;
  if (problem !== undefined) return refusal([problem]);
  return retried(observed, isBackground(background, observed, context), context);
};

/** Whether what goes on does so in the background: as asked; otherwise where nobody waits for it, as it did before. */
export function isBackground(
  asked: boolean | undefined,
  { view }: Pick<Observed, "view">,
  { returnsAtOnce = false }: ActionContext,
): boolean {
  return asked ?? (returnsAtOnce && view.background);
}

/** What stands against retrying this run; it was retried already where another run goes on with it. */
function whyNot({ view, others }: Observed): PlanProblem | undefined {
  const { runId, status } = view;
  const problem = (message: string, remedy: string): PlanProblem => ({ where: "run", message, remedy });
  if (status === "completed")
    return problem(`run ${runId} is completed: nothing is left to retry`, "team run starts a new one");
  if (status !== "failed" && status !== "cancelled")
    return problem(
      `run ${runId} is ${status}, not over`,
      `team resume run=${runId} goes on with one that stands still; team cancel run=${runId} ends it`,
    );
  const next = others.find((one) => "manifest" in one && one.manifest.continuedFrom === runId);
  if (next === undefined || !("manifest" in next)) return undefined;
  const { manifest } = next;
  const isUnfinished = manifest.status === "failed" || manifest.status === "cancelled";
  return problem(
    `run ${runId} was retried already, as run ${next.runId}, which is ${manifest.status}`,
    isUnfinished
      ? `team retry run=${next.runId}, which keeps more`
      : `team status run=${next.runId} shows it`,
  );
}

/** Starts the new run and, unless somebody else waits, waits for it. The run must be failed or cancelled. */
export async function retried(
  observed: Observed,
  background: boolean,
  context: ActionContext,
): Promise<Performed> {
  const stands = whyNot(observed);
  if (stands !== undefined) return refusal([stands]);
  const { origin, trusted } = context.requester;
  const owner = ownerOf(context.requester);
  const change = { owner, origin, background, trusted };
  const made = await context.engine.retry(observed.view.runId, change).catch((error: unknown) => {
    if (error instanceof AlreadyContinued) return error;
    throw error;
  });
  if (made instanceof AlreadyContinued) {
    const remedy = `team status run=${made.by} shows it; team resume run=${made.by} drives it if nobody does`;
    return refusal([{ where: "run", message: made.message, remedy }]);
  }
  const { runId, continued } = made;
  const head = reuseText(runId, continued);
  const performed = await (background || context.returnsAtOnce
    ? onRun({ run: runId }, context, ({ view }) =>
        aboutRun(true, view, `It is under way. Look: team status run=${runId}.`, context),
      )
    : awaitRun(runId, context, "cancel"));
  return { ...performed, text: `${head}\n\n${performed.text}` };
}

/** What the new run need not do, and what it does again, with the reasons. */
function reuseText(runId: string, { from, reused, again }: Continuation): string {
  const names = reused.slice(0, namedMax).map(({ task }) => task);
  const lines = again.slice(0, namedMax).map(({ task, why }) => `- ${task}: ${oneLine(why, 200)}`);
  const hidden = again.length - lines.length;
  return [
    `Run ${runId} goes on where run ${from} ended: ${countOf(reused.length, "finished task")} reused${names.length > 0 ? ` (${names.join(", ")}${reused.length > names.length ? ", …" : ""})` : ""}, ${again.length} to do:`,
    ...lines,
    ...(hidden > 0 ? [`- and ${hidden} more`] : []),
  ].join("\n");
}
