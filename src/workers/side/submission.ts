import { dirname } from "node:path";
import type { Assignment } from "../../core/assignment.ts";
import { type AttemptResult, noUsage, type OutcomeRecord } from "../../core/outcome.ts";
import { exists, makeDirectory, writeAtomic } from "../../lib/files.ts";
import { sha256 } from "../../lib/hash.ts";
import { type ArtifactPlace, artifactProblems, keepArtifacts, keepBytes } from "./artifacts.ts";

/** What a model passed to `submit_result`, made regular. */
export interface Submission {
  readonly result: string;
  readonly artifacts: readonly string[];
}

/** What submitting needs besides the arguments. */
export interface SubmissionDesk {
  readonly assignment: Assignment;
  /** `provider/id` in use. */
  readonly model?: string;
  /** Milliseconds since the epoch. */
  now(): number;
  redact(text: string): string;
}

/** What happened to a submission. `refused` says what to mend; nothing was written then. */
export type Submitted =
  | { readonly kind: "stored"; readonly artifacts: readonly string[] }
  | { readonly kind: "already" }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

/**
 * Makes regular arguments of whatever a model sent: null, "" and "null" stand for "not given", a lone string or JSON
 * text for a list, and a result that is no string becomes its JSON.
 */
export function readSubmission(raw: unknown): Submission {
  const fields = typeof raw === "object" && raw !== null ? raw : { result: raw };
  const result: unknown = Reflect.get(fields, "result");
  return {
    result: typeof result === "string" ? result : isUnset(result) ? "" : JSON.stringify(result, null, 2),
    artifacts: [...new Set(readList(Reflect.get(fields, "artifacts")))],
  };
}

/**
 * Writes outcome.json for a finished attempt, durably (file and directory synced) and atomically, before it resolves;
 * artifacts are stored first. The first submission stands: later ones change nothing. Rejects with the file system's
 * error when the disk refuses.
 */
export async function submit(submission: Submission, desk: SubmissionDesk): Promise<Submitted> {
  const { assignment } = desk;
  if (await exists(assignment.outcomePath)) return { kind: "already" };
  const names = withOutput(submission.artifacts, assignment.output);
  const problems = [
    ...(submission.result.trim() === "" ? ['"result" is empty; say what you did, found or decided'] : []),
    ...(await artifactProblems(names, assignment.workspace)),
  ];
  if (problems.length > 0) return { kind: "refused", problems };
  const place: ArtifactPlace = { ...assignment, redact: desk.redact };
  const kept = [...(await keepArtifacts(names, place))];
  const whole = Buffer.from(desk.redact(submission.result), "utf8");
  const text = headOf(whole, assignment.resultMaxBytes);
  const truncated = Buffer.byteLength(text) < whole.length;
  if (truncated) kept.push(await keepBytes("submitted-result.md", whole, place));
  const result: AttemptResult = {
    text,
    bytes: whole.length,
    truncated,
    sha256: sha256(whole),
    form: "submitted",
    artifacts: kept,
  };
  const model = desk.model === undefined ? {} : { model: desk.model };
  const record: OutcomeRecord = {
    v: 1,
    runId: assignment.runId,
    task: assignment.task,
    attempt: assignment.attempt,
    at: new Date(desk.now()).toISOString(),
    outcome: { kind: "completed", result, usage: noUsage, ...model },
  };
  await makeDirectory(dirname(assignment.outcomePath));
  await writeAtomic(assignment.outcomePath, `${JSON.stringify(record)}\n`);
  return { kind: "stored", artifacts: kept.map((artifact) => artifact.path) };
}

/** The declared output is an artifact whether or not the model names it. */
function withOutput(names: readonly string[], output: string | undefined): readonly string[] {
  return output === undefined || names.includes(output) ? names : [...names, output];
}

/** As much of UTF-8 text as fits, never half a character. */
function headOf(whole: Buffer, maxBytes: number): string {
  if (whole.length <= maxBytes) return whole.toString("utf8");
  let end = maxBytes;
  while (end > 0 && ((whole[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return whole.toString("utf8", 0, end);
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === "" || value === "null";
}

function readList(value: unknown): readonly string[] {
  if (isUnset(value)) return [];
  if (Array.isArray(value))
    return value.filter((item) => typeof item === "string" && item !== "").map(String);
  if (typeof value !== "string") return [];
  if (value.trimStart().startsWith("[")) {
    try {
      return readList(JSON.parse(value));
    } catch {
      return [value];
    }
  }
  return [value];
}
