import { join, normalize } from "node:path";
import type { Artifact, AttemptOutcome, AttemptResult, OutcomeRecord } from "../core/outcome.ts";
import type { Clock, Work } from "../core/ports.ts";
import { errnoOf, makeDirectory, writeAtomic } from "../lib/files.ts";
import { sha256 } from "../lib/hash.ts";
import { keepArtifact } from "./artifacts.ts";
import { type Ending, failureOf, storageCause } from "./outcome.ts";
import { type OutcomeReading, readOutcomeFile, writeOutcomeFile } from "./outcome-file.ts";
import type { Telemetry } from "./protocol.ts";

/** What a conclusion is drawn from. */
export interface Evidence {
  readonly ending: Ending;
  readonly telemetry: Telemetry;
  readonly stderr: string;
}

/** A conclusion, and the bytes that stand for it in outcome.json ("" when there are none). */
export interface Conclusion {
  readonly outcome: AttemptOutcome;
  readonly raw: string;
}

/** Tools of the room that conclusions need. */
export interface Conclude {
  readonly clock: Clock;
  readonly redact: (text: string) => string;
}

/**
 * Says how the attempt ended and makes that durable in outcome.json. A valid outcome that the worker left there wins,
 * whatever happened afterwards; a file that is not valid is set aside and counts as nothing. When the disk refuses the
 * outcome, that is the outcome. Never rejects.
 */
export async function conclude(work: Work, evidence: Evidence, tools: Conclude): Promise<Conclusion> {
  const reading = await readOutcomeFile(outcomePath(work), work);
  try {
    const outcome =
      reading.kind === "valid"
        ? await completeSubmission(work, reading.record.outcome, evidence, tools)
        : await withoutSubmission(work, reading, evidence, tools);
    const clean =
      reading.kind === "valid" &&
      outcome === reading.record.outcome &&
      tools.redact(reading.raw) === reading.raw;
    // Usage as we counted it is worth no second write: it is recorded in the journal.
    const counted =
      outcome.kind === "completed"
        ? { ...outcome, usage: evidence.telemetry.usage, ...modelOf(evidence) }
        : outcome;
    if (clean && reading.kind === "valid") return { outcome: counted, raw: reading.raw };
    if (counted.kind === "lost") return { outcome: counted, raw: "" };
    return {
      outcome: counted,
      raw: await writeOutcomeFile(outcomePath(work), recordOf(work, counted, tools), reading),
    };
  } catch (error) {
    return { outcome: refusedByDisk(error, evidence), raw: "" };
  }
}

/** After everything of the worker is gone: what was concluded must still be what stands in outcome.json. */
export async function confirm(work: Work, conclusion: Conclusion, tools: Conclude): Promise<AttemptOutcome> {
  if (conclusion.raw === "") return conclusion.outcome;
  const now = await readOutcomeFile(outcomePath(work), work);
  if (now.kind === "valid" && now.raw === conclusion.raw) return conclusion.outcome;
  const odd: OutcomeReading = now.kind === "valid" ? { kind: "invalid", why: "changed after the end" } : now;
  try {
    await writeOutcomeFile(outcomePath(work), recordOf(work, conclusion.outcome, tools), odd);
  } catch (error) {
    return refusedByDisk(error, { telemetry: { usage: conclusion.outcome.usage } });
  }
  return conclusion.outcome;
}

function outcomePath(work: Work): string {
  return join(work.directory, "outcome.json");
}

function recordOf(work: Work, outcome: AttemptOutcome, { clock }: Conclude): OutcomeRecord {
  const at = new Date(clock.now()).toISOString();
  return { v: 1, runId: work.runId, task: work.task.id, attempt: work.attempt, at, outcome };
}

