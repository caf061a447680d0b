import { oneLine } from "../lib/wording.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import type { ResourceKind } from "../resources/definition.ts";
import type { ActionContext, Perform, Performed } from "./context.ts";
import { definitionsOf } from "./get.ts";
import { answer } from "./result.ts";
import { runLine } from "./text.ts";

const limitDefault = 20;

/** This project's runs, newest first; or the definitions of one kind. */
export const list: Perform = async ({ resource, limit = limitDefault }, context) => {
  if (resource !== undefined) return listDefinitions(resource, context);
  const listings = await context.engine.list();
  if (listings.length === 0) return answer('No run in this project yet. Start one: team run goal="…".');
  const now = context.clock.now();
  const lines = listings
    .slice(0, limit)
    .map((listing) =>
      "manifest" in listing
        ? `- ${runLine(listing.manifest, listing.driver, now)}`
        : `- ${listing.runId} unreadable: ${listing.problem}`,
    );
  const hidden = listings.length - lines.length;
  const more = hidden > 0 ? [`… and ${hidden} older: team list limit=${listings.length}`] : [];
  return answer([...lines, ...more].join("\n"));
};

async function listDefinitions(kind: ResourceKind, { places }: ActionContext): Promise<Performed> {
  const catalogue = await loadCatalogue(places);
  const lines = [...definitionsOf(catalogue, kind).values()].map(
    ({ name, source, description }) => `- ${name} (${source}): ${oneLine(description, 200)}`,
  );
  const unusable = (catalogue.broken ?? [])
    .filter((file) => file.kind === kind)
    .map(({ name, file }) => `- ${name} cannot be used: ${file}; team validate says why`);
  return answer([...lines, ...unusable].join("\n") || `No ${kind} is defined.`);
}
