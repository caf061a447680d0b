import { isFinalRun } from "../core/status.ts";
import type { Perform } from "./context.ts";
import { observe } from "./observe.ts";
import { aboutRun, refusal } from "./result.ts";
import { cancelAndWait } from "./wait.ts";

/** Ends a run that is named, from whatever session; being asked to end what is over already is no failure. */
export const cancel: Perform = async ({ run, reason = "" }, context) => {
  const remedy = 'name it: run="last" for the newest, or an id from team list';
  if (run === undefined)
    return refusal([{ where: "run", message: "which run is to end is not said", remedy }]);
  const observed = await observe({ run }, context);
  if ("message" in observed) return refusal([observed]);
  const { view } = observed;
  if (isFinalRun(view.status)) {
    const text = `Run ${view.runId} is over already (${view.status}); there is nothing to end.`;
    return aboutRun(true, view, text, context);
  }
  const ended = await cancelAndWait(view.runId, context, context.redact(reason));
  return ended.details.status === "cancelled" ? { ...ended, ok: true } : ended;
};
