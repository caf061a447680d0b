import { awaitRun } from "./await-run.ts";
import type { Perform } from "./context.ts";
import { onRun } from "./observe.ts";

/** Esc ends what belongs to this session; a background or foreign run only loses one who waits. */
export const wait: Perform = (parameters, context) =>
  onRun(parameters, context, ({ view }) => {
    const isOwn = !view.background && view.owner.sessionId === context.requester.sessionId;
    return awaitRun(view.runId, context, isOwn ? "cancel" : "leave");
  });
