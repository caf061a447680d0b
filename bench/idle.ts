import { setTimeout as pause } from "node:timers/promises";
import buildOnce from "../test/e2e/support/build.ts";
import { makeProject, type Project } from "../test/e2e/support/lead.ts";
import { bash, worker } from "../test/e2e/support/rules.ts";
import { Screen } from "../test/e2e/support/screen.ts";
import { cpuMsOf } from "./cpu.ts";
import { type Benchmark, figureOf } from "./figure.ts";

const watchedMs = 30_000;
/** Until what was just done is over for the host, too: it waits, and its garbage is gone. */
const settledMs = 10_000;

/** What a run that only waits costs the host that shows it. Linux only, and with tmux: the host wants a terminal. */
export const idle: Benchmark = {
  name: "idle",
  about: `share of one processor that the host takes in ${watchedMs / 1_000} s, by /proc: alone, with the widget of a run that waits, with the dashboard open on it`,
  async run(rounds = 1) {
    await buildOnce();
    const project = await makeProject();
    try {
      return await measured(project, rounds);
    } finally {
      await project.end();
    }
  },
};

async function measured(project: Project, rounds: number) {
  const run = {
    action: "run",
    goal: "wait",
    background: true,
    tasks: [{ id: "a", agent: "executor", task: "[a]" }],
  };
  await project.script("rules", [
    { when: { prompt: "begin" }, turns: [[{ tool: "team", arguments: run }], [{ text: "It is begun." }]] },
    worker("a", [bash("sleep 600")]),
  ]);
  const screen = await Screen.open(project, 120, 40);
  try {
    const pid = await screen.pid();
    const share = async (): Promise<number[]> => {
      const shares: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const before = await cpuMsOf(pid, "alone");
        await pause(watchedMs);
        shares.push(((await cpuMsOf(pid, "alone")) - before) / watchedMs);
      }
      return shares;
    };
    await screen.shows("demo");
    await pause(settledMs);
    const alone = await share();
    await screen.type("begin");
    await screen.keys("Enter");
    await screen.shows(/sleep 600/);
    await pause(settledMs);
    const widget = await share();
    await screen.type("/team");
    await screen.keys("Enter");
    await screen.shows(/Team runs 1 here, 1 live/);
    await pause(settledMs);
    const dashboard = await share();
    await screen.type("x");
    await screen.shows("y yes");
    await screen.type("y");
    await screen.shows(/team cancelled|none: the run is over|cancelled by/);
    return [
      figureOf("host alone", "ratio", alone),
      figureOf("host with the widget", "ratio", widget, 0.01),
      figureOf("host with the dashboard open", "ratio", dashboard, 0.01),
    ];
  } finally {
    await screen.end();
  }
}
