import { loadCatalogue } from "../resources/catalogue.ts";
import { loadSettings } from "../resources/settings.ts";
import { validateText } from "../resources/validate.ts";
import type { Perform } from "./context.ts";
import { answer, refusal } from "./result.ts";

/** Checks every definition and setting, or one text that is written nowhere. */
export const validate: Perform = async ({ resource, name, text }, context) => {
  const catalogue = await loadCatalogue(context.places);
  if (resource === undefined && name === undefined && text === undefined) {
    const settings = await loadSettings(context.settingsFiles);
    const { agents, teams, workflows, shadowed } = catalogue;
    const counts = `${agents.size} agents, ${teams.size} teams and ${workflows.size} workflows can be used`;
    const problems = [...catalogue.problems, ...settings.problems];
    if (problems.length > 0) return refusal(problems, counts);
    const hidden = shadowed.map(
      ({ kind, name: of, file, by }) => `\n- ${kind} ${of}: ${by} stands in for ${file}`,
    );
    return answer(`No problem: ${counts}.${hidden.join("")}`);
  }
  if (resource === undefined || name === undefined || text === undefined) {
    const missing = Object.entries({ resource, name, text }).filter(([, value]) => value === undefined);
    const remedy = "send resource, name and text to check one text, or none of them to check every file";
    const problems = missing.map(([where]) => ({ where, message: "is missing", remedy }));
    return refusal(problems, "nothing was checked");
  }
  const problems = validateText(resource, name, text, catalogue);
  if (problems.length > 0) return refusal(problems, "it was written nowhere");
  return answer(`No problem in ${resource} "${name}". It was written nowhere.`);
};
