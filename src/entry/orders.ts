import type { PiCommand } from "../workers/executable.ts";

/** What a runner is told on its command line, as one JSON argument. No secrets: other users can read argument lists. */
export interface Orders {
  readonly runId: string;
  /** The project's state directory, `<project>/.muster`. */
  readonly root: string;
  /** The user's agent directory. */
  readonly agentDir: string;
  readonly workersPerMachine: number;
  readonly pi: PiCommand;
  /** What the host's own command line named with `-e`, absolute. */
  readonly extensions: readonly string[];
  /** The host's script, to find the loader beside it when we run from sources. */
  readonly hostCli: string;
}

/** Reads what `JSON.stringify(orders)` wrote. Throws an Error that says what is wrong; only our own launcher writes this. */
export function parseOrders(text: string | undefined): Orders {
  const orders: unknown = JSON.parse(text ?? "null");
  if (typeof orders !== "object" || orders === null || !("runId" in orders) || !("pi" in orders)) {
    throw new Error("a runner is started by the engine, with its orders as one JSON argument");
  }
  // Written by `launchRunner` of this very build, which the type checker holds to the same shape.
  return orders as Orders;
}
