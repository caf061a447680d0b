import type { ExtensionAPI } from "@mariozechner/pi-coding-agent";
import {
  prepare,
  promptGuidelines,
  promptSnippet,
  toolDescription,
  toolSchema,
} from "../actions/parameters.ts";
import { actions } from "../actions/table.ts";
import { createExtension } from "../host/extension.ts";
import { systemClock } from "../lib/clock.ts";

/** What Pi loads. Light: everything with weight is imported when a session first needs it. */
export default function muster(pi: ExtensionAPI): void {
  createExtension({
    actions,
    tool: { parameters: toolSchema, description: toolDescription, promptSnippet, promptGuidelines, prepare },
    clock: systemClock,
    load: async () => (await import("./compose.ts")).compose(),
  })(pi);
}
