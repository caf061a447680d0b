import { rename } from "node:fs/promises";
import {
  type Artifact,
  type AttemptOutcome,
  type AttemptResult,
  causes,
  type OutcomeRecord,
} from "../core/outcome.ts";
import type { Work } from "../core/worker.ts";
import { errnoOf, readIfExists, writeAtomic } from "../lib/files.ts";
import {
  amount,
  count,
  flag,
  list,
  oneOf,
  optional,
  parseObject,
  record,
  type Shape,
  simple,
  text,
} from "../lib/json.ts";
import { isArtifactIntact } from "./artifacts.ts";

/** What stands in outcome.json: a worker may have written anything there. */
export type OutcomeReading =
  | { readonly kind: "none" }
  | { readonly kind: "valid"; readonly record: OutcomeRecord; readonly raw: string }
  /** `why` completes the sentence "outcome.json ...". */
  | { readonly kind: "invalid"; readonly why: string };

/** Usage, artifact list and names around the text. */
const overheadMaxBytes = 256_000;

/** Reads and checks the outcome of exactly this attempt; artifacts must be what the record says. Never rejects. */
export async function readOutcomeFile(path: string, work: Work): Promise<OutcomeReading> {
  let raw: string | undefined;
  try {
    raw = await readIfExists(path, work.settings.limits.outputMaxBytes * 6 + overheadMaxBytes);
  } catch (error) {
    return { kind: "invalid", why: `cannot be read (${errnoOf(error) ?? String(error)})` };
  }
  if (raw === undefined) return { kind: "none" };
  const value = parseObject(raw);
  if (!value) return { kind: "invalid", why: "is not a JSON object" };
  if (value.runId !== work.runId || value.task !== work.task.id || value.attempt !== work.attempt)
    return { kind: "invalid", why: "belongs to another attempt" };
  const problems: string[] = [];
  if (!recordShape(value, "it", problems))
    return { kind: "invalid", why: `is wrong: ${problems.join("; ")}` };
  if (value.outcome.kind !== "completed") return { kind: "valid", record: value, raw };
  const { text: answer, artifacts } = value.outcome.result;
  const { outputMaxBytes } = work.settings.limits;
  if (Buffer.byteLength(answer) > outputMaxBytes)
    return { kind: "invalid", why: `holds more than ${outputMaxBytes} bytes of text` };
  for (const artifact of artifacts) {
    if (await isArtifactIntact(work.artifacts, artifact)) continue;
    return {
      kind: "invalid",
      why: `names an artifact "${artifact.name}" that is not in artifacts/ as described`,
    };
  }
  return { kind: "valid", record: value, raw };
}

/** Writes the outcome durably; what stood there and was not valid is kept beside it as `outcome.json.bad`. */
export async function writeOutcomeFile(
  path: string,
  content: OutcomeRecord,
  before: OutcomeReading,
): Promise<string> {
  if (before.kind === "invalid") await rename(path, `${path}.bad`);
  const raw = `${JSON.stringify(content)}\n`;
  await writeAtomic(path, raw);
  return raw;
}

const sha256 = simple<string>(
  "a SHA-256",
  (value) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value),
);
const usage = record({
  input: amount,
  output: amount,
  cacheRead: amount,
  cacheWrite: amount,
  cost: amount,
  turns: count,
});
const result = record<AttemptResult>({
  text: simple("a text that says something", (value) => typeof value === "string" && value.trim() !== ""),
  bytes: count,
  truncated: flag,
  sha256,
  form: oneOf("submitted", "unstructured"),
  artifacts: list(record<Artifact>({ name: text, path: text, bytes: count, sha256 })),
});
/** Only what a worker may say of itself: that it completed, or that it failed. */
const completed = record<Extract<AttemptOutcome, { kind: "completed" }>>({
  kind: oneOf("completed"),
  result,
  usage,
  model: optional(text),
});
const failed = record<Extract<AttemptOutcome, { kind: "failed" }>>({
  kind: oneOf("failed"),
  cause: oneOf(...causes.filter((cause) => cause !== "completed")),
  retryable: flag,
  provider: flag,
  message: text,
  usage,
  model: optional(text),
});
const outcome: Shape<AttemptOutcome> = (value, at, problems): value is AttemptOutcome => {
  const isFailure = typeof value === "object" && value !== null && "kind" in value && value.kind === "failed";
  return isFailure ? failed(value, at, problems) : completed(value, at, problems);
};
const recordShape = record<OutcomeRecord>({
  v: simple("1", (value) => value === 1),
  runId: text,
  task: text,
  attempt: count,
  at: simple("a time", (value) => typeof value === "string" && !Number.isNaN(Date.parse(value))),
  outcome,
});
