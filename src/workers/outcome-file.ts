import { rename } from "node:fs/promises";
import {
  type Artifact,
  type AttemptOutcome,
  type AttemptResult,
  causes,
  type OutcomeRecord,
  type Usage,
} from "../core/outcome.ts";
import type { Work } from "../core/ports.ts";
import { errnoOf, readIfExists, writeAtomic } from "../lib/files.ts";
import { isArtifactIntact } from "./artifacts.ts";
import { isRecord, parseObject } from "./protocol.ts";

/** What stands in outcome.json: a worker may have written anything there. */
export type OutcomeReading =
  | { readonly kind: "none" }
  | { readonly kind: "valid"; readonly record: OutcomeRecord; readonly raw: string }
  /** `why` completes the sentence "outcome.json ...". */
  | { readonly kind: "invalid"; readonly why: string };

/** Reads and checks the outcome of exactly this attempt; artifacts must be what the record says. Rejects never. */
export async function readOutcomeFile(path: string, work: Work): Promise<OutcomeReading> {
  const raw = await readPlain(path, work.settings.limits.outputMaxBytes * 6 + overheadMaxBytes);
  if (typeof raw !== "string") return raw;
  const record = parseOutcomeRecord(raw, work);
  if (typeof record === "string") return { kind: "invalid", why: record };
  const artifacts = record.outcome.kind === "completed" ? record.outcome.result.artifacts : [];
  for (const artifact of artifacts) {
    if (await isArtifactIntact(work.artifacts, artifact)) continue;
    return {
      kind: "invalid",
      why: `names an artifact "${artifact.name}" that is not in artifacts/ as described`,
    };
  }
  return { kind: "valid", record, raw };
}

/** Writes the outcome durably; what stood there and was not valid is kept beside it as `outcome.json.bad`. */
export async function writeOutcomeFile(
  path: string,
  record: OutcomeRecord,
  before: OutcomeReading,
): Promise<string> {
  if (before.kind === "invalid") await rename(path, `${path}.bad`);
  const raw = `${JSON.stringify(record)}\n`;
  await writeAtomic(path, raw);
  return raw;
}

/** Usage, artifact list and names around the text. */
const overheadMaxBytes = 256_000;

async function readPlain(path: string, maxBytes: number): Promise<string | OutcomeReading> {
  try {
    return (await readIfExists(path, maxBytes)) ?? { kind: "none" };
  } catch (error) {
    return { kind: "invalid", why: `cannot be read (${errnoOf(error) ?? String(error)})` };
  }
}

/** The record, or what is wrong with it. */
function parseOutcomeRecord(raw: string, work: Work): OutcomeRecord | string {
  const value = parseObject(raw);
  if (!value) return "is not a JSON object";
  const { runId, task, attempt, at } = value;
  if (value.v !== 1) return `has version ${String(value.v)}, not 1`;
  if (runId !== work.runId || task !== work.task.id || attempt !== work.attempt)
    return "belongs to another attempt";
  if (typeof at !== "string" || Number.isNaN(Date.parse(at))) return "has no valid time";
  const outcome = parseOutcome(value.outcome, work.settings.limits.outputMaxBytes);
  if (typeof outcome === "string") return outcome;
  return { v: 1, runId: work.runId, task: work.task.id, attempt: work.attempt, at, outcome };
}

/** Only what a worker may say of itself: that it completed, or that it failed. */
function parseOutcome(value: unknown, textMaxBytes: number): AttemptOutcome | string {
  if (!isRecord(value)) return "holds no outcome";
  const usage = parseUsage(value.usage);
  if (!usage) return "holds no valid usage";
  const model = typeof value.model === "string" ? { model: value.model } : {};
  if (value.kind === "completed") {
    const result = parseResult(value.result, textMaxBytes);
    return typeof result === "string" ? result : { kind: "completed", result, usage, ...model };
  }
  if (value.kind !== "failed") return `holds an outcome of kind "${String(value.kind)}"`;
  const cause = causes.find((one) => one === value.cause && one !== "completed");
  const { retryable, provider, message } = value;
  if (
    !cause ||
    typeof retryable !== "boolean" ||
    typeof provider !== "boolean" ||
    typeof message !== "string"
  ) {
    return "holds a failure without cause, retryable, provider or message";
  }
  return { kind: "failed", cause, retryable, provider, message, usage, ...model };
}

function parseResult(value: unknown, textMaxBytes: number): AttemptResult | string {
  if (!isRecord(value)) return "holds no result";
  const { text, bytes, truncated, form } = value;
  if (typeof text !== "string" || text.trim() === "") return "holds no text";
  if (Buffer.byteLength(text) > textMaxBytes) return `holds more than ${textMaxBytes} bytes of text`;
  if (!isCount(bytes) || typeof truncated !== "boolean" || !isHash(value.sha256))
    return "holds a result without bytes, truncated or sha256";
  if (form !== "submitted" && form !== "unstructured") return "holds a result of an unknown form";
  const artifacts = Array.isArray(value.artifacts) ? value.artifacts.map(parseArtifact) : undefined;
  if (!artifacts?.every((artifact) => artifact !== undefined)) return "holds no valid list of artifacts";
  return { text, bytes, truncated, sha256: value.sha256, form, artifacts };
}

function parseArtifact(value: unknown): Artifact | undefined {
  if (!isRecord(value)) return undefined;
  const { name, path, bytes } = value;
  if (typeof name !== "string" || typeof path !== "string" || !isCount(bytes) || !isHash(value.sha256))
    return undefined;
  return { name, path, bytes, sha256: value.sha256 };
}

function parseUsage(value: unknown): Usage | undefined {
  if (!isRecord(value)) return undefined;
  const { input, output, cacheRead, cacheWrite, cost, turns } = value;
  if (!isAmount(input) || !isAmount(output) || !isAmount(cacheRead) || !isAmount(cacheWrite))
    return undefined;
  return isAmount(cost) && isCount(turns) ? { input, output, cacheRead, cacheWrite, cost, turns } : undefined;
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && isAmount(value);
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}
