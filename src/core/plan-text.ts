import type { Plan, PlannedTask } from "./plan.ts";

const lineMax = 300;

/** A line a task: who does it, on what model, what it may write, what it waits for; beyond `max` only their number. */
export function planLines(plan: Plan, leadModel: string | undefined, max: number): readonly string[] {
  const lines = plan.tasks.slice(0, max).map((task) => taskText(task, plan, leadModel));
  const hidden = plan.tasks.length - lines.length;
  return [...lines, ...(hidden > 0 ? [`- … and ${hidden} more`] : [])];
}

function taskText(task: PlannedTask, { agents }: Plan, leadModel: string | undefined): string {
  const { id, agent, models, writes, dependsOn, output, verify, gate, attemptMaxMs } = task;
  const notes = [
    models.join(" → ") || (leadModel ?? "the host's model"),
    agents[agent]?.permission ?? "read",
    writes === "none" ? "writes no project file" : `writes ${writes.join(", ") || "anything"}`,
    dependsOn.length > 0 ? `after ${dependsOn.join(", ")}` : "",
    output === undefined ? "" : `leaves ${output}`,
    verify ? "verifies" : "",
    gate === undefined ? "" : "its result waits for approval",
    `at most ${Math.ceil(attemptMaxMs / 60_000)} min`,
  ];
  const text = notes.filter(Boolean).join(", ");
  const head = text.length > lineMax ? `${text.slice(0, lineMax).toWellFormed()}…` : text;
  return `- ${id} [${agent}] ${head}`;
}
