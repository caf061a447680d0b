/** Bounds on time and size. Milliseconds and bytes. */
export interface Limits {
  /** From spawn to the worker's readiness signal. */
  readonly startMaxMs: number;
  /** Without any sign of life from the worker while no tool runs: it is told so after this; 0 means never, */
  readonly nudgeAfterMs: number;
  /** what it does is aborted and it is asked to go on after this; 0 means never, */
  readonly abortAfterMs: number;
  /** and it is ended after this. */
  readonly silenceMaxMs: number;
  /** The last of these while one of its tools runs, the others as much earlier: a long silent tool is not a hang. */
  readonly toolMaxMs: number;
  /** Wall clock of one attempt, where the agent or step names none. */
  readonly attemptMaxMs: number;
  /** Wall clock of a whole run. */
  readonly runMaxMs: number;
  /** Ending ladder: abort and closed stdin first, SIGTERM after this, */
  readonly termAfterMs: number;
  /** and SIGKILL of the whole tree after this, counted from the request to stop. */
  readonly killAfterMs: number;
  /** Worker prompt as assembled. */
  readonly promptMaxBytes: number;
  /** Result text kept in outcome.json. */
  readonly outputMaxBytes: number;
  /** Redacted transcript of one attempt. */
  readonly transcriptMaxBytes: number;
  /** Tasks in one plan. */
  readonly tasksMax: number;
  /** Messages that one task may write. */
  readonly mailMax: number;
  /** Goal plus inline task texts. */
  readonly goalMaxBytes: number;
}

/** Another try after a failure or a loss. */
export interface Retries {
  /** Tries after the first, where the step names none. */
  readonly max: number;
  /** Wait before the second try, ms; doubles each time up to `backoffMaxMs`. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** Losses of one task before it fails with cause `lost`; a loss costs no retry. */
  readonly lostMax: number;
}

/** How long finished runs stay; `prune` removes what is beyond either. */
export interface Retention {
  readonly days: number;
  /** The newest ones. */
  readonly runs: number;
}

/** Runs that are carried elsewhere. */
export interface Export {
  /** Content of one bundle, for writing and for reading. */
  readonly maxBytes: number;
}

/** What becomes of a live run whose driver is gone. */
export interface Recovery {
  /** Sessions that watch give it a new driver by themselves. */
  readonly auto: boolean;
  /** New drivers in a row, without a task that finished in between, before the run is parked. */
  readonly max: number;
}

/** The widget below the editor. */
export interface Widget {
  /** The most lines that it takes; 0: no widget. */
  readonly lines: number;
}

/** How everything of ours looks. */
export interface Look {
  /** `ascii`: no signs beyond ASCII, and no emoji. */
  readonly glyphs: "unicode" | "ascii";
}

/** What becomes of news: the lead answers to them, finds them in its conversation, or is not told. */
export type Telling = "wake" | "quiet" | "none";

/** How the lead is told of its background runs. */
export interface Notify {
  readonly completed: Telling;
  /** Failed, cancelled or standing still. */
  readonly failed: Telling;
  readonly question: Telling;
  readonly recovered: Telling;
  /** A question opens its dialog by itself, where that disturbs nobody. */
  readonly opensDialog: boolean;
}

/**
 * What workers may do with tools, as rules: `tool` or `tool(glob)`. Within their agents' own bounds `deny` goes before
 * `ask` before `allow`; what no rule names is allowed, but for deliveries.
 */
export interface ToolRules {
  readonly deny: readonly string[];
  /** A person decides. */
  readonly ask: readonly string[];
  /** Deliveries that workers may make. */
  readonly allow: readonly string[];
  /** How long such a decision may take before the call is denied; 0: any time. */
  readonly askMaxMs: number;
}

/** How instructions are put together. */
export interface Delivery {
  /** What follows another message to the same task within this goes in as one, ms; each one extends it, */
  readonly windowMs: number;
  /** but none waits longer than this. */
  readonly holdMaxMs: number;
}

/** What a person can set: user file under project file under the call's own parameters. */
export interface Settings {
  /** Workers alive at once in one run. */
  readonly concurrency: number;
  /** Workers alive at once on this machine, over all runs and sessions of this user. */
  readonly workersPerMachine: number;
  /** `provider/id[:thinking]` for workers whose agent names none; empty means the lead's model. */
  readonly model: string;
  /** Team used when a run names neither team, workflow nor agent. */
  readonly team: string;
  /** The user's extensions that workers load: all configured ones, none, or these paths. */
  readonly workerExtensions: "configured" | "none" | readonly string[];
  /** Names of environment variables that workers do not inherit; `*` stands for any run of characters. */
  readonly environmentDeny: readonly string[];
  /** What happens to a session-bound run when its host dies or quits. */
  readonly onOwnerLoss: "park" | "continue";
  /** What becomes of a question or approval in a background run of a host that ended with its prompt. */
  readonly headless: "wait" | "default" | "deny";
  /** Levels of nested runs; a worker at this depth cannot start another. */
  readonly depthMax: number;
  readonly permissions: ToolRules;
  /** A person approves the plan of a run before anything of it starts. */
  readonly requireApproval: boolean;
  readonly limits: Limits;
  readonly retries: Retries;
  readonly retention: Retention;
  readonly export: Export;
  readonly recovery: Recovery;
  readonly widget: Widget;
  readonly ui: Look;
  readonly notify: Notify;
  readonly mail: Delivery;
}

/** Settings of a journal that an older version wrote, with what was added since. */
export function completed(settings: Settings): Settings {
  const { limits, retries, recovery, mail } = defaultSettings;
  return {
    ...defaultSettings,
    ...settings,
    limits: { ...limits, ...settings.limits },
    retries: { ...retries, ...settings.retries },
    recovery: { ...recovery, ...settings.recovery },
    mail: { ...mail, ...settings.mail },
  };
}

export const defaultSettings: Settings = {
  concurrency: 4,
  workersPerMachine: 8,
  model: "",
  team: "default",
  workerExtensions: "configured",
  environmentDeny: [],
  onOwnerLoss: "park",
  headless: "wait",
  depthMax: 2,
  permissions: { deny: [], ask: [], allow: [], askMaxMs: 0 },
  requireApproval: false,
  limits: {
    startMaxMs: 60_000,
    nudgeAfterMs: 180_000,
    abortAfterMs: 300_000,
    silenceMaxMs: 420_000,
    toolMaxMs: 1_800_000,
    attemptMaxMs: 7_200_000,
    runMaxMs: 10_800_000,
    termAfterMs: 2_000,
    killAfterMs: 4_000,
    promptMaxBytes: 96_000,
    outputMaxBytes: 256_000,
    transcriptMaxBytes: 10_000_000,
    tasksMax: 1_000,
    mailMax: 50,
    goalMaxBytes: 1_000_000,
  },
  retries: { max: 1, backoffMs: 2_000, backoffMaxMs: 60_000, lostMax: 3 },
  retention: { days: 30, runs: 200 },
  export: { maxBytes: 100_000_000 },
  recovery: { auto: true, max: 5 },
  widget: { lines: 10 },
  ui: { glyphs: "unicode" },
  notify: { completed: "wake", failed: "wake", question: "wake", recovered: "quiet", opensDialog: false },
  mail: { windowMs: 1_500, holdMaxMs: 5_000 },
};
