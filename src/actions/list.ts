import type { DefinitionRow, Listed } from "../core/catalogue.ts";
import { oneLine } from "../lib/wording.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import type { ResourceKind } from "../resources/definition.ts";
import { type ResourcePlaces, resourceKinds } from "../resources/find.ts";
import type { ActionContext, Perform, Performed } from "./context.ts";
import { definitionsOf } from "./get.ts";
import { answer } from "./result.ts";
import { runLine } from "./text.ts";

const limitDefault = 20;

/** This project's runs, newest first; or the definitions of one kind. */
export const list: Perform = async ({ resource, limit = limitDefault }, context) => {
  if (resource !== undefined) return listOf(resource, context);
  const listings = await context.engine.list();
  if (listings.length === 0) return answer('No run in this project yet. Start one: team run goal="…".');
  const now = context.clock.now();
  const lines = listings
    .slice(0, limit)
    .map((listing) =>
      "manifest" in listing
        ? `- ${runLine(listing, context.requester.sessionId, now)}`
        : `- ${listing.runId} unreadable: ${listing.problem}`,
    );
  const hidden = listings.length - lines.length;
  const more = hidden > 0 ? [`… and ${hidden} older: team list limit=${listings.length}`] : [];
  return answer([...lines, ...more].join("\n"));
};

async function listOf(kind: ResourceKind, { places }: ActionContext): Promise<Performed> {
  const { rows } = await listDefinitions(places);
  const lines = [false, true].flatMap((broken) =>
    rows
      .filter((row) => row.kind === kind && row.isBroken === broken)
      .map(({ name, source, description, file }) =>
        broken
          ? `- ${name} cannot be used: ${file}; team validate says why`
          : `- ${name} (${source}): ${oneLine(description, 200)}`,
      ),
  );
  return answer(lines.join("\n") || `No ${kind} is defined.`);
}

/** Everything that is defined at these places, by kind and name; broken files, too. */
export async function listDefinitions(places: ResourcePlaces): Promise<Listed<DefinitionRow>> {
  const catalogue = await loadCatalogue(places);
  const { broken = [], shadowed, problems } = catalogue;
  const rows = resourceKinds.flatMap((kind) => {
    const usable = [...definitionsOf(catalogue, kind).values()].map((one) => ({ ...one, isBroken: false }));
    const others = broken.filter((one) => one.kind === kind);
    return [...usable, ...others.map((one) => ({ ...one, isBroken: true, description: "" }))]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, source, isBroken, description, file }): DefinitionRow => {
        const hidden = shadowed.filter((other) => other.kind === kind && other.name === name);
        const shadows = hidden.map((other) => other.file);
        return { kind, name, source, isBroken, description, file, shadows };
      });
  });
  return { rows, problems };
}
