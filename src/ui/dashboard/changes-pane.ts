import { attemptKey } from "../../core/state.ts";
import { isFinalTask } from "../../core/status.ts";
import type { TaskView } from "../../core/view.ts";
import { countOf, formatCount, oneLine } from "../../lib/wording.ts";
import { isNothing, notesOf, tallyOf } from "../changes.ts";
import { glyphOf } from "../glyph.ts";
import { words } from "../strings.ts";
import { reasonOf } from "../widget.ts";
import { cell, type Line, type Span, wrapSpan } from "../width.ts";
import type { Body, Touched } from "./scene.ts";
import { chosenTask, emptyBody, idColumnsOf, type Look } from "./work-panes.ts";

/** Lines of notes, and those of a story that may stand below the list. */
const noteLinesMax = 4;
const belowMax = 100;

/** Who changed which files, by how much, and below it the chosen task's story. */
export function changesPane(look: Look): Body {
  const { scene, run, state } = look;
  const { tasks } = run.view;
  const { rows } = run.graph;
  if (tasks.every(({ attempts, result }) => attempts === 0 && result === undefined))
    return emptyBody(words.changes.none);
  const idColumns = idColumnsOf(tasks.map(({ id }) => id));
  const chosen = chosenTask(state, run.view);
  return {
    head: [],
    length: rows.length,
    row(at) {
      const task = tasks[rows[at]?.index ?? -1];
      if (task === undefined) return [];
      const { glyph, color } = glyphOf(task.status);
      const isRead = task === chosen && (state.attempt ?? task.attempts) === task.attempts;
      const read = isRead ? scene.transcript?.changes(run.view.cwd) : undefined;
      const touched = read ?? scene.touched?.get(attemptKey(task.id, task.attempts));
      return [
        [color, glyph],
        ["text", cell(task.id, idColumns)],
        ...tally(touched),
        ["text", touched?.files.map(({ path }) => path).join(", ") ?? ""],
        ["dim", handed(task)],
      ];
    },
    foot: changesStory(look, belowMax),
    isList: true,
    isFollowing: false,
  };
}

function tally(touched: Touched | undefined): readonly Span[] {
  if (touched === undefined || touched.files.length === 0) return [["dim", cell("", 13)]];
  const { added, removed, isPartial } = touched;
  const more = isPartial ? "…" : "";
  return [
    ["success", cell(`+${added}${more}`, 6)],
    ["error", cell(`-${removed}${more}`, 6)],
  ];
}

/** The form of what it handed in, its size and its files. */
function handed({ result, reusedFrom }: TaskView): string {
  if (result === undefined) return "";
  const { form, bytes, artifacts } = result;
  const facts = [
    form === "submitted" ? words.changes.submitted : words.changes.unstructured,
    `${formatCount(bytes)}B`,
    artifacts.length > 0 ? countOf(artifacts.length, "artifact") : "",
    reusedFrom ? words.tasks.reused(reusedFrom) : "",
  ];
  return facts.filter(Boolean).join(" · ");
}

/** What the chosen task handed in, and the diff that its tools showed; at most `linesMax` lines of that. */
export function changesStory({ state, scene, run, columns }: Look, linesMax: number): readonly Line[] {
  const { view, directory } = run;
  const task = chosenTask(state, view);
  if (task === undefined) return [];
  const { glyph, color, word } = glyphOf(task.status);
  const attempt = words.worker.attempt(state.attempt ?? task.attempts, task.attempts);
  const why = isFinalTask(task.status) || task.status === "blocked" ? reasonOf(task) : undefined;
  const changes = scene.transcript?.changes(view.cwd);
  const notes = changes === undefined || isNothing(changes) ? [] : [tallyOf(changes), ...notesOf(changes)];
  const { artifacts = [], text } = task.result ?? {};
  return [
    [
      [color, `${glyph} ${word}`],
      ["toolTitle", task.id],
      ["muted", [attempt, handed(task)].filter(Boolean).join(" · ")],
    ],
    ...(why === undefined ? [] : [[["error", `  ${why}`]] satisfies Line]),
    ...artifacts.map(
      ({ name, path, bytes, sha256 }): Line => [
        ["success", "  ▸"],
        ["text", name],
        ["muted", `${formatCount(bytes)}B`],
        ["dim", `${directory}/artifacts/${path} ${sha256.slice(0, 12)}`],
      ],
    ),
    ...(text === undefined
      ? []
      : [[["dim", `  ${words.changes.claim} ${oneLine(text, 300)}`]] satisfies Line]),
    ...wrapSpan(["muted", notes.join("; ")], columns, noteLinesMax),
    ...(scene.transcript?.diff(view.cwd, columns).slice(0, linesMax) ?? []),
  ];
}
