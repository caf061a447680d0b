import type { PlanProblem } from "../core/plan.ts";
import type { Settings } from "../core/settings.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import { type Compiled, compilePlan } from "../resources/compile.ts";
import { loadSettings } from "../resources/settings.ts";
import type { Parameters } from "./action.ts";
import type { ActionContext, Performed } from "./context.ts";
import { bounded, problemsMax, problemsText } from "./text.ts";

export type Asked =
  | (Extract<Compiled, { ok: true }> & { readonly settings: Settings })
  | { readonly ok: false; readonly problems: readonly PlanProblem[] };

/** Compiles what is asked for. Secrets are out of goal and tasks before anything else sees them; nothing is created. */
export async function compileAsk(ask: Parameters, context: ActionContext): Promise<Asked> {
  const { redact } = context;
  const [catalogue, { settings, problems, blocking }] = await Promise.all([
    loadCatalogue(context.places),
    loadSettings(context.settingsFiles),
  ]);
  const redacted = {
    ...ask,
    ...(ask.goal !== undefined && { goal: redact(ask.goal) }),
    ...(ask.tasks && { tasks: ask.tasks.map((task) => ({ ...task, task: redact(task.task) })) }),
  };
  const compiled = compilePlan(catalogue, redacted, settings);
  if (!compiled.ok) return { ok: false, problems: [...compiled.problems, ...problems] };
  if (blocking.length > 0) return { ok: false, problems: blocking };
  const { concurrency, requireApproval } = compiled;
  const warnings = [...problems, ...compiled.warnings];
  return { ...compiled, warnings, settings: { ...settings, concurrency, requireApproval } };
}

/** The answer with what compiling found in need of attention before it. */
export function withWarnings(warnings: readonly PlanProblem[], performed: Performed): Performed {
  if (warnings.length === 0) return performed;
  const { text, details } = performed;
  const problems = [...(details.problems ?? []), ...warnings].slice(0, problemsMax);
  const whole = `Warnings:\n${problemsText(warnings)}\n\n${text}`;
  return {
    ...performed,
    text: bounded(whole, details.paths?.[0] ?? "correct these first"),
    details: { ...details, problems },
  };
}
