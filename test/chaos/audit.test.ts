import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Json } from "../support/host.ts";
import { audit, type Finished } from "./audit.ts";
import { journalLine, journalOf } from "./journal-lines.ts";
import type { ChaosPlan } from "./plan.ts";
import { resultOf } from "./script.ts";

const task = { agent: "executor", isWriter: false, behaviour: "answer", workMs: 0, isGated: false } as const;
const plan: ChaosPlan = {
  ...{ seed: 0, background: true, faults: [], hostPausesMs: [], hasSmallDisk: false },
  ...{ isProposed: false, thinkMs: 0 },
  tasks: [
    { ...task, id: "t1", dependsOn: [] },
    { ...task, id: "t2", dependsOn: ["t1"] },
  ],
};
const at = "2026-11-21T12:00:00.000Z";
const later = "2026-11-21T12:00:01.000Z";
const served = plan.tasks.map(({ id }) => ({ at: "2026-11-21T11:59:00.000Z", rule: id, toolResults: [] }));

function outcomeOf(id: string): Json {
  const text = plan.tasks.filter((one) => one.id === id).map(resultOf)[0];
  return { kind: "completed", result: { text } };
}
const records: readonly Json[] = [
  { type: "lease.taken", pid: 1, startTime: "1", bootId: "b", sealed: [] },
  { type: "run.started", plan: { tasks: plan.tasks }, terms: { background: true } },
  ...plan.tasks.flatMap(({ id }) => [
    { type: "attempt.started", task: id, attempt: 1 },
    { type: "attempt.ended", task: id, attempt: 1, outcome: outcomeOf(id) },
  ]),
  { type: "run.finished", status: "completed", cause: "completed" },
];

let runDirectory: string;
beforeEach(async () => {
  runDirectory = await mkdtemp(join(tmpdir(), "muster-audit-"));
  await journal(records);
  for (const { id } of plan.tasks) {
    await put(`attempts/${id}-1/outcome.json`, { v: 1, task: id, attempt: 1, at, outcome: outcomeOf(id) });
    await put(`attempts/${id}-1/prompt.md`, plan.tasks.map(resultOf).join("\n"));
  }
  const tasks = plan.tasks.map(({ id }) => ({ id, status: "completed", attempts: 1 }));
  await put("manifest.json", { status: "completed", cause: "completed", tasks });
});
afterEach(() => rm(runDirectory, { recursive: true }));

async function put(name: string, content: Json | string): Promise<void> {
  const path = join(runDirectory, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
}
function journal(of: readonly Json[]): Promise<void> {
  return put("journal/0001.jsonl", journalOf(of, at));
}
async function kindsFound(
  more: { plan?: ChaosPlan; finished?: Finished; served?: readonly Json[] } = {},
): Promise<readonly string[]> {
  const remains = {
    plan: more.plan ?? plan,
    runDirectory,
    finished: more.finished ?? new Map(),
    served: more.served ?? served,
  };
  return [...new Set((await audit(remains)).map(({ kind }) => kind))];
}

it("finds nothing wrong with a run that kept its promises", async () => {
  expect(await kindsFound()).toEqual([]);
});

it("finds a finished result that has vanished, and one that the journal does not know", async () => {
  const finished: Finished = new Map([["t1-2", { task: "t1", attempt: 2, at: Date.parse(at) }]]);
  expect(await kindsFound({ finished })).toContain("lost");
  await put("attempts/t1-1/outcome.json", { v: 1, task: "t1", attempt: 3, at, outcome: outcomeOf("t1") });
  expect(await kindsFound()).toContain("lost");
});

it("finds a task that was asked of the model again after it was finished", async () => {
  expect(await kindsFound({ served: [...served, { at: later, rule: "t2", toolResults: [] }] })).toEqual([
    "again",
  ]);
  expect(await kindsFound({ served: [...served, { at: later, rule: "t2", toolResults: ["bash"] }] })).toEqual(
    [],
  );
});

it("finds what began before its approval, and nothing else", async () => {
  const asks = (id: string) => ({ type: "mail.posted", mail: { id, kind: "approval" } });
  const approves = (id: string) => ({ type: "mail.posted", mail: { kind: "answer", replyTo: id } });
  const [lease = {}, started = {}, begun = {}, done = {}, ...rest] = records;
  const tasks = plan.tasks.map((one) => ({ ...one, isGated: one.id === "t1" }));
  const known = {
    ...started,
    plan: { tasks: tasks.map(({ id, isGated }) => ({ id, ...(isGated && { gate: "approval" }) })) },
  };
  const proposed = { ...plan, tasks, isProposed: true };
  const [first, second] = ["plan-1", "t1-1-gate"];
  await journal([
    lease,
    known,
    asks(first),
    approves(first),
    begun,
    done,
    asks(second),
    approves(second),
    ...rest,
  ]);
  expect(await kindsFound({ plan: proposed })).toEqual([]);
  await journal([
    lease,
    known,
    asks(first),
    begun,
    approves(first),
    done,
    asks(second),
    approves(second),
    ...rest,
  ]);
  expect(await kindsFound({ plan: proposed })).toEqual(["state"]);
  await journal([
    lease,
    known,
    asks(first),
    approves(first),
    begun,
    done,
    asks(second),
    ...rest,
    approves(second),
  ]);
  expect(await kindsFound({ plan: proposed })).toEqual(["state"]);
});

it.each([
  ["a manifest that says something else", () => put("manifest.json", { status: "running", tasks: [] })],
  ["a run that is not over", () => journal(records.slice(0, -1))],
  ["a dependency's result that was not handed over", () => put("attempts/t2-1/prompt.md", "Do your part.")],
  [
    "a result that is not the worker's own",
    () =>
      journal(
        records.map((record) =>
          record.task === "t1" && record.outcome ? { ...record, outcome: outcomeOf("t2") } : record,
        ),
      ),
  ],
])("finds %s", async (_what, change) => {
  await change();
  expect(await kindsFound()).toEqual(["state"]);
});

it.each([
  ["a file that is not JSON", () => put("attempts/t2-1/other.json", "{")],
  [
    "a number that is missing in the journal",
    () => appendFile(join(runDirectory, "journal/0001.jsonl"), journalLine({ type: "x" }, 99, at)),
  ],
  ["a request that was set aside", () => put("inbox/a.json.bad", "{")],
  [
    "a record that was changed",
    async () => {
      const text = await readFile(join(runDirectory, "journal/0001.jsonl"), "utf8");
      await put("journal/0001.jsonl", text.replace('"attempt":1', '"attempt":2'));
    },
  ],
])("finds %s", async (_what, change) => {
  await change();
  expect(await kindsFound()).toContain("unparsable");
});
