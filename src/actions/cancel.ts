import { isFinalRun } from "../core/status.ts";
import { cancelAndWait } from "./await-run.ts";
import type { Perform } from "./context.ts";
import { observe } from "./observe.ts";
import { aboutRun, refusal } from "./result.ts";

/** Ends a run that is named, from whatever session; being asked to end what is over already is no failure. */
export const cancel: Perform = async ({ run, reason = "" }, context) => {
  if (run === undefined) {
    const remedy = 'name it: run="last" for the newest, or an id from team list';
    const problem = { where: "run", message: "which run is to end is not said", remedy };
    return refusal([problem], "nothing was ended");
  }
  const observed = await observe({ run }, context);
  if (!observed.ok) return refusal(observed.problems, "nothing was ended");
  const { view } = observed;
  if (isFinalRun(view.status)) {
    const text = `Run ${view.runId} is over already (${view.status}); there is nothing to end.`;
    return aboutRun(true, view, text, context);
  }
  const ended = await cancelAndWait(view.runId, context, context.redact(reason));
  return ended.details.status === "cancelled" ? { ...ended, ok: true } : ended;
};
