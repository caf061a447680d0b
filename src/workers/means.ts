import type { Clock } from "../core/ports.ts";
import type { ProcessIdentity } from "../core/process.ts";
import type { Work } from "../core/worker.ts";
import type { Environment } from "../lib/environment.ts";
import type { ProcessTree, ProcessWatch } from "../lib/process-tree.ts";
import type { Redactor } from "../lib/redact.ts";
import type { PiCommand } from "./executable.ts";
import type { WardenProgram } from "./warden-keeper.ts";

/** What a driver hands over to have its attempts performed by child processes of the host. */
export interface PiWorkersDeps {
  readonly pi: PiCommand;
  /** Absolute path of the worker-side extension, a file that the host can load. */
  readonly workerExtension: string;
  /** Extensions from the parent host's own command line (`-e`), absolute: they may bring the model's provider. */
  readonly extraExtensions: readonly string[];
  /** The driver's environment, of which workers inherit what is theirs to have. */
  readonly environment: Environment;
  readonly redactor: Redactor;
  readonly clock: Clock;
  /** Absolute path of src/entry/boot.cjs or its copy; without it nobody but the warden watches a host that boots. */
  readonly boot?: string;
  /** The program that ends the workers when this driver is gone; absent in tests that need none. */
  readonly warden?: WardenProgram;
}

/** What all attempts of one backend share. */
export interface Means extends PiWorkersDeps {
  readonly watch: ProcessWatch;
  readonly driver: () => Promise<ProcessIdentity>;
  /** Files of the user's extensions that this work's worker loads. */
  readonly extensions: (work: Work) => Promise<readonly string[]>;
  /**
   * The tree is looked at from now on while a tool runs, so that processes which hide later are known; call the result
   * to stop.
   */
  readonly observe: (tree: ProcessTree, runsTool: () => boolean) => () => void;
}
