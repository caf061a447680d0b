import type { PlanProblem } from "../core/plan.ts";
import type { Catalogue, ResourceKind } from "./definition.ts";
import { chooseFrom } from "./suggest.ts";

/** What reading noticed, in order. An error makes what was read unusable; a warning only wants to be known. */
export class Findings {
  readonly errors: PlanProblem[] = [];
  readonly warnings: PlanProblem[] = [];

  error(where: string, message: string, remedy: string): undefined {
    this.errors.push({ where, message, remedy });
  }

  warn(where: string, message: string, remedy: string): undefined {
    this.warnings.push({ where, message, remedy });
  }

  add({ errors, warnings }: Findings): void {
    this.errors.push(...errors);
    this.warnings.push(...warnings);
  }

  /** An error for a name that yields nothing: what is wrong with its file, or that there is none. */
  missing(catalogue: Catalogue, kind: ResourceKind, name: string, where: string): undefined {
    const broken = catalogue.broken?.find((file) => file.kind === kind && file.name === name);
    if (broken) this.errors.push(...broken.problems);
    else {
      const remedy = chooseFrom(name, catalogue[`${kind}s`].keys());
      this.error(where, `no file defines ${kind} "${name.slice(0, 80)}"`, remedy);
    }
  }

  /** Each finding once, errors first. */
  all(): readonly PlanProblem[] {
    const found = [...this.errors, ...this.warnings];
    return [...new Map(found.map((problem) => [`${problem.where}\n${problem.message}`, problem])).values()];
  }
}
