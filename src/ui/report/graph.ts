import type { TaskView } from "../../core/view.ts";
import { oneLine } from "../../lib/wording.ts";
import { graphRows, heaviestChain } from "../dashboard/graph.ts";
import { glyphOf } from "../glyph.ts";
import { reportWords as words } from "../strings.ts";
import { type Html, html, span } from "./html.ts";

/** Of one task's box, and of what lies between boxes. */
const box = { width: 162, height: 48, along: 40, across: 16 };
const margin = 9;
/** How far an edge keeps its direction. */
const bend = 24;
/** More boxes than this show nothing. */
const tasksMax = 400;
/** A narrow graph runs downwards, so that it fits a phone. */
const narrow = 2;

interface Placed {
  readonly task: TaskView;
  readonly x: number;
  readonly y: number;
}

/**
 * The tasks as boxes in layers, each behind everything it depends on, with what held the run up longest drawn strong.
 * Every box links to its task. `now` in ms since the epoch.
 */
export function graphSvg(given: readonly TaskView[], now: number): Html {
  const tasks = given.slice(0, tasksMax);
  const graph = graphRows(tasks);
  const depths = new Map(graph.rows.map(({ task, depth }) => [task, depth]));
  const layers = layersOf(tasks, depths);
  const breadth = Math.max(...layers.map(({ length }) => length));
  const isDown = breadth <= narrow;
  const [gapX, gapY] = isDown ? [box.across, box.along] : [box.along, box.across];
  const isLong = (from: string, to: string) => (depths.get(to) ?? 0) > 1 + (depths.get(from) ?? Infinity);
  // In rows that run through all layers there is room between boxes.
  const hasLanes = tasks.some(({ id, dependsOn }) => dependsOn.some((one) => isLong(one, id)));
  const placed = new Map<string, Placed>();
  for (const [depth, layer] of layers.entries())
    for (const [at, task] of layer.entries()) {
      const middle = (breadth - layer.length) / 2;
      const across = at + (hasLanes ? Math.floor(middle) : middle);
      const [column, row] = isDown ? [across, depth] : [depth, across];
      const [x, y] = [margin + column * (box.width + gapX), margin + row * (box.height + gapY)];
      placed.set(task.id, { task, x, y });
    }
  const all = [...placed.values()];
  const width = Math.max(...all.map(({ x }) => x)) + box.width + margin;
  const height = Math.max(...all.map(({ y }) => y)) + box.height + margin;
  // What each task waited for longest is what ended last of what it depends on.
  const held = heaviestChain(tasks, graph, ({ startedAt, finishedAt = now }) =>
    startedAt === undefined ? 0 : finishedAt,
  );
  const edges = all.flatMap((to) =>
    to.task.dependsOn.flatMap((id) => {
      const from = placed.get(id);
      const isHeld = held.has(id) && held.has(to.task.id);
      return from === undefined ? [] : [{ isHeld, line: edge(from, to, isDown, isLong(id, to.task.id)) }];
    }),
  );
  const more = given.length - tasks.length;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${words.sections.graph}">
<svg class="graph" role="group" aria-label="${words.graph(tasks.length)}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<g aria-hidden="true">${edges.map(({ isHeld, line }) => html`<path class="edge${isHeld && " held"}" d="${line}"/>`)}</g>
${all.map((one) => node(one, held.has(one.task.id), now))}</svg></div>${more > 0 && html`<p>${words.moreTasks(more)}</p>`}`;
}

function node({ task, x, y }: Placed, isHeld: boolean, now: number): Html {
  const { glyph, word } = glyphOf(task.status);
  const took = task.startedAt === undefined ? "" : `${span(task.startedAt, task.finishedAt ?? now)} · `;
  return html`<a href="#task-${task.id}" aria-label="${task.id}, ${task.role ?? task.agent}: ${word}"><g class="node s-${word}${isHeld && " held"}" transform="translate(${x} ${y})">
<title>${task.id}: ${word}${task.reason && `, ${oneLine(task.reason, 200)}`}</title><rect width="${box.width}" height="${box.height}" rx="9"/>
<text class="glyph" x="14" y="29">${glyph}</text><text class="name" x="34" y="21">${oneLine(task.id, 18)}</text><text class="more" x="34" y="37">${took}${oneLine(task.role ?? task.agent, 20 - took.length)}</text></g></a>\n`;
}

/** From a box to a later one; `isLong` between the boxes of the layers in between. */
function edge(from: Placed, to: Placed, isDown: boolean, isLong: boolean): string {
  const [length, breadth] = isDown ? [box.height, box.width] : [box.width, box.height];
  const turned = (x: number, y: number): [number, number] => (isDown ? [y, x] : [x, y]);
  const [[left, top], [end, low]] = [turned(from.x, from.y), turned(to.x, to.y)];
  const [start, y1, y2] = [left + length, top + breadth / 2, low + breadth / 2];
  const at = (x: number, y: number): string => turned(x, y).join(" ");
  const way = (x: number, y: number, endX: number, endY: number): string =>
    `C${at(x + bend, y)} ${at(endX - bend, endY)} ${at(endX, endY)}`;
  const lane = y1 + ((y2 < y1 ? -1 : 1) * (breadth + box.across)) / 2;
  const [on, off] = [start + box.along, end - box.along];
  return `M${at(start, y1)}${isLong ? `${way(start, y1, on, lane)}L${at(off, lane)}${way(off, lane, end, y2)}` : way(start, y1, end, y2)}`;
}

/** Tasks by the length of the longest chain before them; within a layer near to what they depend on. */
function layersOf(
  tasks: readonly TaskView[],
  depths: ReadonlyMap<string, number>,
): readonly (readonly TaskView[])[] {
  const sorted = [...new Set(depths.values())].sort((a, b) => a - b);
  const layers = sorted.map((depth) => tasks.filter(({ id }) => depths.get(id) === depth));
  const places = new Map<string, number>();
  for (const layer of layers) {
    const pull = ({ dependsOn }: TaskView): number =>
      dependsOn.reduce((sum, id) => sum + (places.get(id) ?? 0), 0) / Math.max(1, dependsOn.length);
    layer.sort((a, b) => pull(a) - pull(b));
    for (const [at, { id }] of layer.entries()) places.set(id, at);
  }
  return layers;
}
