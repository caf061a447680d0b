import { standing } from "../../core/board.ts";
import type { ReadListing, RunListing } from "../../core/ports.ts";
import { isFinalRun } from "../../core/status.ts";
import type { RunView } from "../../core/view.ts";
import { formatDuration } from "../../lib/wording.ts";
import { glyphOf } from "../glyph.ts";
import { matcher } from "../listing.ts";
import { words } from "../strings.ts";
import { cell, type Span } from "../width.ts";
import type { Dashboard, Scene } from "./scene.ts";

const aboutColumns = 10;

/** The runs that match what is looked for: those that live first, then the newest. */
export function listedRuns(
  { filter }: Pick<Dashboard, "filter">,
  { listings }: Scene,
): readonly RunListing[] {
  const isWanted = matcher(filter);
  const found = filter === "" ? listings : listings.filter((one) => isWanted(textOf(one)));
  return [...found.filter(isLive), ...found.filter((one) => !isLive(one))];
}

/** The chosen run; where that is gone the next older one, else the first; undefined where there is none. */
export function chosenRun(state: Pick<Dashboard, "filter" | "run">, scene: Scene): RunListing | undefined {
  const runs = listedRuns(state, scene);
  const { run: chosen = "", filter } = state;
  const isOlder = (one: RunListing): boolean => filter === "" && !isLive(one) && one.runId < chosen;
  return runs.find(({ runId }) => runId === chosen) ?? runs.find(isOlder) ?? runs[0];
}

/** True for a run that may go on. */
export function isLive(listing: RunListing): boolean {
  return "manifest" in listing && !isFinalRun(listing.manifest.status);
}

/** The run as it is followed, where it is the open one: further than its manifest may be. */
export function openView({ runId }: RunListing, { run }: Scene): RunView | undefined {
  return run?.view.runId === runId ? run.view : undefined;
}

/** How many of its tasks are done. */
export function doneOf(listing: RunListing, scene: Scene): number {
  const tasks = "manifest" in listing ? listing.manifest.tasks : [];
  const counted = openView(listing, scene)?.counts.completed;
  return counted ?? tasks.filter(({ status }) => status === "completed").length;
}

/** How long ago a run ended. */
export function endedAgo(listing: ReadListing, scene: Scene, now: number): string {
  const { createdAt, finishedAt = createdAt } = listing.manifest;
  return words.ago(formatDuration(now - (openView(listing, scene)?.finishedAt ?? Date.parse(finishedAt))));
}

/** One line of the list; `now` in ms since the epoch. */
export function runRow(listing: RunListing, scene: Scene, now: number): readonly Span[] {
  if (!("manifest" in listing)) {
    const { glyph, color } = glyphOf("failed");
    return [
      [color, glyph],
      ["text", listing.runId],
      [color, listing.problem],
    ];
  }
  const { manifest } = listing;
  const status = standing(listing, openView(listing, scene));
  const { glyph, color, word } = glyphOf(status);
  const about = isFinalRun(status) ? endedAgo(listing, scene, now) : word;
  return [
    [color, glyph],
    [isFinalRun(status) ? "muted" : color, cell(about, aboutColumns)],
    ["muted", `${doneOf(listing, scene)}/${manifest.tasks.length}`.padEnd(5)],
    ["text", manifest.goal],
  ];
}

/** The screen's own words: how many runs there are, what of them is looked for, and what in the pane. */
export function runsTitle(state: Dashboard, scene: Scene): readonly Span[] {
  const live = scene.listings.filter(isLive).length;
  return [
    ["muted", scene.isPartial ? words.runs.reading : words.runs.title(scene.listings.length, live)],
    ["warning", state.filter === "" ? "" : `/${state.filter}`],
    ["dim", searchText(state)],
  ];
}

function searchText({ search, missed, pane }: Dashboard): string {
  if (search === "") return "";
  return missed === pane ? words.notFound(search) : words.searching(search);
}

function textOf(listing: RunListing): string {
  if (!("manifest" in listing)) return `${listing.runId} ${listing.problem}`;
  const { runId, goal, status, team, workflow } = listing.manifest;
  return `${runId} ${goal} ${status} ${team} ${workflow}`;
}
