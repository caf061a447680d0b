import { isFinalRun } from "../core/status.ts";
import type { Action } from "./action.ts";
import { cancelAndWait } from "./await-run.ts";
import { observe } from "./observe.ts";
import { aboutRun, refusal } from "./result.ts";

export const cancel: Action = {
  name: "cancel",
  group: "end",
  summary: "end a run and all its processes, from any session",
  parameters: ["run", "reason"],
  rest: "run",
  async run(parameters, context) {
    if (parameters.run === undefined) {
      const remedy = 'name it: run="last" for the newest, or an id from team list';
      return refusal(
        "cancel",
        [{ where: "run", message: "which run is to end is not said", remedy }],
        "nothing was ended",
      );
    }
    const observation = await observe(parameters.run, context);
    if (!observation.ok) return refusal("cancel", observation.problems, "nothing was ended");
    const { view } = observation.run;
    if (isFinalRun(view.status)) {
      const text = `Run ${view.runId} is over already (${view.status}); there is nothing to end.`;
      return aboutRun("cancel", true, view, text, context);
    }
    return cancelAndWait("cancel", view.runId, context, context.redact(parameters.reason ?? ""));
  },
};
