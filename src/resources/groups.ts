import type { Found, StepDefinition, WorkflowDefinition } from "./definition.ts";

/**
 * The steps of a workflow with its parallel groups dissolved into dependencies. Steps of one group start together: each
 * waits for what any of them depends on. A step that depends on a group's name waits for all of it.
 */
export function withoutGroups(workflow: WorkflowDefinition, found: Found[]): readonly StepDefinition[] {
  const { steps } = workflow;
  const members = new Map<string, StepDefinition[]>();
  for (const step of steps) {
    if (step.group === undefined) continue;
    const group = members.get(step.group) ?? [];
    members.set(step.group, [...group, step]);
    if (group.length === 0 && steps.some(({ id }) => id === step.group)) {
      const message = `"${step.group}" is the name of a group and of a step`;
      found.push({
        where: `${workflow.file}:${step.line}`,
        message,
        remedy: "rename one of them",
        fatal: true,
      });
    }
  }
  const expanded = (step: StepDefinition): readonly string[] =>
    step.dependsOn.flatMap((name) => members.get(name)?.map(({ id }) => id) ?? [name]);
  return steps.map((step) => {
    const group = step.group === undefined ? [step] : (members.get(step.group) ?? [step]);
    const own = expanded(step).find((id) => id !== step.id && group.some((member) => member.id === id));
    if (own !== undefined) {
      const message = `step "${step.id}" waits for "${own}" of its own group "${step.group}", but a group starts together`;
      const remedy = "take one of them out of the group, or remove the dependency";
      found.push({ where: `${workflow.file}:${step.line}`, message, remedy, fatal: true });
    }
    // A dependency inside the group was told above; as a union it would also show as a cycle.
    const inside = (id: string): boolean =>
      step.group !== undefined && group.some((member) => member.id === id);
    const union = new Set(group.flatMap(expanded).filter((id) => !inside(id)));
    return { ...step, dependsOn: step.group === undefined ? [...new Set(expanded(step))] : [...union] };
  });
}
