import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runReport } from "../../src/ui/report/report.ts";
import { busyRun } from "../ui/report-runs.ts";
import { openInBrowser } from "./support/browser.ts";
import { type Lead, makeProject, type Project } from "./support/lead.ts";
import { bash, edit, submit, worker, write } from "./support/rules.ts";

let project: Project;
let lead: Lead;
beforeAll(async () => {
  project = await makeProject();
  await project.script("1-report", [
    worker("look", [bash("echo '<b>found</b>'")], [submit("It is <script>there</script>")]),
    worker(
      "mend",
      [write("src/<i>.js", "let a;\nlet b;\n")],
      [edit("src/<i>.js", "let b;", "let <b>;")],
      [submit("mended")],
    ),
  ]);
  lead = await project.lead();
});
afterAll(() => project.end());

const grounds = { light: "rgb(251, 251, 250)", dark: "rgb(20, 23, 26)" } as const;
const schemes = ["light", "dark"] as const;

it("the report of a real run opens in a real browser, complete, silent and without a request", async () => {
  const tasks = [
    { id: "look", agent: "explorer", task: "[look] around" },
    { id: "mend", agent: "executor", task: "[mend] {look.output}", dependsOn: ["look"] },
  ];
  const { runId, answer } = await lead.run({ tasks, goal: "Mend <b>it</b>" });
  expect((await answer()).isError).toBe(false);
  expect(await lead.command(`/team-export ${runId} --path run.html`)).toContain("loads nothing");
  const file = join(project.directory, "run.html");
  expect((await stat(file)).size).toBeLessThan(200_000);
  const report = await readFile(file, "utf8");
  const page = await openInBrowser(report, 1_100, "light");
  expect(page).toMatchObject({ title: "Mend <b>it</b> · completed", overflow: 0, requests: [], unnamed: [] });
  expect(page.elements).toMatchObject({ h1: 1, article: 2, section: 8, main: 1 });
  expect(page.elements.script ?? 0).toBe(0);
  expect(report).toContain("echo &#39;&lt;b&gt;found");
  expect(report).toContain("Changes of attempt 1 <small>1 file +3 -1</small>");
  for (const line of [
    ...['class="added">+1 let a;', 'class="removed">-2 let b;', 'class="added">+2 let &lt;b&gt;;'],
    "<b>src/&lt;i&gt;.js +3 -1</b>",
  ])
    expect(report).toContain(line);
});

it("the host's own export shows calls and results as our cards", async () => {
  const kept = await project.lead({ mode: ["--mode", "rpc"] });
  expect(
    (await kept.call({ action: "run", tasks: [{ id: "one", agent: "explorer", task: "[mend]" }] })).isError,
  ).toBe(false);
  const outputPath = join(project.directory, "session.html");
  await kept.host.request({ type: "export_html", outputPath });
  const [, data = ""] =
    /<script id="session-data"[^>]*>([^<]*)</.exec(await readFile(outputPath, "utf8")) ?? [];
  const [card] = Object.values(JSON.parse(Buffer.from(data, "base64").toString()).renderedTools ?? {});
  const plain = JSON.stringify(card).replace(/<[^>]*>/g, "");
  for (const shown of ["team run", "✓ completed 1 completed", "✓ one explorer"])
    expect(plain).toContain(shown);
});

it.each(schemes)(
  "in %s, on a phone and a desk, everything fits, has a name and can be read",
  async (scheme) => {
    // Every fold open, so that what is in them is looked at, too.
    const report = runReport(busyRun()).replaceAll("<details>", "<details open>");
    const words = `"><img src=http://x/>${"wide".repeat(400)}</style><script>alert(1)</script>`;
    const hostile = runReport(busyRun(words)).replaceAll("<details>", "<details open>");
    for (const width of [320, 1_100])
      for (const shown of [report, hostile]) {
        const page = await openInBrowser(shown, width, scheme);
        expect(page).toMatchObject({
          overflow: 0,
          background: grounds[scheme],
          faint: [],
          unnamed: [],
          requests: [],
        });
        expect(page.elements.img ?? page.elements.script ?? 0).toBe(0);
      }
  },
);

it("the browser would tell: what is faint, too wide, unnamed, or loads something", async () => {
  const bad = `<!doctype html><title>t</title><body style="background:#fff"><h2 style="color:#bbb">faint</h2><svg></svg><p style="width:2000px">wide</p>`;
  const page = await openInBrowser(bad, 400, "light");
  expect(page.overflow).toBeGreaterThan(1_000);
  expect(page.faint).toHaveLength(1);
  expect(page.unnamed).toEqual(["header", "nav", "main", "footer", "<svg></svg>", "heading 2"]);
  await expect(openInBrowser(`${bad}<script>console.error("oh")</script>`, 400, "light")).rejects.toThrow(
    '"oh"',
  );
});
