import type { StoredEvent } from "../../core/events.ts";
import { type AttemptStory, explainRun, nextStep } from "../../core/explain.ts";
import { asks } from "../../core/mail.ts";
import type { ReportMaterial } from "../../core/report.ts";
import { attemptKey } from "../../core/state.ts";
import type { TaskView } from "../../core/view.ts";
import {
  countOf,
  formatCost,
  formatCounts,
  formatDuration,
  formatEstimate,
  formatOutcome,
  formatPoint,
  formatStatus,
  formatUsage,
  oneLine,
} from "../../lib/wording.ts";
import {
  type Changes,
  changesOf,
  type FileChange,
  isNothing,
  notesOf,
  stepLines,
  tallyOf,
} from "../changes.ts";
import { glyphOf } from "../glyph.ts";
import { reportWords as words } from "../strings.ts";
import { type Pair, paired, readTranscript, type TranscriptEntry } from "../transcript.ts";
import { type Html, head, html, instant, span, table } from "./html.ts";

/** Characters of a goal in the heading, of a text that somebody wrote, and of one entry of a transcript. */
const titleMax = 160;
/** Claims in the heading, and characters of one, as of a question. */
const claimsMax = 3;
const claimMax = 300;
const textMax = 20_000;
/** Characters of a claim that need no scrolling. */
const briefMax = 1_500;
/** Of more tasks than these only what failed is unfolded. */
const unfoldedMax = 20;
const entryMax = 4_000;
const entriesMax = 400;
/** Files of one attempt. */
const filesMax = 200;
/** Newest records of the journal. */
const recordsMax = 200;

function badge(of: { readonly status: string; readonly cause?: string }): Html {
  const { glyph, word } = glyphOf(of.status);
  return html`<span class="badge s-${word}"><span aria-hidden="true">${glyph}</span> ${formatStatus(of)}</span>`;
}

