import { Type } from "@sinclair/typebox";
import { defaultSettings } from "../core/settings.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Smallest, largest, meaning. */
type Range = readonly [number, number, string];

function whole(of: number, [minimum, maximum, description]: Range) {
  return Type.Integer({ default: of, minimum, maximum, description });
}

function group<Name extends string>(
  description: string,
  defaults: Readonly<Record<Name, number>>,
  ranges: Readonly<Record<Name, Range>>,
) {
  const names = Object.keys(ranges).filter((name): name is Name => name in defaults);
  const members = names.map((name) => [name, whole(defaults[name], ranges[name])] as const);
  return Type.Object(Object.fromEntries(members), { description, additionalProperties: false });
}

function oneOf<Value extends string>(of: NoInfer<Value>, values: readonly Value[], description: string) {
  return Type.Union(
    values.map((value) => Type.Literal(value)),
    { default: of, description },
  );
}

const tellings = ["wake", "quiet", "none"] as const;

/** `tool` or `tool(glob)`; the worker's own tools are no matter of rules, and `:*` is another program's spelling. */
const rule = {
  pattern: String.raw`^(?!(?:submit_result|ask|send)(?:$|\())[\w*.:-]+(?:\((?!.*:\*\)$).*\S.*\))?$`,
  description: 'rules such as "write" or "bash(git push *)" (* stands for any characters)',
};
const allowRule = {
  pattern: String.raw`^bash\((?!.*:\*\)$).*\S.*\)$`,
  description: 'rules such as "bash(git push origin *)": all else is allowed unless denied',
};

function rules(of: { readonly pattern: string; readonly description: string }, description: string) {
  return Type.Array(Type.String(of), { default: [], description });
}

const {
  concurrency,
  workersPerMachine,
  depthMax,
  limits,
  retries,
  retention,
  recovery,
  notify,
  mail,
  ...texts
} = defaultSettings;

