import type { ActionContext, ActionResult } from "../../src/actions/context.ts";
import type { DefinitionRow, SettingRow } from "../../src/core/catalogue.ts";
import type { RunEvent, StoredEvent } from "../../src/core/events.ts";
import { fold } from "../../src/core/evolve.ts";
import { RunNotFound } from "../../src/core/failure.ts";
import { invariant } from "../../src/core/invariant.ts";
import { manifestOf } from "../../src/core/manifest.ts";
import { noUsage } from "../../src/core/outcome.ts";
import type { Clock, RecoveryReport, RecoveryTerms, RunEngine, RunListing } from "../../src/core/ports.ts";
import type { Liveness } from "../../src/core/process.ts";
import { runView } from "../../src/core/run-view.ts";
import { defaultSettings, type Settings } from "../../src/core/settings.ts";
import type { RunView } from "../../src/core/view.ts";
import { createExtension } from "../../src/host/extension.ts";
import type { HostParts, Loaded, Project } from "../../src/host/parts.ts";
import { markedText, planText, readPlanText } from "../../src/resources/plan-form.ts";
import { noHistory } from "../support/past.ts";
import { agent, task } from "../support/plan.ts";
import { FakePi, FakeSession } from "./fake-pi.ts";

/** Time that passes when it is told to. */
export class FakeClock implements Clock {
  #now = 1_000_000;
  readonly #sleeps = new Set<{ readonly at: number; readonly wake: () => void }>();

