import type { Assignment } from "../core/assignment.ts";
import { depthOf, type Environment } from "../lib/environment.ts";

/** What sets one worker's environment apart from the driver's. */
export interface ChildMarks {
  readonly assignment: Assignment;
  /** PI_MUSTER_WORKER: unique per worker process. */
  readonly mark: string;
  /** PI_MUSTER_DRIVER: tells the workers of this driver from those of a later one. */
  readonly driver: string;
  readonly depthMax: number;
}

/** Belongs to the session or process that started us, not to a worker: `*` stands for any run of characters. */
const parentOnly = [
  "PI_SESSION*",
  "PI_CODING_AGENT_SESSION_DIR",
  "PI_STARTUP_BENCHMARK",
  "PI_TIMING",
  "PI_MUSTER_ASSIGNMENT",
  "NODE_CHANNEL_FD",
  "NODE_CHANNEL_SERIALIZATION_MODE",
  "NODE_UNIQUE_ID",
];

/**
 * The driver's environment, minus what belongs to the parent session and what `denied` (globs) names, plus the marks
 * by which the worker and all its descendants are found. The way to its model's provider stays open.
 */
export function childEnvironment(
  inherited: Environment,
  denied: readonly string[],
  marks: ChildMarks,
): Environment {
  const patterns = [...parentOnly, ...denied].map(namePattern);
  const kept = Object.entries(inherited).filter(([name]) => !patterns.some((pattern) => pattern.test(name)));
  const { max } = depthOf(inherited);
  const depth = String(marks.assignment.depth);
  const depthMax = String(Math.min(max ?? marks.depthMax, marks.depthMax));
  return {
    ...Object.fromEntries(kept),
    PI_OFFLINE: "1",
    PI_SKIP_VERSION_CHECK: "1",
    PI_TELEMETRY: "0",
    PI_MUSTER_RUN: marks.assignment.runId,
    PI_MUSTER_WORKER: marks.mark,
    PI_MUSTER_DRIVER: marks.driver,
    PI_MUSTER_ASSIGNMENT: JSON.stringify(marks.assignment),
    PI_MUSTER_DEPTH: depth,
    PI_MUSTER_MAX_DEPTH: depthMax,
    PI_SUBAGENT_DEPTH: depth,
    PI_SUBAGENT_MAX_DEPTH: depthMax,
  };
}

function namePattern(glob: string): RegExp {
  const literal = glob.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literal.join(".*")}$`);
}
