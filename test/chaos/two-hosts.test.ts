import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Json } from "../support/host.ts";
import { Random } from "../support/random.ts";
import { type Round, roundOf, type Standing } from "./deeds.ts";
import {
  type Call,
  jointAudit,
  type LastSeen,
  lostRecords,
  type Played,
  secondSuccessors,
} from "./joint-audit.ts";
import { journalOf } from "./journal-lines.ts";
import { readLedger } from "./ledger.ts";
import { type Story, storyOf } from "./story.ts";

const at = "2026-11-21T12:00:00.000Z";
const then = Date.parse(at);

/** `a` owns it from its first record on. */
function story(change: Partial<Story> = {}): Story {
  return {
    ...{
      status: "completed",
      cause: "completed",
      questions: [],
      open: [],
      cancels: [],
      early: [],
      sums: ["1", "2"],
    },
    ...{ reused: new Set(), done: new Set(), begun: new Map() },
    owners: [{ session: "a", at: then, byAnswer: false }],
    ...change,
  };
}
const answered = (...texts: string[]): Story["questions"] => [
  { id: "t2-1-gate", answers: texts.map((text) => ({ by: "b", text, seq: 9 })) },
];
const ended = { status: "cancelled", cause: "cancelled", cancels: ["b"] } as const;
const resumed = [
  { session: "lost", at: then, byAnswer: false },
  { session: "b", at: then + 1_000, byAnswer: false },
] as const;

function call(session: string, action: string, args: Json, change: Partial<Call> = {}): Call {
  return { round: 1, session, action, args, end: "done", text: "", ...change };
}
const calls: readonly Call[] = [
  call("a", "run", {}, { startedRun: "approved" }),
  call("b", "respond", { run: "approved", message: "approve" }, { text: "Task t2 has its answer." }),
  call("b", "respond", { run: "rejected", message: "reject: no" }, { text: "Task t2 has its answer." }),
  call("b", "cancel", { run: "old" }, { text: "Run old is cancelled" }),
  call("b", "retry", { run: "old" }, { startedRun: "new" }),
  call("b", "resume", { run: "orphan" }),
  call("a", "forget", { run: "gone" }),
];

/** What two hosts did, `change` apart: by the names of its runs, nothing is wrong with it. */
function found(
  change: { runs?: Record<string, Partial<LastSeen>>; calls?: readonly Call[] } & Partial<
    Pick<Played, "lives" | "deaths">
  > = {},
): readonly string[] {
  const runs: Record<string, LastSeen> = {
    approved: { story: story({ questions: answered("approve") }) },
    rejected: { story: story({ status: "cancelled", cause: "rejected", questions: answered("reject: no") }) },
    old: { story: story({ ...ended, done: new Set(["t1"]) }) },
    new: { story: story({ from: "old", reused: new Set(["t1"]), begun: new Map([["t2", 5]]) }) },
    orphan: { story: story({ owners: resumed }) },
    gone: { story: story(), goneIn: 1, tombstone: { by: "a" } },
  };
  const changed = Object.entries(change.runs ?? {}).map(([name, seen]) => {
    const { story: known = story(), ...rest } = runs[name] ?? {};
    return [name, { ...rest, ...seen, story: seen.story ?? known }] as const;
  });
  return jointAudit({
    calls: change.calls ?? calls,
    deaths: change.deaths ?? new Map([["lost", then + 500]]),
    runs: new Map([...Object.entries(runs), ...changed]),
    lives: change.lives ?? ["old t1", "new t2"],
  });
}
const without = (action: string): readonly Call[] => calls.filter((one) => one.action !== action);
const withEnd = (action: string, end: Call["end"]): readonly Call[] =>
  calls.map((one) => (one.action === action ? { ...one, end } : one));

it("finds nothing wrong where everybody did what they may and was told what came of it", () => {
  expect(found()).toEqual([]);
});

