import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Json } from "../support/host.ts";
import { parse } from "./ledger.ts";

/** Whether a run of this status never changes again (contract §5). */
export function isFinal(status: string): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** A run's manifest as it stands on disk; undefined when there is none, or no JSON. */
export async function manifestOf(runDirectory: string): Promise<Json | undefined> {
  return parse(await readFile(join(runDirectory, "manifest.json"), "utf8").catch(() => ""));
}
