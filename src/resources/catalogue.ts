import path from "node:path";
import { isThere } from "../lib/files.ts";
import type { BrokenDefinition, Catalogue, Described, ResourceFile } from "./definition.ts";
import { findFiles, findSkills, type ResourcePlaces, readText } from "./find.ts";
import { Findings } from "./findings.ts";
import { crossCheck, parsers } from "./validate.ts";

/**
 * Everything defined at these places, the later definition of a name winning: builtin, user, the project's `.crew`, the
 * project's `.pi`. A bad file is a problem, hides what it was meant to replace, and leaves the others alone; whatever
 * files hold, this does not reject.
 */
export async function loadCatalogue(places: ResourcePlaces): Promise<Catalogue> {
  const found = new Findings();
  const [files, skills] = await Promise.all([findFiles(places, found), findSkills(places, found)]);
  const layers: Layers = { found, shadowed: [], broken: [] };
  const agents = await layered(files, "agent", parsers.agent, layers);
  const teams = await layered(files, "team", parsers.team, layers);
  const workflows = await layered(files, "workflow", parsers.workflow, layers);
  for (const { file, extensions } of agents.values()) {
    for (const extension of extensions) {
      if (await isThere(extension)) continue;
      const remedy = "correct the path; it is relative to the agent's file";
      found.warn(`${file}:1`, `extension ${extension} does not exist`, remedy);
    }
  }
  const { shadowed, broken } = layers;
  const catalogue = { agents, teams, workflows, shadowed, skills, broken, problems: [] };
  found.add(crossCheck(catalogue));
  return { ...catalogue, problems: found.all() };
}

interface Layers {
  readonly found: Findings;
  readonly shadowed: Catalogue["shadowed"][number][];
  readonly broken: BrokenDefinition[];
}

/** The definitions of one kind by name, a later file's laid over an earlier one's; what is hidden or broken goes to `layers`. */
async function layered<Definition extends Described>(
  files: readonly ResourceFile[],
  kind: ResourceFile["kind"],
  parse: (place: ResourceFile, text: string, found: Findings) => Definition | undefined,
  layers: Layers,
): Promise<ReadonlyMap<string, Definition>> {
  const top = new Map<
    string,
    Pick<ResourceFile, "file" | "source"> & { definition: Definition | undefined; found: Findings }
  >();
  for (const place of files.filter((file) => file.kind === kind)) {
    const { file, source } = place;
    const found = new Findings();
    const text = await readText(file, found);
    const definition = text === undefined ? undefined : parse(place, text, found);
    const name = definition?.name ?? place.stem;
    const earlier = top.get(name)?.file;
    if (earlier !== undefined) layers.shadowed.push({ kind, name, file: earlier, by: file });
    if (earlier !== undefined && path.dirname(earlier) === path.dirname(file)) {
      const message = `${kind} "${name}" is already defined by ${earlier}, which this file replaces`;
      found.warn(`${file}:1`, message, "rename one of them");
    }
    layers.found.add(found);
    top.set(name, { file, source, definition, found });
  }
  const definitions = new Map<string, Definition>();
  for (const [name, { file, source, definition, found }] of top) {
    if (definition) definitions.set(name, definition);
    else layers.broken.push({ kind, name, source, file, problems: found.errors });
  }
  return definitions;
}
