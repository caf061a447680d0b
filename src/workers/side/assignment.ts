import type { Assignment } from "../../core/assignment.ts";
import type { ToolRules } from "../../core/settings.ts";
import { count, list, oneOf, optional, record, text } from "../../lib/json.ts";

const assignmentShape = record<Assignment>({
  runId: text,
  task: text,
  agent: text,
  attempt: count,
  outcomePath: text,
  artifactsDir: text,
  workspace: text,
  permission: oneOf("read", "write", "full"),
  rules: record<ToolRules>({ deny: list(text), ask: list(text), allow: list(text), askMaxMs: count }),
  tools: optional(list(text)),
  excludeTools: list(text),
  expectedParentPid: count,
  depth: count,
  resultMaxBytes: count,
  output: optional(text),
});

/** Reads PI_MUSTER_ASSIGNMENT. Throws when it is not what the driver writes: a worker that does not know its rights must not start. */
export function parseAssignment(json: string): Assignment {
  const value: unknown = JSON.parse(json);
  const problems: string[] = [];
  if (assignmentShape(value, "PI_MUSTER_ASSIGNMENT", problems)) return value;
  throw new Error(`${problems.join("; ")}: only pi-muster's driver sets it`);
}
