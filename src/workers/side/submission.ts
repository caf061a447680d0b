import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Assignment } from "../../core/assignment.ts";
import { type Artifact, type AttemptResult, noUsage, type OutcomeRecord } from "../../core/outcome.ts";
import { exists, makeDirectory, writeAtomic } from "../../lib/files.ts";
import { sha256 } from "../../lib/hash.ts";
import { keepArtifact } from "../artifacts.ts";

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
  const { assignment } = desk;
  if (await exists(assignment.outcomePath)) return { kind: "already" };
  const empty =
    submission.result.trim() === "" ? ['"result" is empty; say what you did, found or decided'] : [];
  const { kept, problems } = await keepAll(withOutput(submission.artifacts, assignment.output), desk);
  if (empty.length + problems.length > 0) {
    await rm(join(assignment.artifactsDir, folderOf(assignment)), { recursive: true, force: true });
    return { kind: "refused", problems: [...empty, ...problems] };
  }
  const whole = Buffer.from(desk.redact(submission.result), "utf8");
  const text = headOf(whole, assignment.resultMaxBytes);
  const truncated = Buffer.byteLength(text) < whole.length;
  const result: AttemptResult = {
    text,
    bytes: whole.length,
    truncated,
    sha256: sha256(whole),
    form: "submitted",
    artifacts: truncated ? [...kept, await keepWhole(whole, assignment)] : kept,
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
  return { kind: "stored", artifacts: result.artifacts.map((artifact) => artifact.path) };
}

async function keepAll(
  names: readonly string[],
  { assignment, redact }: SubmissionDesk,
): Promise<{ readonly kept: readonly Artifact[]; readonly problems: readonly string[] }> {
  const kept: Artifact[] = [];
  const problems: string[] = [];
  if (names.length > artifactsMax)
    problems.push(`${names.length} artifacts are too many; name ${artifactsMax}`);
  for (const file of names.slice(0, artifactsMax)) {
    const source = { workspace: assignment.workspace, file };
    const target = { artifacts: assignment.artifactsDir, folder: folderOf(assignment) };
    const artifact = await keepArtifact(source, target, redact);
    if (!("why" in artifact)) kept.push(artifact);
    else
      problems.push(`${kindOf(file, assignment)} "${file}" ${artifact.why}; ${remedyOf(file, assignment)}`);
  }
  return { kept, problems };
}

function kindOf(file: string, assignment: Assignment): string {
  return file === assignment.output ? "the output that this task must leave behind" : "artifact";
}
function remedyOf(file: string, assignment: Assignment): string {
  return file === assignment.output
    ? `write it in ${assignment.workspace}`
    : "name a file of the workspace or leave it out";
}

/** What outcome.json cannot hold. */
async function keepWhole(whole: Buffer, assignment: Assignment): Promise<Artifact> {
  const name = "submitted-result.md";
  const path = join(folderOf(assignment), name);
  const target = join(assignment.artifactsDir, path);
  await makeDirectory(dirname(target));
  await writeAtomic(target, whole);
  return { name, path, bytes: whole.length, sha256: sha256(whole) };
}

function folderOf(assignment: Assignment): string {
  return `${assignment.task}-${assignment.attempt}`;
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
