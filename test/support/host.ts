import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Assignment } from "../../src/core/assignment.ts";
import type { OutcomeRecord } from "../../src/core/outcome.ts";

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const node = process.env.MUSTER_TEST_NODE || process.execPath;
export const hostCli =
  process.env.MUSTER_TEST_PI || join(repository, "node_modules/@mariozechner/pi-coding-agent/dist/cli.js");
/** A loaded machine takes its time; nothing here waits longer than it has to. */
const patienceMs = 60_000;

export type Json = Record<string, unknown>;

/** Our extensions in one of the two forms in which hosts load them: files for `-e`. */
export interface Extensions {
  readonly worker: string;
  readonly scriptedModel: string;
}
export const sources: Extensions = {
  worker: join(repository, "src/entry/worker.ts"),
  scriptedModel: join(repository, "src/entry/scripted-model.ts"),
};

/** Bundles both into a directory, each one file; throws when one needs any module that is not node's. */
export async function bundleInto(directory: string): Promise<Extensions> {
  const { metafile } = await build({
    entryPoints: { worker: sources.worker, "scripted-model": sources.scriptedModel },
    outdir: directory,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "neutral",
    external: ["node:*"],
    target: "node20.6",
    metafile: true,
    logLevel: "warning",
  });
  const foreign = Object.values(metafile.outputs).flatMap((output) =>
    output.imports.filter((one) => !one.path.startsWith("node:")),
  );
  if (foreign.length > 0) throw new Error(`it imports ${foreign.map((one) => one.path).join(", ")}`);
  return { worker: join(directory, "worker.mjs"), scriptedModel: join(directory, "scripted-model.mjs") };
}

/** A private world for one test: home, agent directory, workspace and run directory, all in one temporary directory. */
export interface Place {
  readonly top: string;
  readonly home: string;
  readonly agentDir: string;
  readonly workspace: string;
  readonly run: string;
}

