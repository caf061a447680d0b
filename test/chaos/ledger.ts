import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Json } from "../support/host.ts";

/** A process as somebody wrote it down. */
export interface Recorded {
  readonly pid: number;
  readonly startTime: string;
}

/** What a journal says, read by docs/journal.md and without the product. */
export interface Ledger {
  readonly records: readonly Json[];
  /** What is wrong with it; a last line that is being written is not. */
  readonly problems: readonly string[];
  readonly status: "none" | "queued" | "running" | "blocked" | "completed" | "failed" | "cancelled";
  readonly cause: string;
  /** It was asked to end. */
  readonly isEnding: boolean;
  readonly background: boolean;
  readonly owner?: Recorded;
  /** Of the newest lease. */
  readonly driver?: Recorded;
  readonly leases: number;
  readonly tasks: ReadonlyMap<string, TaskRecord>;
  /** Every approval that was asked for: by its id, the number of the record that answered it. */
  readonly approvals: ReadonlyMap<string, number | undefined>;
}
interface TaskRecord {
  status: string;
  isGated: boolean;
  /** Number of the record of its first start. */
  startedSeq?: number;
  /** Attempt numbers that were recorded as completed. */
  readonly completed: number[];
  readonly results: string[];
  readonly attempts: Map<number, AttemptRecord>;
}
interface AttemptRecord {
  worker?: Recorded;
  ended?: string;
}

/** Reads a run's journal as it stands now. */
export async function readLedger(runDirectory: string): Promise<Ledger> {
  const journal = join(runDirectory, "journal");
  const names = (await readdir(journal).catch(() => [])).filter((name) => name.endsWith(".jsonl")).sort();
  const segments = await Promise.all(names.map((name) => readFile(join(journal, name))));
  const problems: string[] = [];
  const records: Json[] = [];
  for (const [index, bytes] of segments.entries()) {
    const name = names[index] ?? "";
    const isNewest = index === segments.length - 1;
    const end = isNewest ? bytes.lastIndexOf(10) + 1 : sealOf(name, segments.slice(index + 1));
    if (end === undefined || end > bytes.length) {
      problems.push(`${name} is sealed at ${end} and has ${bytes.length} bytes`);
      continue;
    }
    const lines = bytes.subarray(0, end).toString("utf8").split("\n");
    if (lines.pop() !== "") problems.push(`${name} ends in the middle of a line`);
    for (const [line, text] of lines.entries())
      read(text, `${name}:${line + 1}`, index + 1, records, problems);
  }
  return { records, problems, ...fold(records) };
}

function sealOf(name: string, later: readonly Buffer[]): number | undefined {
  for (const segment of later) {
    const first: unknown = JSON.parse(segment.subarray(0, segment.indexOf(10)).toString("utf8"));
    const sealed: unknown = isRecord(first) ? first.sealed : undefined;
    if (!Array.isArray(sealed)) continue;
    const seal: unknown = sealed.find((one) => isRecord(one) && one.segment === name);
    if (isRecord(seal)) return Number(seal.bytes);
  }
  return undefined;
}

function read(text: string, where: string, epoch: number, records: Json[], problems: string[]): void {
  const parsed = parse(text);
  if (parsed === undefined) {
    problems.push(`${where} is no JSON object: ${text.slice(0, 80)}`);
    return;
  }
  const crc = crc32(text.slice(0, text.lastIndexOf(',"crc":')))
    .toString(16)
    .padStart(8, "0");
  if (parsed.crc !== crc) problems.push(`${where} has a wrong checksum`);
  if (parsed.epoch !== epoch) problems.push(`${where} has epoch ${String(parsed.epoch)}`);
  if (parsed.seq !== records.length + 1)
    problems.push(`${where} has number ${String(parsed.seq)} after ${records.length}`);
  records.push(parsed);
}

type Folded = Omit<Ledger, "records" | "problems">;

