import type { PlanProblem } from "../core/plan.ts";
import { defaultSettings } from "../core/settings.ts";
import { parseAgent } from "./agent.ts";
import { compilePlan } from "./compile.ts";
import type { Catalogue, Described, ResourceKind } from "./definition.ts";
import { Findings } from "./findings.ts";
import { parseTeam } from "./team.ts";
import { parseWorkflow } from "./workflow.ts";

export const parsers = { agent: parseAgent, team: parseTeam, workflow: parseWorkflow };

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
  const found = new Findings();
  const definition = parsers[kind]({ kind, stem: name, file: name, source: "user" }, text, found);
  if (!definition) return found.all();
  if (definition.name !== name) {
    const message = `the text calls itself "${definition.name}", not "${name}"`;
    found.error(`${name}:1`, message, "use one name in both places");
  }
  const after: Catalogue = {
    ...catalogue,
    [`${kind}s`]: new Map<string, Described>(catalogue[`${kind}s`]).set(name, definition),
    broken: (catalogue.broken ?? []).filter((file) => file.kind !== kind || file.name !== name),
  };
  // Only what this text brings about: problems that the catalogue has anyway are not its fault.
  const before = new Set(
    crossCheck(catalogue)
      .all()
      .map(({ where, message }) => `${where}\n${message}`),
  );
  const brought = crossCheck(after)
    .all()
    .filter(({ where, message }) => !before.has(`${where}\n${message}`));
  return [...found.all(), ...brought];
}

/**
 * What only shows when definitions meet: every team and every workflow is compiled once for a goal that stands for any.
 * Roles that no step uses are checked too.
 */
export function crossCheck(catalogue: Catalogue): Findings {
  const found = new Findings();
  const asks = [
    ...[...catalogue.teams.keys()].map((team) => ({ goal: "any", team })),
    ...[...catalogue.workflows.keys()].map((workflow) => ({ goal: "any", workflow })),
  ];
  for (const ask of asks) {
    const compiled = compilePlan(catalogue, ask, defaultSettings);
    if (compiled.ok) found.warnings.push(...compiled.warnings);
    else found.errors.push(...compiled.problems);
  }
  for (const { agent, where } of [...catalogue.teams.values()].flatMap(({ roles }) => roles)) {
    if (!catalogue.agents.has(agent)) found.missing(catalogue, "agent", agent, where);
  }
  return found;
}
