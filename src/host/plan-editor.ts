import type { ActionResult } from "../actions/context.ts";
import { fold } from "../core/evolve.ts";
import { planApproval } from "../core/letters.ts";
import type { PlanProblem } from "../core/plan.ts";
import type { StartedRun } from "../core/state.ts";
import { words } from "../ui/strings.ts";
import type { Desk } from "./desk.ts";

/** A client that always sends back what it got is not asked for ever. */
const roundsMax = 1_000;
/** The host's editor shows the end of a text first: the first problems are told above it, too. */
const titleProblems = 2;

/**
 * Has a person edit the plan of a run that waits for approval, and makes it a new revision. What is refused is told on top
 * of the text, which opens again as it was typed. Yields what came of it; `undefined` where the person left it as it is.
 */
export async function editPlan(desk: Desk, run: string): Promise<ActionResult | undefined> {
  const { planForm, ui, signal } = desk;
  let state = await proposed(desk, run);
  if (state === undefined) return undefined;
  let text = planForm.write(state, await desk.agents());
  let problems: readonly PlanProblem[] = [];
  for (let round = 0; round < roundsMax; round++) {
    const typed = await ui.editor(titleOf(run, problems), planForm.mark(text, problems));
    if (typed === undefined || signal.aborted) return undefined;
    text = typed;
    try {
      const read = planForm.read(typed, state);
      problems = read.problems;
      if (problems.length > 0) continue;
      if (read.tasks === undefined) return undefined;
      const raw = { run, name: planApproval(state.revision), tasks: read.tasks };
      const answer = await desk.request("respond", raw);
      if (answer.ok) return answer;
      problems = answer.details.problems ?? [problemOf(answer.text)];
      // Somebody may have made it another one.
      state = (await proposed(desk, run)) ?? state;
    } catch (error) {
      // Whatever broke, what was typed is still there.
      problems = [problemOf(error instanceof Error ? error.message : String(error))];
    }
  }
  return undefined;
}

async function proposed({ engine }: Desk, run: string): Promise<StartedRun | undefined> {
  const state = fold((await engine.read(run)).events);
  return state.status === "queued" ? undefined : state;
}

function problemOf(message: string): PlanProblem {
  return { where: "plan", message, remedy: words.preview.again };
}

function titleOf(run: string, problems: readonly PlanProblem[]): string {
  const told = problems.slice(0, titleProblems).map(({ where, message }) => `✗ ${where}: ${message}`);
  const more = problems.length > 0 ? [words.preview.problems(problems.length)] : [];
  return [words.preview.title(run), ...more, ...told].join("\n");
}
