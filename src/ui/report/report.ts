import { attemptsOf } from "../../core/explain.ts";
import type { ReportMaterial } from "../../core/report.ts";
import { oneLine } from "../../lib/wording.ts";
import { reportWords as words } from "../strings.ts";
import { costCharts, timelineSvg } from "./charts.ts";
import { graphSvg } from "./graph.ts";
import { type Html, html, instant } from "./html.ts";
import {
  artifactSection,
  heading,
  healthSection,
  journalSection,
  mailSection,
  taskArticles,
} from "./sections.ts";
import { style } from "./style.ts";

/** Nothing is loaded and nothing runs, whatever a text of the run holds. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/** One self-contained HTML file that tells everything about a run, over or not. Total: what is unknown is left out. */
export function runReport(material: ReportMaterial): string {
  const { view, events, now } = material;
  const stories = attemptsOf(events);
  const timeline = timelineSvg(view, stories, events, now);
  const graph = view.tasks.length === 0 ? html`<p>${words.noTask}</p>` : graphSvg(view.tasks, now);
  const sections: readonly (readonly [id: keyof typeof words.sections, content: Html])[] = [
    ["graph", graph],
    ["timeline", timeline ?? html`<p>${words.noAttempt}</p>`],
    ["cost", costCharts(view, stories)],
    ["tasks", taskArticles(stories, material)],
    ["mail", mailSection(material)],
    ["artifacts", artifactSection(material)],
    ["health", healthSection(material)],
    ["journal", journalSection(material)],
  ];
  return html`<!doctype html>
<html lang="${words.language}"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="generator" content="pi-muster">
<title>${oneLine(view.goal, 80)} · ${view.status}</title>${style}</head>
<body><a class="skip" href="#tasks">${words.skip}</a>
${heading(material)}
<nav aria-label="${words.parts}"><ul>${sections.map(([id]) => html`<li><a href="#${id}">${words.sections[id]}</a></li>`)}</ul></nav>
<main>${sections.map(([id, content]) => html`<section id="${id}" aria-labelledby="h-${id}"><h2 id="h-${id}">${words.sections[id]}</h2>${content}</section>\n`)}</main>
<footer>${words.written(words.utc(instant(now)), events.length)}</footer></body></html>
`.markup;
}
