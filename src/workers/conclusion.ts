import { join, normalize } from "node:path";
import type { Artifact, AttemptOutcome } from "../core/outcome.ts";
import type { Clock } from "../core/ports.ts";
import type { Work } from "../core/worker.ts";
import { errnoOf } from "../lib/files.ts";
import { untilDiskTakes } from "../lib/patience.ts";
import type { Redactor } from "../lib/redact.ts";
import { type ArtifactRefusal, folderOf, keepArtifact, resultOf, type Shelf } from "./artifacts.ts";
import { type Evidence, failed, failureOf, storageCause } from "./outcome.ts";
import { type OutcomeReading, readOutcomeFile, writeOutcomeFile } from "./outcome-file.ts";

/** A conclusion, and the bytes that stand for it in outcome.json ("" when there are none). */
export interface Conclusion {
  readonly outcome: AttemptOutcome;
  readonly raw: string;
}

/** What conclusions are drawn with. */
export interface Tools {
  readonly clock: Clock;
  readonly redactor: Redactor;
  /** A disk that is full is waited for until this is true. */
  readonly isStopped: () => boolean;
}

/**
 * Says how the attempt ended and makes that durable in outcome.json. A valid outcome that the worker left there wins,
 * whatever happened afterwards; a file that is not valid is set aside and counts as nothing. When the disk refuses the
 * outcome for good, that is the outcome. Never rejects.
 */
export async function conclude(work: Work, evidence: Evidence, tools: Tools): Promise<Conclusion> {
  const concludeOnce = async (): Promise<Conclusion> => {
    const reading = await readOutcomeFile(outcomePath(work), work);
    const { usage, model } = evidence.telemetry;
    const concluded =
      reading.kind === "valid"
        ? await completeSubmission(work, reading.record.outcome, evidence, tools)
        : await withoutSubmission(work, reading, evidence, tools);
    const outcome =
      concluded.kind === "completed" ? { ...concluded, usage, ...(model ? { model } : {}) } : concluded;
    // Usage as we counted it is worth no second write: it is recorded in the journal.
    if (reading.kind === "valid" && concluded === reading.record.outcome)
      return { outcome, raw: reading.raw };
    return { outcome, raw: outcome.kind === "lost" ? "" : await write(work, outcome, reading, tools) };
  };
  try {
    return await untilDiskTakes(concludeOnce, tools.clock.sleep, tools.isStopped);
  } catch (error) {
    return { outcome: refusedByDisk(error, evidence), raw: "" };
  }
}

/** After everything of the worker is gone: what was concluded must still be what stands in outcome.json. */
export async function confirm(
  work: Work,
  { outcome, raw }: Conclusion,
  evidence: Evidence,
  tools: Tools,
): Promise<AttemptOutcome> {
  if (raw === "") return outcome;
  const confirmOnce = async (): Promise<AttemptOutcome> => {
    const now = await readOutcomeFile(outcomePath(work), work);
    if (now.kind === "valid" && now.raw === raw) return outcome;
    await write(work, outcome, now.kind === "none" ? now : { kind: "invalid", why: "changed later" }, tools);
    return outcome;
  };
  try {
    return await untilDiskTakes(confirmOnce, tools.clock.sleep, tools.isStopped);
  } catch (error) {
    return refusedByDisk(error, evidence);
  }
}

function outcomePath(work: Work): string {
  return join(work.directory, "outcome.json");
}

function write(
  work: Work,
  outcome: AttemptOutcome,
  before: OutcomeReading,
  { clock }: Tools,
): Promise<string> {
  const { runId, attempt } = work;
  const at = new Date(clock.now()).toISOString();
  return writeOutcomeFile(
    outcomePath(work),
    { v: 1, runId, task: work.task.id, attempt, at, outcome },
    before,
  );
}

/** A submission counts once its declared output is there, too. The same object comes back when nothing had to change. */
async function completeSubmission(
  work: Work,
  submitted: AttemptOutcome,
  evidence: Evidence,
  tools: Tools,
): Promise<AttemptOutcome> {
  const redacted = tools.redactor.redactValue(submitted);
  const clean = JSON.stringify(redacted) === JSON.stringify(submitted) ? submitted : redacted;
  if (clean.kind !== "completed") return clean;
  const { result } = clean;
  const shelf = shelfOf(work, tools);
  const { output } = work.task;
  const path = output === undefined ? undefined : join(folderOf(shelf), normalize(output));
  if (path === undefined || result.artifacts.some((artifact) => artifact.path === path)) return clean;
  const kept = await keepOutput(work, shelf);
  if ("why" in kept) return hollow(work, kept, evidence);
  return { ...clean, result: { ...result, artifacts: [...result.artifacts, ...kept] } };
}

async function withoutSubmission(
  work: Work,
  reading: OutcomeReading,
  evidence: Evidence,
  tools: Tools,
): Promise<AttemptOutcome> {
  const invalid = reading.kind === "invalid" ? `; its outcome.json ${reading.why} and was set aside` : "";
  const failure = failureOf(evidence);
  if (failure && "message" in failure)
    return { ...failure, message: tools.redactor.redact(`${failure.message}${invalid}`) };
  if (failure) return failure;
  if (invalid) return failed(evidence, "hollow", `its result was not accepted${invalid}`);
  const shelf = shelfOf(work, tools);
  const kept = await keepOutput(work, shelf);
  if ("why" in kept) return hollow(work, kept, evidence);
  const { finalText, usage } = evidence.telemetry;
  const { outputMaxBytes } = work.settings.limits;
  const rest = { form: "unstructured", artifacts: kept } as const;
  return { kind: "completed", result: await resultOf(finalText, outputMaxBytes, shelf, rest), usage };
}

async function keepOutput(work: Work, shelf: Shelf): Promise<readonly Artifact[] | ArtifactRefusal> {
  if (work.task.output === undefined) return [];
  const kept = await keepArtifact(work.cwd, work.task.output, shelf);
  return "why" in kept ? kept : [kept];
}

function hollow(work: Work, { why }: ArtifactRefusal, evidence: Evidence): AttemptOutcome {
  return failed(evidence, "hollow", `its declared output ${work.task.output} ${why}`);
}

function shelfOf(work: Work, { redactor }: Tools): Shelf {
  return { artifacts: work.artifacts, task: work.task.id, attempt: work.attempt, redact: redactor.redact };
}

/** Doing the work again would not make the disk better. */
function refusedByDisk(error: unknown, evidence: Evidence): AttemptOutcome {
  const message = `the outcome could not be written: ${error instanceof Error ? error.message : String(error)}`;
  return failed(evidence, storageCause(errnoOf(error) ?? ""), message, { retryable: false });
}
