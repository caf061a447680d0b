import type { ExtensionContext } from "@mariozechner/pi-coding-agent";
import type { ActionResult } from "../actions/context.ts";
import type { Clock } from "../core/ports.ts";
import { abortsFirst } from "./mode.ts";
import type { Call, LiveSession } from "./session.ts";

/** How often the host is looked at, and how long an idle one may take to say that the session ends, ms. */
const lookMs = 100;
const endsWithinMs = 1_000;

/**
 * Performs what a tool call asks for. Esc cancels the run that it waits for, and the call returns when that is done. Hosts
 * that abort a call first, wait for it, and only then say that the session ends are answered at once; the run is cancelled
 * when the abort turns out to have been an Esc.
 */
export function performUntilInterrupted(
  session: LiveSession,
  ctx: ExtensionContext,
  action: string,
  raw: unknown,
  call: Call,
  clock: Clock,
): Promise<ActionResult> {
  const { signal, onProgress } = call;
  if (signal === undefined || !abortsFirst(ctx)) return session.perform(action, { raw }, call);
  let held: string | undefined;
  const over = new AbortController();
  const work = session.perform(
    action,
    { raw },
    {
      origin: call.origin,
      signal: escOf(signal, session, clock, over.signal),
      isAnswered: () => signal.aborted,
      onProgress: (view) => {
        held = view.runId;
        if (!signal.aborted) onProgress?.(view);
      },
    },
  );
  const answer = new Promise<ActionResult>((resolve) => {
    onAbort(signal, () => resolve(interrupted(action, held)), over.signal);
  });
  const end = (): void => over.abort();
  work.then(end, end);
  return Promise.race([work, answer]);
}

/** Aborts once the call's abort is known to be an Esc: the agent does something else, or is idle and the session goes on. */
function escOf(call: AbortSignal, session: LiveSession, clock: Clock, over: AbortSignal): AbortSignal {
  const esc = new AbortController();
  const decide = async (): Promise<void> => {
    const { prompts } = session;
    for (let idleMs = 0; session.prompts === prompts && idleMs < endsWithinMs; ) {
      await clock.sleep(lookMs, session.signal);
      if (session.isOver || over.aborted) return;
      session.touch((ctx) => {
        idleMs = ctx.isIdle() ? idleMs + lookMs : 0;
      });
    }
    esc.abort(call.reason);
  };
  onAbort(call, () => void decide().catch(session.report), over);
  return esc.signal;
}

function interrupted(action: string, runId: string | undefined): ActionResult {
  const fate =
    runId === undefined
      ? "Next: team list tells what became of a run that had begun."
      : `Esc cancels run ${runId} if this session waits for it; the end of the session does not. Next: team status run=${runId} tells what became of it.`;
  const details = { action, ok: false, ...(runId !== undefined && { runId }) };
  return { ok: false, text: `Stopped waiting. ${fate}`, details };
}

/** Nothing is done, and nothing held, once what it is about is over. */
function onAbort(signal: AbortSignal, act: () => void, over: AbortSignal): void {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true, signal: over });
}