/** Makes a fresh place; `removePlace` it afterwards. */
export async function makePlace(): Promise<Place> {
  const top = await realpath(await mkdtemp(join(tmpdir(), "muster-e2e-")));
  const place = {
    top,
    home: join(top, "home"),
    agentDir: join(top, "home/.pi/agent"),
    workspace: join(top, "workspace"),
    run: join(top, "run"),
  };
  for (const directory of [place.agentDir, place.workspace, place.run])
    await mkdir(directory, { recursive: true });
  return place;
}
/** Removes the place with everything in it. */
export function removePlace(place: Place): Promise<void> {
  return rm(place.top, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** What a driver would assign in this place. */
export function assignmentIn(place: Place, change: Partial<Assignment> = {}): Assignment {
  return {
    runId: "20260101-000000-test",
    task: "build",
    agent: "executor",
    attempt: 1,
    outcomePath: join(place.run, "attempts/build-1/outcome.json"),
    artifactsDir: join(place.run, "artifacts"),
    workspace: place.workspace,
    permission: "write",
    rules: { deny: [], ask: [], allow: [], askMaxMs: 0 },
    excludeTools: [],
    expectedParentPid: process.pid,
    depth: 1,
    resultMaxBytes: 100_000,
    ...change,
  };
}
/** The outcome that the worker left, or undefined. */
export async function outcomeIn(place: Place): Promise<OutcomeRecord["outcome"] | undefined> {
  const text = await readFile(assignmentIn(place).outcomePath, "utf8").catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text).outcome;
}
/** What the scripted model says it was asked. */
export async function served(place: Place): Promise<readonly Json[]> {
  const text = await readFile(join(place.top, "served.jsonl"), "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
/** Whether a request brings the answer to what a worker asked. One whose driver is gone hears instead that nobody listens. */
export function isAnswered({ lastToolResult }: Json): boolean {
  return String(lastToolResult).startsWith("Answer: ");
}
/** Every file below a directory, relative, sorted. */
export async function filesBelow(directory: string): Promise<readonly string[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

/** How a host is started. */
export interface HostStart {
  readonly place: Place;
  /** Files for `-e`, in order. */
  readonly extensions: readonly string[];
  /** Rules of the scripted model (docs/scripted-model.md). */
  readonly script?: readonly object[];
  /** Sets PI_MUSTER_ASSIGNMENT. */
  readonly assignment?: Assignment;
  /** Default: `--mode rpc`. */
  readonly mode?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A program and its arguments that start the host for us. */
  readonly through?: readonly string[];
}

/** The real host, running. Call `end` in every case. */
export class Host {
  readonly events: Json[] = [];
  /** What the client answers to a dialog; nothing leaves it open. At first as a driver does: nobody is there to ask. */
  answerDialog: (request: Json) => Json | undefined = () => ({ cancelled: true });
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | NodeJS.Signals>;
  #stderr = "";
  #rest = "";
  #requests = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#exit = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(signal ?? code ?? -1));
    });
    child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    // A host that ends first is what some tests are about.
    child.stdin?.on("error", (error) => {
      this.#stderr += `[stdin: ${error.message}]`;
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }
  /** Exit code, or the signal that ended it. */
  get exit(): Promise<number | NodeJS.Signals> {
    return this.#exit;
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "" || line.startsWith('{"type":"message_update"')) continue;
      const event: Json = JSON.parse(line);
      this.events.push(event);
      this.#hearDialog(event);
    }
  }

  #hearDialog(event: Json): void {
    const { type, method, id } = event;
    if (type !== "extension_ui_request") return;
    if (!["select", "confirm", "input", "editor"].includes(String(method))) return;
    const answer = this.answerDialog(event);
    if (answer !== undefined) this.send({ type: "extension_ui_response", id, ...answer });
  }

  send(command: Json): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  closeInput(): void {
    this.#child.stdin?.end();
  }

  /** Sends a command and waits for its response; throws when the host refuses it. */
  async request(command: Json): Promise<Json> {
    this.#requests += 1;
    const id = `r${this.#requests}`;
    this.send({ id, ...command });
    const response = await this.event((event) => event.type === "response" && event.id === id);
    if (response.success !== true) throw new Error(`${command.type}: ${String(response.error)}`);
    return response;
  }

  /** The first event that fits, from `since` (an index into `events`) on; throws with the story so far when none comes. */
  async event(fits: (event: Json) => boolean, since = 0): Promise<Json> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const found = this.events.slice(since).find(fits);
      if (found !== undefined) return found;
      const ended = this.#child.exitCode !== null || this.#child.signalCode !== null;
      if (ended || Date.now() > deadline)
        throw new Error(`${ended ? "it ended" : "no such event"}\n${this.story()}`);
      await pause(20);
    }
  }

  /** Prompts the agent and waits until it is done; gives the events from the prompt on. */
  async prompt(message: string): Promise<readonly Json[]> {
    const since = this.events.length;
    await this.request({ type: "prompt", message });
    await this.event((event) => event.type === "agent_end", since);
    return this.events.slice(since);
  }

  /** The worker's announcements: readiness and refusals. */
  announcements(): readonly Json[] {
    return this.events
      .filter((event) => event.method === "setStatus" && event.statusKey === "pi-muster")
      .map((event) => JSON.parse(String(event.statusText)));
  }
  async ready(): Promise<Json> {
    await this.event((event) => event.method === "setStatus" && String(event.statusText).includes('"ready"'));
    const announced = this.announcements().find((one) => one.ready === true);
    if (announced === undefined) throw new Error(this.story());
    return announced;
  }

  /** For failure messages. */
  story(): string {
    const last = this.events.slice(-12).map((event) => JSON.stringify(event).slice(0, 300));
    return `${last.join("\n")}\nstderr: ${this.#stderr.slice(-2_000)}`;
  }

  /** Ends it and whatever still runs of its own; resolves when it is gone. */
  async end(): Promise<void> {
    this.closeInput();
    const gone = await Promise.race([this.#exit.then(() => true), pause(3_000, false)]);
    if (!gone) this.#child.kill("SIGKILL");
    await this.#exit;
  }
}

/** What a host in this place is started with: nothing of the person who runs the tests. */
export function environmentOf(place: Place) {
  return {
    PATH: process.env.PATH,
    TMPDIR: tmpdir(),
    HOME: place.home,
    PI_CODING_AGENT_DIR: place.agentDir,
    PI_OFFLINE: "1",
    PI_TELEMETRY: "0",
    PI_MUSTER_SCRIPT: join(place.top, "script.json"),
    PI_MUSTER_SCRIPT_LOG: join(place.top, "served.jsonl"),
  };
}

/** Starts the host in a place, with nothing of the person who runs the tests. */
export async function startHost(start: HostStart): Promise<Host> {
  const { place } = start;
  await writeFile(join(place.top, "script.json"), JSON.stringify(start.script ?? []));
  const lean = ["--no-session", "-ne", "-ns", "-np", "--no-themes", "--model", "scripted/demo"];
  const [command = node, ...args] = [
    ...(start.through ?? []),
    node,
    hostCli,
    ...(start.mode ?? ["--mode", "rpc"]),
    ...lean,
    ...start.extensions.flatMap((file) => ["-e", file]),
  ];
  const child = spawn(command, args, {
    cwd: place.workspace,
    env: {
      ...environmentOf(place),
      ...(start.assignment ? { PI_MUSTER_ASSIGNMENT: JSON.stringify(start.assignment) } : {}),
      ...start.environment,
    },
  });
  return new Host(child);
}

/** True while the kernel knows the process. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

/** Resolves once the condition holds; throws when it never does. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await pause(50);
  }
}
