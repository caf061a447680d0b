import path from "node:path";
import { parseAgent } from "./agent.ts";
import { crossCheck } from "./cross-check.ts";
import type {
  BrokenDefinition,
  Catalogue,
  Described,
  Found,
  ResourceFile,
  ResourceKind,
} from "./definition.ts";
import { exists, findFiles, findSkills, type ResourcePlaces, readText } from "./find.ts";
import { distinct, plain } from "./problems.ts";
import { parseTeam } from "./team.ts";
import { parseWorkflow } from "./workflow.ts";

export type { Catalogue } from "./definition.ts";
export type { ResourcePlaces } from "./find.ts";

/**
 * Everything defined at these places, the later definition of a name winning: builtin, user, the project's `.crew`, the
 * project's `.pi`. A bad file is a problem, hides what it was meant to replace, and leaves the others alone; whatever
 * files hold, this does not reject.
 */
export async function loadCatalogue(places: ResourcePlaces): Promise<Catalogue> {
  const found: Found[] = [];
  const [files, skills] = await Promise.all([findFiles(places, found), findSkills(places)]);
  const [agents, teams, workflows] = await Promise.all([
    readAll("agent", files, parseAgent),
    readAll("team", files, parseTeam),
    readAll("workflow", files, parseWorkflow),
  ]);
  found.push(...(await missingExtensions(agents.definitions)));
  const catalogue = {
    agents: agents.definitions,
    teams: teams.definitions,
    workflows: workflows.definitions,
    shadowed: [...agents.shadowed, ...teams.shadowed, ...workflows.shadowed],
    skills,
    broken: [...agents.broken, ...teams.broken, ...workflows.broken],
    problems: [...found, ...agents.found, ...teams.found, ...workflows.found].map(plain),
  };
  return { ...catalogue, problems: distinct([...catalogue.problems, ...crossCheck(catalogue)]) };
}

interface Layers<Definition> {
  readonly definitions: Map<string, Definition>;
  readonly shadowed: { kind: ResourceKind; name: string; file: string; by: string }[];
  readonly broken: readonly BrokenDefinition[];
  readonly found: Found[];
}

/** Reads all files of a kind and lays them over each other, by name, in the order given. */
async function readAll<Definition extends Described>(
  kind: ResourceKind,
  files: readonly ResourceFile[],
  parse: (place: ResourceFile, text: string, found: Found[]) => Definition | undefined,
): Promise<Layers<Definition>> {
  const read = await Promise.all(
    files
      .filter((file) => file.kind === kind)
      .map(async (place) => {
        const found: Found[] = [];
        const text = await readText(place.file, found);
        return { place, found, definition: text === undefined ? undefined : parse(place, text, found) };
      }),
  );
  const layers: Omit<Layers<Definition>, "broken"> = { definitions: new Map(), shadowed: [], found: [] };
  const broken = new Map<string, BrokenDefinition>();
  for (const { place, found, definition } of read) {
    const name = definition?.name ?? place.stem;
    layers.found.push(...found);
    const earlier = layers.definitions.get(name)?.file ?? broken.get(name)?.file;
    if (earlier !== undefined) {
      layers.shadowed.push({ kind, name, file: earlier, by: place.file });
      if (path.dirname(earlier) === path.dirname(place.file)) {
        const message = `${kind} "${name}" is already defined by ${earlier}, which this file replaces`;
        layers.found.push({ where: `${place.file}:1`, message, remedy: "rename one of them", fatal: false });
      }
    }
    layers.definitions.delete(name);
    broken.delete(name);
    if (definition) layers.definitions.set(name, definition);
    else
      broken.set(name, {
        kind,
        name,
        file: place.file,
        problems: found.filter(({ fatal }) => fatal).map(plain),
      });
  }
  return { ...layers, broken: [...broken.values()] };
}

/** A worker that cannot load its extension would fail at its start; better told now. */
async function missingExtensions(
  agents: ReadonlyMap<string, { readonly file: string; readonly extensions: readonly string[] }>,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const { file, extensions } of agents.values()) {
    for (const extension of extensions) {
      if (await exists(extension)) continue;
      const message = `extension ${extension} does not exist`;
      found.push({
        where: `${file}:1`,
        message,
        remedy: "correct the path; it is relative to the agent's file",
        fatal: false,
      });
    }
  }
  return found;
}
