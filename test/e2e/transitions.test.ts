import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { mkdir, open, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { audit } from "../chaos/audit.ts";
import { Census } from "../chaos/census.ts";
import { type Ledger, readLedger } from "../chaos/ledger.ts";
import type { ChaosPlan } from "../chaos/plan.ts";
import { signal } from "../chaos/processes.ts";
import { resultOf } from "../chaos/script.ts";
import type { Violation } from "../chaos/violation.ts";
import { hostCli, node, served, until } from "../support/host.ts";
import { type Lead, makeProject, manifestWhen, type Project } from "./support/lead.ts";
import { processesOf } from "./support/marked.ts";
import { bash, submit, waitFor } from "./support/rules.ts";

/** The machine of a test run does other things, too. */
const endMaxMs = 30_000;

let project: Project;
let flags: string;
beforeEach(async () => {
  project = await makeProject();
  // Where workers may write.
  flags = join(project.place.workspace, "flags");
  await mkdir(flags);
  await project.settings({ retries: { backoffMs: 50 } });
  const told = { name: "told", when: { prompt: "Team run " }, turns: [[{ text: "Noted." }]] };
  await project.script("2-told", [told]);
});
afterEach(() => project.end());

/** A run that stands at its transition. */
interface Scene {
  readonly lead: Lead;
  readonly background: boolean;
  readonly runId: string;
  readonly ledger: () => Promise<Ledger>;
}

interface TaskOfRun {
  readonly id: string;
  readonly agent: string;
  readonly dependsOn: readonly string[];
}

/** A transition, and how a run is brought to stand at it from outside. */
interface Transition {
  readonly name: string;
  readonly tasks: readonly TaskOfRun[];
  /** What t1's worker does in its first attempt; later on it answers. */
  readonly first?: () => readonly (readonly object[])[];
  readonly prepare?: () => Promise<Readonly<Record<string, string>>>;
  readonly reached: (scene: Scene) => Promise<void>;
  /** Lets go what was held, once the victim is dead. */
  readonly release?: (scene: Scene) => Promise<void>;
  /** By the task: how many attempts it took in the end, and how often a model was given it. */
  readonly took: Readonly<Record<string, readonly [attempts: number, prompts: number]>>;
  /** Nothing is left to do when the driver learns that the host is dead. */
  readonly isDone?: boolean;
}

const executor: TaskOfRun = { id: "t1", agent: "executor", dependsOn: [] };

const transitions: readonly Transition[] = [
  {
    name: "before the worker is spawned",
    tasks: [{ ...executor, agent: "held" }],
    prepare: heldAgent,
    reached: (scene) => aboutToSpawn("t1", scene),
    release: letSpawn,
    took: { t1: [2, 1] },
  },
  {
    name: "after the spawn, before its record",
    tasks: [executor],
    prepare: stoppedDriver,
    reached: async ({ ledger }) => {
      await until("the driver is stopped", () => isThere(flag("stopped")));
      const attempt = (await ledger()).tasks.get("t1")?.attempts.get(1);
      expect(attempt).toEqual({});
    },
    release: letDrive,
    took: { t1: [2, 1] },
  },
  {
    name: "during a model call",
    tasks: [executor],
    first: () => [[{ hang: true }]],
    reached: () => until("the model is asked", async () => (await prompts("t1")) === 1),
    took: { t1: [2, 2] },
  },
  {
    name: "during a tool",
    tasks: [executor],
    first: () => [[bash(`: > ${flag("tool")}; setsid sleep 1000 & sleep 1000`)]],
    reached: () => until("the tool runs", () => isThere(flag("tool"))),
    took: { t1: [2, 2] },
  },
  {
    name: "after the result, before its record",
    tasks: [executor],
    first: () => [[bash(`: > ${flag("tool")}`), waitFor(flag("hand-in"))], [submit(resultOf(executor))]],
    reached: async ({ ledger, runId }) => {
      await until("the tool runs", () => isThere(flag("tool")));
      const { driver } = await ledger();
      expect(driver && (await signal(driver, "SIGSTOP"))).toBe(true);
      await writeFile(flag("hand-in"), "");
      const outcome = join(project.runDirectory(runId), "attempts/t1-1/outcome.json");
      await until("the result is there", () => isThere(outcome));
      expect((await ledger()).tasks.get("t1")?.attempts.get(1)?.ended).toBeUndefined();
    },
    release: letDrive,
    took: { t1: [1, 1] },
    isDone: true,
  },
  {
    name: "while a finished task's result is handed to the next",
    tasks: [executor, { id: "t2", agent: "held", dependsOn: ["t1"] }],
    prepare: heldAgent,
    reached: (scene) => aboutToSpawn("t2", scene),
    release: letSpawn,
    took: { t1: [1, 1], t2: [2, 1] },
  },
];

const byName = transitions.map((transition) => [transition.name, transition] as const);

describe("kill -9 of the driver", () => {
  it.each(byName)("%s: another driver goes on from there", async (_name, transition) => {
    const play = await begin(transition, true);
    const { driver } = await play.scene.ledger();
    expect(driver && (await signal(driver, "SIGKILL"))).toBe(true);
    await play.answerFromNowOn();
    await transition.release?.(play.scene);
    await play.expectDone(2);
  });

  it("before its first record: whoever waits for the run brings another one", async () => {
    await project.script("1-tasks", [ruleOf("t1", [[submit(resultOf(executor))]])]);
    const lead = await project.lead();
    const tasks = [{ ...executor, task: "Do your part, t1." }];
    const { runId, answer } = await lead.run({ goal: "Get there.", tasks });
    await until("its driver boots", async () => (await processesOf(runId)).length > 0);
    for (const { pid } of await processesOf(runId)) process.kill(pid, "SIGKILL");
    expect((await readLedger(project.runDirectory(runId))).records).toEqual([]);
    expect((await answer()).details.status).toBe("completed");
    expect(await prompts("t1")).toBe(1);
  });
});

describe("kill -9 of the host", () => {
  it.each(byName)("%s: the run is parked, and goes on when it is resumed", async (_name, transition) => {
    const play = await begin(transition, false);
    const { lead, runId } = play.scene;
    process.kill(lead.host.pid, "SIGKILL");
    await play.answerFromNowOn();
    await transition.release?.(play.scene);
    if (transition.isDone !== true) {
      const parked = await manifestWhen(project, runId, "parked", ({ status }) => status === "blocked");
      expect(parked).toMatchObject({ status: "blocked", cause: "owner_gone" });
      await until("nothing of it lives", async () => (await processesOf(runId)).length === 0);
      const next = await project.lead();
      await next.command(`/team-resume ${runId}`);
    }
    await play.expectDone(transition.isDone === true ? 1 : 2);
  });
});

/** Starts the transition's run and brings it there, with a census that counts what lives without a reason. */
async function begin(transition: Transition, background: boolean) {
  const { tasks, took } = transition;
  const answers = tasks.map((task) => ruleOf(task.id, [[submit(resultOf(task))]]));
  const environment = await transition.prepare?.();
  const first = transition.first?.();
  await project.script("1-tasks", [...(first === undefined ? [] : [ruleOf("t1", first)]), ...answers]);
  const lead = await project.lead(environment === undefined ? {} : { environment });
  const asked = tasks.map((task) => ({ ...task, task: `Do your part, ${task.id}.` }));
  const { runId, answer } = await lead.run({ goal: "Get there.", tasks: asked, background });
  if (background) await answer();
  // Its host will be killed before it answers.
  else answer().catch(() => "no answer");
  const runDirectory = project.runDirectory(runId);
  const scene: Scene = { lead, background, runId, ledger: () => readLedger(runDirectory) };
  await transition.reached(scene);
  const violations: Violation[] = [];
  const { agentDir } = project.place;
  const terms = { agentDir, runDirectory, limitMs: endMaxMs };
  const census = new Census({ ...terms, violated: (violation) => violations.push(violation) });
  census.start();
  return {
    scene,
    answerFromNowOn: () => project.script("1-tasks", answers),
    async expectDone(drivers: number) {
      const isOver = ({ finishedAt }: { finishedAt?: string }): boolean => finishedAt !== undefined;
      const manifest = await manifestWhen(project, runId, "its end", isOver);
      expect(manifest).toMatchObject({ status: "completed", cause: "completed" });
      await until("nothing of it lives", async () => (await processesOf(runId)).length === 0);
      await census.stop();
      const remains = {
        plan: planOf(tasks),
        runDirectory,
        finished: new Map(),
        served: await served(project.place),
      };
      violations.push(...(await audit(remains)));
      expect(violations).toEqual([]);
      const { tasks: ended, leases } = await scene.ledger();
      const counted = [...ended].map(
        async ([id, { attempts }]) => [id, [attempts.size, await prompts(id)]] as const,
      );
      expect(Object.fromEntries(await Promise.all(counted))).toEqual(took);
      expect(leases).toBe(drivers);
    },
  };
}

function planOf(tasks: readonly TaskOfRun[]): ChaosPlan {
  const one = { agent: "executor", isWriter: true, behaviour: "answer", workMs: 0, isGated: false } as const;
  const nothing = { seed: 0, background: true, faults: [], hostPausesMs: [], hasSmallDisk: false };
  return {
    ...nothing,
    isProposed: false,
    thinkMs: 0,
    tasks: tasks.map(({ id, dependsOn }) => ({ ...one, id, dependsOn })),
  };
}

function ruleOf(task: string, turns: readonly (readonly object[])[]): object {
  return {
    name: task,
    when: { prompt: `# Your task: ${task}\n`, system: "# How you work in this team" },
    turns,
  };
}

/** How often a model was given this task. */
async function prompts(task: string): Promise<number> {
  const requests = await served(project.place);
  return requests.filter(({ rule, toolResults }) => rule === task && JSON.stringify(toolResults) === "[]")
    .length;
}

function flag(name: string): string {
  return join(flags, name);
}
async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** An agent whose extension cannot be read as long as nobody writes into a pipe: its worker is not spawned before. */
async function heldAgent(): Promise<Readonly<Record<string, string>>> {
  await mkdir(flag("held"));
  await promisify(execFile)("mkfifo", [join(flag("held"), "package.json")]);
  const agents = join(project.place.agentDir, "agents");
  await mkdir(agents, { recursive: true });
  const header = `name: held\ndescription: starts when it is let\nextensions: ${flag("held")}\npermission: write`;
  await writeFile(join(agents, "held.md"), `---\n${header}\n---\n\nYou wait.\n`);
  return {};
}

async function aboutToSpawn(task: string, { ledger, runId }: Scene): Promise<void> {
  const prompt = join(project.runDirectory(runId), "attempts", `${task}-1`, "prompt.md");
  await until(`${task} is about to be spawned`, async () => {
    const record = (await ledger()).tasks.get(task);
    return record?.status === "running" && (await isThere(prompt));
  });
  await pause(200);
  expect((await ledger()).tasks.get(task)?.attempts.get(1)).toEqual({});
}

/** The driver of a host that is gone must know first that its run is parked: it would spawn what it was held from. */
async function letSpawn({ ledger, background }: Scene): Promise<void> {
  if (!background) await until("it is parked", async () => (await ledger()).status === "blocked");
  const pipe = join(flag("held"), "package.json");
  await rename(pipe, `${pipe}.pipe`);
  await writeFile(pipe, "{}");
  // Whoever reads the pipe by now, the driver that was killed or the next one, reads on.
  const end = await open(`${pipe}.pipe`, constants.O_WRONLY | constants.O_NONBLOCK).catch(nobodyReads);
  await end?.writeFile("{}");
  await end?.close();
}

function nobodyReads(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENXIO") throw error;
}

/**
 * A module that node loads into the driver before all else: it stops the driver the moment its first worker was spawned.
 * That worker is a program that never says a word; the next ones are the real host.
 */
async function stoppedDriver(): Promise<Readonly<Record<string, string>>> {
  const module = `${flag("stop-driver")}.mjs`;
  const source = `
import childProcess from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
const { spawn } = childProcess;
childProcess.spawn = (command, args, options) => {
  const child = spawn(command, args, options);
  if (options.env?.PI_MUSTER_WORKER && !existsSync(${JSON.stringify(flag("stopped"))})) {
    writeFileSync(${JSON.stringify(flag("stopped"))}, "");
    process.kill(process.pid, "SIGSTOP");
  }
  return child;
};
if (process.env.PI_MUSTER_RUN && !process.env.PI_MUSTER_WORKER) syncBuiltinESMExports();`;
  await writeFile(module, source);
  const program = [
    "#!/bin/sh",
    `mkdir ${flag("silent")} 2>/dev/null && exec sleep 1000`,
    `exec ${node} ${hostCli} "$@"`,
  ];
  await writeFile(flag("pi"), `${program.join("\n")}\n`, { mode: 0o755 });
  return { PI_MUSTER_PI_BIN: flag("pi"), NODE_OPTIONS: `--import ${pathToFileURL(module).href}` };
}
async function letDrive({ ledger }: Scene): Promise<void> {
  const { driver } = await ledger();
  if (driver !== undefined) await signal(driver, "SIGCONT");
}
