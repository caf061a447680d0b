import type { Catalogue, TeamDefinition } from "./definition.ts";

/** Words that say nothing about which team fits. */
const commonWords = new Set(
  "a an and are as at be by do for from get has have i in into is it its make me my need of on or our please should so some that the their them then there these this to up us use want was we what when where which with you your team when".split(
    " ",
  ),
);

/**
 * Teams for a goal, best first, each with what speaks for it; teams without any sign are left out, so it may be empty.
 * A trigger counts 5, a word of `useWhen` 2, of name or description 1; a word of `avoidWhen` takes 2 away.
 */
export function recommend(
  catalogue: Catalogue,
  goal: string,
): readonly { readonly team: string; readonly score: number; readonly because: string }[] {
  const text = ` ${[...wordsOf(goal)].join(" ")} `;
  const words = new Set([...wordsOf(goal)].filter((word) => !commonWords.has(word)).map(stem));
  return [...catalogue.teams.values()]
    .map((team) => rate(team, text, words))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || (a.team < b.team ? -1 : 1));
}

function rate(
  team: TeamDefinition,
  text: string,
  words: ReadonlySet<string>,
): { team: string; score: number; because: string } {
  const triggers = team.triggers.filter((trigger) => {
    const said = wordsOf(trigger).join(" ");
    return said !== "" && text.includes(` ${said} `);
  });
  const shared = (of: readonly string[]): string[] => [
    ...new Set(of.flatMap(wordsOf).filter((word) => !commonWords.has(word) && words.has(stem(word)))),
  ];
  const use = shared(team.useWhen);
  const described = shared([team.name, team.description]).filter((word) => !use.includes(word));
  const avoid = shared(team.avoidWhen);
  const said = [
    triggers.length > 0 ? `triggers: ${triggers.join(", ")}` : "",
    use.length > 0 ? `use when: ${use.join(", ")}` : "",
    described.length > 0 ? `description: ${described.join(", ")}` : "",
    avoid.length > 0 ? `but avoid when: ${avoid.join(", ")}` : "",
  ];
  const score = triggers.length * 5 + use.length * 2 + described.length - avoid.length * 2;
  return { team: team.name, score, because: said.filter((part) => part !== "").join("; ") };
}

function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Enough for "tests" to meet "test" and "reviewing" to meet "review". */
function stem(word: string): string {
  return word.length > 4 ? word.replace(/(ing|es|ed|s)$/, "") : word;
}
