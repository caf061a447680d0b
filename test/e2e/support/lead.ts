import { execFile, spawn } from "node:child_process";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ActionDetails } from "../../../src/actions/context.ts";
import type { StoredEvent } from "../../../src/core/events.ts";
import type { Manifest } from "../../../src/core/ports.ts";
import {
  environmentOf,
  Host,
  hostCli,
  type Json,
  makePlace,
  node,
  type Place,
  removePlace,
  until,
} from "../../support/host.ts";
import { marked } from "./marked.ts";

/** This checkout: the package under test. */
export const repository = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** What came of one call of the tool `team`. */
export interface Answer {
  readonly isError: boolean;
  readonly text: string;
  readonly details: ActionDetails;
}

/** How a lead is started. */
export interface LeadStart {
  /** What `-e` loads after our package. */
  readonly extensions?: readonly string[];
  /** A checkout without dist/ to load instead of this one. */
  readonly sources?: string;
  /** Replaces `--mode rpc --no-session`. */
  readonly mode?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A command that ends by becoming the one that follows it. */
  readonly through?: readonly string[];
}

/** The host's command line, its script first. */
export function hostArguments(start: LeadStart): readonly string[] {
  const ours = start.sources ?? repository;
  const provider = start.sources ? "src/entry/scripted-model.ts" : "dist/scripted-model.mjs";
  const loaded = [ours, join(ours, provider), ...(start.extensions ?? [])];
  return [
    hostCli,
    ...(start.mode ?? ["--mode", "rpc", "--no-session"]),
    ...["-ne", "-ns", "-np", "--no-themes", "--model", "scripted/demo"],
    ...loaded.flatMap((path) => ["-e", path]),
  ];
}

/** A project in a temporary directory, with a script for the models of all hosts and workers in it. */
export class Project {
  readonly place: Place;
  readonly #hosts: Host[] = [];
  readonly #rules = new Map<string, readonly object[]>();
  #writing: Promise<void> = Promise.resolve();

  constructor(place: Place) {
    this.place = place;
  }

  get directory(): string {
    return this.place.workspace;
  }
  get state(): string {
    return join(this.place.workspace, ".muster");
  }
  runDirectory(runId: string): string {
    return join(this.state, "runs", runId);
  }

  /** Sets the rules of this name; the names' order is the rules', and they are read anew at every request. */
  async script(name: string, rules: readonly object[]): Promise<void> {
    this.#rules.set(name, rules);
    // One after the other: what is written last holds the rules of all.
    this.#writing = this.#writing.then(() => this.#writeScript());
    await this.#writing;
  }

  async #writeScript(): Promise<void> {
    const all = [...this.#rules].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, ofName]) => ofName);
    const file = join(this.place.top, "script.json");
    await writeFile(`${file}.new`, JSON.stringify(all));
    await rename(`${file}.new`, file);
  }

  /** Sets the user's settings. */
  async settings(settings: Json): Promise<void> {
    await mkdir(join(this.place.agentDir, "muster"), { recursive: true });
    await writeFile(join(this.place.agentDir, "muster/config.json"), JSON.stringify(settings));
  }

  /** Starts a host here. Ended by `end`, if by nothing else. */
  async lead(start: LeadStart = {}): Promise<Lead> {
    const [command = node, ...args] = [...(start.through ?? []), node, ...hostArguments(start)];
    const child = spawn(command, args, {
      cwd: this.directory,
      env: this.environment(start.environment),
    });
    const host = new Host(child);
    this.#hosts.push(host);
    return new Lead(host, this, `lead${this.#hosts.length}`);
  }

  /** Nothing of the person who runs the tests. */
  environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    return { ...environmentOf(this.place), ...more };
  }

  /** Ids of the runs here, oldest first. */
  async runs(): Promise<readonly string[]> {
    const names = await readdir(join(this.state, "runs")).catch(emptyWhenMissing);
    return names.filter((name) => !name.startsWith(".")).sort();
  }
  async manifest(runId: string): Promise<Manifest> {
    return JSON.parse(await readFile(join(this.runDirectory(runId), "manifest.json"), "utf8"));
  }
  /** The journal, read without the product; checks that its numbers are contiguous from 1. */
  async journal(runId: string): Promise<readonly StoredEvent[]> {
    const directory = join(this.runDirectory(runId), "journal");
    const segments = (await readdir(directory)).filter((name) => name.endsWith(".jsonl")).sort();
    const texts = await Promise.all(segments.map((name) => readFile(join(directory, name), "utf8")));
    const events: StoredEvent[] = texts
      .join("")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
    for (const [index, { seq }] of events.entries())
      if (seq !== index + 1) throw new Error(`record ${index + 1} of ${runId} has number ${seq}`);
    return events;
  }

  /** Ends hosts and whatever else of this project lives; throws when something outlived its host that should not. */
  async end(): Promise<void> {
    for (const host of this.#hosts) await host.end();
    const living = () => marked(`PI_CODING_AGENT_DIR=${this.place.agentDir}`);
    const deadline = Date.now() + 20_000;
    while ((await living()).length > 0 && Date.now() < deadline) await pause(100);
    const left = await living();
    for (const { pid } of left) kill(pid);
    await removePlace(this.place);
    if (left.length > 0)
      throw new Error(`left behind: ${left.map((one) => `${one.pid} ${one.commandLine}`).join("; ")}`);
  }
}

