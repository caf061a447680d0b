import type { Owner } from "./events.ts";
import type { RunId, TaskId } from "./plan.ts";
import type { Manifest } from "./ports.ts";
import type { ProcessIdentity } from "./process.ts";
import type { Settings } from "./settings.ts";

/** What stays of a run that was removed for good. */
export interface Tombstone {
  readonly v: 1;
  readonly runId: RunId;
  /** One line, redacted. */
  readonly goal: string;
  readonly status: string;
  /** ISO time. */
  readonly at: string;
  /** The session that removed it. */
  readonly by: string;
  readonly reason: string;
}

/** What is known of one run's processes besides the marks that they carry in their environment. */
export interface RunMarks {
  readonly runId: RunId;
  /** Recorded in this project; what came with an import names nobody here. */
  readonly workers: readonly ProcessIdentity[];
}

/** Processes of this project's runs. An unreadable process table throws: it is not an empty one. */
export interface RunProcesses {
  living(marks: RunMarks): Promise<readonly ProcessIdentity[]>;
  /** Lets them end by themselves for a moment, then ends them; resolves with what still lives after a bounded time. */
  end(marks: RunMarks): Promise<readonly ProcessIdentity[]>;
  /** Ids of this project's runs that any living process is marked with, where the system shows marks. */
  marked(): Promise<ReadonlySet<RunId>>;
}

/** How large a run is. */
export interface Extent {
  readonly files: number;
  readonly bytes: number;
  /** Its worktrees, where there are any: what is in them may not be merged. */
  readonly worktrees?: string;
}
/** What its removal would take away, and who would notice. */
export interface Footprint extends Extent {
  readonly processes: readonly ProcessIdentity[];
  /** Other runs that name this one. */
  readonly references: readonly RunId[];
}

/** Something that a crashed process left behind. */
export interface Leftover {
  readonly kind:
    | "trash"
    | "temporary file"
    | "unfinished directory"
    | "empty run"
    | "bad request"
    | "processes";
  /** The run it belongs to, where it is one's. */
  readonly runId?: RunId;
  /** A path, absolute; empty for processes. */
  readonly path: string;
  readonly processes: readonly ProcessIdentity[];
}

/** One file of a bundle. `path` is relative, with forward slashes. */
export interface BundleFile {
  readonly path: string;
  readonly bytes: number;
  /** Hex SHA-256 of the content. */
  readonly sha256: string;
  /** No text: it was not looked through for secrets again. */
  readonly binary?: true;
  /** Secrets were taken out of it on the way: it is not what its record in the journal says. */
  readonly redacted?: true;
}

/** What a bundle says of itself. */
export interface BundleHeader {
  readonly kind: "pi-muster bundle";
  readonly v: number;
  /** Of the journal's records. */
  readonly schemaVersion: number;
  readonly runId: RunId;
  /** ISO time. */
  readonly at: string;
  readonly by: string;
  /** The run was not over: this is how it stood at its last durable record. */
  readonly snapshot: boolean;
  readonly manifest: Manifest;
}
export interface Bundle {
  readonly header: BundleHeader;
  readonly files: readonly BundleFile[];
  /** What is no plain file, and why it was left out. */
  readonly leftOut: readonly string[];
  /** Code that its agents would load, absolute paths. */
  readonly extensions: readonly string[];
}

/** A stretch of an attempt's transcript: whole records, one JSON object each, secrets removed. */
export interface TranscriptPart {
  /** The file, absolute; it may not be there yet. */
  readonly path: string;
  readonly records: readonly string[];
  /** Where the first record begins and where the last one ends, bytes. */
  readonly from: number;
  readonly to: number;
}

/** A request about the past that cannot be granted; nothing was changed. */
export class HistoryRefused extends Error {
  override readonly name = "HistoryRefused";
  readonly where: string;
  readonly remedy: string;

  constructor(where: string, message: string, remedy: string) {
    super(message);
    this.where = where;
    this.remedy = remedy;
  }
}

/** The project's past on disk: what removes runs for good, tidies up, and carries runs elsewhere. */
export interface RunHistory {
  /** Where bundles go that nobody gave a path. */
  readonly exports: string;
  /** Reads the names of its files, nothing else. */
  extent(runId: RunId): Promise<Extent>;
  /** Reads the beginnings of all other journals, and the process table. */
  footprint(runId: RunId): Promise<Footprint>;
  /**
   * Removes a run that nobody drives, once all its processes are verified gone. It disappears whole: what a crash leaves
   * is in the trash. Throws `HistoryRefused` while a driver or a process of it lives. Resolves with what could not be
   * deleted from the trash yet; undefined when nothing is left.
   */
  remove(runId: RunId, mark: Omit<Tombstone, "v" | "runId">): Promise<string | undefined>;
  /**
   * Records of an attempt's transcript that end at `before` (absent: the end of the file) or begin at `after`, bytes; at
   * most `maxBytes` of them, save that a record that is longer is given alone. Of a file that is not there: none.
   */
  transcript(
    runId: RunId,
    task: TaskId,
    attempt: number,
    where: { readonly before?: number; readonly after?: number; readonly maxBytes: number },
  ): Promise<TranscriptPart>;
  /** Of runs that are forgotten, newest id first. */
  tombstones(): Promise<readonly Tombstone[]>;
  /** `over`: ids of runs that are final; of others nothing is looked at. */
  leftovers(over: ReadonlySet<RunId>): Promise<readonly Leftover[]>;
  /** Throws when it cannot be done; a leftover that is gone already is cleared. */
  clear(leftover: Leftover): Promise<void>;
  /** Writes a bundle, whole or not at all. Throws `HistoryRefused` when it is too large or the run cannot be read. */
  exportRun(
    runId: RunId,
    to: string,
    terms: { readonly by: string; readonly maxBytes: number },
  ): Promise<Bundle>;
  /** Verifies a bundle; makes nothing. Throws `HistoryRefused` for everything that is not a whole bundle of ours. */
  inspect(bundle: string, maxBytes: number): Promise<Bundle>;
  /** Verifies it again and makes the run; one that was not over stands still until somebody resumes it. */
  importRun(bundle: string, terms: ImportTerms): Promise<RunId>;
}

/** Under what an imported run goes on here: nothing of its former place counts. */
export interface ImportTerms {
  readonly owner: Owner;
  readonly cwd: string;
  readonly trusted: boolean;
  readonly settings: Settings;
  readonly reason: string;
  /** Although it was forgotten here, or its agents load code. */
  readonly force: boolean;
  readonly maxBytes: number;
}
