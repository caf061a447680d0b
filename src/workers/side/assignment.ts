import type { Assignment } from "../../core/assignment.ts";

const permissions = ["read", "write", "full"] as const;

/**
 * Reads PI_MUSTER_ASSIGNMENT. Throws with the field's name when it is not what the driver writes: a worker that does
 * not know its rights must not start.
 */
export function parseAssignment(text: string): Assignment {
  const parsed: unknown = JSON.parse(text);
  const fields = new Fields(parsed);
  const permission = permissions.find((one) => one === fields.text("permission"));
  if (permission === undefined) throw invalid("permission", "one of read, write, full");
  const tools = fields.optionalList("tools");
  const excludeTools = fields.optionalList("excludeTools");
  if (excludeTools === undefined) throw invalid("excludeTools", "a list of texts");
  const output = fields.optionalText("output");
  return {
    runId: fields.text("runId"),
    task: fields.text("task"),
    attempt: fields.count("attempt"),
    outcomePath: fields.text("outcomePath"),
    artifactsDir: fields.text("artifactsDir"),
    workspace: fields.text("workspace"),
    permission,
    ...(tools === undefined ? {} : { tools }),
    excludeTools,
    expectedParentPid: fields.count("expectedParentPid"),
    depth: fields.count("depth"),
    resultMaxBytes: fields.count("resultMaxBytes"),
    ...(output === undefined ? {} : { output }),
  };
}

class Fields {
  readonly #value: unknown;

  constructor(value: unknown) {
    this.#value = value;
  }

  #get(name: string): unknown {
    return typeof this.#value === "object" && this.#value !== null
      ? Reflect.get(this.#value, name)
      : undefined;
  }

  text(name: string): string {
    const value = this.optionalText(name);
    if (value === undefined || value === "") throw invalid(name, "a text");
    return value;
  }

  optionalText(name: string): string | undefined {
    const value = this.#get(name);
    if (value === undefined || typeof value === "string") return value;
    throw invalid(name, "a text");
  }

  optionalList(name: string): readonly string[] | undefined {
    const value = this.#get(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
      throw invalid(name, "a list of texts");
    return value;
  }

  count(name: string): number {
    const value = this.#get(name);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
      throw invalid(name, "a whole number");
    return value;
  }
}

function invalid(field: string, what: string): Error {
  return new Error(`PI_MUSTER_ASSIGNMENT: "${field}" must be ${what}; pi-muster's driver sets it`);
}
