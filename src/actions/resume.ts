import { isAbandoned } from "../core/abandoned.ts";
import { evolve, fold } from "../core/evolve.ts";
import type { PlanProblem } from "../core/plan.ts";
import { mayLive } from "../core/process.ts";
import { isFinalRun } from "../core/status.ts";
import type { RunView } from "../core/view.ts";
import type { ActionContext, Perform } from "./context.ts";
import { ownerOf, unforced } from "./foreign.ts";
import { tooDeep } from "./nesting.ts";
import { type Observed, observe, onRun } from "./observe.ts";
import { aboutRun, refusal } from "./result.ts";
import { isBackground, retried } from "./retry.ts";
import { awaitRun } from "./wait.ts";

/** A new driver starts in a fraction of this. */
const takenMaxMs = 30_000;

/** Goes on with a run that is parked, or that lost its driver or never got one; it belongs to the session that asks from then on. */
export const resume: Perform = async (parameters, context) => {
  const { run, reason = "" } = parameters;
  const deep = tooDeep(context.requester);
  if (deep !== undefined) return refusal([deep], "nothing was resumed");
  const observed = await observe({ run: run ?? "last" }, context);
  if ("message" in observed) return refusal([observed]);
  const { view, problem } = observed;
  if (problem !== undefined) return refusal([problem]);
  const background = isBackground(parameters.background, observed, context);
  // Final is final: what goes on is a new run that keeps what is finished.
  if (isFinalRun(view.status)) return retried(observed, background, context);
  const obstacles = await takeoverObstacles(view, context);
  const isTakeover = obstacles.length > 0 && parameters.force === true;
  const problems = unforced(obstacles, parameters);
  const standing = isTakeover ? undefined : whyNot(observed);
  if (standing !== undefined) return refusal([standing, ...problems]);
  if (problems.length > 0) return refusal(problems);
  const { runId } = view;
  const { engine, newId, requester } = context;
  const id = newId();
  await engine.send(runId, {
    ...{ id, kind: "resume", owner: ownerOf(requester), background },
    reason: context.redact(reason),
    ...(!parameters.force && { from: view.owner }),
  });
  const message = await taken(observed, context, id);
  if (message !== undefined) {
    const remedy = `team status run=${runId} shows it; force=true and reason="…" take it`;
    return refusal([{ where: "run", message, remedy }]);
  }
  if (!background && !context.returnsAtOnce) return awaitRun(runId, context, "cancel");
  return onRun({ run: runId }, context, ({ view: now }) => {
    const isOver = isFinalRun(now.status);
    const text = isOver ? `Run ${runId} is over: it is ${now.status}.` : `Run ${runId} goes on.`;
    return aboutRun(!isOver, now, `${text} Look: team status run=${runId}.`, context);
  });
};

function whyNot({ view: { runId, status }, driver }: Observed): PlanProblem | undefined {
  if (status === "blocked" || (status === "waiting" && !mayLive(driver)) || isAbandoned(status, driver))
    return undefined;
  const message = `run ${runId} is ${status} and being driven`;
  return { where: "run", message, remedy: `team wait run=${runId} waits for its end` };
}

/** A run of a session that lives is not taken from it by mistake. */
async function takeoverObstacles(
  { runId, owner, status }: RunView,
  { requester, probe }: ActionContext,
): Promise<readonly string[]> {
  if (owner.sessionId === requester.sessionId) return [];
  // Which host asked for it is on record with its first driver, who may be on the way.
  if (status === "queued") return [`run ${runId} belongs to session ${owner.sessionId}, and has not begun`];
  if (owner.host === undefined) return [];
  if ((await probe?.(owner.host)) !== "alive") return [];
  return [`run ${runId} belongs to session ${owner.sessionId}, whose host is alive (pid ${owner.host.pid})`];
}

/**
 * Resolves once somebody drives the run that was observed at rest, and has heard the request to go on with it (its id),
 * if there is one; or when no driver took it in time. A text says why the request was refused.
 */
export async function taken(
  { view: { runId }, events }: Observed,
  context: ActionContext,
  request?: string,
): Promise<string | undefined> {
  const { engine, clock, requester } = context;
  const stop = new AbortController();
  const goesOn = async (): Promise<string | undefined> => {
    let state = fold(events);
    for await (const event of engine.follow(runId, state.seq + 1, stop.signal)) {
      state = evolve(state, event);
      if (event.type === "request.refused" && event.request === request) return event.reason;
      if (state.status === "blocked" || state.status === "queued") continue;
      const isHeard = request === undefined || state.requests.includes(request) || isFinalRun(state.status);
      if (isHeard || state.terms.owner.sessionId === requester.sessionId) return undefined;
    }
    return undefined;
  };
  try {
    return await Promise.race([goesOn(), clock.sleep(takenMaxMs, stop.signal).then(() => undefined)]);
  } finally {
    stop.abort();
  }
}
