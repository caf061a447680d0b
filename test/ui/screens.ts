import { withoutDriver } from "../../src/core/abandoned.ts";
import { attemptsOf } from "../../src/core/explain.ts";
import { manifestOf } from "../../src/core/manifest.ts";
import { noUsage } from "../../src/core/outcome.ts";
import type { PlannedTask } from "../../src/core/plan.ts";
import type { RunListing } from "../../src/core/ports.ts";
import { runView } from "../../src/core/run-view.ts";
import { graphRows } from "../../src/ui/dashboard/graph.ts";
import type { Dashboard, OpenRun, PaneName, Scene } from "../../src/ui/dashboard/scene.ts";
import { Transcript } from "../../src/ui/dashboard/transcript.ts";
import { History } from "../core/history.ts";
import { agent, completed, failed, layeredPlan, plan, task, terms } from "../support/plan.ts";
import { conversation } from "./report-runs.ts";
import { worked } from "./worked.ts";

const start = Date.parse("2026-11-21T09:00:00Z");
const room = { workers: 9, writer: true };
const usage = { ...noUsage, input: 12_000, output: 900, cost: 0.031, turns: 4 };

/** What somebody looks at, and where. */
export interface Look {
  readonly scene: Scene;
  readonly now: number;
  readonly pane: PaneName;
  readonly state?: Partial<Dashboard>;
}

function begun(tasks: readonly PlannedTask[], goal: string, runId: string, requireApproval = false): History {
  const names = [...new Set(tasks.map((each) => each.agent))];
  const agents = Object.fromEntries(names.map((name) => [name, { ...agent, name }]));
  const history = new History();
  history.now = start;
  const draft = { ...plan(...tasks), goal, agents };
  const begin = terms({ runId, background: true }, { concurrency: 9, requireApproval });
  history.command({ kind: "start", id: "start", plan: draft, terms: begin }, room);
  return history;
}

const as = (id: string, role: string, before: readonly string[] = []): PlannedTask =>
  task(id, before, { role, agent: role, models: ["acme/haiku"] });

const shop = [
  as("explore", "explorer"),
  as("plan", "planner", ["explore"]),
  as("cart", "executor", ["plan"]),
  as("prices", "executor", ["plan"]),
  as("docs", "writer", ["plan"]),
  as("tests", "test-engineer", ["cart", "prices"]),
  as("review", "critic", ["cart", "docs"]),
  as("verify", "verifier", ["tests", "review"]),
];

/** The task does, after so many seconds more. */
export function end(
  history: History,
  id: string,
  seconds: number,
  outcome = completed(`${id} is done: 割引 👍 ok`),
): void {
  history.now += seconds * 1_000;
  history.command({ kind: "ended", task: id, attempt: 1, outcome: { ...outcome, usage } }, room);
}

function works(history: History, id: string, tool: string, activity: string): void {
  const worker = { pid: 77, startTime: "1", bootId: "b" };
  history.command({ kind: "spawned", task: id, attempt: 1, worker, mark: "w" }, room);
  history.command({ kind: "ready", task: id, attempt: 1 }, room);
  history.now += 1_000;
  history.command({ kind: "progress", task: id, attempt: 1, usage, tool, activity }, room);
}

/** A run of the shop in the middle of its work. */
export function shopRun(): History {
  const history = begun(
    shop,
    "Vouchers must take their share off the whole cart",
    "20261121-090000-000-abcde",
  );
  end(history, "explore", 12);
  end(history, "plan", 20);
  works(history, "cart", "bash", "bash: npm test -- cart");
  return history;
}

/** Everything as the host would show it of these histories, the first one open. */
export function sceneOf(histories: readonly History[], more: Partial<OpenRun> = {}): Scene {
  const listings = histories.flatMap(({ state }): RunListing[] => {
    const manifest = manifestOf(state, true);
    return manifest === undefined ? [] : [{ runId: manifest.runId, manifest, driver: "alive" }];
  });
  const [history] = histories;
  const view = history && runView(history.state, history.now);
  if (history === undefined || view === undefined) return { listings };
  const { state, events } = history;
  const facts = {
    state,
    events,
    driver: "alive" as const,
    problems: [],
    directory: `/shop/.muster/runs/${view.runId}`,
  };
  const graph = graphRows(view.tasks);
  const stories = attemptsOf(events);
  return { listings, run: { ...facts, view, graph, stories: () => stories, ...more } };
}

