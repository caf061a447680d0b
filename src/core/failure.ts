import type { FileProblem, StorageFailure } from "./ports.ts";

/** Another driver took the lease: nothing this one writes counts any more. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** The disk refused a write or a read. `cause` (as a run's cause) is set when the errno has a name of its own there. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly failure: StorageFailure;

  constructor(message: string, failure: StorageFailure, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

/** No run of this id exists here. */
export class RunNotFound extends Error {
  override readonly name = "RunNotFound";
  readonly runId: string;

  constructor(runId: string, where: string) {
    super(`no run "${runId}" in ${where}`);
    this.runId = runId;
  }
}

/** Another run goes on with this one already. */
export class AlreadyContinued extends Error {
  override readonly name = "AlreadyContinued";
  /** That run. */
  readonly by: string;

  constructor(runId: string, by: string) {
    super(`run ${runId} was retried already, as run ${by}`);
    this.by = by;
  }
}

/** The same was asked for a moment ago, and is under way. */
export class AlreadyAsked extends Error {
  override readonly name = "AlreadyAsked";
  /** As this run. */
  readonly by: string;

  constructor(by: string) {
    super(`the same was started a moment ago, as run ${by}`);
    this.by = by;
  }
}

/** The journal cannot be trusted behind this place, or was written by a newer version. Nothing was changed. */
export class JournalDamaged extends Error {
  override readonly name = "JournalDamaged";
  /** `file:line`. */
  readonly where: string;
  readonly remedy: string;

  constructor({ where, message, remedy }: FileProblem) {
    super(`${where}: ${message}; ${remedy}`);
    this.where = where;
    this.remedy = remedy;
  }
}
