import { attemptsOf } from "../../core/explain.ts";
import type { ReportMaterial } from "../../core/report.ts";
import { oneLine } from "../../lib/wording.ts";
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
  const graph = view.tasks.length === 0 ? html`<p>It has no task.</p>` : graphSvg(view.tasks, now);
  const sections: readonly (readonly [id: string, title: string, content: Html])[] = [
    ["graph", "Task graph", graph],
    ["timeline", "Timeline", timeline ?? html`<p>No attempt has begun.</p>`],
    ["cost", "Cost and tokens", costCharts(view, stories)],
    ["tasks", "Tasks", taskArticles(stories, material)],
    ["mail", "Mail", mailSection(material)],
    ["artifacts", "Artifacts", artifactSection(material)],
    ["health", "Health", healthSection(material)],
    ["journal", "Journal", journalSection(material)],
  ];
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="generator" content="pi-muster">
<title>${oneLine(view.goal, 80)} · ${view.status}</title>${style}</head>
<body><a class="skip" href="#tasks">To the tasks</a>
${heading(material)}
<nav aria-label="Parts of this report"><ul>${sections.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
<main>${sections.map(([id, title, content]) => html`<section id="${id}" aria-labelledby="h-${id}"><h2 id="h-${id}">${title}</h2>${content}</section>\n`)}</main>
<footer>Written by pi-muster at ${instant(now)} UTC, as the run stood at record ${events.length}. Results are what agents claim.</footer></body></html>
`.markup;
}
