import type { PlanProblem } from "../core/plan.ts";
import type { Requester } from "./context.ts";

/** What forbids this requester to let workers start: it works in a run that is nested as deep as runs may be. */
export function tooDeep({ nesting }: Requester): PlanProblem | undefined {
  if (nesting === undefined || nesting.depth < nesting.depthMax) return undefined;
  return {
    where: "depth",
    message: `this session is ${nesting.depth} runs deep, and runs may be nested ${nesting.depthMax} deep`,
    remedy: "do the work here, without a team; or raise depthMax (PI_MUSTER_MAX_DEPTH) if nesting is wanted",
  };
}
