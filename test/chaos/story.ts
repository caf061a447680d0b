import type { Json } from "../support/host.ts";
import { isRecord, type Ledger } from "./ledger.ts";

/** What was asked in a run, and every answer that its journal counts. */
export interface Question {
  readonly id: string;
  readonly answers: { readonly by: string; readonly text: string; readonly seq: number }[];
}

/** A run as far as two sessions can quarrel about it, told by its journal alone. */
export interface Story {
  readonly status: Ledger["status"];
  readonly cause: string;
  readonly questions: readonly Question[];
  /** Ids of those that still wait for somebody. */
  readonly open: readonly string[];
  /** The run that it goes on with, */
  readonly from?: string;
  /** and the tasks that it took from there. */
  readonly reused: ReadonlySet<string>;
  /** Tasks that count as done: reused, or completed and approved where that is needed. */
  readonly done: ReadonlySet<string>;
  /** What began before whom it had to wait for was heard. */
  readonly early: readonly string[];
  /** By task: number of the record of its first start. */
  readonly begun: ReadonlyMap<string, number>;
  /** Sessions that owned it, in their order. */
  readonly owners: readonly Owned[];
  /** Sessions that ended it. */
  readonly cancels: readonly string[];
  /** Checksums of its records, by which it is seen that none of them changed. */
  readonly sums: readonly string[];
}
interface Owned {
  readonly session: string;
  /** Ms since the epoch. */
  readonly at: number;
  /** It came with an answer. */
  readonly byAnswer: boolean;
}

/** Whether a text rejects what it answers. */
export function isRejection(text: string): boolean {
  return /^\s*reject/i.test(text);
}

/** Reads it out of a ledger; the manifest knows what a run goes on with before its first driver does. */
export function storyOf({ records, status, cause, tasks }: Ledger, manifest: Json = {}): Story {
  const of = (type: string): readonly Json[] => records.filter((record) => record.type === type);
  const started = of("run.started")[0] ?? {};
  const continued = isRecord(started.continued) ? started.continued : {};
  const { from = manifest.continuedFrom } = continued;
  const reused = new Set(recordsIn(continued.reused).map(({ task }) => String(task)));
  const questions = questionsIn(of("mail.posted"));
  const plans = [started, ...of("plan.revised")];
  const planned = plansTasks(plans.at(-1) ?? {});
  const approvedAt = approvals(questions);
  const done = new Set(reused);
  for (const { id, isGated } of planned) {
    const completed = tasks.get(id)?.completed ?? [];
    if (completed.some((attempt) => !isGated || approvedAt.has(`${id}-${attempt}-gate`))) done.add(id);
  }
  const begun = new Map<string, number>();
  for (const [id, { startedSeq }] of tasks) if (startedSeq !== undefined) begun.set(id, startedSeq);
  const isClosed =
    ["completed", "failed", "cancelled"].includes(status) || of("run.cancel_requested").length > 0;
  const newestPlan = `plan-${plans.length}`;
  const open = questions.filter(
    ({ id, answers }) => answers.length === 0 && (!id.startsWith("plan-") || id === newestPlan),
  );
  return {
    ...{ status, cause, questions, reused, done, begun },
    open: isClosed ? [] : open.map(({ id }) => id),
    ...(typeof from === "string" && { from }),
    early: tooEarly(started, planned, { begun, approvedAt, newestPlan, reused, tasks }),
    owners: ownersIn(records),
    cancels: of("run.cancel_requested").map(({ by }) => String(by)),
    sums: records.map(({ crc }) => String(crc)),
  };
}

function questionsIn(posted: readonly Json[]): readonly Question[] {
  const letters = posted.map(
    ({ mail, seq }) => ({ ...(isRecord(mail) ? mail : {}), seq: Number(seq) }) as Json,
  );
  return letters
    .filter(({ kind }) => kind === "question" || kind === "approval")
    .map(({ id }) => ({
      id: String(id),
      answers: letters
        .filter(({ kind, replyTo }) => kind === "answer" && replyTo === id)
        .map(({ by, from, text, seq }) => ({ by: String(by ?? from), text: String(text), seq: Number(seq) })),
    }));
}

/** By the id of what was asked: number of the record that approved it. */
function approvals(questions: readonly Question[]): ReadonlyMap<string, number> {
  return new Map(
    questions.flatMap(({ id, answers: [first] }) =>
      first === undefined || isRejection(first.text) ? [] : [[id, first.seq] as const],
    ),
  );
}

interface Planned {
  readonly id: string;
  readonly dependsOn: readonly string[];
  readonly isGated: boolean;
}

function plansTasks({ plan }: Json): readonly Planned[] {
  return recordsIn(isRecord(plan) ? plan.tasks : []).map(({ id, dependsOn, gate }) => ({
    id: String(id),
    dependsOn: Array.isArray(dependsOn) ? dependsOn.map(String) : [],
    isGated: gate !== undefined,
  }));
}

interface Told extends Pick<Story, "begun" | "reused"> {
  readonly approvedAt: ReadonlyMap<string, number>;
  readonly newestPlan: string;
  readonly tasks: Ledger["tasks"];
}

function tooEarly(started: Json, planned: readonly Planned[], told: Told): readonly string[] {
  const { begun, approvedAt, newestPlan, reused, tasks } = told;
  const { settings } = isRecord(started.terms) ? started.terms : {};
  const continued = isRecord(started.continued) ? started.continued : {};
  const isProposed = isRecord(settings) && settings.requireApproval === true && continued.isApproved !== true;
  const planAt = isProposed ? (approvedAt.get(newestPlan) ?? Number.POSITIVE_INFINITY) : 0;
  const gates = new Map(
    planned.flatMap(({ id, isGated }) => {
      if (!isGated || reused.has(id)) return [];
      const at = (tasks.get(id)?.completed ?? []).flatMap(
        (attempt) => approvedAt.get(`${id}-${attempt}-gate`) ?? [],
      );
      return [[id, at[0] ?? Number.POSITIVE_INFINITY] as const];
    }),
  );
  return planned.flatMap(({ id, dependsOn }) => {
    const seq = begun.get(id);
    if (seq === undefined) return [];
    return [
      ...(seq < planAt ? [`${id} began before the plan was approved`] : []),
      ...dependsOn
        .filter((before) => seq < (gates.get(before) ?? 0))
        .map((before) => `${id} began before ${before} was approved`),
    ];
  });
}

function ownersIn(records: readonly Json[]): readonly Owned[] {
  const answers = new Set(
    records.flatMap(({ type, request }) => (type === "mail.posted" ? String(request) : [])),
  );
  return records.flatMap((record) => {
    const terms =
      record.type === "run.started" ? record.terms : record.type === "run.resumed" ? record : undefined;
    const owner = isRecord(terms) ? terms.owner : undefined;
    if (!isRecord(owner)) return [];
    const byAnswer = answers.has(String(record.request));
    return [{ session: String(owner.sessionId), at: Date.parse(String(record.at)), byAnswer }];
  });
}

function recordsIn(list: unknown): readonly Json[] {
  return Array.isArray(list) ? list.filter(isRecord) : [];
}
