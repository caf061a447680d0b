import { loadCatalogue } from "../resources/catalogue.ts";
import { recommend as rank } from "../resources/recommend.ts";
import type { Action } from "./action.ts";
import { answer, refusal } from "./result.ts";
import { oneLine } from "./text.ts";

const shownMax = 5;

export const recommend: Action = {
  name: "recommend",
  group: "do",
  summary: "which teams fit a goal, and why",
  parameters: ["goal"],
  rest: "goal",
  async run({ goal }, context) {
    if (goal === undefined) {
      const problem = { where: "goal", message: "the goal is missing", remedy: "say what is to be achieved" };
      return refusal("recommend", [problem], "nothing is recommended");
    }
    const catalogue = await loadCatalogue(context.places);
    const ranked = rank(catalogue, goal).slice(0, shownMax);
    const describe = (team: string): string => oneLine(catalogue.teams.get(team)?.description ?? "", 200);
    if (ranked.length === 0) {
      const teams = [...catalogue.teams.keys()].map((team) => `- ${team}: ${describe(team)}`);
      return answer("recommend", `No team's words match this goal. All teams:\n${teams.join("\n")}`);
    }
    const lines = ranked.map(({ team, because }) => `- ${team}: ${describe(team)} (${because})`);
    return answer("recommend", `Best first, by the words they share with the goal:\n${lines.join("\n")}`);
  },
};
