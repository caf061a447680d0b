import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noUsage } from "../src/core/outcome.ts";
import { runViews } from "../src/core/run-view.ts";
import { localEngine } from "../src/engine/local-engine.ts";
import { firstMax } from "../src/host/dashboard-feed.ts";
import { systemClock } from "../src/lib/clock.ts";
import { openRunStore } from "../src/store/run-store.ts";
import { draw } from "../src/ui/dashboard/draw.ts";
import { type Dashboard, noDashboard, panes, type Scene } from "../src/ui/dashboard/scene.ts";
import { Transcript } from "../src/ui/dashboard/transcript.ts";
import { plainTheme } from "../src/ui/theme.ts";
import { sceneOf, thousand } from "../test/ui/screens.ts";
import { worked } from "../test/ui/worked.ts";
import { type Benchmark, figureOf } from "./figure.ts";
import { finishedRuns } from "./history.ts";

const [columns, rows] = [200, 50];
/** A transcript of about a megabyte, most of it diffs. */
const long = Array.from({ length: 1_500 }, () => worked("that is long enough, ".repeat(20))).flat();

/** What looking costs the host: from the folded state to the lines, and from the disk to the first screen. */
export const ui: Benchmark = {
  name: "ui",
  about: `a screen of ${columns} × ${rows} of a run of 1,000 tasks, from its state; the first one of a project with 1,000 finished runs`,
  async run(rounds = 50) {
    const history = thousand();
    const scene = { ...sceneOf([history]), transcript: new Transcript("").with(long, 1) };
    const views = runViews();
    const worst = panes.map((pane) => {
      const state: Dashboard = { ...noDashboard, pane, focus: "pane" };
      const samples: number[] = [];
      for (let round = 0; round < rounds; round++) {
        // Something happened since the last redraw, as it does when there is one.
        const [task = ""] = history.alive();
        history.now += 1_000;
        const { now } = history;
        const sign = {
          kind: "progress",
          task,
          attempt: 1,
          usage: noUsage,
          activity: `edit: ${round}`,
        } as const;
        history.command(sign);
        const startedAt = performance.now();
        const view = views(history.state, now);
        if (view === undefined || scene.run === undefined) throw new Error("the run was never started");
        draw(state, { ...scene, run: { ...scene.run, view } }, now, columns, rows, plainTheme);
        samples.push(performance.now() - startedAt);
      }
      return figureOf(`redraw, pane ${pane}`, "ms", samples.slice(5), 5);
    });
    const { first, whole } = await openings();
    return [
      ...worst,
      figureOf("opening on 1,000 finished runs", "ms", first, 150),
      figureOf("until all of them are listed", "ms", whole),
    ];
  },
};

/** As the dashboard lists them: a screenful at once, and then the rest. */
async function openings() {
  const top = await mkdtemp(join(tmpdir(), "muster-bench-"));
  try {
    const store = openRunStore(join(top, ".muster"));
    await finishedRuns(store);
    const terms = { store, clock: systemClock, newRunId: () => "", launch: async () => undefined };
    const engine = localEngine(terms);
    const [first, whole]: [number[], number[]] = [[], []];
    for (let round = 0; round <= 5; round++) {
      const startedAt = performance.now();
      const show = (scene: Scene): void => {
        const lines = draw(noDashboard, scene, systemClock.now(), columns, rows, plainTheme);
        if (lines.filter((line) => line.trim() !== "").length < rows - 2)
          throw new Error("the screen is not full");
      };
      const listings = await engine.list(undefined, { newestMax: firstMax });
      show({ listings, isPartial: true });
      first.push(performance.now() - startedAt);
      show({ listings: await engine.list(undefined, { known: listings }) });
      whole.push(performance.now() - startedAt);
    }
    return { first: first.slice(1), whole: whole.slice(1) };
  } finally {
    await rm(top, { recursive: true, force: true });
  }
}
