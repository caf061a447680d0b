import type { PlanProblem } from "../core/plan.ts";
import type { Catalogue, Found, ResourceKind } from "./definition.ts";
import { chooseFrom } from "./suggest.ts";

/** Why a name yields nothing: what is wrong with its file, or that there is none. Fatal in both cases. */
export function missing(
  catalogue: Catalogue,
  kind: ResourceKind,
  name: string,
  where: string,
  known: Iterable<string>,
): readonly Found[] {
  const broken = catalogue.broken?.find((file) => file.kind === kind && file.name === name);
  if (broken) return broken.problems.map((problem) => ({ ...problem, fatal: true }));
  const message = `no file defines ${kind} "${name.slice(0, 80)}"`;
  return [{ where, message, remedy: chooseFrom(name, known), fatal: true }];
}

/** Each problem once. */
export function distinct(problems: readonly PlanProblem[]): readonly PlanProblem[] {
  return [...new Map(problems.map((problem) => [`${problem.where}\n${problem.message}`, problem])).values()];
}

/** Without the mark that is ours alone. */
export function plain({ where, message, remedy }: Found): PlanProblem {
  return { where, message, remedy };
}
