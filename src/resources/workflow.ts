import type { ResourceFile, StepDefinition, WorkflowDefinition } from "./definition.ts";
import { type Line, readDocument } from "./document.ts";
import type { Findings } from "./findings.ts";
import { describe, describedKeys, key, propertyOf, readKeys } from "./keys.ts";
import * as kind from "./kinds.ts";

const workflowKeys = {
  ...describedKeys,
  concurrencyMax: key(kind.whole(1, 1_000), "maxConcurrency"),
  requireApproval: key(kind.flag, "requireApproval"),
};
const stepKeys = {
  role: key(kind.text, "role"),
  dependsOn: key(kind.list, "dependsOn"),
  group: key(kind.text, "parallelGroup"),
  output: key(kind.path, "output"),
  reads: key(kind.paths, "reads"),
  model: key(kind.model, "model"),
  skills: key(kind.list, "skills", "skill"),
  writes: key(kind.paths, "writes"),
  verify: key(kind.flag, "verify"),
  retries: key(kind.whole(0, 10), "retries"),
  attemptMaxMs: key(kind.duration, "timeout"),
  gate: key(kind.gate, "gate"),
  worktree: key(kind.unsupported, "worktree"),
  when: key(kind.unsupported, "when"),
  forEach: key(kind.unsupported, "forEach"),
  loop: key(kind.unsupported, "loop"),
  contract: key(kind.unsupported, "contract"),
};
const keyLine = /^\s*([A-Za-z][\w-]*)\s*:(?:\s+(.*))?$/;

/** A workflow's file as a definition; nothing, with the reasons in `found`, when it cannot be used. */
export function parseWorkflow(
  place: ResourceFile,
  text: string,
  found: Findings,
): WorkflowDefinition | undefined {
  const document = readDocument(place.file, text, found);
  if (!document) return undefined;
  const { values, at } = readKeys(workflowKeys, `${place.file}:1`, document.fields, found);
  const { concurrencyMax, requireApproval } = values;
  const described = describe(place, values, at("name"), found);
  const sections = sectionsOf(document.body);
  const steps = dissolveGroups(
    sections.map((section) => readStep(section, found)),
    found,
  );
  if (steps.length === 0) {
    const remedy = "write each step as ## id, then key: value lines, a blank line and the prompt";
    found.error(`${place.file}:1`, `workflow "${described.name}" has no step`, remedy);
  }
  if (found.errors.length > 0) return undefined;
  const optional = { ...(concurrencyMax && { concurrencyMax }), ...(requireApproval && { requireApproval }) };
  return { ...described, ...optional, steps };
}

interface Section {
  readonly heading: string;
  readonly where: string;
  readonly lines: readonly Line[];
}

/** Cut at each `## ` outside fenced code. What stands before the first one is a note to readers. */
function sectionsOf(body: readonly Line[]): readonly Section[] {
  const sections: { heading: string; where: string; lines: Line[] }[] = [];
  let fence: string | undefined;
  for (const line of body) {
    const mark = /^\s{0,3}(```+|~~~+)/.exec(line.text)?.[1];
    if (fence === undefined) fence = mark;
    else if (mark?.startsWith(fence) && line.text.trim() === mark) fence = undefined;
    const heading = fence === undefined ? /^##\s+(.*)$/.exec(line.text)?.[1] : undefined;
    if (heading !== undefined) sections.push({ heading: heading.trim(), where: line.where, lines: [] });
    else sections.at(-1)?.lines.push(line);
  }
  return sections;
}

function readStep({ heading: id, where, lines }: Section, found: Findings): GroupedStep {
  const [start, end] = headOf(lines);
  const fields = lines.slice(start, end).flatMap((line) => {
    const [, name, value = ""] = keyLine.exec(line.text) ?? [];
    if (name !== undefined) return [{ key: name, value: value.trim(), where: line.where }];
    const remedy = "put a blank line between a step's keys and its prompt";
    found.error(line.where, `"${line.text.trim().slice(0, 80)}" is not a key: value line`, remedy);
    return [];
  });
  const { values, at } = readKeys(stepKeys, where, fields, found);
  const { skills, writes, group, output, model, retries, attemptMaxMs, gate } = values;
  const prompt = lines
    .slice(end)
    .map((line) => line.text)
    .join("\n")
    .trim();
  for (const [, name = ""] of prompt.matchAll(/(?<![{$])\{([A-Za-z][\w-]*)\}(?!\})/g)) {
    if (name === "goal" || name === "task") continue;
    const remedy = "use {goal}, {task} or {<step>.output}; other braces reach the worker as they are";
    found.warn(where, `step "${id}" uses {${name}}, which is no variable`, remedy);
  }
  return {
    id,
    role: values.role ?? id,
    dependsOn: values.dependsOn ?? [],
    ...(group && { group }),
    prompt,
    ...(output && { output }),
    reads: values.reads ?? [],
    ...(model && { model }),
    ...(skills && { skills: { names: skills, where: at("skills") } }),
    ...(writes && { writes: writes.length === 0 ? "none" : writes }),
    verify: values.verify ?? false,
    ...(gate && { gate }),
    ...(retries !== undefined && { retries }),
    ...(attemptMaxMs && { attemptMaxMs }),
    where,
  };
}

/**
 * Where the keys begin and end. They follow the heading at once; after a blank line (which formatters like to add) only a
 * paragraph that begins with a known key is taken for them.
 */
function headOf(lines: readonly Line[]): readonly [number, number] {
  const start = lines.findIndex(({ text }) => text.trim() !== "");
  const name = keyLine.exec(lines[start]?.text ?? "")?.[1] ?? "";
  if (start < 0 || (start > 0 && propertyOf(stepKeys, name) === undefined)) return [0, 0];
  const end = lines.findIndex(({ text }, index) => index > start && text.trim() === "");
  return [start, end < 0 ? lines.length : end];
}

/** A step as its file says it: `dependsOn` may also name groups. */
interface GroupedStep extends StepDefinition {
  readonly group?: string;
}

/**
 * Parallel groups as dependencies. Steps of one group start together: each waits for what any of them depends on. A step
 * that depends on a group's name waits for all of it.
 */
function dissolveGroups(steps: readonly GroupedStep[], found: Findings): readonly StepDefinition[] {
  const groups = new Map<string, GroupedStep[]>();
  for (const step of steps) {
    if (step.group !== undefined) groups.set(step.group, [...(groups.get(step.group) ?? []), step]);
  }
  const expanded = (step: GroupedStep): readonly string[] =>
    step.dependsOn.flatMap((name) => groups.get(name)?.map(({ id }) => id) ?? [name]);
  return steps.map(({ group, ...step }) => {
    if (groups.has(step.id)) {
      const message = `"${step.id}" is the name of a group and of a step`;
      found.error(step.where, message, "rename one of them");
    }
    const peers = group === undefined ? [step] : (groups.get(group) ?? []);
    const inside = expanded(step).find((id) => group !== undefined && peers.some((peer) => peer.id === id));
    if (inside !== undefined) {
      const message = `step "${step.id}" waits for "${inside}" of its own group "${group}", but a group starts together`;
      found.error(step.where, message, "take one of them out of the group, or remove the dependency");
    }
    return { ...step, dependsOn: [...new Set(peers.flatMap(expanded))] };
  });
}
