import type { PlanProblem } from "../core/plan.ts";
import type { Settings } from "../core/settings.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import { type Compiled, compilePlan } from "../resources/compile.ts";
import { loadSettings } from "../resources/settings.ts";
import type { Parameters } from "./action.ts";
import type { ActionContext } from "./context.ts";

export type Asked =
  | (Extract<Compiled, { ok: true }> & { readonly settings: Settings })
  | { readonly ok: false; readonly problems: readonly PlanProblem[] };

/** Compiles what is asked for. Secrets are out of goal and tasks before anything else sees them; nothing is created. */
export async function compileAsk(parameters: Parameters, context: ActionContext): Promise<Asked> {
  const { redact } = context;
  const { goal, team, workflow, agent, tasks, concurrency, model } = parameters;
  const [catalogue, { settings, problems }] = await Promise.all([
    loadCatalogue(context.places),
    loadSettings(context.settingsFiles),
  ]);
  const compiled = compilePlan(
    catalogue,
    {
      ...(goal !== undefined && { goal: redact(goal) }),
      ...(team !== undefined && { team }),
      ...(workflow !== undefined && { workflow }),
      ...(agent !== undefined && { agent }),
      ...(tasks !== undefined && { tasks: tasks.map((task) => ({ ...task, task: redact(task.task) })) }),
      ...(concurrency !== undefined && { concurrency }),
      ...(model !== undefined && { model }),
    },
    settings,
  );
  if (!compiled.ok) return { ok: false, problems: [...compiled.problems, ...problems] };
  return {
    ...compiled,
    warnings: [...problems, ...compiled.warnings],
    settings: { ...settings, concurrency: compiled.concurrency },
  };
}
