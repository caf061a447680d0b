import { type Environment, placeMark } from "../lib/environment.ts";
import { spawnDetached } from "../lib/spawn.ts";
import { entryFile, nodeArguments } from "./loading.ts";
import type { Orders } from "./orders.ts";

/** Starts a detached runner. Resolves when the process exists; rejects with SpawnFailure. `runtime` is a node executable. */
export async function launchRunner(orders: Orders, runtime: string, environment: Environment): Promise<void> {
  const { PI_MUSTER_WORKER: _worker, PI_MUSTER_ASSIGNMENT: _assignment, ...inherited } = environment;
  await spawnDetached({
    command: runtime,
    args: [...(await nodeArguments(entryFile("runner"), orders.hostCli)), JSON.stringify(orders)],
    cwd: orders.root,
    environment: { ...inherited, PI_MUSTER_RUN: orders.runId, PI_MUSTER_PLACE: placeMark(orders.root) },
  });
}
