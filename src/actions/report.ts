import { join } from "node:path";
import { estimateRest } from "../core/estimate.ts";
import { attemptsOf } from "../core/explain.ts";
import { HistoryRefused } from "../core/history.ts";
import type { RunId } from "../core/plan.ts";
import { attemptKey } from "../core/state.ts";
import { errnoOf, readLines, writeNew } from "../lib/files.ts";
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

/** Of every attempt as much as fits; one that cannot be read is named and left out. */
async function readTranscripts({ view, events }: Observed, { engine, redact }: ActionContext) {
  const stories = attemptsOf(events);
  const { all, most, least } = transcriptBytes;
  const each = Math.min(most, Math.max(least, Math.floor(all / Math.max(1, stories.length))));
  const transcripts = new Map<string, string>();
  const unread: string[] = [];
  const cut = (bytes: number) => JSON.stringify({ type: "left out here", bytes });
  for (const { task, attempt } of stories) {
    const file = join(engine.directory(view.runId), "attempts", `${task}-${attempt}`, "session.jsonl");
    try {
      const lines = await readLines(file, each, cut);
      if (lines !== undefined) transcripts.set(attemptKey(task, attempt), redact(lines));
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      unread.push(file);
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
