import { formatCounts } from "../lib/wording.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import { loadSettings } from "../resources/settings.ts";
import { validateText } from "../resources/validate.ts";
import type { Perform } from "./context.ts";
import { answer, refusal } from "./result.ts";

/** Checks every definition and setting, or one text that is written nowhere. */
export const validate: Perform = async ({ resource, name, text }, context) => {
  const catalogue = await loadCatalogue(context.places);
  if (resource !== undefined && name !== undefined && text !== undefined) {
    const problems = validateText(resource, name, text, catalogue);
    if (problems.length > 0) return refusal(problems, "it was written nowhere");
    return answer(`No problem in ${resource} "${name}". It was written nowhere.`);
  }
  const given = Object.entries({ resource, name, text });
  const missing = given.filter(([, value]) => value === undefined);
  if (missing.length < given.length) {
    const remedy = "send resource, name and text to check one text, or none of them to check every file";
    return refusal(missing.map(([where]) => ({ where, message: "is missing", remedy })));
  }
  const settings = await loadSettings(context.settingsFiles);
  const { agents, teams, workflows, shadowed } = catalogue;
  const sizes = formatCounts({ agents: agents.size, teams: teams.size, workflows: workflows.size });
  const problems = [...catalogue.problems, ...settings.problems];
  if (problems.length > 0) return refusal(problems, `${sizes} can be used`);
  const hidden = shadowed.map(({ file, by }) => `\n- ${by} stands in for ${file}`);
  return answer(`No problem: ${sizes} can be used.${hidden.join("")}`);
};