function fold(records: readonly Json[]): Folded {
  const tasks = new Map<string, TaskRecord>();
  const approvals = new Map<string, number | undefined>();
  const none = { status: "none", cause: "", isEnding: false, background: false, leases: 0 } as const;
  let folded: Folded = { ...none, tasks, approvals };
  const taskOf = (record: Json): TaskRecord => {
    const id = String(record.task);
    const fresh = { status: "pending", isGated: false, completed: [], results: [], attempts: new Map() };
    const known = tasks.get(id) ?? fresh;
    tasks.set(id, known);
    return known;
  };
  for (const record of records) {
    switch (record.type) {
      case "lease.taken":
        folded = { ...folded, leases: folded.leases + 1, driver: recorded(record) };
        if (folded.status === "none") folded = { ...folded, status: "queued" };
        break;
      case "run.started": {
        const terms = isRecord(record.terms) ? record.terms : {};
        const plan = isRecord(record.plan) && Array.isArray(record.plan.tasks) ? record.plan.tasks : [];
        for (const task of plan.filter(isRecord)) taskOf({ task: task.id }).isGated = task.gate !== undefined;
        folded = { ...folded, status: "running", background: terms.background === true, ...owned(terms) };
        break;
      }
      case "run.cancel_requested":
        folded = { ...folded, isEnding: true };
        break;
      case "run.parked":
        folded = { ...folded, status: "blocked", cause: String(record.cause) };
        break;
      case "run.resumed":
        folded = { ...folded, status: "running", background: record.background === true, ...owned(record) };
        break;
      case "run.finished":
        folded = { ...folded, status: finalStatus(record.status), cause: String(record.cause) };
        break;
      case "attempt.started":
        taskOf(record).status = "running";
        taskOf(record).startedSeq ??= Number(record.seq);
        attemptOf(taskOf(record), record);
        break;
      case "attempt.spawned":
        if (isRecord(record.worker)) attemptOf(taskOf(record), record).worker = recorded(record.worker);
        break;
      case "attempt.ended":
        settle(taskOf(record), record);
        break;
      case "mail.posted":
        if (isRecord(record.mail)) mail(record.mail, Number(record.seq), approvals, tasks);
        break;
      case "task.skipped":
      case "task.cancelled":
        taskOf(record).status = String(record.type).slice("task.".length);
        break;
    }
  }
  return folded;
}

/** An approval is asked for, or given: then what its task did counts. Nobody rejects here. */
function mail(
  { id, kind, replyTo }: Json,
  seq: number,
  approvals: Map<string, number | undefined>,
  tasks: ReadonlyMap<string, TaskRecord>,
): void {
  if (kind === "approval") approvals.set(String(id), undefined);
  if (kind !== "answer" || !approvals.has(String(replyTo))) return;
  approvals.set(String(replyTo), seq);
  const asker = [...tasks].find(([task]) => String(replyTo).startsWith(`${task}-`))?.[1];
  if (asker?.status === "waiting") asker.status = "completed";
}

function settle(task: TaskRecord, record: Json): void {
  const outcome = isRecord(record.outcome) ? record.outcome : {};
  attemptOf(task, record).ended = String(outcome.kind);
  task.status = record.retryAt === undefined ? String(outcome.kind) : "retrying";
  if (outcome.kind === "lost") task.status = record.retryAt === undefined ? "failed" : "retrying";
  if (outcome.kind !== "completed") return;
  if (task.isGated) task.status = "waiting";
  task.completed.push(Number(record.attempt));
  task.results.push(isRecord(outcome.result) ? String(outcome.result.text) : "");
}

function attemptOf(task: TaskRecord, record: Json): AttemptRecord {
  const number = Number(record.attempt);
  const known = task.attempts.get(number) ?? {};
  task.attempts.set(number, known);
  return known;
}

function owned(of: Json): { readonly owner?: Recorded } {
  const owner = isRecord(of.owner) ? of.owner : {};
  return isRecord(owner.host) ? { owner: recorded(owner.host) } : {};
}

function recorded(of: Json): Recorded {
  return { pid: Number(of.pid), startTime: String(of.startTime) };
}

function finalStatus(status: unknown): "completed" | "failed" | "cancelled" {
  return status === "completed" || status === "cancelled" ? status : "failed";
}

/** The JSON object that a text holds, or undefined. */
export function parse(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether a value is an object whose fields can be looked at. */
export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}
