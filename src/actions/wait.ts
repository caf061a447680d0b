import type { Action } from "./action.ts";
import { awaitRun } from "./await-run.ts";
import { observe } from "./observe.ts";
import { refusal } from "./result.ts";

export const wait: Action = {
  name: "wait",
  group: "watch",
  summary: "wait for a run's end (default: last)",
  parameters: ["run"],
  rest: "run",
  async run(parameters, context) {
    const observation = await observe(parameters.run ?? "last", context);
    if (!observation.ok) return refusal("wait", observation.problems, "nothing to wait for");
    const { view } = observation.run;
    // Esc ends what belongs to this session; a background or foreign run only loses one who waits.
    const isOwn = !view.background && view.owner.sessionId === context.requester.sessionId;
    return awaitRun("wait", view.runId, context, isOwn ? "cancel" : "leave");
  },
};
