import { words } from "../strings.ts";
import { changesPane } from "./changes-pane.ts";
import { costPane, healthPane, mailPane } from "./fact-panes.ts";
import { chosenRun } from "./runs.ts";
import type { Body, Moment, PaneName } from "./scene.ts";
import { emptyBody, eventsPane, type Look, tasksPane, timelinePane, workerPane } from "./work-panes.ts";

const makers: Readonly<Record<PaneName, (look: Look) => Body>> = {
  tasks: tasksPane,
  timeline: timelinePane,
  worker: workerPane,
  mail: mailPane,
  changes: changesPane,
  cost: costPane,
  health: healthPane,
  events: eventsPane,
};

/** What the pane that is open shows of the chosen run. */
export function bodyOf({ state, scene, now, columns }: Omit<Moment, "rows">): Body {
  const { run } = scene;
  if (run === undefined) {
    const chosen = chosenRun(state, scene);
    if (chosen === undefined)
      return emptyBody(scene.listings.length === 0 ? words.runs.none : words.runs.noMatch);
    if (!("manifest" in chosen)) return emptyBody(chosen.problem);
    return emptyBody(chosen.manifest.status === "queued" ? words.runs.queued : words.runs.reading);
  }
  return makers[state.pane]({ state, scene, run, now, columns });
}
