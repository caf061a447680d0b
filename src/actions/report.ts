import { join } from "node:path";
import { estimateRest } from "../core/estimate.ts";
import { attemptsOf } from "../core/explain.ts";
import { StorageError } from "../core/failure.ts";
import { HistoryRefused } from "../core/history.ts";
import type { RunId } from "../core/plan.ts";
import { attemptKey } from "../core/state.ts";
import { writeNew } from "../lib/files.ts";
import { redactFreeText } from "../lib/free-text.ts";
import { countOf } from "../lib/wording.ts";
import type { ActionContext, Performed } from "./context.ts";
import { wholeResult } from "./get.ts";
import { manifestsOf, type Observed, observe } from "./observe.ts";
import { aboutRun, attemptDirectory, refusal } from "./result.ts";

/** Bytes of all transcripts together, and of one: at most, and at least however many there are. */
const transcriptBytes = { all: 4_000_000, most: 200_000, least: 4_000 };

/** Writes the run's report to a file that does not exist yet. Throws `HistoryRefused` when it would be larger than `maxBytes`. */
export async function writeReport(
  runId: RunId,
  to: string,
  maxBytes: number,
  context: ActionContext,
): Promise<Performed> {
  const observed = await observe({ run: runId }, context);
  if ("message" in observed) return refusal([observed]);
  const { view, events, driver, problems, problem } = observed;
  const now = context.clock.now();
  const rest = estimateRest(view, events, manifestsOf(observed.others), now);
  const { redact, engine } = context;
  const { transcripts, unread } = await readTranscripts(observed, context);
  const report = context.report({
    ...redactFreeText({ view, events }, redact),
    transcripts,
    results: await longResults(observed, context),
    ...{ driver, problems: [...problems, ...(problem === undefined ? [] : [problem])] },
    ...{ directory: engine.directory(runId), now },
    ...(rest !== undefined && { rest }),
  });
  const bytes = Buffer.byteLength(report);
  if (bytes > maxBytes) {
    const message = `its report has ${bytes} bytes, more than export.maxBytes (${maxBytes})`;
    throw new HistoryRefused(runId, message, `set export.maxBytes to at least ${bytes}`);
  }
  await writeNew(to, report);
  const text = [
    `The report of run ${runId} (${view.status}) was written to ${to}: ${countOf(bytes, "byte")}. Open it in a browser; it loads nothing.`,
    ...(unread.length === 0 ? [] : [`Transcripts that could not be read: ${unread.join(", ")}`]),
  ];
  return aboutRun(true, view, text.join("\n"), context, [to]);
}

/** Of every attempt as much as fits, the newest rather than the first; one that cannot be read is named and left out. */
async function readTranscripts({ view: { runId }, events }: Observed, { history, redact }: ActionContext) {
  const stories = attemptsOf(events);
  const { all, most, least } = transcriptBytes;
  const maxBytes = Math.min(most, Math.max(least, Math.floor(all / Math.max(1, stories.length))));
  const transcripts = new Map<string, string>();
  const unread: string[] = [];
  for (const { task, attempt } of stories) {
    const key = attemptKey(task, attempt);
    try {
      const last = await history.transcript(runId, task, attempt, { maxBytes });
      const first = { after: 0, maxBytes: Math.min(maxBytes >> 2, last.from) };
      const head = last.from === 0 ? undefined : await history.transcript(runId, task, attempt, first);
      const left = head === undefined ? 0 : last.from - head.to;
      const cut = JSON.stringify({ type: "left out here", bytes: left });
      const records = left > 0 ? [...(head?.records ?? []), cut, ...last.records] : last.records;
      if (records.length > 0) transcripts.set(key, redact(records.join("\n")));
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      unread.push(`${key} (${error.message})`);
    }
  }
  return { transcripts, unread };
}

/** Results of which the journal holds only a part. */
async function longResults({ view }: Observed, context: ActionContext): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const task of view.tasks) {
    if (!task.result?.truncated) continue;
    const file = join(attemptDirectory(view.runId, task, context), "outcome.json");
    found.set(task.id, context.redact(await wholeResult(file, view.runId, task)));
  }
  return found;
}
