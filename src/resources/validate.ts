import type { PlanProblem } from "../core/plan.ts";
import { parseAgent } from "./agent.ts";
import { crossCheck } from "./cross-check.ts";
import type { Catalogue, Described, Found, ResourceKind } from "./definition.ts";
import { distinct, plain } from "./problems.ts";
import { parseTeam } from "./team.ts";
import { parseWorkflow } from "./workflow.ts";

/**
 * What would be wrong with this text as the definition of `name`, in itself and among the others; places are lines of
 * `<name>`. Reads and writes no file. Empty when all is well.
 */
export function validateText(
  kind: ResourceKind,
  name: string,
  text: string,
  catalogue: Catalogue,
): readonly PlanProblem[] {
  const found: Found[] = [];
  const place = { kind, stem: name, file: name, source: "user" as const };
  const changed = { ...catalogue };
  let definition: Described | undefined;
  if (kind === "agent") {
    const agent = parseAgent(place, text, found);
    if (agent) changed.agents = new Map(catalogue.agents).set(name, agent);
    definition = agent;
  } else if (kind === "team") {
    const team = parseTeam(place, text, found);
    if (team) changed.teams = new Map(catalogue.teams).set(name, team);
    definition = team;
  } else {
    const workflow = parseWorkflow(place, text, found);
    if (workflow) changed.workflows = new Map(catalogue.workflows).set(name, workflow);
    definition = workflow;
  }
  if (definition && definition.name !== name) {
    const message = `the text calls itself "${definition.name}", not "${name}"`;
    found.push({ where: `${name}:1`, message, remedy: "use one name in both places", fatal: true });
  }
  const problems = found.map(plain);
  if (!definition) return distinct(problems);
  // Only what this text brings about: problems that the catalogue has anyway are not its fault.
  const before = new Set(crossCheck(catalogue).map((problem) => `${problem.where}\n${problem.message}`));
  const after = crossCheck({
    ...changed,
    broken: (catalogue.broken ?? []).filter((file) => file.kind !== kind || file.name !== name),
  });
  return distinct([
    ...problems,
    ...after.filter((problem) => !before.has(`${problem.where}\n${problem.message}`)),
  ]);
}
