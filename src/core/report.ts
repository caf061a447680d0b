import type { Estimate } from "./estimate.ts";
import type { StoredEvent } from "./events.ts";
import type { FileProblem } from "./ports.ts";
import type { Liveness } from "./process.ts";
import type { RunView } from "./view.ts";

/** Everything that a report of a run is made of, redacted. */
export interface ReportMaterial {
  readonly view: RunView;
  readonly events: readonly StoredEvent[];
  /** Lines of session.jsonl by `task/attempt`, of long ones both ends; an attempt without a transcript is absent. */
  readonly transcripts: ReadonlyMap<string, string>;
  /** Results by task, where a file holds more than the journal. */
  readonly results: ReadonlyMap<string, string>;
  /** How long the rest takes, where anything tells. */
  readonly rest?: Estimate;
  readonly driver: Liveness | "none";
  /** What stands in the run's way, and what is wrong with its journal. */
  readonly problems: readonly FileProblem[];
  /** The run's own. */
  readonly directory: string;
  /** Ms since the epoch. */
  readonly now: number;
}
