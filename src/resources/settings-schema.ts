import { type TSchema, Type } from "@sinclair/typebox";
import { defaultSettings } from "../core/settings.ts";

const { limits, retries } = defaultSettings;
const minuteMs = 60_000;
const dayMs = 1_440 * minuteMs;

/** A whole number with its default and bounds. */
function whole(of: number, minimum: number, maximum: number, description: string) {
  return Type.Integer({ default: of, minimum, maximum, description });
}

/** The one description of what a person can set; schema.json is generated from it. */
export const settingsSchema = Type.Object(
  {
    concurrency: whole(defaultSettings.concurrency, 1, 1_000, "Workers alive at once in one run."),
    workersPerMachine: whole(
      defaultSettings.workersPerMachine,
      1,
      1_000,
      "Workers alive at once on this machine, over all runs and sessions of this user.",
    ),
    model: Type.String({
      default: defaultSettings.model,
      description: "provider/id[:thinking] for workers whose agent names none; empty: the lead's model.",
    }),
    team: Type.String({
      default: defaultSettings.team,
      description: "Team used when a run names neither team, workflow nor agent.",
    }),
    workerExtensions: Type.Union(
      [Type.Literal("configured"), Type.Literal("none"), Type.Array(Type.String())],
      {
        default: defaultSettings.workerExtensions,
        description:
          "Which of the user's extensions workers load: all configured ones, none, or these paths (paths: user file only).",
      },
    ),
    environmentDeny: Type.Array(Type.String(), {
      default: defaultSettings.environmentDeny,
      description:
        "Names of environment variables that workers do not inherit; * stands for any characters. A project's names add to the user's.",
    }),
    onOwnerLoss: Type.Union([Type.Literal("park"), Type.Literal("continue")], {
      default: defaultSettings.onOwnerLoss,
      description: "What happens to a session-bound run when its host dies or quits.",
    }),
    depthMax: whole(defaultSettings.depthMax, 1, 10, "Levels of nested runs."),
    limits: Type.Object(
      {
        startMaxMs: whole(
          limits.startMaxMs,
          1_000,
          60 * minuteMs,
          "From a worker's spawn to its readiness, ms.",
        ),
        silenceMaxMs: whole(
          limits.silenceMaxMs,
          1_000,
          dayMs,
          "Without a sign of life while no tool runs, ms.",
        ),
        toolMaxMs: whole(limits.toolMaxMs, 100, 7 * dayMs, "Without a sign of life while a tool runs, ms."),
        attemptMaxMs: whole(limits.attemptMaxMs, 100, 7 * dayMs, "Wall clock of one attempt, ms."),
        runMaxMs: whole(limits.runMaxMs, 100, 14 * dayMs, "Wall clock of a whole run, ms."),
        termAfterMs: whole(limits.termAfterMs, 0, 5_000, "From the request to stop to SIGTERM, ms."),
        killAfterMs: whole(
          limits.killAfterMs,
          100,
          9_000,
          "From the request to stop to SIGKILL of the tree, ms.",
        ),
        promptMaxBytes: whole(limits.promptMaxBytes, 1_000, 10_000_000, "A worker's prompt as assembled."),
        outputMaxBytes: whole(limits.outputMaxBytes, 100, 50_000_000, "Result text kept of one attempt."),
        transcriptMaxBytes: whole(
          limits.transcriptMaxBytes,
          10_000,
          1_000_000_000,
          "Transcript kept of one attempt.",
        ),
        tasksMax: whole(limits.tasksMax, 1, 100_000, "Tasks in one plan."),
        goalMaxBytes: whole(limits.goalMaxBytes, 1, 100_000_000, "Goal plus task texts."),
      },
      { description: "Bounds on time (ms) and size (bytes).", additionalProperties: false },
    ),
    retries: Type.Object(
      {
        max: whole(retries.max, 0, 10, "Tries after the first, where the step names none."),
        backoffMs: whole(
          retries.backoffMs,
          0,
          60 * minuteMs,
          "Wait before the second try, ms; doubles each time.",
        ),
        backoffMaxMs: whole(retries.backoffMaxMs, 0, dayMs, "The longest wait between tries, ms."),
        lostMax: whole(retries.lostMax, 0, 20, "Losses of one task before it fails; a loss costs no retry."),
      },
      { description: "Another try after a failure or a loss.", additionalProperties: false },
    ),
  },
  { title: "pi-muster settings", additionalProperties: false },
);

/** A setting that has a value of its own. */
export interface SettingLeaf {
  /** Dotted: `limits.runMaxMs`. */
  readonly key: string;
  readonly schema: TSchema;
}

/** Every setting, in the order of the schema. */
export function settingLeaves(): readonly SettingLeaf[] {
  return Object.entries<TSchema>(settingsSchema.properties).flatMap(([key, schema]) =>
    schema.type === "object"
      ? Object.entries<TSchema>(schema.properties).map(([name, leaf]) => ({
          key: `${key}.${name}`,
          schema: leaf,
        }))
      : [{ key, schema }],
  );
}

/** What a setting accepts, in words: `a whole number from 1 to 10`, `park | continue`. */
export function allowed(schema: TSchema): string {
  if (Array.isArray(schema.anyOf)) return schema.anyOf.map((one: TSchema) => allowed(one)).join(" | ");
  if (schema.const !== undefined) return String(schema.const);
  if (schema.type === "integer") return `a whole number from ${schema.minimum} to ${schema.maximum}`;
  return schema.type === "array" ? "a list of texts" : "text";
}

/** True when the value is one that the setting accepts. */
export function accepts(schema: TSchema, value: unknown): boolean {
  if (Array.isArray(schema.anyOf)) return schema.anyOf.some((one: TSchema) => accepts(one, value));
  if (schema.const !== undefined) return value === schema.const;
  if (schema.type === "integer") {
    return Number.isInteger(value) && Number(value) >= schema.minimum && Number(value) <= schema.maximum;
  }
  if (schema.type === "array") {
    return (
      Array.isArray(value) && value.length <= 200 && value.every((entry) => accepts(schema.items, entry))
    );
  }
  return typeof value === "string" && value.length <= 1_000 && !value.includes("\0");
}
