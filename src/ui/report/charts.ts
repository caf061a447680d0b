import type { StoredEvent } from "../../core/events.ts";
import type { AttemptStory } from "../../core/explain.ts";
import { asks } from "../../core/mail.ts";
import { addUsage, type Usage } from "../../core/outcome.ts";
import type { RunView } from "../../core/view.ts";
import { formatCost, formatCount, formatDuration, formatStatus } from "../../lib/wording.ts";
import { reportWords as words } from "../strings.ts";
import { type Html, html, span, table } from "./html.ts";

/** Rows of the timeline, and of a chart. */
const attemptsMax = 300;
const barsMax = 12;
const rowHeight = 36;
/** Least width of what took no time, in percent. */
const sliverPercent = 0.4;
const ticksMax = 6;
/** What may lie between two ticks, seconds. */
const steps = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
];

/** Every attempt from its start to its end, with the time in which its task waited for an answer; `now` in ms since the epoch. */
export function timelineSvg(
  view: RunView,
  attempts: readonly AttemptStory[],
  events: readonly StoredEvent[],
  now: number,
): Html | undefined {
  const shown = attempts.slice(0, attemptsMax);
  if (shown.length === 0) return undefined;
  const [from, to] = [view.createdAt, Math.max(view.finishedAt ?? now, view.createdAt + 1)];
  const at = (instant: number): number =>
    (100 * (Math.min(Math.max(instant, from), to) - from)) / (to - from);
  const strip = (start: number, end: number) =>
    html`x="${at(start).toFixed(2)}%" width="${Math.max(sliverPercent, at(end) - at(start)).toFixed(2)}%"`;
  const height = shown.length * rowHeight + 26;
  const agents = new Map(view.tasks.map(({ id, role, agent }) => [id, role ?? agent]));
  const step =
    1_000 *
    (steps.find((seconds) => (to - from) / (seconds * 1_000) <= ticksMax) ?? (to - from) / 1_000 / ticksMax);
  const marks = Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => index * step).filter(
    (ms) => at(from + ms) < 93,
  );
  const still = standstills(events, to);
  const asked = shown.map(({ task, startedAt, endedAt = to }) => answering(view, task, startedAt, endedAt));
  return html`<svg class="rows" role="img" aria-label="${words.timeline}" width="100%" height="${height}">
${marks.map((ms) => html`<line class="tick" x1="${at(from + ms)}%" x2="${at(from + ms)}%" y1="0" y2="${height - 20}"/><text class="more" x="${at(from + ms)}%" dx="2" y="${height - 6}">${formatDuration(ms)}</text>`)}
${still.map(([start, end]) => html`<rect class="still" ${strip(start, end)} y="0" height="${height - 20}"><title>${words.stoodStill(formatDuration(end - start))}</title></rect>`)}
${shown.map((attempt, row) => {
  const { task, startedAt, endedAt = to, outcome } = attempt;
  const status = outcome === undefined ? "running" : formatStatus({ status: outcome.kind, ...outcome });
  const y = row * rowHeight;
  const name = attempt.attempt > 1 ? words.attempt(task, attempt.attempt) : task;
  return html`<text x="0" y="${y + 14}"><tspan class="name">${name}</tspan><tspan class="more" dx="8">${agents.get(task)} · ${status} · ${span(startedAt, endedAt)}</tspan></text>
<rect class="bar b-${outcome?.kind ?? "running"}" ${strip(startedAt, endedAt)} y="${y + 20}" height="8" rx="3"/>
${asked[row]?.map(([start, end]) => html`<rect class="asked" ${strip(start, end)} y="${y + 22}" height="4"><title>${words.waited(formatDuration(end - start))}</title></rect>`)}`;
})}</svg>${attempts.length > shown.length && html`<p>${words.later(attempts.length - shown.length)}</p>`}
${asked.flat().length > 0 && html`<p class="key">${words.hollow}</p>`}${still.length > 0 && html`<p class="key">${words.shaded}</p>`}`;
}

