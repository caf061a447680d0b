import { dirname } from "node:path";
import { isAbandoned } from "../core/abandoned.ts";
import { RunNotFound, StorageError } from "../core/failure.ts";
import type { Examination, RunListing } from "../core/ports.ts";
import { formatCounts, oneLine } from "../lib/wording.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import { loadSettings } from "../resources/settings.ts";
import type { Parameters } from "./action.ts";
import type { ActionContext, DoctorCheck, Perform } from "./context.ts";
import { unforced } from "./foreign.ts";
import { meantRun } from "./observe.ts";
import { answer } from "./result.ts";

/** Everything that can be wrong with the machine, the project and the settings, each with a remedy. */
export const doctor: Perform = async (parameters, context) => {
  const found = await Promise.all([
    context.checks(),
    definitionChecks(context),
    runChecks(parameters, context),
  ]);
  const checks = found.flat();
  const failed = checks.filter(({ ok }) => ok === false).length;
  const warned = checks.filter(({ ok }) => ok === "warning").length;
  const lines = checks.map(({ name, ok, found: what, remedy }) => {
    const mark = ok === true ? "ok  " : ok === "warning" ? "warn" : "FAIL";
    return `${mark} ${name}: ${oneLine(what, 400)}${ok === true ? "" : ` — ${remedy}`}`;
  });
  const text = [`${checks.length} checks: ${failed} failed, ${warned} warnings.`, ...lines].join("\n");
  const problems = checks
    .filter(({ ok }) => ok !== true)
    .map(({ name, found: message, remedy = "" }) => ({ where: name, message, remedy }));
  return answer(text, { problems }, failed === 0);
};

async function definitionChecks({ places, settingsFiles }: ActionContext): Promise<readonly DoctorCheck[]> {
  const [catalogue, settings] = await Promise.all([loadCatalogue(places), loadSettings(settingsFiles)]);
  const { agents, teams, workflows, shadowed } = catalogue;
  const counts = formatCounts({ agents: agents.size, teams: teams.size, workflows: workflows.size });
  return [
    { name: "definitions", ok: true, found: counts },
    ...[...catalogue.problems, ...settings.problems].map(
      ({ where, message, remedy }): DoctorCheck => ({ name: where, ok: "warning", found: message, remedy }),
    ),
    ...shadowed.map(({ kind, name, file, by }): DoctorCheck => {
      return { name: `${kind} ${name}`, ok: true, found: `${by} stands in for ${file}` };
    }),
  ];
}

/** What is wrong with the project's runs, or the one that is named, and what was done about it. */
async function runChecks(parameters: Parameters, context: ActionContext): Promise<readonly DoctorCheck[]> {
  const { engine, history } = context;
  const { run, confirm } = parameters;
  try {
    const listings = await engine.list();
    const named = run === undefined ? undefined : await meantRun(run, listings, history);
    if (named !== undefined && "message" in named)
      return [{ name: named.where, ok: false, found: named.message, remedy: named.remedy }];
    const checks: DoctorCheck[] = [];
    for (const listing of named === undefined ? listings : [named]) {
      const done = confirm === true ? await repaired(listing.runId, parameters, context) : [];
      const [now = listing] = done.length === 0 ? [] : await engine.list(listing.runId);
      checks.push(...done, ...(await checksOf(now, context)));
      // Of a journal that makes no sense there is nothing more to be said.
      if (named !== undefined && checks.every(({ ok }) => ok !== false))
        checks.push(...(await verdictChecks(listing.runId, context)));
    }
    const strays = (await engine.strays()).map((found): DoctorCheck => {
      const remedy = "it is no run: look at it, and remove it if nobody needs it";
      return { name: "runs", ok: "warning", found, remedy };
    });
    return [{ name: "runs", ok: true, found: `${listings.length} in this project` }, ...checks, ...strays];
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const remedy = `look at ${dirname(error.failure.path)}`;
    return [{ name: "runs", ok: false, found: error.message, remedy }];
  }
}

async function checksOf(listing: RunListing, { engine }: ActionContext): Promise<readonly DoctorCheck[]> {
  const { runId } = listing;
  const name = `run ${runId}`;
  const { findings } = await examined(runId, engine);
  const checks = findings.map(({ where, message, remedy, repair }): DoctorCheck => {
    const found = `${where}: ${message}`;
    if (repair === undefined) return { name, ok: false, found, remedy };
    return { name, ok: false, found, remedy: `team doctor run=${runId} confirm=true would ${repair}` };
  });
  if (!("manifest" in listing)) {
    const remedy = `look at ${engine.directory(runId)}; it is never deleted for that`;
    return findings.length > 0 ? checks : [{ name, ok: false, found: listing.problem, remedy }];
  }
  const { manifest, driver } = listing;
  if (!isAbandoned(manifest.status, driver)) return checks;
  const found = driver === "none" ? "no driver has taken it yet" : "it is not over, but its driver is gone";
  const remedy = `team resume run=${runId} goes on and keeps finished tasks; team cancel run=${runId} ends it`;
  return [...checks, { name, ok: "warning", found, remedy }];
}

/** What is to be thought of each attempt without a recorded end. */
async function verdictChecks(runId: string, { engine }: ActionContext): Promise<readonly DoctorCheck[]> {
  const verdicts = await engine.verdicts(runId);
  return [...verdicts].map(([key, verdict]) => ({ name: `attempt ${key}`, ok: true, found: verdict }));
}

async function repaired(
  runId: string,
  parameters: Parameters,
  { engine, requester, redact }: ActionContext,
): Promise<readonly DoctorCheck[]> {
  const { findings, owner = "nobody can tell" } = await examined(runId, engine);
  if (findings.every(({ repair }) => repair === undefined)) return [];
  const name = `run ${runId}`;
  const obstacles = owner === requester.sessionId ? [] : [`it belongs to another session (${owner})`];
  const problems = unforced(obstacles, parameters, name);
  if (problems.length > 0)
    return problems.map(({ message, remedy }) => {
      return { name, ok: "warning", found: `${message}; nothing was repaired`, remedy };
    });
  const done = await engine.repair(runId, requester.sessionId, redact(parameters.reason ?? ""));
  return done.map((what) => ({ name, ok: true, found: `repaired: ${what}` }));
}

/** One run that nobody can look into hides no other. */
async function examined(runId: string, engine: ActionContext["engine"]): Promise<Examination> {
  try {
    return await engine.examine(runId);
  } catch (error) {
    if (error instanceof RunNotFound) return { findings: [] };
    if (!(error instanceof StorageError)) throw error;
    const { message, failure } = error;
    return { findings: [{ where: failure.path, message, remedy: "look at it; nothing was changed" }] };
  }
}