function finishedRun(): History {
  const history = begun([as("look", "explorer")], "An earlier question", "20261120-080000-000-abcde");
  end(history, "look", 30);
  return history;
}

function waiting(): History {
  const history = shopRun();
  const text = "Are prices with or without tax? The table does not say.";
  const mail = { id: "q1", to: "lead", kind: "question", text, options: ["with", "without"] } as const;
  history.command({ kind: "wrote", task: "prices", attempt: 1, mail }, room);
  return history;
}

/** A run of a thousand tasks in the middle of its work. */
export function thousand(): History {
  const layers = layeredPlan(100, 10).tasks;
  const history = begun(layers, "Translate every page of the handbook", "20261121-100000-000-abcde");
  for (let round = 0; round < 40; round++) {
    const [first] = history.alive();
    if (first !== undefined) end(history, first, 3);
  }
  for (const id of history.alive()) works(history, id, "edit", `edit: pages/${id}.md`);
  return history;
}

/** A run of which one task was read whole, and others were counted. */
function changing(): Look {
  const history = shopRun();
  end(history, "docs", 30);
  const transcript = new Transcript("/shop/session.jsonl").with(worked(), 1);
  const touched = new Map([
    ["explore/1", { files: [], added: 0, removed: 0, isPartial: false }],
    ["docs/1", { files: [{ path: "docs/割引.md" }], added: 1_204, removed: 3, isPartial: true }],
  ]);
  const scene = { ...sceneOf([history, finishedRun()]), transcript, touched };
  const cwd = "/shop";
  const run = scene.run && { ...scene.run, view: { ...scene.run.view, cwd } };
  return { scene: { ...scene, ...(run && { run }) }, now: start + 70_000, pane: "changes" };
}

/** Everything that becomes of a letter. */
function corresponding(): History {
  const gated = task("paint", [], { gate: "approval" });
  const parts = [gated, as("cart", "executor"), as("prices", "executor"), as("docs", "writer")];
  const history = begun(parts, "A shop", "20261121-090000-000-abcde");
  const ask = (from: string, id: string, text: string): void => {
    const mail = { id, to: "lead", kind: "question", text } as const;
    history.command({ kind: "wrote", task: from, attempt: 1, mail }, room);
  };
  const answer = (question: string, text: string, by: string): void => {
    const owner = { sessionId: "session-1" };
    history.command({ kind: "respond", id: `r-${question}`, by, owner, question, text }, room);
  };
  for (const { id } of parts) works(history, id, "bash", "bash: make");
  ask("docs", "q1", "Which language?");
  answer("q1", "English", "0192f3a4-77b1-7000");
  ask("prices", "q2", "With or without tax?");
  end(history, "paint", 5, completed("The wall is blue."));
  answer("paint-1-gate", "approve", "session-1");
  history.command({ kind: "post", id: "p1", by: "session-1", to: "cart", text: "Mind the cents." }, room);
  history.command(
    { kind: "offered", task: "cart", attempt: 1, mail: history.run().letters.at(-1)?.mail.id ?? "" },
    room,
  );
  history.command({ kind: "post", id: "p2", by: "session-1", to: "cart", text: "And the vouchers." }, room);
  history.command({ kind: "stop", id: "s1", by: "session-1", task: "cart" }, room);
  return history;
}

