import type { PlanProblem } from "../core/plan.ts";
import { defaultSettings } from "../core/settings.ts";
import { compilePlan } from "./compile.ts";
import type { Catalogue } from "./definition.ts";
import { distinct, missing, plain } from "./problems.ts";

/**
 * What only shows when definitions meet: every team and every workflow is compiled once for a goal that stands for any.
 * Roles that no step uses are checked too.
 */
export function crossCheck(catalogue: Catalogue): readonly PlanProblem[] {
  const asks = [
    ...[...catalogue.teams.keys()].map((team) => ({ goal: "any", team })),
    ...[...catalogue.workflows.keys()].map((workflow) => ({ goal: "any", workflow })),
  ];
  const problems = asks.flatMap((ask) => {
    const compiled = compilePlan(catalogue, ask, defaultSettings);
    return compiled.ok ? compiled.warnings : compiled.problems;
  });
  for (const team of catalogue.teams.values()) {
    for (const role of team.roles) {
      if (catalogue.agents.has(role.agent)) continue;
      const where = `${team.file}:${role.line}`;
      problems.push(...missing(catalogue, "agent", role.agent, where, catalogue.agents.keys()).map(plain));
    }
  }
  return distinct(problems);
}
