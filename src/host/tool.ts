import type { ExtensionAPI, ExtensionContext, ToolDefinition } from "@mariozechner/pi-coding-agent";
import type { ActionResult } from "../actions/context.ts";
import type { RunView } from "../core/view.ts";
import { callLines, enrichDetails, progressDetails, resultLines } from "../ui/card.ts";
import { formatDuration } from "../ui/duration.ts";
import { linesAgain } from "./lines.ts";
import { textOf } from "./notice.ts";
import type { HostParts } from "./parts.ts";
import { callSignal, type LiveSession } from "./session.ts";
import { throttle } from "./throttle.ts";

export const toolName = "team";
/** Between updates of a running call, ms: the host writes each of them into its event streams. */
const updateEveryMs = 250;

/** Registers the one tool. `sessionOf` gives the session that a context belongs to. */
export function registerTool(
  pi: ExtensionAPI,
  parts: HostParts,
  sessionOf: (ctx: ExtensionContext) => LiveSession,
): void {
  /** Calls that failed, until the host asks: 0.73.1 takes a failure only from a throw, which loses the details, or from here. */
  const failed = new Set<string>();
  const { description, promptSnippet, promptGuidelines, parameters, prepare } = parts.tool;
  const tool: ToolDefinition = {
    name: toolName,
    label: "Team",
    description,
    promptSnippet,
    promptGuidelines: [...promptGuidelines],
    // The host validates plain JSON Schema; its type wants the symbols of one schema library.
    parameters: parameters as ToolDefinition["parameters"],
    prepareArguments: (raw) => prepare(raw),
    async execute(toolCallId, params, signal, onUpdate, ctx) {
      const session = sessionOf(ctx);
      const call = callSignal(session, signal);
      let seen: RunView | undefined;
      const updates = throttle<RunView>(parts.clock, updateEveryMs, (view) => {
        const now = parts.clock.now();
        onUpdate?.({
          content: [{ type: "text", text: progressText(view, now) }],
          details: progressDetails(actionOf(params), view, now),
        });
      });
      try {
        const result = await session.perform(
          actionOf(params),
          { raw: params },
          {
            origin: { kind: "agent", id: toolCallId },
            signal: call.signal,
            onProgress: (view) => {
              seen = view;
              updates.push(view);
            },
          },
        );
        if (!result.ok) failed.add(toolCallId);
        return toolResult(result, seen, parts.clock.now());
      } catch (error) {
        // The model is told what broke, as with every other failure.
        failed.add(toolCallId);
        const message = error instanceof Error ? error.message : String(error);
        const details = { action: actionOf(params), ok: false };
        return toolResult(
          { ok: false, text: `team could not do that: ${message}. team doctor looks for causes.`, details },
          undefined,
          0,
        );
      } finally {
        updates.stop();
        call.release();
      }
    },
    renderCall: (args, theme, { lastComponent }) =>
      linesAgain(lastComponent, (width) => callLines(args, width, theme)),
    renderResult: ({ content, details }, state, theme, { lastComponent }) => {
      const text = textOf(content);
      return linesAgain(lastComponent, (width) => resultLines({ details, text }, state, width, theme));
    },
  };
  pi.registerTool(tool);
  pi.on("tool_result", ({ toolCallId }) => (failed.delete(toolCallId) ? { isError: true } : undefined));
}

/** `isError` is for the successor host; 0.73.1 ignores it. */
function toolResult(result: ActionResult, seen: RunView | undefined, now: number) {
  const { details, ok, text } = result;
  return {
    content: [{ type: "text" as const, text }],
    details: seen === undefined ? { ...details } : enrichDetails(details, seen, now),
    ...(ok ? {} : { isError: true }),
  };
}

function progressText(view: RunView, now: number): string {
  const { completed } = view.counts;
  return `Run ${view.runId} ${view.status}: ${completed} of ${view.tasks.length} tasks completed, ${view.alive} at work, ${formatDuration(now - view.createdAt)}`;
}

function actionOf(params: unknown): string {
  const action =
    typeof params === "object" && params !== null && "action" in params ? params.action : undefined;
  return typeof action === "string" ? action : "";
}