/** While the run was parked. */
function standstills(events: readonly StoredEvent[], to: number): [from: number, to: number][] {
  const found: [number, number][] = [];
  let since: number | undefined;
  for (const { type, at } of events) {
    if (type === "run.parked") since ??= Date.parse(at);
    else if (since !== undefined && (type === "run.resumed" || type === "run.finished")) {
      found.push([since, Date.parse(at)]);
      since = undefined;
    }
  }
  return since === undefined ? found : [...found, [since, to]];
}

function answering({ mail }: RunView, task: string, from: number, to: number): [from: number, to: number][] {
  return mail
    .filter((one) => asks(one) && one.from === task && one.at >= from && one.at <= to)
    .map(({ id, at }) => [at, Math.min(to, mail.find(({ replyTo }) => replyTo === id)?.at ?? to)]);
}

interface Share {
  readonly name: string;
  readonly usage: Usage;
  readonly attempts: number;
}

/** What each role and each model cost, as bars and in numbers. */
export function costCharts(view: RunView, attempts: readonly AttemptStory[]): Html {
  const roles = new Map(view.tasks.map(({ id, role, agent }) => [id, role ?? agent]));
  const byRole = shares(attempts, ({ task }) => roles.get(task) ?? task);
  const byModel = shares(attempts, ({ model }) => model ?? words.hostModel);
  return html`${chart(words.byRole, byRole)}${chart(words.byModel, byModel)}`;
}

function shares(
  attempts: readonly AttemptStory[],
  nameOf: (story: AttemptStory) => string,
): readonly Share[] {
  const found = new Map<string, Share>();
  for (const story of attempts) {
    const name = nameOf(story);
    const known = found.get(name);
    const usage = known === undefined ? story.usage : addUsage(known.usage, story.usage);
    found.set(name, { name, usage, attempts: (known?.attempts ?? 0) + 1 });
  }
  return [...found.values()].sort(
    (a, b) => b.usage.cost - a.usage.cost || tokensOf(b.usage) - tokensOf(a.usage),
  );
}

function tokensOf({ input, output, cacheRead, cacheWrite }: Usage): number {
  return input + output + cacheRead + cacheWrite;
}

const kinds = ["input", "cacheRead", "cacheWrite", "output"] as const;

function chart(
  [title, label, caption, what]: typeof words.byRole | typeof words.byModel,
  of: readonly Share[],
): Html {
  const shown = of.slice(0, barsMax);
  const most = Math.max(1, ...shown.map(({ usage }) => tokensOf(usage)));
  const dearest = Math.max(...shown.map(({ usage }) => usage.cost));
  const bars = shown.map(({ name, usage }, row) => {
    let x = 0;
    const y = row * rowHeight;
    const parts = kinds.map((kind) => {
      const width = (100 * usage[kind]) / most;
      const part = html`<rect class="k-${kind}" x="${x.toFixed(2)}%" width="${width.toFixed(2)}%" y="${y + 20}" height="8"/>`;
      x += width;
      return width > 0 && part;
    });
    return html`<text x="0" y="${y + 14}"><tspan class="name">${name}</tspan><tspan class="more" dx="8">${words.tokens(formatCount(tokensOf(usage)))}${usage.cost > 0 && ` · ${formatCost(usage.cost)}`}</tspan></text>${parts}${usage.cost > 0 && html`<rect class="k-cost" x="0" width="${((100 * usage.cost) / dearest).toFixed(2)}%" y="${y + 29}" height="3"/>`}`;
  });
  const drawn = [...kinds, "cost" as const].filter((kind) => shown.some(({ usage }) => usage[kind] > 0));
  const rows = of.map(({ name, usage, attempts }) => [
    ...[name, attempts, ...kinds.map((kind) => formatCount(usage[kind]))],
    ...[usage.turns, formatCost(usage.cost)],
  ]);
  return html`<h3>${title}</h3><svg class="rows" role="img" aria-label="${label}" width="100%" height="${shown.length * rowHeight}">${bars}</svg>
<p class="key" aria-hidden="true">${drawn.map((kind) => html`<span><i class="k-${kind}"></i>${kind === "cost" ? words.cost : words.usage[kind]}</span> `)}</p>
<details><summary>${words.inNumbers}</summary>${table(caption, [what, words.attemptsName, ...kinds.map((kind) => words.usage[kind]), words.turns, words.cost], rows)}</details>`;
}
