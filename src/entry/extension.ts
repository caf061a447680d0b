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
import type { Loaded } from "../host/parts.ts";
import { systemClock } from "../lib/clock.ts";
import { hasRuns } from "./has-runs.ts";

/** What Pi loads. Light: everything with weight is imported when a session first needs it. */
export default function muster(pi: ExtensionAPI): void {
  let house: Promise<Loaded> | undefined;
  createExtension({
    actions,
    tool: { parameters: toolSchema, description: toolDescription, promptSnippet, promptGuidelines, prepare },
    clock: systemClock,
    hasRuns,
    load() {
      house ??= furnish();
      // A disk that refused once may not refuse the next time.
      house.catch(() => {
        house = undefined;
      });
      return house;
    },
  })(pi);
}

async function furnish(): Promise<Loaded> {
  const { compose } = await import("./compose.ts");
  return compose();
}
