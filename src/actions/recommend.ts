import { oneLine } from "../lib/wording.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import { recommend as rank } from "../resources/recommend.ts";
import type { Perform } from "./context.ts";
import { answer, refusal } from "./result.ts";

const shownMax = 5;

/** Teams for a goal, best first, with what speaks for each; all of them when nothing does. */
export const recommend: Perform = async ({ goal }, context) => {
  if (goal === undefined)
    return refusal([{ where: "goal", message: "is missing", remedy: "say what is to be achieved" }]);
  const catalogue = await loadCatalogue(context.places);
  const { teams } = catalogue;
  const ranked = rank(catalogue, goal).slice(0, shownMax);
  const describe = (team: string): string => oneLine(teams.get(team)?.description ?? "", 200);
  if (ranked.length === 0) {
    const lines = [...teams.keys()].map((team) => `- ${team}: ${describe(team)}`);
    return answer(`No team's words match this goal. All teams:\n${lines.join("\n")}`);
  }
  const lines = ranked.map(({ team, because }) => `- ${team}: ${describe(team)} (${because})`);
  return answer(`Best first, by the words they share with the goal:\n${lines.join("\n")}`);
};