it.each<[string, Parameters<typeof found>[0], RegExp]>([
  [
    "two answers",
    { runs: { approved: { story: story({ questions: answered("approve", "approve") }) } } },
    /2 answers/,
  ],
  [
    "an answer that nobody gave",
    { runs: { approved: { story: story({ questions: answered("Approved.") }) } } },
    /who did not/,
  ],
  [
    "an answer that was refused and counts",
    { calls: withEnd("respond", "refused") },
    /counts, and was refused/,
  ],
  [
    "an answer that was taken and is lost",
    { runs: { approved: { story: story() } } },
    /taken, and does not count/,
  ],
  [
    "a wrong word about who was first",
    {
      calls: [
        ...calls,
        call(
          "a",
          "respond",
          { run: "approved", message: "approve" },
          { end: "refused", text: "it was answered already, by a: approve; look" },
        ),
      ],
    },
    /told of an answer by a/,
  ],
  [
    "a rejected run that went on",
    { runs: { rejected: { story: story({ questions: answered("reject: no") }) } } },
    /rejected, and it ended completed/,
  ],
  [
    "a rejection by nobody",
    {
      runs: {
        approved: {
          story: story({ status: "cancelled", cause: "rejected", questions: answered("approve") }),
        },
      },
    },
    /rejected by nobody/,
  ],
  ["a cancel by somebody who did not ask", { calls: without("cancel") }, /cancelled by b, who did not ask/],
  [
    "an end that nobody wanted",
    { runs: { approved: { story: story({ status: "failed", cause: "lost" }) } } },
    /nobody wanted/,
  ],
  [
    "a cancel that was recorded and lost",
    { runs: { old: { story: story({ cancels: ["b"] }) } } },
    /completed, although b ended it/,
  ],
  [
    "a cancel that was told of and lost",
    { runs: { old: { story: story() } } },
    /although a cancel was answered/,
  ],
  [
    "a run that began too early",
    { runs: { approved: { story: story({ early: ["t3 began before t2"] }) } } },
    /t3 began/,
  ],
  ["a run that went to one who did not ask", { calls: without("resume") }, /went to b, who did not ask/],
  ["a run that was taken from a session that lived", { deaths: new Map() }, /took it from lost, which lived/],
  [
    "a task that a retried run does again",
    { runs: { new: { story: story({ from: "old", begun: new Map([["t1", 5]]) }) } } },
    /done again/,
  ],
  ["the same, by the workers' own account", { lives: ["old t1", "new t1", "new t2"] }, /done again/],
  ["a result that was never there", { runs: { old: { story: story(ended) } } }, /had not done/],
  ["a run that vanished", { runs: { gone: { goneIn: 1 }, stray: { goneIn: 1 } } }, /without a trace/],
  [
    "a run removed by somebody who was refused",
    { calls: withEnd("forget", "refused") },
    /removed by a, who did not ask, or was refused/,
  ],
  [
    "a foreign run removed without force",
    { runs: { gone: { story: story({ owners: [{ session: "b", at: then, byAnswer: false }] }) } } },
    /without force/,
  ],
  [
    "a forgotten run that is there",
    { runs: { approved: {} }, calls: [...calls, call("a", "forget", { run: "approved" })] },
    /forgotten, and is there/,
  ],
  [
    "a started run that never was",
    { calls: [...calls, call("a", "run", {}, { startedRun: "none" })] },
    /never there/,
  ],
])("finds %s", (_what, change, expected) => {
  expect(found(change).filter((text) => expected.test(text))).not.toEqual([]);
});

it("takes force for an answer, and an answer for a right to go on with a run", () => {
  const forced = calls.map((one) => ({ ...one, args: { ...one.args, force: true } }));
  expect(found({ calls: forced, deaths: new Map() })).toEqual([]);
  const [first, second] = resumed;
  const owners = [first, { ...second, byAnswer: true }];
  const answers = [...without("resume"), call("b", "respond", { run: "orphan", message: "approve" })];
  expect(
    found({ runs: { orphan: { story: story({ owners }) } }, calls: answers, deaths: new Map() }),
  ).toEqual([]);
});

it("finds a second run that goes on with one, and a record that is another one later", () => {
  const after = story({ from: "old" });
  expect(
    secondSuccessors(
      new Map([
        ["one", after],
        ["other", story()],
      ]),
    ),
  ).toEqual([]);
  expect(
    secondSuccessors(
      new Map([
        ["one", after],
        ["two", after],
      ]),
    ),
  ).toEqual(["old goes on as one and two"]);
  expect(lostRecords(story(), story({ sums: ["1", "2", "3"] }))).toEqual([]);
  for (const sums of [["1"], ["1", "3", "2"]]) expect(lostRecords(story(), story({ sums }))).toHaveLength(1);
});

