import type { PlanProblem } from "../core/plan.ts";
import type { RunEngine, RunListing } from "../core/ports.ts";
import { nearest } from "../resources/suggest.ts";
import { oneLine } from "./text.ts";

export type Resolved =
  | { readonly ok: true; readonly listing: RunListing; readonly listings: readonly RunListing[] }
  | { readonly ok: false; readonly problem: PlanProblem };

const candidatesMax = 10;

/**
 * The run that a reference means: a whole id, an unambiguous prefix of one, or `last`, the newest run of this project.
 * Anything else (paths above all) is refused with the candidates or the nearest id.
 */
export async function resolveRun(reference: string, engine: RunEngine): Promise<Resolved> {
  const word = reference.toLowerCase();
  if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(word)) {
    return refuse(`${JSON.stringify(oneLine(reference, 60))} is no run id`, howToList);
  }
  const listings = await engine.list();
  if (word === "last") {
    const [newest] = listings;
    return newest === undefined
      ? refuse("there is no run in this project yet", 'start one: team run goal="…"')
      : { ok: true, listing: newest, listings };
  }
  const meant = listings.filter((listing) => listing.runId.startsWith(word));
  const listing = meant.find(({ runId }) => runId === word) ?? meant[0];
  if (listing !== undefined && (meant.length === 1 || listing.runId === word)) {
    return { ok: true, listing, listings };
  }
  if (listing !== undefined) {
    const candidates = meant.slice(0, candidatesMax).map(describe).join("; ");
    return refuse(`"${word}" could be ${meant.length} runs`, `add letters until one is left: ${candidates}`);
  }
  const ids = listings.map(({ runId }) => runId);
  const near = nearest(word, ids) ?? ids.find((id) => id.includes(word));
  return refuse(
    `there is no run "${word}" in this project`,
    near === undefined ? howToList : `did you mean "${near}"? Otherwise ${howToList}`,
  );
}

const howToList = 'list them: team list; "last" is the newest';

function describe(listing: RunListing): string {
  const what =
    "manifest" in listing
      ? `${listing.manifest.status}, ${oneLine(listing.manifest.goal, 40)}`
      : "unreadable";
  return `${listing.runId} (${what})`;
}

function refuse(message: string, remedy: string): Resolved {
  return { ok: false, problem: { where: "run", message, remedy } };
}