/** A submission counts once its declared output is there, too. The same object comes back when nothing had to be added. */
async function completeSubmission(
  work: Work,
  submitted: AttemptOutcome,
  evidence: Evidence,
  tools: Conclude,
): Promise<AttemptOutcome> {
  if (submitted.kind !== "completed") return submitted;
  const text = tools.redact(submitted.result.text);
  const { output } = work.task;
  const has =
    output === undefined ||
    submitted.result.artifacts.some((artifact) => artifact.name === normalize(output));
  if (has && text === submitted.result.text) return submitted;
  const kept = has ? [] : await keepOutput(work, tools);
  if ("why" in kept) return hollow(work, kept.why, evidence);
  return {
    ...submitted,
    result: { ...submitted.result, text, artifacts: [...submitted.result.artifacts, ...kept] },
  };
}

async function withoutSubmission(
  work: Work,
  reading: OutcomeReading,
  evidence: Evidence,
  tools: Conclude,
): Promise<AttemptOutcome> {
  const invalid = reading.kind === "invalid" ? `; its outcome.json ${reading.why} and was set aside` : "";
  const failure = failureOf(evidence.ending, evidence.telemetry, evidence.stderr);
  if (failure)
    return "message" in failure
      ? { ...failure, message: tools.redact(`${failure.message}${invalid}`) }
      : failure;
  if (invalid) return hollow(work, `was not accepted${invalid}`, evidence, "its result");
  const kept = await keepOutput(work, tools);
  if ("why" in kept) return hollow(work, kept.why, evidence);
  const result = await unstructured(work, evidence.telemetry.finalText, kept, tools);
  return { kind: "completed", result, usage: evidence.telemetry.usage };
}

/** The final text as a result; what outcome.json cannot hold is kept whole as the artifact `result.md`. */
async function unstructured(
  work: Work,
  finalText: string,
  artifacts: readonly Artifact[],
  tools: Conclude,
): Promise<AttemptResult> {
  const whole = tools.redact(finalText);
  const bytes = Buffer.byteLength(whole);
  const max = work.settings.limits.outputMaxBytes;
  const digest = { bytes, sha256: sha256(whole), form: "unstructured" } as const;
  if (bytes <= max) return { text: whole, truncated: false, artifacts, ...digest };
  const path = join(folderOf(work), "result.md");
  await makeDirectory(join(work.artifacts, folderOf(work)));
  await writeAtomic(join(work.artifacts, path), whole);
  const text = Buffer.from(whole)
    .subarray(0, max - 3)
    .toString("utf8")
    .replace(/\uFFFD$/, "");
  const rest = { name: "result.md", path, bytes, sha256: digest.sha256 };
  return { text, truncated: true, artifacts: [...artifacts, rest], ...digest };
}

async function keepOutput(
  work: Work,
  tools: Conclude,
): Promise<readonly Artifact[] | { readonly why: string }> {
  const { output } = work.task;
  if (output === undefined) return [];
  const kept = await keepArtifact(
    { workspace: work.cwd, file: output },
    { artifacts: work.artifacts, folder: folderOf(work) },
    tools.redact,
  );
  return "why" in kept ? kept : [kept];
}

function folderOf(work: Work): string {
  return `${work.task.id}-${work.attempt}`;
}

function hollow(
  work: Work,
  why: string,
  evidence: Evidence,
  what = `its declared output ${work.task.output}`,
): AttemptOutcome {
  const message = `${what} ${why}`;
  return {
    kind: "failed",
    cause: "hollow",
    retryable: true,
    provider: false,
    message,
    usage: evidence.telemetry.usage,
    ...modelOf(evidence),
  };
}

function modelOf({ telemetry }: Evidence): { model?: string } {
  return telemetry.model ? { model: telemetry.model } : {};
}

function refusedByDisk(
  error: unknown,
  evidence: { readonly telemetry: Pick<Telemetry, "usage"> },
): AttemptOutcome {
  const code = errnoOf(error) ?? "";
  const message = `the outcome could not be written: ${error instanceof Error ? error.message : String(error)}`;
  return {
    kind: "failed",
    cause: storageCause(code),
    retryable: false,
    provider: false,
    message,
    usage: evidence.telemetry.usage,
  };
}

/** The ending that a failed system call stands for. */
export function storageEnding(error: unknown): Ending {
  const code = errnoOf(error) ?? "";
  return { by: "storage", message: error instanceof Error ? error.message : String(error), code };
}