/** The one description of what a person can set; schema.json is generated from it. */
export const settingsSchema = Type.Object(
  {
    concurrency: whole(concurrency, [1, 1_000, "Workers alive at once in one run."]),
    workersPerMachine: whole(workersPerMachine, [
      ...([1, 1_000] as const),
      "Workers alive at once on this machine, over all runs and sessions of this user.",
    ]),
    model: Type.String({
      default: texts.model,
      description: "provider/id[:thinking] for workers whose agent names none; empty: the lead's model.",
    }),
    team: Type.String({
      default: texts.team,
      description: "Team used when a run names neither team, workflow nor agent.",
    }),
    workerExtensions: Type.Union(
      [Type.Literal("configured"), Type.Literal("none"), Type.Array(Type.String())],
      {
        default: texts.workerExtensions,
        description:
          "Which of the user's extensions workers load: all configured ones, none, or these paths (paths: user file only).",
      },
    ),
    environmentDeny: Type.Array(Type.String(), {
      default: texts.environmentDeny,
      description:
        "Names of environment variables that workers do not inherit; * stands for any characters. A project's names add to the user's.",
    }),
    onOwnerLoss: oneOf(
      texts.onOwnerLoss,
      ["park", "continue"],
      "What happens to a session-bound run when its host dies or quits.",
    ),
    headless: oneOf(
      texts.headless,
      ["wait", "default", "deny"],
      "A question or approval in a background run that a host left which ended with its prompt (-p, json): it waits, takes its own default at once where it has one, or is denied.",
    ),
    depthMax: whole(depthMax, [1, 10, "Levels of nested runs."]),
    permissions: Type.Object(
      {
        deny: rules(rule, "Tool calls that workers may not make. A project's rules add to the user's."),
        ask: rules(rule, "Tool calls that a person decides about, one by one or for a task or run."),
        allow: rules(allowRule, "Deliveries (push, publish, tag, pull requests) that workers may make."),
        askMaxMs: whole(texts.permissions.askMaxMs, [
          ...([0, 14 * dayMs] as const),
          "How long such a decision may take before the call is denied, ms; 0: any time.",
        ]),
      },
      { description: "What workers may do with tools; docs/permissions.md.", additionalProperties: false },
    ),
    requireApproval: Type.Boolean({
      default: texts.requireApproval,
      description:
        "A person approves a run's plan before anything of it starts. A project can only add this.",
    }),
    limits: group("Bounds on time (ms) and size (bytes).", limits, {
      startMaxMs: [1_000, hourMs, "From a worker's spawn to its readiness, ms."],
      nudgeAfterMs: [0, dayMs, "Silence after which a worker is told to go on or to submit, ms; 0: never."],
      abortAfterMs: [
        0,
        dayMs,
        "Silence after which its turn is aborted and it is asked to go on, ms; 0: never.",
      ],
      silenceMaxMs: [1_000, dayMs, "Silence after which a worker is ended, ms, while no tool of it runs."],
      toolMaxMs: [100, 7 * dayMs, "The same while a tool runs, ms; the steps before come as much later."],
      attemptMaxMs: [100, 7 * dayMs, "Wall clock of one attempt, ms."],
      runMaxMs: [100, 14 * dayMs, "Wall clock of a whole run, ms."],
      termAfterMs: [0, 5_000, "From the request to stop to SIGTERM, ms."],
      killAfterMs: [100, 9_000, "From the request to stop to SIGKILL of the tree, ms."],
      promptMaxBytes: [1_000, 10_000_000, "A worker's prompt as assembled."],
      outputMaxBytes: [100, 50_000_000, "Result text kept of one attempt."],
      transcriptMaxBytes: [10_000, 1_000_000_000, "Transcript kept of one attempt."],
      tasksMax: [1, 100_000, "Tasks in one plan."],
      mailMax: [1, 10_000, "Messages that one task may write."],
      goalMaxBytes: [1, 100_000_000, "Goal plus task texts."],
    }),
    retries: group("Another try after a failure or a loss.", retries, {
      max: [0, 10, "Tries after the first, where the step names none."],
      backoffMs: [0, hourMs, "Wait before the second try, ms; doubles each time."],
      backoffMaxMs: [0, dayMs, "The longest wait between tries, ms."],
      lostMax: [0, 20, "Losses of one task before it fails; a loss costs no retry."],
    }),
    retention: group("Which finished runs prune keeps.", retention, {
      days: [1, 10_000, "Days since its end."],
      runs: [1, 100_000, "The newest ones."],
    }),
    export: group("Runs that are carried elsewhere.", texts.export, {
      maxBytes: [1_000, 250_000_000, "Content of one bundle, written or read."],
    }),
    recovery: Type.Object(
      {
        auto: Type.Boolean({
          default: recovery.auto,
          description: "Sessions that watch give a run whose driver died a new one by themselves.",
        }),
        max: whole(recovery.max, [
          ...([0, 100] as const),
          "New drivers in a row, without a finished task in between, before the run is parked.",
        ]),
      },
      { description: "A live run whose driver is gone.", additionalProperties: false },
    ),
    widget: group("The widget below the editor.", texts.widget, {
      lines: [0, 50, "The most lines that it takes; 0: no widget."],
    }),
    ui: Type.Object(
      {
        glyphs: oneOf(
          texts.ui.glyphs,
          ["unicode", "ascii"],
          "Signs on the screen; ascii: none beyond ASCII, and no emoji.",
        ),
      },
      { description: "How everything looks.", additionalProperties: false },
    ),
    notify: Type.Object(
      {
        completed: oneOf(notify.completed, tellings, "A background run completed."),
        failed: oneOf(notify.failed, tellings, "A background run failed, was cancelled or stands still."),
        question: oneOf(notify.question, tellings, "A task of a background run waits for somebody."),
        recovered: oneOf(notify.recovered, tellings, "A new driver goes on with a run whose driver died."),
        opensDialog: Type.Boolean({
          default: notify.opensDialog,
          description:
            "A question or approval opens its dialog by itself when the agent is idle and the editor is empty.",
        }),
      },
      {
        description:
          "How the lead is told: wake (it answers at once), quiet (a message without a turn), none. Runs that a person started wake nobody.",
        additionalProperties: false,
      },
    ),
    mail: group("How instructions to a task are put together.", mail, {
      windowMs: [
        ...([0, 60_000] as const),
        "Messages that follow another one to the same task within this go in as one, ms; each extends it.",
      ],
      holdMaxMs: [0, 600_000, "The longest that a message waits for others, ms."],
    }),
  },
  { title: "pi-muster settings", additionalProperties: false },
);
