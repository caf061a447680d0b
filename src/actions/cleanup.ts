import { StorageError } from "../core/failure.ts";
import { HistoryRefused, type Leftover } from "../core/history.ts";
import { countOf } from "../lib/wording.ts";
import type { Perform } from "./context.ts";
import { foreignOwner, isOver, unforced } from "./foreign.ts";
import { answer, refusal } from "./result.ts";

/** Clears away what crashed processes left, of runs that are over or were never begun. */
export const cleanup: Perform = async (parameters, { engine, history, requester }) => {
  const { confirm = false, force = false } = parameters;
  const problems = unforced([], parameters);
  if (problems.length > 0) return refusal(problems, "nothing was done");
  const listings = await engine.list();
  const over = new Set(listings.filter(isOver).map(({ runId }) => runId));
  const foreign = new Set(
    listings
      .filter((one) => isOver(one) && foreignOwner(one, requester) !== undefined)
      .map(({ runId }) => runId),
  );
  const [cleared, left]: [string[], string[]] = [[], []];
  for (const leftover of await history.leftovers(over)) {
    const needsForce =
      leftover.kind === "bad request" || (leftover.kind === "processes" && foreign.has(leftover.runId ?? ""));
    const line = `- ${described(leftover)}`;
    if (needsForce && !force) {
      const why =
        leftover.kind === "processes"
          ? "its run belongs to another session"
          : "somebody asked for something with it";
      left.push(`${line}: ${why}; force=true and reason="…" take it too`);
      continue;
    }
    try {
      if (confirm) await history.clear(leftover);
      cleared.push(line);
    } catch (error) {
      if (!(error instanceof HistoryRefused || error instanceof StorageError)) throw error;
      left.push(`${line}: ${error.message}`);
    }
  }
  const text = [
    `${countOf(cleared.length, "leftover")} ${confirm ? "cleared away" : "to be cleared away"}.`,
    ...cleared,
    ...(left.length === 0 ? [] : ["Left alone:", ...left]),
    ...(confirm || cleared.length === 0 ? [] : ["Nothing was done. To do it: team cleanup confirm=true"]),
  ];
  return answer(text.join("\n"));
};

/** `processes of run r: pid 12, 13`, or `trash: /path`. */
function described({ kind, path, runId, processes }: Leftover): string {
  if (kind !== "processes") return `${kind}: ${path}`;
  return `processes of run ${runId}, which is over: pid ${processes.map(({ pid }) => pid).join(", ")}`;
}