it("reads of a journal what was asked, answered, kept, owned and begun too early", async () => {
  const mail = (of: Json): Json => ({ type: "mail.posted", request: of.id, mail: of });
  const owner = (sessionId: string): Json => ({ owner: { sessionId } });
  const tasks = [
    { id: "t1", dependsOn: [] },
    { id: "t2", dependsOn: ["t1"], gate: "approval" },
    { id: "t3", dependsOn: ["t2"] },
  ];
  const terms = { ...owner("a"), settings: { requireApproval: true } };
  const begun = (task: string): Json => ({ type: "attempt.started", task, attempt: 1 });
  const done = (task: string): Json => ({
    type: "attempt.ended",
    task,
    attempt: 1,
    outcome: { kind: "completed" },
  });
  const records = [
    { type: "lease.taken", pid: 1, startTime: "1", bootId: "b", sealed: [] },
    { type: "run.started", plan: { tasks }, terms, continued: { from: "old", reused: [{ task: "t1" }] } },
    mail({ id: "plan-1", kind: "approval", from: "muster" }),
    begun("t2"),
    mail({ id: "x", kind: "answer", replyTo: "plan-1", by: "b", text: "approve" }),
    done("t2"),
    mail({ id: "t2-1-gate", kind: "approval", from: "t2" }),
    begun("t3"),
    { type: "run.parked", cause: "owner_gone" },
    { type: "run.resumed", request: "x", ...owner("b") },
    done("t3"),
  ];
  const directory = await mkdtemp(join(tmpdir(), "muster-story-"));
  await mkdir(join(directory, "journal"));
  await writeFile(join(directory, "journal/0001.jsonl"), journalOf(records, at));
  const told = storyOf(await readLedger(directory));
  await rm(directory, { recursive: true });
  expect(told).toMatchObject({
    ...{ status: "running", from: "old", open: ["t2-1-gate"], cancels: [] },
    questions: [
      { id: "plan-1", answers: [{ by: "b", text: "approve", seq: 5 }] },
      { id: "t2-1-gate", answers: [] },
    ],
    owners: [
      { session: "a", byAnswer: false },
      { session: "b", byAnswer: true },
    ],
    early: ["t2 began before the plan was approved", "t3 began before t2 was approved"],
  });
  expect([...told.done].sort()).toEqual(["t1", "t3"]);
});

it("plans rounds that are about what the runs have come to", () => {
  const none = { isContinued: false, open: [] };
  const runs: readonly Standing[] = [
    { ...none, runId: "over", status: "completed" },
    { ...none, runId: "ended", status: "cancelled" },
    { ...none, runId: "ended-before", status: "cancelled", isContinued: true },
    { ...none, runId: "asking", status: "running", open: ["t2-1-gate"] },
    { ...none, runId: "parked", status: "blocked" },
  ];
  const rounds = Array.from({ length: 500 }, (_, seed) => roundOf(new Random(seed), seed, runs));
  const about =
    (action: string, run: string) =>
    ([name, args]: Round["deeds"][number]): boolean =>
      name === action && args.run === run;
  const deeds = rounds.flatMap(({ deeds: both }) => both);
  for (const [action, run] of [
    ["retry", "ended"],
    ["respond", "asking"],
    ["resume", "parked"],
  ] as const) {
    const all = deeds.filter(([name]) => name === action);
    expect(all.filter(about(action, run)).length / all.length).toBeGreaterThan(0.7);
    const together = rounds.filter(({ deeds: both }) => both.every(about(action, run)));
    expect(together.length).toBeGreaterThan(10);
  }
  const meets = (one: string, other: string, run: string) =>
    rounds.filter(({ deeds: both }) => both.some(about(one, run)) && both.some(about(other, run))).length;
  expect(meets("retry", "forget", "ended")).toBeGreaterThan(5);
  expect(meets("respond", "cancel", "asking")).toBeGreaterThan(5);
  expect(meets("resume", "cancel", "parked")).toBeGreaterThan(5);
  const verdicts = rounds.filter(
    ({ deeds: [first, second] }) =>
      [first, second].every(about("respond", "asking")) && first[1].message !== second[1].message,
  );
  expect(verdicts.length).toBeGreaterThan(5);
});
