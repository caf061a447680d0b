import type { Catalogue, TeamDefinition } from "./definition.ts";

/** Words that say nothing about which team fits. */
const commonWords = new Set(
  "a an and are as at be by do for from get has have i in into is it its make me my need of on or our please should so some that the their them then there these this to up us use want was we what when where which with you your team".split(
    " ",
  ),
);

/**
 * Teams for a goal, best first, each with what speaks for it; teams without any sign are left out, so it may be empty.
 * A trigger counts 5, a word of `useWhen` 2, of name or description 1; a word of `avoidWhen` takes 2 away.
 */
export function recommend(
  { teams }: Catalogue,
  goal: string,
): readonly { readonly team: string; readonly score: number; readonly because: string }[] {
  return [...teams.values()]
    .map((team) => rate(team, goal))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || (a.team < b.team ? -1 : 1));
}

function rate(team: TeamDefinition, goal: string): { team: string; score: number; because: string } {
  const stems = new Set(wordsOf(goal).map(stem));
  const shared = (of: readonly string[]): readonly string[] => [
    ...new Set(of.flatMap(wordsOf).filter((word) => !commonWords.has(word) && stems.has(stem(word)))),
  ];
  const said = ` ${wordsOf(goal).join(" ")} `;
  const triggers = team.triggers.filter((trigger) => said.includes(` ${wordsOf(trigger).join(" ")} `));
  const signs = [
    { of: "triggers", words: triggers, weight: 5 },
    { of: "use when", words: shared(team.useWhen), weight: 2 },
    { of: "description", words: shared([team.name, team.description]), weight: 1 },
    { of: "but avoid when", words: shared(team.avoidWhen), weight: -2 },
  ].filter(({ words }) => words.length > 0);
  return {
    team: team.name,
    score: signs.reduce((sum, { words, weight }) => sum + words.length * weight, 0),
    because: signs.map(({ of, words }) => `${of}: ${words.join(", ")}`).join("; "),
  };
}

function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Enough for "tests" to meet "test" and "reviewing" to meet "review". */
function stem(word: string): string {
  return word.length > 4 ? word.replace(/(ing|es|ed|s)$/, "") : word;
}
