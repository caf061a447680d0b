import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Assignment } from "../../core/assignment.ts";
import { type Artifact, noUsage, type OutcomeRecord } from "../../core/outcome.ts";
import { exists, makeDirectory, writeAtomic } from "../../lib/files.ts";
import { folderOf, keepArtifact, resultOf } from "../artifacts.ts";

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

const artifactsMax = 100;

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
  const { runId, task, attempt, outcomePath, artifactsDir, resultMaxBytes, output } = desk.assignment;
  if (await exists(outcomePath)) return { kind: "already" };
  const shelf = { artifacts: artifactsDir, task, attempt, redact: desk.redact };
  const problems: string[] = [];
  if (submission.result.trim() === "") problems.push('"result" is empty; say what you did, found or decided');
  // The declared output is an artifact whether or not the model names it.
  const files = [...new Set([...submission.artifacts, ...(output === undefined ? [] : [output])])];
  if (files.length > artifactsMax)
    problems.push(`${files.length} artifacts are too many; name ${artifactsMax}`);
  const artifacts: Artifact[] = [];
  for (const file of files.slice(0, artifactsMax)) {
    const kept = await keepArtifact(desk.assignment.workspace, file, shelf);
    if (!("why" in kept)) artifacts.push(kept);
    else if (file === output)
      problems.push(`the output that this task must leave behind "${file}" ${kept.why}; write it first`);
    else problems.push(`artifact "${file}" ${kept.why}; name a file of the workspace or leave it out`);
  }
  if (problems.length > 0) {
    await rm(join(artifactsDir, folderOf(shelf)), { recursive: true, force: true });
    return { kind: "refused", problems };
  }
  const result = await resultOf(submission.result, resultMaxBytes, shelf, { form: "submitted", artifacts });
  const model = desk.model === undefined ? {} : { model: desk.model };
  const record: OutcomeRecord = {
    v: 1,
    runId,
    task,
    attempt,
    at: new Date(desk.now()).toISOString(),
    outcome: { kind: "completed", result, usage: noUsage, ...model },
  };
  await makeDirectory(dirname(outcomePath));
  await writeAtomic(outcomePath, `${JSON.stringify(record)}\n`);
  return { kind: "stored", artifacts: result.artifacts.map((artifact) => artifact.path) };
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null || value === "" || value === "null";
}

function readList(value: unknown): readonly string[] {
  if (isUnset(value)) return [];
  if (Array.isArray(value))
    return value.filter((item): item is string => typeof item === "string" && item !== "");
  if (typeof value !== "string") return [];
  try {
    return value.trimStart().startsWith("[") ? readList(JSON.parse(value)) : [value];
  } catch {
    // Not JSON after all: the name of one file.
    return [value];
  }
}
