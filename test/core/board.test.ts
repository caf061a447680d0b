import fc from "fast-check";
import { expect, test } from "vitest";
import { runLine } from "../../src/actions/text.ts";
import { type Badge, badges, column, columns } from "../../src/core/board.ts";
import { noUsage } from "../../src/core/outcome.ts";
import type { Manifest, ReadListing, RunListing } from "../../src/core/ports.ts";
import { finalRunStatuses, finalTaskStatuses, liveTaskStatuses } from "../../src/core/status.ts";
import type { RunView } from "../../src/core/view.ts";
import { anyView, taskOf, viewOf } from "../ui/arbitrary.ts";

const at = "2026-11-21T09:00:00.000Z";

function listing(
  manifest: Partial<Manifest>,
  driver: ReadListing["driver"] = "alive",
  problems: ReadListing["problems"] = [],
): ReadListing {
  const owner = { sessionId: "mine" };
  const origin = { kind: "user", id: "/team-run" } as const;
  const about = { goal: "a shop", team: "", workflow: "", cwd: "/p", background: false, owner, origin };
  const times = { schemaVersion: 1, seq: 1, createdAt: at, updatedAt: at, usage: noUsage, tasks: [] };
  return {
    ...{ runId: "r", driver, problems },
    manifest: { ...about, ...times, runId: "r", status: "running", ...manifest },
  };
}

const tasks = (...statuses: readonly string[]): Pick<Manifest, "tasks"> => ({
  tasks: statuses.map((status, id) => ({ id: `t${id}`, agent: "a", status, dependsOn: [], attempts: 1 })),
});
const asking = {
  id: "q",
  from: "t",
  to: "lead",
  kind: "question",
  text: "?",
  at: 0,
  status: "produced",
} as const;
const broken: RunListing = { runId: "r", problem: "its journal is damaged" };
const full = { where: "journal", message: "no space", remedy: "make some", cause: "disk_full" } as const;
const driver = { pid: 1, startTime: "1", bootId: "b", epoch: 2 };

test("a run stands in the column of its status, and what nobody drives or can read stands still", () => {
  for (const status of columns)
    for (const by of ["alive", "gone", "indeterminate", "none"] as const)
      expect([status, by, column(listing({ status }, by))]).toEqual([
        status,
        by,
        status === "running" && by === "gone" ? "blocked" : status,
      ]);
  expect(column(broken)).toBe("blocked");
  expect(column(listing({ status: "dreaming" }))).toBe("blocked");
  expect(column(listing({ status: "running" }), viewOf({ status: "completed" }))).toBe("completed");
});

const table: readonly (readonly [readonly Badge[], RunListing, RunView?])[] = [
  [[], listing(tasks("completed", "running", "pending"))],
  [[], listing({ status: "queued" })],
  [["unreadable"], broken],
  [["unreadable"], listing({ status: "dreaming" })],
  [["needs you"], listing({ status: "waiting" })],
  [["needs you"], listing({ status: "blocked", cause: "owner_gone" })],
  [["needs you"], listing(tasks("running", "waiting"))],
  [
    ["needs you"],
    listing({}),
    viewOf({ tasks: [taskOf({ id: "t", status: "waiting" })], questions: [asking] }),
  ],
  [["no driver"], listing({}, "gone")],
  [["no driver"], listing({ status: "queued" }, "none")],
  [[], listing({}, "indeterminate")],
  [["hindered"], listing({}, "alive", [full])],
  [["silent"], listing({}), viewOf({ tasks: [taskOf({ id: "t", escalation: { step: "nudge", at: 0 } })] })],
  [["retrying"], listing(tasks("retrying"))],
  [["task failed"], listing(tasks("failed", "running"))],
  [["taken over"], listing({ driver })],
  [["goes on"], listing({ continuedFrom: "r0" })],
  [["foreign"], listing({ owner: { sessionId: "theirs" } })],
  [
    ["needs you", "hindered", "taken over", "foreign"],
    listing({ status: "waiting", driver, owner: { sessionId: "theirs" } }, "alive", [full]),
  ],
];

test.each(table.map((row) => [row[0], row] as const))(
  "of a run is to be known: %s",
  (_, [expected, run, view]) => {
    expect(badges(run, "mine", view)).toEqual(expected);
    if ("manifest" in run && view === undefined) {
      const line = runLine(run, "mine", Date.parse(at));
      for (const badge of expected) expect(line).toContain(badge);
    }
  },
);

test("a run that is over tells of no trouble that it had, whatever is left over of it", () => {
  const anyStatus = fc.constantFrom(...liveTaskStatuses, ...finalTaskStatuses, "dreaming");
  fc.assert(
    fc.property(
      fc.constantFrom(...finalRunStatuses),
      fc.array(anyStatus, { maxLength: 5 }),
      fc.constantFrom("alive" as const, "gone" as const, "none" as const),
      fc.option(anyView, { nil: undefined }),
      (status, statuses, by, view) => {
        const run = listing({ status, cause: "timeout", driver, ...tasks(...statuses) }, by, [full]);
        const seen = view && { ...view, status, questions: [asking] };
        expect([column(run, seen), badges(run, "mine", seen)]).toEqual([status, []]);
      },
    ),
  );
});