/** The states that a person meets. */
export const looks: Readonly<Record<string, () => Look>> = {
  idle: () => ({ scene: sceneOf([finishedRun()]), now: start + 86_400_000, pane: "changes" }),
  starting: () => ({
    scene: sceneOf([begun(shop, "Make it work", "20261121-090000-000-abcde")]),
    now: start + 400,
    pane: "tasks",
  }),
  plan: () => ({ scene: sceneOf([proposed(), pastRun()]), now: start + 60_000, pane: "tasks" }),
  "eight-running": () => {
    const ids = Array.from({ length: 8 }, (_, at) => as(`part-${at + 1}`, "executor"));
    const history = begun(ids, "Eight things at once", "20261121-090000-000-abcde");
    for (const { id } of ids) works(history, id, "bash", `bash: make ${id}`);
    return { scene: sceneOf([history, finishedRun()]), now: start + 95_000, pane: "timeline" };
  },
  waiting: () => {
    const history = waiting();
    return { scene: sceneOf([history, finishedRun()]), now: start + 60_000, pane: "tasks" };
  },
  failed: () => {
    const history = shopRun();
    end(history, "cart", 40, failed({ retryable: false, cause: "timeout", message: "it took too long" }));
    end(history, "prices", 1);
    end(history, "docs", 1);
    history.command({ kind: "tick" }, room);
    return { scene: sceneOf([history, finishedRun()]), now: start + 200_000, pane: "tasks" };
  },
  cancelled: () => {
    const history = shopRun();
    history.command({ kind: "cancel", id: "c", by: "session-1", reason: "not today" }, room);
    for (const id of history.alive()) end(history, id, 1, { kind: "cancelled", usage });
    const transcript = new Transcript("/shop/session.jsonl").with(
      conversation("Kürzer, 短く.").split("\n"),
      1,
    );
    return {
      scene: { ...sceneOf([history, finishedRun()]), transcript },
      now: start + 200_000,
      pane: "worker",
    };
  },
  changes: changing,
  "changes-whole": () => ({ ...changing(), state: { page: "changes" } }),
  mail: () => ({ scene: sceneOf([corresponding()]), now: start + 90_000, pane: "mail" }),
  unmanned: () => {
    const scene = sceneOf([shopRun(), finishedRun()]);
    const run = scene.run && { ...scene.run, driver: "gone" as const, view: withoutDriver(scene.run.view) };
    return { scene: { ...scene, ...(run && { run }) }, now: start + 60_000, pane: "tasks" };
  },
  thousand: () => ({ scene: sceneOf([thousand(), finishedRun()]), now: start + 300_000, pane: "tasks" }),
  board: () => {
    const { scene, now } = look("waiting");
    const [first, over] = scene.listings;
    const others = ["eight-running", "failed", "cancelled"].flatMap(
      (name) => look(name).scene.listings[0] ?? [],
    );
    const named = others.map((run, at): RunListing => {
      const owner = { sessionId: at === 0 ? "0192f3a4-77b1" : "session-1" };
      const runId = `${run.runId}-${at}`;
      return "manifest" in run ? { ...run, runId, manifest: { ...run.manifest, owner } } : { ...run, runId };
    });
    const lost: RunListing[] =
      first && "manifest" in first ? [{ ...first, runId: "lost", driver: "gone" }] : [];
    const listings = [
      first,
      ...named,
      ...lost,
      over,
      { runId: "20261119-damaged", problem: "its journal is damaged" },
    ];
    const read = listings.flatMap((one) => one ?? []);
    return {
      scene: { ...scene, listings: read, sessionId: "session-1" },
      ...{ now, pane: "tasks", state: { isBoard: true, focus: "runs" } },
    };
  },
};

function look(name: string): Look {
  const made = looks[name]?.();
  if (made === undefined) throw new Error(name);
  return made;
}

/** A plan that waits for approval. */
export function proposed(first?: string): History {
  const tasks = shop.map((one, at) => ({
    ...one,
    prompt:
      at === 0 && first !== undefined
        ? first
        : `Part ${at + 1}: 割引 as the table says.\n\n- Look at each price.\n- ${"Tell what you found, and where. ".repeat(6)}`,
    ...(one.id === "cart" && { gate: "approval" as const, writes: ["src/**"], models: [] }),
  }));
  return begun(tasks, "Vouchers must take their share", "20261121-090000-000-abcde", true);
}

/** An earlier run in which each of the shop's agents did something. */
export function pastRun(): History {
  const tasks = shop.map((one) => ({ ...one, dependsOn: [] }));
  const history = begun(tasks, "An earlier shop", "20261120-080000-000-abcde");
  for (const { id } of tasks) end(history, id, 30);
  return history;
}

/** Two steps that wait for approval, and what one of them says. */
export function approvals(text = "the wall is blue", runId = "20261121-110000-000-abcde"): History {
  const gated = ["paint", "wire"].map((id) => task(id, [], { gate: "approval" }));
  const history = begun(gated, "A house", runId);
  for (const { id } of gated) end(history, id, 5, completed(text));
  return history;
}
