import { join, resolve } from "node:path";
import { nextStep } from "../core/explain.ts";
import { type Bundle, HistoryRefused } from "../core/history.ts";
import type { PlanProblem } from "../core/plan.ts";
import { isDirectory, isThere } from "../lib/files.ts";
import { countOf, formatStatus, oneLine } from "../lib/wording.ts";
import { loadSettings } from "../resources/settings.ts";
import type { ActionContext, Perform, Performed } from "./context.ts";
import { ownerOf, unforced } from "./foreign.ts";
import { meantRun, onRun } from "./observe.ts";
import { writeReport } from "./report.ts";
import { aboutRun, answer, refusal } from "./result.ts";
import { runHeader } from "./text.ts";

const biggestShown = 5;

/** Writes everything of a run to one file: a bundle, to be imported elsewhere, or a report to be read. */
export const exportRun: Perform = async ({ run = "last", path }, context) => {
  const { engine, history, requester, clock } = context;
  const listing = await meantRun(run, await engine.list(), history);
  if ("message" in listing) return refusal([listing]);
  const { runId } = listing;
  const isReport = path !== undefined && /\.html?$/i.test(path);
  const time = new Date(clock.now()).toISOString().replace(/[-:.Z]/g, "");
  const name = `${runId}.${time}${isReport ? ".html" : ".jsonl.gz"}`;
  const isNamed = path !== undefined && path.toLowerCase() !== ".html";
  const given = isNamed ? resolvedPath(path, context) : join(history.exports, name);
  const to = (await isDirectory(given)) ? join(given, name) : given;
  return await granted(async () => {
    if (await isThere(to))
      throw new HistoryRefused("path", `${to} exists already`, "name another path, or remove it first");
    if (isReport) return await writeReport(runId, to, await maxBytesOf(context), context);
    const bundle = await history.exportRun(runId, to, {
      by: requester.sessionId,
      maxBytes: await maxBytesOf(context),
    });
    const text = [
      `Run ${runId} was exported to ${to}`,
      ...contentsOf(bundle),
      `Elsewhere: team import path=<the file>. To look into it: gzip -dc ${to}`,
    ];
    return answer(text.join("\n"), { runId, status: bundle.header.manifest.status, paths: [to] });
  });
};

/** Takes a run out of a bundle, verified as a whole first; one that was not over goes on here with `resume`. */
export const importRun: Perform = async (parameters, context) => {
  const { path, confirm = false, force = false, reason = "" } = parameters;
  const { history, requester } = context;
  if (path === undefined) {
    const remedy = "send the path of a bundle that team export wrote";
    return refusal([{ where: "path", message: "which bundle is to be imported is not said", remedy }]);
  }
  const problems = unforced([], parameters);
  if (problems.length > 0) return refusal(problems, "nothing was imported");
  const bundle = resolvedPath(path, context);
  const { settings } = await loadSettings(context.settingsFiles);
  const { maxBytes } = settings.export;
  return await granted(async () => {
    if (!confirm) {
      const seen = await history.inspect(bundle, maxBytes);
      const text = [
        `${bundle} is whole: run ${seen.header.runId}`,
        ...contentsOf(seen),
        `Nothing was imported. To do it: team import path=${bundle} confirm=true`,
      ];
      return answer(text.join("\n"));
    }
    const { cwd, trusted } = requester;
    const owner = ownerOf(requester);
    const why = context.redact(reason);
    const runId = await history.importRun(bundle, {
      owner,
      cwd,
      trusted,
      settings,
      force,
      maxBytes,
      reason: why,
    });
    return onRun({ run: runId }, context, ({ view }) => {
      const text = [`Imported from ${bundle}.`, runHeader(view, context.clock.now()), nextStep(view)];
      return aboutRun(true, view, text.join("\n"), context);
    });
  });
};

function resolvedPath(path: string, { requester }: ActionContext): string {
  return resolve(requester.cwd, path.replace(/^@/, ""));
}

async function maxBytesOf({ settingsFiles }: ActionContext): Promise<number> {
  return (await loadSettings(settingsFiles)).settings.export.maxBytes;
}

/** What was refused is an answer. */
async function granted(work: () => Promise<Performed>): Promise<Performed> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HistoryRefused)) throw error;
    const problem: PlanProblem = { where: error.where, message: error.message, remedy: error.remedy };
    return refusal([problem]);
  }
}

function contentsOf({ header, files, leftOut, extensions }: Bundle): readonly string[] {
  const { manifest, snapshot, at, by } = header;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const biggest = [...files].sort((a, b) => b.bytes - a.bytes).slice(0, biggestShown);
  const changed = files.filter(({ redacted }) => redacted).map((file) => file.path);
  const binary = files.filter((file) => file.binary).length;
  return [
    `${formatStatus(manifest)} at record ${manifest.seq}${snapshot ? ", a snapshot: it was not over" : ""}; exported at ${at} by session ${by}`,
    `Goal: ${oneLine(manifest.goal, 300)}`,
    `${countOf(files.length, "file")}, ${countOf(bytes, "byte")}, ${binary} binary; the biggest: ${biggest.map((file) => `${file.path} (${file.bytes})`).join(", ")}`,
    ...(changed.length === 0 ? [] : [`Secrets were taken out of: ${changed.join(", ")}`]),
    ...(leftOut.length === 0 ? [] : [`Left out: ${leftOut.join("; ")}`]),
    ...(extensions.length === 0 ? [] : [`Its agents load code: ${extensions.join(", ")}`]),
  ];
}
