import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runReport } from "../../src/ui/report/report.ts";
import { style } from "../../src/ui/report/style.ts";
import { readTranscript } from "../../src/ui/transcript.ts";
import { viewOf } from "./arbitrary.ts";
import { anyMaterial, busyRun, conversation } from "./report-runs.ts";

const tags =
  "a article b body code dd details div dl dt footer g h1 h2 h3 h4 head header html i li line main meta nav ol p path pre rect section small span style summary svg table caption tbody td text th thead title tr tspan ul";
const attributes =
  "aria-hidden aria-label aria-labelledby charset class content d dx height href http-equiv id lang name role rx scope tabindex transform viewBox width x x1 x2 y y1 y2";
const attribute = ` (?:${attributes.split(" ").join("|")})="[^"<>]*"`;
const anyTag = new RegExp(`<(/?)(${tags.split(" ").join("|")})((?:${attribute})*)(/?)>`, "y");
const voids = new Set(["meta"]);

/** Reads a report as strictly as no browser does; throws at the first thing that is not ours. Names of elements, in order. */
function elementsOf(report: string): readonly string[] {
  const [, body = ""] = /^<!doctype html>\n([\s\S]*)$/.exec(report) ?? [];
  const [before = "", rest = ""] = body.split("<style>");
  const [style = "", after = ""] = rest.split("</style>");
  expect(style).not.toMatch(/url\(|@import|expression|<|javascript/);
  const found: string[] = [];
  const open: string[] = [];
  for (const piece of [before, after]) {
    for (let at = 0; at < piece.length; ) {
      const next = piece.indexOf("<", at);
      const text = piece.slice(at, next < 0 ? undefined : next);
      if (/[>"']|&(?!(?:amp|lt|gt|quot|#39);)/.test(text)) throw new Error(`not escaped: ${text}`);
      if (next < 0) break;
      anyTag.lastIndex = next;
      const tag = anyTag.exec(piece);
      if (tag === null) throw new Error(`no tag of ours: ${piece.slice(next, next + 200)}`);
      const [all, end, name = "", given = "", empty] = tag;
      if (/ href="[^#]/.test(given)) throw new Error(`a link leads out of the report: ${all}`);
      if (end === "/" && open.pop() !== name) throw new Error(`${all} closes what is not open`);
      if (end === "" && empty === "" && !voids.has(name)) open.push(name);
      if (end === "") found.push(name);
      at = next + all.length;
    }
  }
  expect(open).toEqual([]);
  return found;
}

const attacks = [
  "<script>alert(1)</script>",
  "</style><script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "' onload='alert(1)",
  '" style="position:fixed" x="',
  "</title></head><body onload=alert(1)>",
  "<!-- <a href=javascript:alert(1)> -->",
  "]]><svg/onload=alert(1)>",
  "&lt;script&gt; &#60;script&#62; &",
  "\u0000\u001b[31m\u202e\ud800",
];

describe("a report", () => {
  it("is made of our elements alone, whatever the run's texts hold", () => {
    fc.assert(
      fc.property(anyMaterial, (material) => {
        elementsOf(runReport(material));
      }),
      { numRuns: 60 },
    );
    const harmless = elementsOf(runReport(busyRun("x".repeat(30))));
    for (const words of attacks) expect(elementsOf(runReport(busyRun(words)))).toEqual(harmless);
  });

  it("holds no control characters, and nothing that turns the writing direction", () => {
    for (const words of attacks)
      expect(runReport(busyRun(words)).replaceAll("\n", "")).not.toMatch(
        /[\p{Control}\p{Surrogate}\u202a-\u202e]/u,
      );
  });

  it("tells goal, outcome, cause, what follows, claims, evidence, attempts, mail, files, and the newest records", () => {
    const report = runReport(busyRun());
    for (const told of [
      ...["<h1>Make the shop right", "failed (stuck)", "Skipped because of that: verify.", "team retry run="],
      ...[
        "the engine verified none of it",
        "The whole plan.",
        "May I?",
        "proposes yes | no",
        "Yes: the voucher",
      ],
      ...["failed (timeout): the voucher", "explore-tests, attempt 2", "waited 1m15s for an answer"],
      ...["acme/small", "$0.61", "notes.md", "run.finished", "Drivers so far", 'class="added">+ 8'],
      ...[
        "Changes of attempt 1 <small>3 files +6 -4",
        "2 shell commands ran",
        'class="removed">-119 // later',
      ],
    ])
      expect(report).toContain(told);
  });

  it("draws a thousand tasks, and none, within bounds", () => {
    const { view, ...rest } = busyRun();
    const [one] = view.tasks;
    if (one === undefined) throw new Error("no task");
    const tasks = Array.from({ length: 1_000 }, (_, index) => ({
      ...{ ...one, id: `t${index}` },
      dependsOn: index === 0 ? [] : [`t${index - 1}`, "unknown", `t${index}`],
    }));
    const many = runReport({ ...rest, view: { ...view, tasks } });
    expect(many).toContain("And 600 more tasks");
    expect(many.length).toBeLessThan(4_000_000);
    expect(runReport({ ...rest, view: viewOf({ status: "queued" }), events: [] })).toContain(
      "It has no task.",
    );
  });

  it("of many tasks unfolds what failed, and names before them what did not complete", () => {
    const { view, ...rest } = busyRun();
    const [one] = view.tasks;
    if (one === undefined) throw new Error("no task");
    const statuses = ["completed", "skipped", "failed"] as const;
    const tasks = Array.from({ length: 60 }, (_, at) => ({
      ...{ ...one, id: `t${at}`, status: statuses[at % 3] ?? "failed" },
      dependsOn: [],
    }));
    const report = runReport({ ...rest, view: { ...view, tasks } });
    const section = /<section id="tasks"[\s\S]*?<\/section>/.exec(report)?.[0] ?? "";
    const [index = "", ...articles] = section.split("<article ");
    const named = [...index.matchAll(/href="#task-(t\d+)"/g)].map(([, id]) => id);
    const of = (status: string): string[] =>
      tasks.filter((task) => task.status === status).map(({ id }) => id);
    expect(named).toEqual([...of("failed"), ...of("skipped")]);
    expect(articles.map((article) => article.includes('<details class="fold">'))).toEqual(
      tasks.map(({ status }) => status !== "failed"),
    );
    expect(runReport({ ...rest, view })).not.toContain('<details class="fold">');
  });

  it("explains no colour that its charts do not show, and tells an attempt's facts once", () => {
    const { events, ...rest } = busyRun();
    const bare = events.map((event) =>
      event.type === "attempt.ended" && "usage" in event.outcome
        ? {
            ...event,
            outcome: { ...event.outcome, usage: { ...event.outcome.usage, cacheWrite: 0, cost: 0 } },
          }
        : event,
    );
    const [full, less] = [runReport({ events, ...rest }), runReport({ events: bare, ...rest })];
    for (const kind of ["k-cacheWrite", "k-cost"]) {
      expect(full).toContain(`<i class="${kind}">`);
      expect(less).not.toContain(`class="${kind}"`);
    }
    expect(less).toContain('<i class="k-output">');
    expect(full).not.toContain("Attempts of explore-cart");
    for (const task of ["explore-tests", "security-review"]) expect(full).toContain(`Attempts of ${task}`);
  });

  it("tells first what the work came to, and who waits for an answer", () => {
    const { view, ...rest } = busyRun();
    const report = (of: typeof view): string => runReport({ ...rest, view: of }).split("<nav")[0] ?? "";
    const told = report(view);
    for (const shown of [
      '<a href="#task-docs">docs</a> claims: Described it.',
      "review</a> claims: Looks right.",
    ])
      expect(told).toContain(shown);
    expect(told).not.toContain("explore-cart</a> claims");
    expect(told).not.toContain("waits for an answer");
    const questions = view.mail.filter(({ id }) => id === "q1");
    expect(report({ ...view, questions })).toContain(
      '<a href="#mail-q1">execute waits for an answer</a> (question): May I?',
    );
  });

  it("explains no sign that its timeline does not show", () => {
    const { view, ...rest } = busyRun();
    const key = "Hollow: waits for an answer.";
    expect(runReport({ ...rest, view })).toContain(key);
    expect(runReport({ ...rest, view: { ...view, mail: [] } })).not.toContain(key);
    expect(runReport({ ...rest, view })).not.toContain("Shaded:");
  });

  it.each([0, 1])("draws charts that stand out from their ground, 3 to 1, in scheme %i", (scheme) => {
    const colours = (style.markup.split("@media screen")[scheme] ?? "").split("* {")[0] ?? "";
    const luminance = (name: string): number => {
      const [, hex = ""] = new RegExp(`--${name}:#(\\w+)`).exec(colours) ?? [];
      const full = hex.length === 3 ? hex.replace(/./g, "$&$&") : hex;
      const parts = [0, 2, 4].map((at) => Number.parseInt(full.slice(at, at + 2), 16) / 255);
      const [r = 0, g = 0, b = 0] = parts.map((c) =>
        c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    for (const name of ["in", "read", "made", "out", "money", "good", "bad", "work", "idle", "warn"]) {
      const [less = 0, more = 0] = [luminance(name), luminance("ground")].sort((a, b) => a - b);
      expect((more + 0.05) / (less + 0.05), name).toBeGreaterThanOrEqual(3);
    }
  });

  it("leads an edge that skips a layer between the boxes", () => {
    const graph = /<svg class="graph"[\s\S]*?<\/svg>/.exec(runReport(busyRun()))?.[0] ?? "";
    const tops = [...graph.matchAll(/translate\(\S+ (\S+)\)/g)].map(([, y]) => Number(y));
    const lanes = [...graph.matchAll(/d="M[^"]*L\S+ ([\d.]+)C/g)].map(([, y]) => Number(y));
    expect([tops.length, lanes.length]).toEqual([9, 1]);
    for (const lane of lanes) expect(tops.filter((top) => lane > top - 2 && lane < top + 50)).toEqual([]);
  });

  it("marks what held the run up longest", () => {
    const held = runReport(busyRun()).match(/aria-label="[^,"]*[^>]*><g class="node [^"]*held"/g) ?? [];
    expect(held.map((one) => /"([^,]*),/.exec(one)?.[1]).sort()).toEqual(
      ["explore-tests", "plan", "execute", "review"].sort(),
    );
  });
});

describe("a transcript", () => {
  it("is read into what was said and done", () => {
    expect(
      readTranscript(conversation("w")).map(({ kind, tool }) => (tool ? `${kind} ${tool}` : kind)),
    ).toEqual([...["prompt", "said", "call edit", "result edit", "note bash", "note"]]);
  });

  it("has each call with its result, and says which has none", () => {
    const said = [
      ...runReport(busyRun()).matchAll(/<li class="([^"]*)"><b>Tool · ([^<]*)<\/b>(.*?)<\/li>/gs),
    ];
    const told = said.map(
      ([, kind, title, body = ""]) => `${kind}: ${title}: ${body.split("<pre").length - 1}`,
    );
    expect(told).toContain("call: edit: 2");
    expect(told).toContain("call wrong: bash · failed: 2");
    expect(told).toContain("call: write · no result: 1");
    expect(told.join()).not.toContain("Result ·");
  });

  it("of whatever lines, is never thrown over", () => {
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .tuple(fc.jsonValue(), fc.jsonValue(), fc.constantFrom("toolResult", "assistant", "user"))
        .map(([content, details, role]) =>
          JSON.stringify({
            type: "message_end",
            message: { role, content: [content], details, toolName: details },
          }),
        ),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const { text } of readTranscript(lines.join("\n"))) expect(typeof text).toBe("string");
      }),
    );
  });
});
