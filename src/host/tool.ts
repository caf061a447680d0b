import type { ExtensionAPI, ExtensionContext, ToolDefinition } from "@mariozechner/pi-coding-agent";
import type { ActionResult } from "../actions/context.ts";
import { progressDetails } from "../actions/result.ts";
import type { RunView } from "../core/view.ts";
import { formatDuration } from "../lib/wording.ts";
import { callLines, resultLines } from "../ui/card.ts";
import { words } from "../ui/strings.ts";
import { asciiTheme } from "../ui/theme.ts";
import { performUntilInterrupted } from "./interruption.ts";
import { type IsAscii, linesAgain } from "./lines.ts";
import { textOf } from "./notice.ts";
import type { HostParts } from "./parts.ts";
import type { LiveSession } from "./session.ts";

export const toolName = "team";

/** Registers the one tool. `sessionOf` gives the session that a context belongs to; `isAscii` is asked at each drawing. */
export function registerTool(
  pi: ExtensionAPI,
  parts: HostParts,
  sessionOf: (ctx: ExtensionContext) => LiveSession,
  isAscii: IsAscii,
): void {
  /** Calls that failed, until the host asks: 0.73.1 takes a failure only from a throw, which loses the details, or from here. */
  const failed = new Set<string>();
  const toolResult = (id: string, { ok, text, details }: ActionResult) => {
    if (!ok) failed.add(id);
    // `isError` is for the successor host; 0.73.1 ignores it.
    return { content: [{ type: "text" as const, text }], details, ...(ok ? {} : { isError: true }) };
  };
  const { description, promptSnippet, promptGuidelines, parameters, prepare } = parts.tool;
  const tool: ToolDefinition = {
    name: toolName,
    label: words.commands.tool,
    description,
    promptSnippet,
    promptGuidelines: [...promptGuidelines],
    // The host validates plain JSON Schema; its type wants the symbols of one schema library.
    parameters: parameters as ToolDefinition["parameters"],
    prepareArguments: (raw) => prepare(raw),
    async execute(toolCallId, params, signal, onUpdate, ctx) {
      const session = sessionOf(ctx);
      const action = actionOf(params);
      const onProgress = (view: RunView): void => {
        const now = parts.clock.now();
        const details = { action, ok: true, ...progressDetails(view, now) };
        onUpdate?.({ content: [{ type: "text", text: progressText(view, now) }], details });
      };
      try {
        const origin = { kind: "agent", id: toolCallId } as const;
        const call = { origin, onProgress, ...(signal !== undefined && { signal }) };
        const result = await performUntilInterrupted(session, ctx, action, params, call, parts.clock);
        return toolResult(toolCallId, result);
      } catch (error) {
        // The model is told what broke, as with every other failure.
        const text = `team could not do that: ${error instanceof Error ? error.message : error}. team doctor looks for causes.`;
        return toolResult(toolCallId, { ok: false, text, details: { action, ok: false } });
      }
    },
    renderCall: (args, theme, { lastComponent }) =>
      linesAgain(lastComponent, (width) => callLines(args, width, asciiTheme(theme, isAscii)), isAscii),
    renderResult: ({ content, details }, state, theme, { lastComponent }) => {
      const text = textOf(content);
      const shown = asciiTheme(theme, isAscii);
      return linesAgain(
        lastComponent,
        (width) => resultLines({ details, text, isPartial: state.isPartial }, state.expanded, width, shown),
        isAscii,
      );
    },
  };
  pi.registerTool(tool);
  pi.on("tool_result", ({ toolCallId }) => (failed.delete(toolCallId) ? { isError: true } : undefined));
}

function progressText(view: RunView, now: number): string {
  const { runId, status, counts, tasks, alive, createdAt } = view;
  const time = formatDuration(now - createdAt);
  return words.said.progress(runId, status, counts.completed, tasks.length, alive, time);
}

function actionOf(params: unknown): string {
  const action =
    typeof params === "object" && params !== null && "action" in params ? params.action : undefined;
  return typeof action === "string" ? action : "";
}
