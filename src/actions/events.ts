import type { StoredEvent } from "../core/events.ts";
import { countOf, oneLine } from "../lib/wording.ts";
import type { Perform } from "./context.ts";
import { observe } from "./observe.ts";
import { aboutRun, refusal } from "./result.ts";
import { problemsText } from "./text.ts";

const limitDefault = 50;

/** The newest records of a run, or of one of its tasks, oldest first; those before a damage are shown as well. */
export const events: Perform = async (parameters, context) => {
  const observed = await observe(parameters, context);
  if ("message" in observed) return refusal([observed]);
  const { view, problem, task } = observed;
  const all = observed.events.filter(
    (event) => task === undefined || ("task" in event && event.task === task.id),
  );
  const shown = all.slice(-(parameters.limit ?? limitDefault));
  const text = [
    `${shown.length} of ${countOf(all.length, "event")} of run ${view.runId}${task === undefined ? "" : `, task ${task.id}`}, oldest first:`,
    ...shown.map(eventLine),
    ...(problem === undefined ? [] : [`Unreadable from here on:\n${problemsText([problem])}`]),
  ];
  return aboutRun(problem === undefined, view, text.join("\n"), context);
};

/** `12 2026-11-21T13:08:01.123Z attempt.ready {"task":"build","attempt":1}`. */
function eventLine({ v: _, seq, at, type, epoch: __, ...fields }: StoredEvent): string {
  return `${seq} ${at} ${type} ${oneLine(JSON.stringify(fields), 200)}`;
}