/** An empty project: a git repository with one commit. */
export async function makeProject(): Promise<Project> {
  const place = await makePlace();
  await writeFile(join(place.top, "script.json"), "[]");
  await writeFile(join(place.workspace, "readme.txt"), "a project\n");
  for (const args of [
    ["init", "-q", "-b", "main"],
    ["add", "-A"],
    ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "first"],
  ])
    await git(place.workspace, ...args);
  // Long sessions of many calls, whose model has nothing to summarise with; and a short patience with busy providers.
  const settings = {
    compaction: { enabled: false },
    retry: { enabled: true, maxRetries: 1, baseDelayMs: 50 },
  };
  await writeFile(join(place.agentDir, "settings.json"), JSON.stringify(settings));
  return new Project(place);
}

/** What git prints for these arguments in a directory; throws when it fails. */
export async function git(directory: string, ...args: readonly string[]): Promise<string> {
  return (await promisify(execFile)("git", args, { cwd: directory })).stdout;
}

/** A host whose scripted model calls our tool with whatever a test wants. */
export class Lead {
  readonly host: Host;
  readonly project: Project;
  readonly #name: string;
  #calls = 0;

  constructor(host: Host, project: Project, name: string) {
    this.host = host;
    this.project = project;
    this.#name = name;
  }

  /** Has the model call `team` once; resolves when the call was made, with what tells its answer. */
  async begin(args: Json): Promise<() => Promise<Answer>> {
    this.#calls += 1;
    const prompt = `${this.#name} call ${this.#calls}.`;
    const turns = [[{ tool: "team", arguments: args }], [{ text: "I see." }]];
    await this.project.script(`0-${this.#name}`, [{ name: prompt, when: { prompt }, turns }]);
    await this.idle();
    const since = this.host.events.length;
    await this.host.request({ type: "prompt", message: prompt });
    const start = await this.host.event((event) => event.type === "tool_execution_start", since);
    const isEnd = (event: Json) =>
      event.type === "tool_execution_end" && event.toolCallId === start.toolCallId;
    return async () => {
      const end = await this.host.event(isEnd, since);
      await this.host.event((event) => event.type === "agent_end", this.host.events.indexOf(end));
      return answerOf(end);
    };
  }

  /** Resolves when the host takes another prompt; 0.73.1 says so a moment after `agent_end`. */
  async idle(): Promise<void> {
    await until("the host is idle", async () => {
      const { data } = await this.host.request({ type: "get_state" });
      return isRecord(data) && data.isStreaming === false && data.isCompacting === false;
    });
  }

  /** Has the model call `team` once and waits for the end of its turn. */
  async call(args: Json): Promise<Answer> {
    return (await this.begin(args))();
  }

  /** The same for a run that is to be watched meanwhile, whatever else is under way: its id, as soon as it exists. */
  async run(args: Json): Promise<{ readonly runId: string; readonly answer: () => Promise<Answer> }> {
    const before = await this.project.runs();
    const answer = await this.begin({ action: "run", force: true, ...args });
    const started = async () => (await this.project.runs()).find((id) => !before.includes(id));
    await until("the run exists", async () => (await started()) !== undefined);
    return { runId: (await started()) ?? "", answer };
  }

  /** Types a slash command; resolves with its visible answer, the first line that is not "at work". */
  async command(line: string): Promise<string> {
    const since = this.host.events.length;
    await this.host.request({ type: "prompt", message: line });
    const isAnswer = (event: Json): boolean => {
      const text = visibleText(event);
      return text !== undefined && !text.includes("is at work; its answer");
    };
    return visibleText(await this.host.event(isAnswer, since)) ?? "";
  }

  /** Messages of ours that told the lead about a run. */
  notices(runId: string): readonly Json[] {
    return this.host.events.filter((event) => {
      const { message } = event;
      return event.type === "message_end" && isRecord(message) && message.customType === "muster-notice"
        ? JSON.stringify(message).includes(runId)
        : false;
    });
  }
}

/** Waits until a run's manifest shows what is asked for, and gives it. */
export async function manifestWhen(
  project: Project,
  runId: string,
  what: string,
  holds: (manifest: Manifest) => boolean,
): Promise<Manifest> {
  let seen: Manifest | undefined;
  await until(`${what} in ${runId}`, async () => {
    seen = await project.manifest(runId).catch(() => undefined);
    return seen !== undefined && holds(seen);
  });
  if (seen === undefined) throw new Error(`${runId} has no manifest`);
  return seen;
}

function answerOf(event: Json): Answer {
  const { result, isError } = event;
  if (!isRecord(result) || !Array.isArray(result.content)) throw new Error(JSON.stringify(event));
  const text = result.content.map((part: { text?: string }) => part.text ?? "").join("\n");
  // The product's own shape is what the tests look at.
  return { isError: isError === true, text, details: (result.details ?? {}) as ActionDetails };
}

function visibleText(event: Json): string | undefined {
  if (event.type === "extension_ui_request" && event.method === "notify") return String(event.message);
  const { message } = event;
  if (event.type !== "message_end" || !isRecord(message) || message.customType !== "muster-reply")
    return undefined;
  return typeof message.content === "string" ? message.content : JSON.stringify(message.content);
}

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

function emptyWhenMissing(error: unknown): string[] {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
  throw error;
}

/** Kills a process that a test of ours started; it may be gone already. */
export function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
