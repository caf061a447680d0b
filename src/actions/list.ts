import type { Action } from "./action.ts";
import { answer } from "./result.ts";
import { runLine } from "./text.ts";

const limitDefault = 20;

export const list: Action = {
  name: "list",
  group: "watch",
  summary: "this project's runs, newest first",
  parameters: ["limit"],
  rest: "limit",
  async run(parameters, context) {
    const listings = await context.engine.list();
    if (listings.length === 0)
      return answer("list", 'No run in this project yet. Start one: team run goal="…".');
    const shown = listings.slice(0, parameters.limit ?? limitDefault);
    const now = context.clock.now();
    const lines = shown.map((listing) =>
      "manifest" in listing
        ? `- ${runLine(listing.manifest, listing.manifest.status === "running" && listing.driver === "gone", now)}`
        : `- ${listing.runId} unreadable: ${listing.problem}`,
    );
    const hidden = listings.length - shown.length;
    const more = hidden > 0 ? [`… and ${hidden} older: team list limit=${listings.length}`] : [];
    return answer("list", [...lines, ...more].join("\n"));
  },
};
