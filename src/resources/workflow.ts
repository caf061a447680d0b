import type { Found, ResourceFile, StepDefinition, WorkflowDefinition } from "./definition.ts";
import { describedAliases, describedKeys, readDescribed, readSkills } from "./described.ts";
import { type Field, readDocument } from "./document.ts";
import { Fields, type Vocabulary } from "./fields.ts";

const workflowWords: Vocabulary = {
  thing: "workflow",
  keys: [...describedKeys, "maxConcurrency"],
  aliases: { ...describedAliases, max_concurrency: "maxConcurrency" },
};
const stepWords: Vocabulary = {
  thing: "step",
  keys: [
    ...["role", "dependsOn", "parallelGroup", "output", "reads", "model", "skills", "writes", "verify"],
    ...["retries", "timeout"],
  ],
  aliases: { depends_on: "dependsOn", parallel_group: "parallelGroup", skill: "skills" },
  unsupported: ["gate", "worktree", "when", "forEach", "loop", "contract"],
};
const variables = ["goal", "task"];

/** A workflow's file as a definition; nothing when it has a fatal problem. Everything noticed goes to `found`. */
export function parseWorkflow(
  place: ResourceFile,
  text: string,
  found: Found[],
): WorkflowDefinition | undefined {
  const before = found.length;
  const document = readDocument(place.file, text, found);
  if (!document) return undefined;
  const fields = new Fields(place.file, 1, document.fields, workflowWords, found);
  const described = readDescribed(place, fields);
  const concurrencyMax = fields.integer("maxConcurrency", 1, 1_000);
  const steps = sections(document.body, document.bodyLine).map((section) =>
    readStep(place.file, section, found),
  );
  if (steps.length === 0) {
    const message = `workflow "${described.name}" has no step`;
    const remedy = "write each step as ## id, then key: value lines, a blank line and the prompt";
    found.push({ where: `${place.file}:${document.bodyLine}`, message, remedy, fatal: true });
  }
  if (found.slice(before).some((problem) => problem.fatal)) return undefined;
  return { ...described, ...(concurrencyMax && { concurrencyMax }), steps };
}

interface Section {
  readonly id: string;
  readonly line: number;
  readonly lines: readonly string[];
}

/** Cut at each `## ` outside fenced code. What stands before the first one is a note to readers. */
function sections(body: readonly string[], bodyLine: number): Section[] {
  const cut: { id: string; line: number; lines: string[] }[] = [];
  let fence: string | undefined;
  for (const [index, line] of body.entries()) {
    const mark = /^\s{0,3}(```+|~~~+)/.exec(line)?.[1];
    if (fence === undefined) fence = mark;
    else if (mark?.startsWith(fence) && line.trim() === mark) fence = undefined;
    const heading = fence === undefined ? /^##\s+(.*)$/.exec(line) : null;
    if (heading) cut.push({ id: (heading[1] ?? "").trim(), line: bodyLine + index, lines: [] });
    else cut.at(-1)?.lines.push(line);
  }
  return cut;
}

function readStep(file: string, section: Section, found: Found[]): StepDefinition {
  const [start, headEnd] = headOf(section.lines);
  const head = readHead(file, section.lines.slice(start, headEnd), section.line + 1 + start, found);
  const fields = new Fields(file, section.line, head, stepWords, found);
  const prompt = section.lines.slice(headEnd).join("\n").trim();
  for (const [, name = ""] of prompt.matchAll(/(?<![{$])\{([A-Za-z][\w-]*)\}(?!\})/g)) {
    if (variables.includes(name)) continue;
    const remedy = "use {goal}, {task} or {<step>.output}; other braces reach the worker as they are";
    found.push({
      where: `${file}:${section.line}`,
      message: `step "${section.id}" uses {${name}}, which is no variable`,
      remedy,
      fatal: false,
    });
  }
  const group = fields.textOrOff("parallelGroup");
  const output = fields.textOrOff("output");
  const model = fields.model("model");
  const retries = fields.integer("retries", 0, 10);
  const attemptMaxMs = fields.duration("timeout");
  const writes = fields.list("writes");
  const reads = fields.list("reads") ?? [];
  for (const [key, paths] of [
    ["output", output ? [output] : []],
    ["reads", reads],
    ["writes", writes ?? []],
  ] as const) {
    const outside = paths.find(isOutside);
    if (outside)
      fields.report(
        key,
        `"${key}" names ${outside}, outside the workspace`,
        "use a path relative to the project, without ..",
      );
  }
  return {
    id: section.id,
    role: fields.text("role") ?? section.id,
    dependsOn: fields.list("dependsOn") ?? [],
    ...(group && { group }),
    prompt,
    ...(output && { output }),
    reads,
    ...(model && { model }),
    ...readSkills(fields),
    ...(writes && { writes: writes.length === 0 ? "none" : writes }),
    verify: fields.flag("verify") ?? false,
    ...(retries !== undefined && { retries }),
    ...(attemptMaxMs && { attemptMaxMs }),
    line: section.line,
  };
}

/**
 * Where the keys begin and end. They follow the heading at once; after a blank line (which formatters like to add) only a
 * paragraph that begins with a known key is taken for them.
 */
function headOf(lines: readonly string[]): readonly [number, number] {
  const start = lines.findIndex((line) => line.trim() !== "");
  if (start < 0) return [0, 0];
  const blank = lines.findIndex((line, index) => index > start && line.trim() === "");
  const key = /^([A-Za-z][\w-]*)\s*:/.exec(lines[start] ?? "")?.[1] ?? "";
  const known = [
    ...stepWords.keys,
    ...Object.keys(stepWords.aliases ?? {}),
    ...(stepWords.unsupported ?? []),
  ];
  if (start > 0 && !known.includes(key)) return [0, 0];
  return [start, blank < 0 ? lines.length : blank];
}

/** True for a path or glob that leaves the workspace on any platform. */
export function isOutside(path: string): boolean {
  return /^([/\\~]|[A-Za-z]:)/.test(path) || path.split(/[/\\]/).includes("..");
}

/** `key: value` lines; a key without value may be followed by `- entry` lines. */
function readHead(file: string, lines: readonly string[], firstLine: number, found: Found[]): Field[] {
  const fields: { key: string; value: string | string[]; line: number }[] = [];
  for (const [index, text] of lines.entries()) {
    const line = firstLine + index;
    const last = fields.at(-1);
    const entry = /^\s*-\s+(.*)$/.exec(text);
    const pair = /^([A-Za-z][\w-]*)\s*:(?:\s+(.*))?$/.exec(text.trim());
    if (entry && last && (Array.isArray(last.value) || last.value === "")) {
      last.value = [...(Array.isArray(last.value) ? last.value : []), (entry[1] ?? "").trim()];
    } else if (pair) {
      fields.push({ key: pair[1] ?? "", value: (pair[2] ?? "").trim(), line });
    } else {
      const message = `"${text.trim().slice(0, 80)}" is not a key: value line`;
      found.push({
        where: `${file}:${line}`,
        message,
        remedy: "put a blank line between a step's keys and its prompt",
        fatal: true,
      });
    }
  }
  return fields;
}
