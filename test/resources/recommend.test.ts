import fc from "fast-check";
import { expect, test } from "vitest";
import { loadCatalogue } from "../../src/resources/catalogue.ts";
import { recommend } from "../../src/resources/recommend.ts";
import { chooseFrom, nearest } from "../../src/resources/suggest.ts";
import { placesWith } from "./places.ts";

test.for([
  ["Fix the failing test in src/math.ts", "fast-fix"],
  ["Review the changes of the last commit for security", "review"],
  ["Implement a feature: export as CSV", "implementation"],
  ["Research how does the cache work", "research"],
  ["Give me an architecture overview of this repository", "parallel-research"],
])("%s: %s comes first, with a reason", async ([goal = "", team]) => {
  const [first] = recommend(await loadCatalogue(await placesWith({})), goal);
  expect(first?.team).toBe(team);
  expect(first?.because).toMatch(/triggers: /);
});

test("a goal that says nothing recommends nothing, and the order never depends on chance", async () => {
  const catalogue = await loadCatalogue(await placesWith({}));
  expect(recommend(catalogue, "")).toEqual([]);
  expect(recommend(catalogue, "§$% the of")).toEqual([]);
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), (goal) => {
      const scores = recommend(catalogue, goal).map(({ score }) => score);
      expect(scores).toEqual([...scores].sort((a, b) => b - a));
      expect(scores.every((score) => score > 0)).toBe(true);
    }),
  );
});

test("one slip of the finger is recognised, another word is not", () => {
  const known = ["concurrency", "model", "team", "timeout"];
  fc.assert(
    fc.property(fc.constantFrom("concurrency", "timeout"), fc.nat(), (name, at) => {
      const slip = name.slice(0, at % name.length) + name.slice((at % name.length) + 1);
      expect(nearest(slip, known)).toBe(name);
    }),
  );
  expect(nearest("zzzzzz", known)).toBeUndefined();
  expect(chooseFrom("tem", known)).toBe('did you mean "team"? Known: concurrency, model, team, timeout');
  expect(chooseFrom("x", [])).toBe("none is defined yet");
});
