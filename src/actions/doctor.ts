import { dirname } from "node:path";
import { isAbandoned } from "../core/abandoned.ts";
import { StorageError } from "../core/failure.ts";
import type { RunListing } from "../core/ports.ts";
import { formatCounts, oneLine } from "../lib/wording.ts";
import { loadCatalogue } from "../resources/catalogue.ts";
import { loadSettings } from "../resources/settings.ts";
import type { ActionContext, DoctorCheck, Perform } from "./context.ts";
import { answer } from "./result.ts";

/** Everything that can be wrong with the machine, the project and the settings, each with a remedy. */
export const doctor: Perform = async (_, context) => {
  const found = await Promise.all([context.checks(), definitionChecks(context), runChecks(context)]);
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

async function runChecks({ engine }: ActionContext): Promise<readonly DoctorCheck[]> {
  let listings: readonly RunListing[];
  try {
    listings = await engine.list();
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const remedy = `look at ${dirname(error.failure.path)}`;
    return [{ name: "runs", ok: false, found: error.message, remedy }];
  }
  const checks = listings.flatMap((listing): DoctorCheck[] => {
    const { runId } = listing;
    const name = `run ${runId}`;
    if (!("manifest" in listing)) {
      const remedy = `look at ${engine.directory(runId)}; it is never deleted for that`;
      return [{ name, ok: false, found: listing.problem, remedy }];
    }
    const { manifest, driver } = listing;
    if (!isAbandoned(manifest.status, driver)) return [];
    const found = driver === "none" ? "no driver has taken it yet" : "it is not over, but its driver is gone";
    const remedy = `team resume run=${runId} goes on and keeps finished tasks; team cancel run=${runId} ends it`;
    return [{ name, ok: "warning", found, remedy }];
  });
  return [{ name: "runs", ok: true, found: `${listings.length} in this project` }, ...checks];
}