  get sleeping(): number {
    return this.#sleeps.size;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = (): void => {
        this.#sleeps.delete(sleep);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleep = { at: this.#now + ms, wake };
      this.#sleeps.add(sleep);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await settle();
      const next = [...this.#sleeps].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
    this.#now = until;
  }
}

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Journals in memory. */
class FakeEngine implements RunEngine {
  readonly #journals = new Map<string, StoredEvent[]>();
  readonly #readers = new Set<() => void>();
  readonly #clock: Clock;
  following = 0;
  reads = 0;
  driver: Liveness = "alive";
  /** So many reads of a journal's growth fail. */
  failing = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  append(runId: string, ...events: readonly RunEvent[]): void {
    const journal = this.#journals.get(runId) ?? [];
    this.#journals.set(runId, journal);
    const at = new Date(this.#clock.now()).toISOString();
    for (const event of events) journal.push({ ...event, v: 1, seq: journal.length + 1, epoch: 1, at });
    for (const wake of this.#readers) wake();
  }

  view(runId: string): RunView {
    const view = runView(fold(this.#journals.get(runId) ?? []), this.#clock.now());
    invariant(view !== undefined, `run ${runId} was not started`);
    return view;
  }

  async read(runId: string) {
    this.reads += 1;
    const events = this.#journals.get(runId);
    if (events === undefined) throw new RunNotFound(runId, "memory");
    return { events: [...events] };
  }

  async *follow(runId: string, fromSeq: number, signal: AbortSignal): AsyncIterable<StoredEvent> {
    if (this.failing > 0) {
      this.failing -= 1;
      throw new Error("EIO");
    }
    this.following += 1;
    try {
      for (let seq = fromSeq; !signal.aborted; ) {
        const event = this.#journals.get(runId)?.[seq - 1];
        if (event === undefined) await this.#changed(signal);
        else {
          seq += 1;
          yield event;
        }
      }
    } finally {
      this.following -= 1;
    }
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#readers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#readers.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  async examine(): Promise<{ findings: [] }> {
    return { findings: [] };
  }
  async repair(): Promise<readonly string[]> {
    return [];
  }
  async strays(): Promise<readonly string[]> {
    return [];
  }
  async submit(): Promise<string> {
    throw new Error("nobody submits here");
  }
  async retry(): Promise<never> {
    throw new Error("nobody retries here");
  }
  async send(): Promise<void> {
    throw new Error("nobody sends here");
  }
  /** Answers `recovery`, and notes who asked. */
  recovery: RecoveryReport = { live: 0, coming: [], left: [] };
  readonly recoveries: RecoveryTerms[] = [];
  async recover(terms: RecoveryTerms): Promise<RecoveryReport> {
    this.recoveries.push(terms);
    return this.recovery;
  }
  async list(only?: string): Promise<readonly RunListing[]> {
    return [...this.#journals]
      .filter(([runId]) => only === undefined || runId === only)
      .flatMap(([runId, events]) => {
        const manifest = manifestOf(fold(events), true);
        return manifest === undefined ? [] : [{ runId, manifest, driver: this.driver }];
      });
  }
  verdicts(): ReturnType<RunEngine["verdicts"]> {
    return Promise.resolve(new Map());
  }
  settled(): Promise<void> {
    return Promise.resolve();
  }
  directory(runId: string): string {
    return `/project/.muster/runs/${runId}`;
  }
}

/** A run of one task, at work. */
export function live(runId: string, sessionId: string, background: boolean): readonly RunEvent[] {
  const executor = { ...agent, name: "executor", permission: "write" } as const;
  const build = task("build", [], {
    agent: "executor",
    prompt: "do it",
    writes: [],
    retries: 0,
    attemptMaxMs: 1_000,
  });
  return [
    {
      type: "run.started",
      request: "start",
      plan: { goal: "make it work", agents: { executor }, tasks: [build], hash: "00" },
      terms: {
        runId,
        cwd: "/project",
        owner: { sessionId },
        origin: { kind: "agent", id: "call" },
        background,
        trusted: true,
        settings: defaultSettings,
      },
    },
    { type: "attempt.started", task: "build", attempt: 1 },
  ];
}

/** The end of that run. */
export function finished(status: "completed" | "failed"): readonly RunEvent[] {
  const result = {
    text: "built",
    bytes: 5,
    truncated: false,
    sha256: "00",
    form: "submitted",
    artifacts: [],
  } as const;
  const failure = { cause: "timeout", retryable: false, provider: false, message: "too slow" } as const;
  const outcome =
    status === "completed"
      ? ({ kind: "completed", result, usage: noUsage } as const)
      : ({ kind: "failed", ...failure, usage: noUsage } as const);
  return [
    { type: "attempt.ended", task: "build", attempt: 1, outcome },
    { type: "run.finished", status, cause: status === "completed" ? "completed" : "timeout" },
  ];
}

type Perform = (name: string, given: unknown, context: ActionContext) => Promise<ActionResult>;

/** Everything around one session, and what the actions do in this test. */
export class World {
  readonly clock = new FakeClock();
  readonly engine = new FakeEngine(this.clock);
  readonly session = new FakeSession();
  loads = 0;
  hasRuns = false;
  settings: Settings = defaultSettings;
  settingRows: readonly SettingRow[] = [];
  definitionRows: readonly DefinitionRow[] = [];
  perform: Perform = async (action) => ({ ok: true, text: "done", details: { action, ok: true } });

  /** A fresh instance of the extension, registered but not started. */
  load(): FakePi {
    const pi = new FakePi(this.session);
    createExtension(this.#parts())(pi.api);
    pi.isLoading = false;
    return pi;
  }

  async start(reason = "startup"): Promise<FakePi> {
    const pi = this.load();
    await pi.emit("session_start", { reason });
    await settle();
    return pi;
  }

  /** Starts the extension, and in it a run that the model leaves in the background. */
  async startRun(runId: string): Promise<FakePi> {
    this.perform = async (action) => {
      this.engine.append(runId, ...live(runId, this.session.id, true));
      return { ok: true, text: "started", details: { action, ok: true, runId, status: "running" } };
    };
    const pi = await this.start();
    await callTool(pi, { action: "run", background: true });
    await settle();
    return pi;
  }

  #parts(): HostParts {
    return {
      actions: ["run", "status", "list", "doctor", "respond", "send"].map((name) => ({
        name,
        summary: `${name} something`,
      })),
      tool: {
        parameters: { type: "object", properties: {} },
        description: "runs teams",
        promptSnippet: "teams",
        promptGuidelines: ["Use team."],
        prepare: (raw) => ({ ...Object(raw), prepared: true }),
      },
      clock: this.clock,
      hasRuns: async () => this.hasRuns,
      load: async () => {
        this.loads += 1;
        return this.#loaded();
      },
    };
  }

  #loaded(): Loaded {
    const project: Project = {
      root: "/project",
      directory: "/project/.muster",
      engine: this.engine,
      history: noHistory("/project"),
      places: { builtin: "/package", user: "/user" },
      settingsFiles: { user: "/user/config.json" },
      listSettings: async () => ({ rows: this.settingRows, problems: [] }),
      listDefinitions: async () => ({ rows: this.definitionRows, problems: [] }),
      names: async () => [],
      settingKeys: () => [],
      settings: async () => this.settings,
    };
    return {
      perform: (name, raw, context) => this.perform(name, raw, context),
      performLine: (name, line, context) => this.perform(name, line, context),
      complete: async (name, typed) => [{ value: `${typed}${name}!`, label: name }],
      openProject: async () => project,
      identity: async () => ({ pid: 1, startTime: "1", bootId: "b" }),
      probe: async () => "alive",
      redact: (text) => text,
      report: () => "",
      planForm: { write: planText, read: readPlanText, mark: markedText },
      newId: () => "id",
      machine: {
        version: "0.0.0",
        build: "src",
        depth: 0,
        depthMax: 2,
        piCommand: async () => ["pi"],
      },
    };
  }
}

/** Calls the tool as the host does, its `tool_result` event included. */
export async function callTool(pi: FakePi, params: object, signal?: AbortSignal, updates: unknown[] = []) {
  const tool = pi.tools.get("team");
  invariant(tool !== undefined, "the tool is not registered");
  const ctx = pi.context();
  const result = await tool.execute("call-1", params as never, signal, (update) => updates.push(update), ctx);
  const patch = await pi.emit("tool_result", { toolName: "team", toolCallId: "call-1" });
  return { result, patch };
}
