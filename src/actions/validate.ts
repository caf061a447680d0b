import { loadCatalogue } from "../resources/catalogue.ts";
import { loadSettings } from "../resources/settings.ts";
import { validateText } from "../resources/validate.ts";
import type { Action } from "./action.ts";
import { answer, refusal } from "./result.ts";

export const validate: Action = {
  name: "validate",
  group: "resources",
  summary: "check all definitions and settings, or the text of one",
  parameters: ["resource", "name", "text"],
  async run({ resource, name, text }, context) {
    const catalogue = await loadCatalogue(context.places);
    if (resource === undefined && name === undefined && text === undefined) {
      const { problems } = await loadSettings(context.settingsFiles);
      const all = [...catalogue.problems, ...problems];
      const { agents, teams, workflows, shadowed } = catalogue;
      const counts = `${agents.size} agents, ${teams.size} teams and ${workflows.size} workflows can be used`;
      if (all.length > 0) return refusal("validate", all, counts);
      const hidden = shadowed.map(
        ({ kind, name: of, file, by }) => `\n- ${kind} ${of}: ${by} stands in for ${file}`,
      );
      return answer("validate", `No problem: ${counts}.${hidden.join("")}`);
    }
    const missing = Object.entries({ resource, name, text }).filter(([, value]) => value === undefined);
    if (resource === undefined || name === undefined || text === undefined) {
      const remedy = "send resource, name and text to check one text, or none of them to check every file";
      const problems = missing.map(([where]) => ({ where, message: "is missing", remedy }));
      return refusal("validate", problems, "nothing was checked");
    }
    const problems = validateText(resource, name, text, catalogue);
    if (problems.length > 0) return refusal("validate", problems, "it was written nowhere");
    return answer("validate", `No problem in ${resource} "${name}". It was written nowhere.`);
  },
};
