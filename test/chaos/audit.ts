import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Json } from "../support/host.ts";
import { isRecord, type Ledger, parse, readLedger } from "./ledger.ts";
import type { ChaosPlan } from "./plan.ts";
import { manifestOf } from "./run-status.ts";
import { resultOf } from "./script.ts";
import type { Violation } from "./violation.ts";

/** Results that were durable at some time, by `task-attempt`: when each was handed in, ms since the epoch. */
export type Finished = Map<string, { readonly task: string; readonly attempt: number; readonly at: number }>;

/** Adds to `finished` what the run's attempts have left by now. */
export async function collectFinished(runDirectory: string, finished: Finished): Promise<void> {
  const attempts = join(runDirectory, "attempts");
  for (const name of await readdir(attempts).catch(() => [])) {
    if (finished.has(name)) continue;
    const record = parse(await readFile(join(attempts, name, "outcome.json"), "utf8").catch(() => ""));
    if (record === undefined || !isRecord(record.outcome) || record.outcome.kind !== "completed") continue;
    const at = Date.parse(String(record.at));
    finished.set(name, { task: String(record.task), attempt: Number(record.attempt), at });
  }
}

/** What a round left behind, when nothing of it lives any more. */
export interface Remains {
  readonly plan: ChaosPlan;
  readonly runDirectory: string;
  readonly finished: Finished;
  /** The model server's own account. */
  readonly served: readonly Json[];
}

/** Holds what is left against what was promised. */
export async function audit(remains: Remains): Promise<readonly Violation[]> {
  const { runDirectory, finished } = remains;
  const before = new Set(finished.keys());
  const ledger = await readLedger(runDirectory);
  const now: Finished = new Map();
  await collectFinished(runDirectory, now);
  for (const [name, one] of now) finished.set(name, one);
  const vanished = [...before]
    .filter((name) => !now.has(name))
    .map((name) => `the result of ${name} has vanished`);
  const lost = [...vanished, ...lostResults(ledger, finished)];
  return [
    ...lost.map((text) => ({ kind: "lost", text }) as const),
    ...repeated(remains, ledger).map((text) => ({ kind: "again", text }) as const),
    ...unapproved(remains.plan, ledger).map((text) => ({ kind: "state", text }) as const),
    ...(await wrongEnd(remains, ledger)).map((text) => ({ kind: "state", text }) as const),
    ...(await unparsable(runDirectory, ledger)).map((text) => ({ kind: "unparsable", text }) as const),
  ];
}

function lostResults({ tasks }: Ledger, finished: Finished): readonly string[] {
  return [...finished.values()].flatMap(({ task, attempt }) =>
    tasks.get(task)?.completed.includes(attempt)
      ? []
      : [`${task}/${attempt} was finished, and the journal says ${tasks.get(task)?.status ?? "nothing"}`],
  );
}

function repeated({ finished, served }: Remains, { tasks }: Ledger): readonly string[] {
  const found: string[] = [];
  for (const { task, attempt, at } of finished.values()) {
    const fresh = served.filter(
      ({ rule, toolResults }) => rule === task && Array.isArray(toolResults) && toolResults.length === 0,
    );
    const later = fresh.find((request) => Date.parse(String(request.at)) > at);
    if (later !== undefined)
      found.push(`${task}/${attempt} was finished, and the model was asked again at ${String(later.at)}`);
  }
  for (const [task, { completed }] of tasks)
    if (completed.length > 1) found.push(`${task} was completed by attempts ${completed.join(" and ")}`);
  const times = [...finished.values()].map(({ task }) => task);
  const twice = new Set(times.filter((task, index) => times.indexOf(task) !== index));
  for (const task of twice) found.push(`${task} has more than one finished attempt`);
  return found;
}

/** What began before a person had approved what it builds on. */
function unapproved(
  { tasks: planned, isProposed }: ChaosPlan,
  { tasks, approvals }: Ledger,
): readonly string[] {
  const found: string[] = [];
  const approved = (id: string): number => approvals.get(id) ?? Number.POSITIVE_INFINITY;
  const gates = new Map(
    planned.flatMap(({ id, isGated }) =>
      isGated ? [[id, approved(`${id}-${tasks.get(id)?.completed[0]}-gate`)] as const] : [],
    ),
  );
  for (const { id, dependsOn } of planned) {
    const { startedSeq, status } = tasks.get(id) ?? {};
    const gate = gates.get(id);
    if (status === "completed" && gate === Number.POSITIVE_INFINITY) found.push(`${id} was never approved`);
    if (startedSeq === undefined) continue;
    if (isProposed && startedSeq < approved("plan-1")) found.push(`${id} began before the plan was approved`);
    for (const before of dependsOn)
      if (startedSeq < (gates.get(before) ?? 0)) found.push(`${id} began before ${before} was approved`);
  }
  return found;
}

async function wrongEnd({ plan, runDirectory }: Remains, ledger: Ledger): Promise<readonly string[]> {
  const found: string[] = [];
  const { status, cause, tasks } = ledger;
  const expected = plan.cancelAt === undefined ? ["completed"] : ["completed", "cancelled"];
  if (!expected.includes(status)) found.push(`the run ended as ${status} (${cause})`);
  for (const planned of plan.tasks) {
    const task = tasks.get(planned.id);
    if (status === "completed" && task?.status !== "completed")
      found.push(`the run is completed, and ${planned.id} is ${task?.status}`);
    if (task?.status === "completed" && !task.results.includes(resultOf(planned)))
      found.push(`${planned.id} was completed with "${task.results.join(" | ").slice(0, 200)}"`);
    const [attempt] = task?.completed ?? [];
    if (attempt === undefined) continue;
    const prompt = await readFile(
      join(runDirectory, "attempts", `${planned.id}-${attempt}`, "prompt.md"),
      "utf8",
    );
    for (const id of planned.dependsOn) {
      const dependency = plan.tasks.find((one) => one.id === id);
      if (dependency !== undefined && !prompt.includes(resultOf(dependency)))
        found.push(`${planned.id}/${attempt} was not given the result of ${id}`);
    }
  }
  const manifest = await manifestOf(runDirectory);
  if (manifest?.status !== status || manifest.cause !== cause)
    found.push(
      `the manifest says ${String(manifest?.status)} (${String(manifest?.cause)}), the journal ${status} (${cause})`,
    );
  for (const shown of Array.isArray(manifest?.tasks) ? manifest.tasks : []) {
    const task = tasks.get(String(shown.id));
    if (shown.status !== task?.status || shown.attempts !== task?.attempts.size)
      found.push(
        `the manifest says that ${shown.id} is ${shown.status} after ${shown.attempts} attempts, the journal ${task?.status} after ${task?.attempts.size}`,
      );
  }
  return found;
}

async function unparsable(runDirectory: string, ledger: Ledger): Promise<readonly string[]> {
  const found = [...ledger.problems];
  const entries = await readdir(runDirectory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    // A temporary file of a killed writer is no part of the run's state.
    if (!entry.isFile() || entry.name.endsWith(".tmp")) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(runDirectory.length + 1);
    if (name.endsWith(".bad")) found.push(`${name} was set aside`);
    if (name.endsWith(".json") && parse(await readFile(path, "utf8")) === undefined)
      found.push(`${name} is no JSON`);
    if (entry.name !== "session.jsonl") continue;
    // The driver may have been killed within the last line of a transcript.
    const lines = (await readFile(path, "utf8")).split("\n").slice(0, -1);
    const bad = lines.findIndex((line) => parse(line) === undefined);
    if (bad !== -1) found.push(`${name}:${bad + 1} is no JSON`);
  }
  return found;
}