/** A name and a value each; what has no value is left out. */
function facts(
  given: { readonly [Name in keyof typeof words.facts]?: Html | string | number | undefined },
): Html {
  const names: Readonly<Record<string, string>> = words.facts;
  const told = Object.entries(given).filter(([, value]) => value !== undefined && value !== "");
  return html`<dl>${told.map(([name, value]) => html`<div><dt>${names[name]}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function written(text: string, max = textMax): Html {
  return html`<pre>${head(text, max)}</pre>`;
}

/** What the run was for, what became of it and why, what it cost, and what helps next. */
export function heading({ view, now, rest }: ReportMaterial): Html {
  const { goal, createdAt, finishedAt, usage, tasks } = view;
  const title = oneLine(goal, titleMax);
  const next = nextStep(view);
  return html`<header><p class="kicker">${words.kicker}</p><h1>${title}</h1>
<p>${badge(view)} ${words.countsOf(formatCounts(view.counts), countOf(tasks.length, "task"))}</p>
${title !== goal.trim() && html`<details><summary>${words.wholeGoal}</summary>${written(goal)}</details>`}
${view.reason && html`<p class="reason">${head(view.reason, entryMax)}</p>`}
<p>${explainRun(view).join(" ")}${rest && ` ${formatEstimate(rest)}.`}</p>
${view.questions.map(({ id, from, kind, text }) => html`<p class="reason"><a href="#mail-${id}">${from} ${words.waits}</a> (${kind}): ${oneLine(text, claimMax)}</p>`)}
${claims(view)}${facts({
  took: span(createdAt, finishedAt ?? now),
  cost: usage.cost > 0 ? formatCost(usage.cost) : words.uncounted,
  tokens: formatUsage({ ...usage, cost: 0 }),
  began: words.utc(instant(createdAt)),
  ended: finishedAt === undefined ? words.notYet : words.utc(instant(finishedAt)),
  ...{ team: view.team, workflow: view.workflow, continues: view.continuedFrom, run: view.runId },
})}${next && html`<p class="next">${next}</p>`}</header>`;
}

/** What the work came to: the claims of finished tasks that no other finished task built on, the last ones. */
function claims({ tasks }: ReportMaterial["view"]): readonly Html[] {
  const finished = tasks.filter(({ status }) => status === "completed");
  const used = new Set(finished.flatMap(({ dependsOn }) => dependsOn));
  const told = (text: string = words.nothing): string => oneLine(text, claimMax);
  const last = finished.filter(({ id }) => !used.has(id)).slice(-claimsMax);
  return last.map(({ id, result }) => html`<p>${linkTo(id)}${words.claims} ${told(result?.text)}</p>`);
}

/** Every task by itself; before many of them, what did not complete, what failed first. */
export function taskArticles(stories: readonly AttemptStory[], material: ReportMaterial): Html {
  const { tasks } = material.view;
  const isMany = tasks.length > unfoldedMax;
  const index = [...new Set(["failed", ...tasks.map(({ status }) => status)])].map((status) => {
    const of = status === "completed" ? [] : tasks.filter((task) => task.status === status);
    return of.length > 0 && html`<p>${badge({ status })} ${of.map(({ id }) => linkTo(id))}</p>\n`;
  });
  return html`${isMany && index}${tasks.map((task) => {
    const title = html`<h3>${task.id} ${badge(task)}</h3>`;
    const body = taskBody(task, stories, material);
    return html`<article id="task-${task.id}">${isMany && task.status !== "failed" ? html`<details class="fold"><summary>${title}</summary>${body}</details>` : html`${title}${body}`}</article>\n`;
  })}`;
}

function linkTo(task: string): Html {
  return html`<a href="#task-${task}">${task}</a> `;
}

/** What a task was asked, what the agent claims, what the engine recorded, and every attempt. */
function taskBody(task: TaskView, all: readonly AttemptStory[], material: ReportMaterial): Html {
  const { id, agent, role, result, usage, reusedFrom, startedAt, finishedAt = material.now } = task;
  const stories = all.filter((story) => story.task === id);
  const claim = material.results.get(id) ?? result?.text;
  const prompt = planOf(material.events)?.plan.tasks.find((planned) => planned.id === id)?.prompt;
  const before = task.dependsOn.map(linkTo);
  const isPlain = stories.length === 1 && stories[0]?.outcome?.kind === "completed";
  const rows = stories.map(({ attempt, model, startedAt: from, endedAt, usage: used, ...story }) => [
    ...[attempt, model, `${instant(from)}, ${span(from, endedAt ?? material.now)}`],
    ...[endOf(story), formatUsage(used)],
  ]);
  return html`${task.reason && html`<p class="reason">${head(task.reason, entryMax)}</p>`}
${facts({ agent: role === undefined || role === agent ? agent : `${role} (${agent})`, model: task.model, beganUtc: startedAt && instant(startedAt), took: startedAt === undefined ? undefined : span(startedAt, finishedAt), usage: formatUsage(usage), after: before.length > 0 ? html`${before}` : undefined, reused: reusedFrom })}
${prompt !== undefined && html`<details><summary>${words.prompt}</summary>${written(prompt)}</details>`}
${claim !== undefined && html`<h4>${words.claim} <small>${words.claimBy}</small></h4><pre class="claim"${claim.length > briefMax && html` tabindex="0" role="region" aria-label="${words.claimOf(id)}"`}>${head(claim, textMax)}</pre>`}
<h4>${words.recorded} <small>${words.recordedBy}</small></h4>
<p>${countOf(stories.length, "attempt")}${result && words.result(countOf(result.bytes, "byte"), result.form, result.sha256.slice(0, 12))}${result?.truncated && words.cut}${task.denied && words.denied(countOf(task.denied, "call"))}.</p>
${!isPlain && table(words.attemptsOf(id), words.attempts, rows)}
${stories.map(({ attempt }) => {
  const entries = readTranscript(material.transcripts.get(attemptKey(id, attempt)) ?? "");
  return html`${changed(attempt, changesOf(entries, material.view.cwd))}${conversation(attempt, entries)}`;
})}`;
}

/** How it ended, and how far one came that did not complete. */
function endOf({ point, outcome }: Pick<AttemptStory, "point" | "outcome">): string {
  if (outcome?.kind === "completed") return outcome.kind;
  return outcome === undefined ? formatPoint(point) : `${formatOutcome(outcome)} (${formatPoint(point)})`;
}

function planOf(events: readonly StoredEvent[]): Extract<StoredEvent, { type: "run.started" }> | undefined {
  return events.find((event) => event.type === "run.started");
}

function changed(attempt: number, changes: Changes): Html | undefined {
  const { files } = changes;
  const more = files.length - filesMax;
  if (isNothing(changes)) return undefined;
  return html`<details><summary>${words.changesOf(attempt)} <small>${tallyOf(changes)}</small></summary>
<p>${notesOf(changes).join("; ")}.</p><ol class="talk">${files.slice(0, filesMax).map(fileItem)}</ol>${more > 0 && html`<p>${words.more(more)}</p>`}</details>`;
}

function fileItem({ path, added, removed, steps }: FileChange): Html {
  const shown = diffText(steps.flatMap(stepLines).join("\n"), textMax);
  return html`<li><b>${path} +${added} -${removed}</b>${shown}</li>\n`;
}

function conversation(attempt: number, entries: readonly TranscriptEntry[]): Html | undefined {
  if (entries.length === 0) return undefined;
  const more = entries.length - entriesMax;
  return html`<details><summary>${words.transcriptOf(attempt)} <small>${words.entries(entries.length)}</small></summary>
<ol class="talk">${paired(entries.slice(0, entriesMax)).map(said)}</ol>${more > 0 && html`<p>${words.more(more)}</p>`}</details>`;
}

function said([{ kind, text, tool, given, ...entry }, result]: Pair): Html {
  const isError = entry.isError || result?.isError;
  // What an edit was to do is told by its diff.
  const asked = result?.diff !== undefined && typeof given?.path === "string" ? given.path : text;
  const bodies = [{ text: asked, diff: entry.diff }, ...(result === undefined ? [] : [result])].map((body) =>
    body.diff === undefined ? written(body.text, entryMax) : diffText(body.diff, entryMax),
  );
  return html`<li class="${kind}${isError && " wrong"}"><b>${words.speakers[kind]}${tool && ` · ${tool}`}${isError && words.failed}${kind === "call" && !result && words.noResult}</b>${bodies}</li>\n`;
}

function diffText(diff: string, max: number): Html {
  const kindOf = (line: string) => ({ "+": "added", "-": "removed" })[line.charAt(0)] ?? "same";
  const lines = head(diff, max).split("\n");
  return html`<pre class="diff">${lines.map((line) => html`<span class="${kindOf(line)}">${line}</span>\n`)}</pre>`;
}

/** Everything that was written to and by the run, questions with what they propose and what became of them. */
export function mailSection({ view }: ReportMaterial): Html {
  const letters = view.mail.map((mail) => {
    const { from, to, kind, status, at, text, options = [], fallback, replyTo, by } = mail;
    const notes = [
      ...[words.utc(instant(at)), status, by && words.by(by), replyTo && words.to(replyTo)],
      ...[options.length > 0 && words.proposes(options.join(" | ")), fallback && words.otherwise(fallback)],
    ];
    return html`<li class="${asks(mail) ? "call" : "said"}" id="mail-${mail.id}"><b>${kind} · ${from} → ${to}</b>${written(text, entryMax)}<small>${notes.filter(Boolean).join(" · ")}</small></li>\n`;
  });
  return letters.length === 0 ? html`<p>${words.nobodyWrote}</p>` : html`<ol class="talk">${letters}</ol>`;
}

/** The files that tasks left behind. */
export function artifactSection({ view, directory }: ReportMaterial): Html {
  const rows = view.tasks.flatMap(({ id, result: { artifacts = [] } = {} }) =>
    artifacts.map(({ name, bytes, sha256, path }) => [name, id, bytes, sha256.slice(0, 12), path]),
  );
  const list = table(words.sections.artifacts, words.artifacts, rows);
  return html`${list ?? html`<p>${words.noFile}</p>`}<p>${words.allFiles} <code>${directory}</code></p>`;
}

/** The newest records, oldest first. */
export function journalSection({ events }: ReportMaterial): Html {
  const rows = events.slice(-recordsMax).map(({ v: _, epoch: __, seq, at, type, ...fields }) => {
    return [seq, instant(Date.parse(at)), type, oneLine(JSON.stringify(fields), 240)];
  });
  return html`<details><summary>${words.newest(rows.length, countOf(events.length, "record"))}</summary>
${table(words.sections.journal, words.records, rows)}</details>`;
}

/** Who drives the run, what was in its way, and the limits it ran under. */
export function healthSection({ view, events, driver, problems }: ReportMaterial): Html {
  const settings = planOf(events)?.terms.settings;
  const count = (type: StoredEvent["type"]) => events.filter((event) => event.type === type).length;
  const lost = events.filter((one) => one.type === "attempt.ended" && one.outcome.kind === "lost").length;
  return html`${problems.map(({ where, message, remedy }) => html`<p class="reason">${where}: ${message}. ${remedy}.</p>`)}
${facts({
  ...{
    driver,
    drivers: count("lease.taken"),
    alive: view.alive,
    lost,
    escalated: count("attempt.escalated"),
  },
  ...{ refused: count("request.refused"), denied: count("attempt.denied") },
  workersMax: settings?.concurrency,
  longest: settings && formatDuration(settings.limits.runMaxMs),
  ...{ askedBy: words.inSession(view.origin.kind, view.owner.sessionId), cwd: view.cwd },
})}`;
}
